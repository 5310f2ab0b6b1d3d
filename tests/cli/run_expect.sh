#!/bin/sh
# What the tests of run_experiment share: a scratch folder to work in, and what they expect of a
# command. Sourced; sets `failures`.
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1
failures=0

fail() {
  echo "FAILED: $*"
  failures=$((failures + 1))
}

# expect CODE COMMAND...: its output is then in the files out and err.
expect() {
  wanted=$1
  shift
  "$@" >out 2>err
  code=$?
  [ "$code" = "$wanted" ] || { fail "$* ended with $code, not $wanted:"; cat out err; }
}

# says FILE TEXT: a line of FILE is exactly TEXT.
says() {
  grep -Fqx -- "$2" "$1" || { fail "no line '$2' in:"; cat "$1"; }
}

# mentions FILE TEXT: TEXT is somewhere in FILE.
mentions() {
  grep -Fq -- "$2" "$1" || { fail "no '$2' in:"; cat "$1"; }
}

# tiny_model STEPS: the settings of a language model that trains in a moment, as lines of TOML.
tiny_model() {
  cat <<END
[set]
data.corpus = "markov"
data.bytes = 20000
model.width = 16
model.layers = 1
model.context = 8
train.batch = 2
train.steps = $1
evaluation.bytes = 256
END
}
