#!/usr/bin/python3
"""Runs clang-tidy on every source file that has changed since it last passed.

usage: run_clang_tidy.py BUILD_DIRECTORY [FILE ...]

A file counts as changed when it, a header of ours that it includes directly or not, or a
.clang-tidy differs; what passed is remembered in BUILD_DIRECTORY/tidy/. Ends with 1 when there is
a finding. JOBS in the environment sets how many run at once. Needs nothing but Python.
"""
import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
INCLUDE = re.compile(r'^\s*#\s*(?:include|define\s+HWY_TARGET_INCLUDE)\s*"([^"]+)"', re.MULTILINE)


def with_includes(path, seen):
    """Adds `path` and all of our headers it reaches to the set `seen`."""
    if path in seen or not path.is_file():
        return
    seen.add(path)
    for header in INCLUDE.findall(path.read_text(encoding="utf-8")):
        with_includes(ROOT / header, seen)


def fingerprint(path):
    """Hash of all that decides what clang-tidy says about `path`."""
    seen = set()
    with_includes(path, seen)
    digest = hashlib.sha256()
    for part in [ROOT / ".clang-tidy", ROOT / "tests/.clang-tidy"] + sorted(seen):
        digest.update(part.read_bytes())
    return digest.hexdigest()


def stamp_of(build, path):
    """The file that remembers the fingerprint with which `path` last passed."""
    return build / "tidy" / str(path.relative_to(ROOT)).replace("/", "+")


def has_passed(build, path):
    stamp = stamp_of(build, path)
    return stamp.is_file() and stamp.read_text() == fingerprint(path)


def check(build, path):
    """None when the file is clean, else what clang-tidy says about it."""
    mark = fingerprint(path)  # before it runs: an edit meanwhile must not count as passed
    # The compile database is g++'s: clang does not know all of its warnings.
    result = subprocess.run(
        ["clang-tidy", "-p", str(build), "--quiet", "--extra-arg=-Wno-unknown-warning-option",
         str(path)], capture_output=True, text=True, check=False)
    if result.returncode != 0:
        return result.stdout or result.stderr
    stamp_of(build, path).write_text(mark)
    return None


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    (build / "tidy").mkdir(exist_ok=True)
    database = json.loads((build / "compile_commands.json").read_text())
    paths = sorted({pathlib.Path(entry["file"]) for entry in database})
    paths = [path for path in paths if path.is_relative_to(ROOT) and not
             path.is_relative_to(build)]
    if len(sys.argv) > 2:
        wanted = {pathlib.Path(name).resolve() for name in sys.argv[2:]}
        paths = [path for path in paths if path in wanted]
    paths = [path for path in paths if not has_passed(build, path)]
    print(f"clang-tidy: {len(paths)} files have changed since they passed", file=sys.stderr)
    jobs = int(os.environ.get("JOBS", os.cpu_count() or 1))
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        findings = [text for text in pool.map(lambda path: check(build, path), paths) if text]
    for text in findings:
        print(text)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
