#!/bin/sh
# usage: CLUSTER_PASSWORD=... throwaway-cluster.sh PORT CONNECTIONS_MAX
#
# Makes a PostgreSQL cluster in a temporary folder and starts it on 127.0.0.1:PORT, superuser `postgres`. Prints "ready", or says on
# standard error why not. Each line on its standard input is something to do to the server: stop, kill (as the kernel kills it when memory
# is short, with all its processes), start, restart, freeze and thaw (SIGSTOP and SIGCONT to all its processes), promote
# (of a standby), or rejoin PORT (throw away the data and become a standby of that one). Lives until that input is closed; then it stops the
# server and removes the folder.
#
# From the environment: PG_BIN, the folder of the programs, and no other is looked at; CLUSTER_PARENT, where to make the folder; CLUSTER_WAL,
# a folder to keep the write-ahead log in; CLUSTER_OPTIONS, more options for the server; CLUSTER_PRELOAD, a library the server is to be loaded
# with; CLUSTER_STANDBY_OF, the port of the cluster, of the same password, that it is to be a standby of.
set -eu
port=$1 connections_max=$2

. "$(dirname "$0")/postgres-binaries.sh"
bin=$(binaries)
dir=$(mktemp -d "${CLUSTER_PARENT:-${TMPDIR:-/tmp}}/eventstore-tests.XXXXXX")
server=
signal() {
    kill -"$1" "$server" 2>/dev/null || true
    # shellcheck disable=SC2046
    kill -"$1" $(cat /proc/"$server"/task/*/children 2>/dev/null || pgrep -P "$server") 2>/dev/null || true
}

finish() {
    # Nothing in there is worth a checkpoint.
    [ -z "$server" ] || { signal CONT; kill -QUIT "$server" 2>/dev/null && wait "$server"; } || true
    cd / && rm -rf "$dir"
}
trap finish EXIT
trap 'exit 1' HUP INT TERM

# PostgreSQL refuses to run as root; its packages bring the user postgres.
as=
if [ "$(id -u)" = 0 ]; then
    chown postgres "$dir"
    as="setpriv --reuid=postgres --regid=postgres --init-groups"
fi
# Should this script itself be killed, the server goes with it.
! setpriv --version >/dev/null 2>&1 || die_with_us="setpriv --pdeathsig QUIT"
cd "$dir"

# A password, so that a test with a wrong one fails. ICU's order instead of C's, so that a query which forgot its COLLATE shows.
(umask 077 && printf '%s\n' "$CLUSTER_PASSWORD" >password)
[ -z "$as" ] || chown postgres password
up='^ready'
copy() {
    PGPASSWORD=$CLUSTER_PASSWORD $as "$bin/pg_basebackup" -h 127.0.0.1 -p "$1" -U postgres -D "$dir/data" -R -c fast --no-sync \
        >log 2>&1 || { cat log >&2; exit 1; }
    up='^ready\|^standby\|^starting' # without hot_standby a standby never gets further than starting
}

[ -z "${CLUSTER_STANDBY_OF:-}" ] || copy "$CLUSTER_STANDBY_OF"
[ -d data ] || $as "$bin/initdb" -D "$dir/data" -U postgres --pwfile=password --auth=scram-sha-256 --encoding=UTF8 \
    --locale=C --locale-provider=icu --icu-locale=en --no-sync ${CLUSTER_WAL:+--waldir="$CLUSTER_WAL"} >log 2>&1 || { cat log >&2; exit 1; }

start() {
    # shellcheck disable=SC2086 # words
    $as ${die_with_us:-} ${CLUSTER_PRELOAD:+env LD_PRELOAD="$CLUSTER_PRELOAD"} "$bin/postgres" -D "$dir/data" -p "$port" -c listen_addresses=127.0.0.1 -c unix_socket_directories= \
        -c max_connections="$connections_max" -c fsync=off -c full_page_writes=off ${CLUSTER_OPTIONS:-} >log 2>&1 </dev/null &
    server=$!
    # PostgreSQL's own word in its pid file, which may still be that of one that was killed; pg_isready may not be installed.
    until [ "$(head -n 1 data/postmaster.pid 2>/dev/null)" = "$server" ] && grep -q "$up" data/postmaster.pid; do
        kill -0 "$server" 2>/dev/null || { cat log >&2; exit 1; }
        sleep 0.05
    done
}

# Fast: clients are cut off in the middle of what they do, and what is committed is kept.
stop() {
    [ -z "$server" ] || { kill -INT "$server" && wait "$server"; } || true
    server=
}

# None of them may live to notice that the others are dead, nor be there still when the next server wants their memory.
kill_all() {
    [ -n "$server" ] || return 0
    kill -STOP "$server"
    children=$(cat /proc/"$server"/task/*/children 2>/dev/null || pgrep -P "$server") || true
    # shellcheck disable=SC2086
    kill -KILL $children "$server" 2>/dev/null || true
    wait "$server" || true
    for child in $children; do
        while kill -0 "$child" 2>/dev/null; do sleep 0.02; done
    done
    server=
}

start
echo ready
exec >/dev/null 2>&1
while read -r order of; do
    case $order in
        freeze) signal STOP ;;
        thaw) signal CONT ;;
        promote) up='^ready' && $as "$bin/pg_ctl" -D "$dir/data" promote ;;
        rejoin) kill_all && rm -rf data && copy "$of" && start ;;
        stop) stop ;;
        kill) kill_all ;;
        start) start ;;
        *) stop && start ;;
    esac
done
