#!/bin/sh
# Runs one tier of the tests. Prints what failed, what was skipped and why, and as its last line
# "N passed, M failed", which it also leaves in BUILD_DIRECTORY/tests-TIER.count, followed by the
# seconds it took.
# usage: run_tests.sh BUILD_DIRECTORY TIER     TIER: fast, full or long
# environment: JOBS, the number of tests at once.
# Ends with 1 when a test failed or none ran.
set -eu
build=$1
tier=$2
log=$build/tests-$tier.log
rm -f "$build/tests-$tier.count"
started=$(date +%s)
echo "running the $tier tests ..." >&2

# ctest runs each case as a process of its own; what passed or was skipped is not shown here.
boring='^ *Start +[0-9]+: |^ *[0-9]+/[0-9]+ Test +#[0-9]+: .*( Passed|\*\*\*Skipped) +[0-9.]+ sec'
boring="$boring|^Internal ctest|^Test project|^Label Time|sec\*proc|^Total Test time|^Errors while"
boring="$boring|^Running main|^Note: Google Test|^\[(=|-){10}\]|^\[  PASSED  \] 0|^ 1 FAILED TEST"
{
  ctest --test-dir "$build" -L "^$tier\$" -j "${JOBS:-$(nproc)}" --output-on-failure \
    --no-tests=error </dev/null 2>&1 || true
} | tee "$log" | grep --line-buffered -v -E "$boring" |
  sed '/^The following tests did not run:/,/^$/d; /^$/d' || true

# GoogleTest prints the reason after "file:line: Skipped"; a script's last line is its reason.
skipped=$(grep -c '\*\*\*Skipped' "$log") || true
[ "$skipped" -eq 0 ] ||
  awk 'FNR == NR            { if (/\(Skipped\)$/) is_skipped[$3] = 1; next }
       / Testing: /         { name = $3; reason = "" }
       /: Skipped$/         { getline; reason = $0 }
       /^<end of output>$/  { if (name in is_skipped)
                                print "skipped: " name ": " (reason == "" ? last : reason) }
                            { last = $0 }' "$log" "$build/Testing/Temporary/LastTest.log"

# "100% tests passed, 0 tests failed out of 7": ctest counts skipped tests as passed, we do not.
summary=$(sed -n 's/.* tests passed, \([0-9]*\) tests failed out of \([0-9]*\)$/\1 \2/p' "$log")
if [ -n "$summary" ]; then
  failed=${summary% *}
  passed=$((${summary#* } - failed - skipped))
else
  failed=1 passed=0
fi
seconds=$(($(date +%s) - started))
echo "$passed $failed $seconds" >"$build/tests-$tier.count"
echo "$tier tests: $seconds s, $skipped skipped, output in $log" >&2
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
