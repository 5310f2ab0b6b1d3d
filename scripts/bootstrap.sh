#!/bin/sh
# Installs the Debian packages that are missing, and nothing when none is.
# usage: bootstrap.sh GROUP...     a group is a file of cmake/packages: run, test, bench, develop
# HALFULP_BOOTSTRAP=off skips it, for machines that have the libraries from elsewhere.
set -eu
cd "$(dirname "$0")/.."

[ "${HALFULP_BOOTSTRAP:-on}" != off ] || exit 0

wanted=
for group in "$@"; do
  list=cmake/packages/$group.txt
  if [ ! -r "$list" ]; then
    echo "bootstrap.sh: no package group '$group' (there is no $list)" >&2
    exit 2
  fi
  while read -r package _; do
    case $package in '' | '#'*) ;; *) wanted="$wanted $package" ;; esac
  done <"$list"
done

if ! command -v dpkg-query >/dev/null 2>&1; then
  echo "bootstrap.sh: not a Debian system; the build goes on with what is installed." >&2
  echo "  Debian's names of what it needs:$wanted" >&2
  exit 0
fi

# dpkg-query fails when it does not know one of the names; what it prints about the others counts.
# shellcheck disable=SC2086  # the list is meant to be split
installed=$(dpkg-query -W -f='${Package} ${db:Status-Status}\n' $wanted 2>/dev/null |
  sed -n 's/ installed$//p') || true
missing=
for package in $wanted; do
  case "
$installed
" in
    *"
$package
"*) ;;
    *) missing="$missing $package" ;;
  esac
done
[ -n "$missing" ] || exit 0

as_root=
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null 2>&1 || { [ ! -t 0 ] && ! sudo -n true 2>/dev/null; }; then
    {
      echo "bootstrap.sh: packages are missing and this user may not install them. As root, run:"
      echo "  apt-get update && apt-get install -y --no-install-recommends$missing"
      echo "(or set HALFULP_BOOTSTRAP=off if the libraries are installed in another way)"
    } >&2
    exit 1
  fi
  as_root=sudo
fi

apt() {
  $as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 \
    -o Acquire::Retries=3 "$@" </dev/null
}

log=$(mktemp)
trap 'rm -f "$log"' EXIT
echo "installing:$missing" >&2
# A package source of the user's that does not answer is no reason to stop: the install decides.
apt update >"$log" 2>&1 || true
# shellcheck disable=SC2086
if ! apt install -y --no-install-recommends $missing >>"$log" 2>&1; then
  cat "$log" >&2
  echo "bootstrap.sh: apt-get could not install:$missing" >&2
  exit 1
fi
