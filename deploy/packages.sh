#!/bin/bash
# Installs Debian packages for commands or files that are missing: packages.sh COMMAND=PACKAGE /FILE=PACKAGE ...,
# or --always PACKAGE...
set -eu
missing=()
always=0
for need in "$@"; do
  if [ "$need" = --always ]; then always=1; continue; fi
  if [ $always = 1 ]; then missing+=("$need"); continue; fi
  case "$need" in
    /*) [ -e "${need%%=*}" ] || missing+=("${need##*=}") ;;
    *) PATH="$PATH:/usr/sbin" command -v "${need%%=*}" >/dev/null || missing+=("${need##*=}") ;;
  esac
done
[ ${#missing[@]} = 0 ] && exit 0
echo "installing ${missing[*]}"
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
  echo "please install these first (on Debian, as root: apt-get install ${missing[*]}), then run this again" >&2
  exit 2
fi
log=$(mktemp)
if ! { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
  tail -20 "$log" >&2
  echo "apt-get could not install ${missing[*]}: see above" >&2
  exit 2
fi
rm -f "$log"
