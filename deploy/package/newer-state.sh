# Fails, and says why, when something in a state directory is of a newer holdfast than this one: it must not be started over
# that. A state directory elsewhere (`state_dir`) is not looked at here; the agent itself does, at every start.
state_is_known() {
  state=$1
  newer=''
  if [ -f "$state/audit.db" ]; then
    # user_version: four bytes from offset 60 of a SQLite file, the high one first (SQLite file format, 1.3).
    # shellcheck disable=SC2046 # four words
    set -- $(od -An -v -tu1 -j60 -N4 "$state/audit.db")
    version=$(((${1:-0} << 24) + (${2:-0} << 16) + (${3:-0} << 8) + ${4:-0}))
    [ "$version" -le "@SCHEMA@" ] || newer="$state/audit.db (version $version, known: @SCHEMA@)"
  fi
  # Each file that is kept whole (keep/kept-file.ts) has its version first, whatever its name ends in.
  for file in "$state"/*.json "$state"/*.cursor "$state/audit.db-checkpoint"; do
    [ -f "$file" ] || continue
    version=$(sed -n '1s/^{"version":\([0-9]\{1,9\}\)[,}].*/\1/p' "$file")
    [ "${version:-0}" -le "@KEPT@" ] || newer="$newer${newer:+, }$file (version $version, known: @KEPT@)"
  done
  # The master key's records (agent/credential/tpm/key-record.ts), on several lines and in any order. The agent reads no copies.
  for file in "$state"/master-key/generation-*.json; do
    case $file in *.replaced-*) continue ;; esac
    [ -f "$file" ] || continue
    version=$(sed -n 's/^.*"version": *\([0-9]\{1,9\}\).*$/\1/p' "$file" | head -n 1)
    [ "${version:-0}" -le "@KEYRECORD@" ] || newer="$newer${newer:+, }$file (version $version, known: @KEYRECORD@)"
  done
  [ -n "$newer" ] || return 0
  echo "holdfast: @VERSION@ is older than the holdfast that wrote $newer." >&2
  echo "holdfast: it could not read that, so nothing was changed. Install the newer version again. To go back all the same, put back a" >&2
  echo "holdfast: copy of $state from before the upgrade (runbooks/install.md, Downgrade)." >&2
  return 1
}
