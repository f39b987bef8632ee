#!/bin/sh
# Installs holdfast from this archive on a Linux host with systemd. Run again, it does what is missing; run from a newer archive,
# it upgrades. It downloads nothing, and writes over neither a configuration nor what the agent keeps.
set -eu

HELP='install.sh [--prefix DIR] [--destdir DIR] [--check] [--help]

Installs holdfast @VERSION@ (@ARCHITECTURE@): the program, its Node.js and libraries, the systemd units, the user "holdfast".

  --prefix DIR   where programs go; /usr/local unless given
  --destdir DIR  install into an image whose root is DIR: nothing is started, and this host is not looked at
  --check        only say what this host lacks
  --help         this text

/etc/holdfast and /var/lib/holdfast are made when they are missing and otherwise left alone. uninstall.sh removes it again.

Exit codes: 0 done, 1 something could not be done, 2 usage, 3 this host lacks something,
            12 the state here is of a newer holdfast'

prefix=/usr/local
destdir=''
check_only=no
here=$(dirname "$(readlink -f "$0")")
units='holdfast.service holdfast-verify.timer'

say() { printf 'holdfast: %s\n' "$*"; }

fail() {
  status=$1
  shift
  say "$*" >&2
  exit "$status"
}

main() {
  read_options "$@"
  unit_folder=$(unit_folder)
  [ -n "$destdir" ] || check_host
  if [ $check_only = yes ]; then
    say 'this host has everything that is needed'
    exit 0
  fi
  state_is_known "$destdir/var/lib/holdfast" || exit 12
  [ -n "$destdir" ] || [ "$(id -u)" = 0 ] || fail 1 'only root can install: sudo ./install.sh'

  if [ -e "$destdir$prefix/lib/holdfast/installed" ]; then is_upgrade=yes; else is_upgrade=no; fi
  place_files
  [ -n "$destdir" ] || make_user
  make_folders
  enable_units
  [ -n "$destdir" ] || start_units
  say "@VERSION@ is installed in $destdir$prefix"
  if [ ! -e "$destdir/etc/holdfast/holdfast.yaml" ]; then
    say 'it was not started: there is no /etc/holdfast/holdfast.yaml yet'
    say 'next, as root: holdfast init'
    say "what it asks, and what comes after: $prefix/share/doc/holdfast/runbooks/install.md"
  fi
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
      --check) check_only=yes ;;
      --help | -h) printf '%s\n' "$HELP" && exit 0 ;;
      *) fail 2 "unknown argument $1 (--help says which there are)" ;;
    esac
    shift
  done
  prefix=${prefix%/}
  destdir=${destdir%/}
  case $prefix in
    *[!A-Za-z0-9/._-]* | *..*) fail 2 "--prefix $prefix: only letters, digits and / . _ - can be in it" ;;
    # The unit's sandbox shows the agent none of these, or lets nothing there be run.
    /home | /home/* | /root | /root/* | /run | /run/* | /tmp | /tmp/* | /var | /var/*)
      fail 2 "--prefix $prefix: the service cannot run anything from there; choose /usr/local or /opt/holdfast" ;;
    /*) ;;
    *) fail 2 "--prefix $prefix: it must begin with /" ;;
  esac
  [ -z "$destdir" ] || [ -d "$destdir" ] || fail 2 "--destdir $destdir: there is no such directory"
}

# systemd looks for a package's units under these two prefixes and nowhere else.
unit_folder() {
  case $prefix in
    /usr | /usr/local) printf '%s' "$prefix/lib/systemd/system" ;;
    *) printf '%s' /etc/systemd/system ;;
  esac
}

# Everything that is missing, at once.
check_host() {
  missing=''
  lacks() { missing="$missing
  - $*"; }
  [ "$(uname -s) $(uname -m)" = "Linux @MACHINE@" ] ||
    lacks "this archive is for Linux on @MACHINE@, and this host is $(uname -s) on $(uname -m)"
  said=$("$here/lib/holdfast/bin/node" --version 2>&1) || case $said in
    *libatomic*) lacks 'libatomic.so.1: the package libatomic1 (Debian, openSUSE), libatomic (Fedora) or gcc-libs (Arch)' ;;
    *GLIBC*) lacks "a newer C library, glibc 2.34 or later: $said" ;;
    *) lacks "its Node.js does not run here: $said" ;;
  esac
  # Its libraries ask for more than itself: the one of the audit log for glibc 2.34 and what came with GCC 11.
  sqlite=$here/lib/holdfast/node_modules/better-sqlite3
  case $missing in
    '') said=$("$here/lib/holdfast/bin/node" -e 'new (require(process.argv[1]))(":memory:")' "$sqlite" 2>&1) ||
      lacks "a C library of glibc 2.34 or later, and a C++ library of GCC 11 or later: $(printf '%s\n' "$said" | grep -m 1 'Error')" ;;
  esac
  version=$(systemctl --version 2>/dev/null | sed -n '1s/^systemd \([0-9]*\).*/\1/p')
  if [ -z "$version" ]; then
    lacks 'systemd: there is none'
  elif [ "$version" -lt 248 ]; then
    lacks "systemd 248 or later: this is $version"
  fi
  command -v systemd-notify >/dev/null 2>&1 || lacks 'systemd-notify, which is part of systemd'
  if command -v tpm2_createprimary >/dev/null 2>&1; then
    find /usr/lib /usr/lib64 /lib /lib64 -name 'libtss2-tcti-device.so*' 2>/dev/null | grep -q . ||
      lacks 'libtss2-tcti-device: the package libtss2-tcti-device0 (Debian), tpm2-tss (Fedora, Arch) or libtss2-tcti-device0 (openSUSE)'
  else
    lacks 'tpm2-tools 5.0 or later: the package tpm2-tools (Debian, Fedora, Arch) or tpm2.0-tools (openSUSE)'
  fi
  if command -v dpkg-query >/dev/null 2>&1 && dpkg-query -W -f '${Status}' holdfast 2>/dev/null | grep -q ' installed$'; then
    lacks 'one holdfast less: it is installed as a Debian package. Upgrade that, or remove it first (apt remove holdfast keeps its state)'
  fi
  [ -z "$missing" ] || fail 3 "this host lacks something, and nothing was changed:$missing"
  [ -e /dev/tpmrm0 ] || say 'note: there is no /dev/tpmrm0. A gateway needs a TPM 2.0, switched on in the firmware, unless its key comes from elsewhere.'
  perl -MSocket -e 1 2>/dev/null ||
    say 'note: there is no perl (the package perl-interpreter on Fedora, perl elsewhere): the journal gets no audit records, which an alarm will say.'
}

