# Sourced by the scripts that start a PostgreSQL. binaries prints the folder of the server's programs: PG_BIN, and no other if that is set.
binaries() {
    # shellcheck disable=SC2046 # words
    [ -n "${PG_BIN:-}" ] && set -- "$PG_BIN" || set -- "$(pg_config --bindir 2>/dev/null)" \
        $(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -Vr) "$(dirname "$(command -v postgres)" 2>/dev/null)"
    for folder in "$@"; do
        # pg_config comes with the client's headers, and may point to a folder without a server.
        "$folder/postgres" --version >/dev/null 2>&1 && "$folder/initdb" --version >/dev/null 2>&1 && echo "$folder" && return
    done
    echo "no PostgreSQL server binaries in ${PG_BIN:-pg_config --bindir, /usr/lib/postgresql/*/bin or \$PATH}" >&2
    return 1
}
