#!/bin/sh
# Removes what install.sh of holdfast has put here. The audit log, the key and the configuration stay.
set -eu

HELP='uninstall.sh [--prefix DIR] [--destdir DIR] [--purge] [--help]

Stops holdfast and removes it. /var/lib/holdfast, /etc/holdfast and the user "holdfast" stay.

  --prefix DIR   where it was installed; where this script is, unless given
  --destdir DIR  remove it from an image whose root is DIR
  --purge        ask whether to delete the audit log, the key and the configuration as well; anything but "delete" keeps them
  --help         this text

Exit codes: 0 done, 1 something could not be done, 2 usage'

prefix=/usr/local
destdir=''
purge=no
units='holdfast-verify.timer holdfast-verify.service holdfast.service'

say() { printf 'holdfast: %s\n' "$*"; }

fail() {
  status=$1
  shift
  say "$*" >&2
  exit "$status"
}

main() {
  read_options "$@"
  [ -n "$destdir" ] || [ "$(id -u)" = 0 ] || fail 1 'only root can remove it'
  library=$destdir$prefix/lib/holdfast
  if [ -e "$library/installed" ]; then
    stop_units
    remove_files
    say "removed from $destdir$prefix"
  else
    say "there is no holdfast of install.sh in $destdir$prefix"
  fi
  if [ $purge = yes ]; then ask; fi
  for kept in /var/lib/holdfast /etc/holdfast; do
    [ ! -d "$destdir$kept" ] || say "$destdir$kept stays"
  done
}

read_options() {
  while [ $# -gt 0 ]; do
    case $1 in
      --prefix=*) prefix=${1#*=} ;;
      --destdir=*) destdir=${1#*=} ;;
      --prefix | --destdir)
        [ $# -ge 2 ] || fail 2 "$1 wants a directory"
        if [ "$1" = --prefix ]; then prefix=$2; else destdir=$2; fi
        shift
        ;;
      --purge) purge=yes ;;
      --help | -h) printf '%s\n' "$HELP" && exit 0 ;;
      *) fail 2 "unknown argument $1 (--help says which there are)" ;;
    esac
    shift
  done
  prefix=${prefix%/}
  destdir=${destdir%/}
}

# It stops; the plant stays as it is, or does what `on_stop` says.
stop_units() {
  if [ -n "$destdir" ]; then
    # shellcheck disable=SC2086 # words
    systemctl --root="$destdir" --quiet disable $units || true
    return
  fi
  # shellcheck disable=SC2086
  if [ -d /run/systemd/system ]; then systemctl stop $units || true; fi
  # shellcheck disable=SC2086
  systemctl --quiet disable $units || true
}

remove_files() {
  while IFS= read -r file; do
    case $file in
      /*) rm -f "$destdir$file" ;;
    esac
  done <"$library/installed"
  rm -rf "$library" "$destdir$prefix/share/doc/holdfast"
  [ -n "$destdir" ] || [ ! -d /run/systemd/system ] || systemctl daemon-reload
}

# Without anybody to answer, everything stays.
ask() {
  [ -d "$destdir/var/lib/holdfast" ] || [ -d "$destdir/etc/holdfast" ] || return 0
  say "$destdir/var/lib/holdfast has the audit log and the master key's files. Nobody can make them again."
  printf 'holdfast: type "delete" to delete it and %s/etc/holdfast, anything else to keep them: ' "$destdir"
  answer=''
  IFS= read -r answer || true
  printf '\n'
  if [ "$answer" = delete ]; then
    rm -rf "$destdir/var/lib/holdfast" "$destdir/etc/holdfast"
    say 'deleted, as was asked'
  fi
}

main "$@"