# The new tree is made beside the old one and takes its place at once: an upgrade that is interrupted leaves the one or the other.
place_files() {
  library=$destdir$prefix/lib/holdfast
  rm -rf "$library.new" "$library.old"
  mkdir -p "$destdir$prefix/lib" "$destdir$prefix/bin" "$destdir$prefix/share/doc" "$destdir$prefix/share/man/man1" "$destdir$unit_folder"
  cp -R "$here/lib/holdfast" "$library.new"
  place "$here/lib/holdfast/bin/holdfast" "$library.new/bin/holdfast" 755
  place "$here/uninstall.sh" "$library.new/uninstall.sh" 755
  place "$here/systemd/sysusers.conf" "$library.new/sysusers.conf" 644
  place "$here/systemd/tmpfiles.conf" "$library.new/tmpfiles.conf" 644
  {
    printf '%s\n' "$prefix/bin/holdfast" "$prefix/share/man/man1/holdfast.1.gz"
    for unit in "$here"/systemd/*.service "$here"/systemd/*.timer; do printf '%s\n' "$unit_folder/${unit##*/}"; done
    # What makes the user and the folders again, in an image or after /etc was reset.
    printf '%s\n' /etc/sysusers.d/holdfast.conf /etc/tmpfiles.d/holdfast.conf
  } >"$library.new/installed"
  [ "$(id -u)" != 0 ] || chown -R 0:0 "$library.new"

  # What an older version had and this one has not.
  if [ -e "$library/installed" ]; then
    while IFS= read -r file; do
      grep -qxF "$file" "$library.new/installed" || rm -f "$destdir$file"
    done <"$library/installed"
  fi
  if [ -e "$library" ]; then mv "$library" "$library.old"; fi
  mv "$library.new" "$library"
  rm -rf "$library.old"

  ln -sf ../lib/holdfast/bin/holdfast "$destdir$prefix/bin/holdfast"
  for unit in "$here"/systemd/*.service "$here"/systemd/*.timer; do place "$unit" "$destdir$unit_folder/${unit##*/}" 644; done
  mkdir -p "$destdir/etc/sysusers.d" "$destdir/etc/tmpfiles.d"
  place "$here/systemd/sysusers.conf" "$destdir/etc/sysusers.d/holdfast.conf" 644
  place "$here/systemd/tmpfiles.conf" "$destdir/etc/tmpfiles.d/holdfast.conf" 644
  rm -rf "$destdir$prefix/share/doc/holdfast"
  cp -R "$here/share/doc/holdfast" "$destdir$prefix/share/doc/holdfast"
  cp "$here/share/man/man1/holdfast.1.gz" "$destdir$prefix/share/man/man1/holdfast.1.gz"
  # Where SELinux is on, files have the labels of their places.
  if [ -z "$destdir" ] && command -v restorecon >/dev/null 2>&1; then
    restorecon -R "$library" "$prefix/bin/holdfast" "$unit_folder" || true
  fi
}

# A text of this archive, which says /usr, as it must be under this prefix.
place() {
  sed -e "s|/usr/lib/holdfast|$prefix/lib/holdfast|g" -e "s|/usr/bin/holdfast|$prefix/bin/holdfast|g" \
    -e "s|/usr/share/doc/holdfast|$prefix/share/doc/holdfast|g" -e "s|^prefix=/usr/local\$|prefix=$prefix|" "$1" >"$2.part"
  chmod "$3" "$2.part"
  mv "$2.part" "$2"
}

make_user() {
  if command -v systemd-sysusers >/dev/null 2>&1; then
    systemd-sysusers /etc/sysusers.d/holdfast.conf
    return
  fi
  getent group tss >/dev/null || groupadd --system tss
  getent group holdfast >/dev/null || groupadd --system holdfast
  id holdfast >/dev/null 2>&1 ||
    useradd --system --gid holdfast --home-dir /var/lib/holdfast --shell "$(command -v nologin || echo /bin/false)" \
      --comment 'holdfast agent' holdfast
  usermod --append --groups tss holdfast
}

make_folders() {
  if [ -n "$destdir" ]; then
    # Whose the others are, only the image's own user database says: tmpfiles.d makes them when it is started.
    mkdir -p "$destdir/etc/holdfast"
    return
  fi
  if command -v systemd-tmpfiles >/dev/null 2>&1 && systemd-tmpfiles --create /etc/tmpfiles.d/holdfast.conf; then return; fi
  [ -d /etc/holdfast ] || install -d -m 0755 /etc/holdfast
  [ -d /var/lib/holdfast ] || install -d -m 0700 -o holdfast -g holdfast /var/lib/holdfast
}

# Enabled the first time; what an engineer has disabled since stays disabled. A Debian package that was removed and not purged has left its
# units masked, which have the same names.
enable_units() {
  [ $is_upgrade = no ] || return 0
  # shellcheck disable=SC2086 # two units, two words
  if [ -n "$destdir" ]; then
    systemctl --root="$destdir" --quiet unmask $units || true
    systemctl --root="$destdir" --quiet enable $units || fail 1 "systemctl cannot enable the units in $destdir: enable $units there"
  else
    systemctl --quiet unmask $units || true
    systemctl --quiet enable $units
  fi
}

# An upgrade restarts what runs. The agent starts bumpless: it reads the plant, and writes nothing until told.
start_units() {
  [ -d /run/systemd/system ] || return 0
  systemctl daemon-reload
  # shellcheck disable=SC2086
  if [ $is_upgrade = yes ]; then systemctl try-restart $units; else systemctl start $units; fi ||
    say 'it did not start: systemctl status holdfast says why' >&2
}

@NEWERSTATE@
main "$@"
