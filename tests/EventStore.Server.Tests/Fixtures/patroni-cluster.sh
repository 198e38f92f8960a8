#!/bin/sh
# usage: CLUSTER_PASSWORD=... patroni-cluster.sh SYNCHRONOUS CONNECTIONS_MAX ETCD_PORT PEER_PORT POSTGRES_PORT REST_PORT [POSTGRES_PORT REST_PORT]...
#
# Starts an etcd and, for each pair of ports, a Patroni with its PostgreSQL, all on 127.0.0.1 and below a temporary folder; superuser
# `postgres`. SYNCHRONOUS is true or false, Patroni's synchronous_mode. Prints "ready FOLDER" once etcd answers; Patroni forms the cluster by
# itself. Each line on standard input is an order, answered by "ok" or by what was wrong: kill N (Patroni and PostgreSQL of the node N, as
# kill -9 does it), start N, freeze N and thaw N (SIGSTOP and SIGCONT to all its processes), or the words of a patronictl command. Lives until
# that input is closed; then it kills everything and removes the folder.
set -eu
synchronous=$1 connections_max=$2 etcd_port=$3 peer_port=$4
shift 4

. "$(dirname "$0")/postgres-binaries.sh"
bin=$(binaries)
dir=$(mktemp -d "${TMPDIR:-/tmp}/eventstore-tests.XXXXXX")
export LC_ALL=C.UTF-8

# PostgreSQL refuses to run as root; its packages bring the user postgres.
as=
if [ "$(id -u)" = 0 ]; then
    chown postgres "$dir"
    as="setpriv --reuid=postgres --regid=postgres --init-groups"
fi
# Should this script itself be killed, etcd and Patroni go with it. PostgreSQL is nobody's child: Patroni detaches it.
! setpriv --version >/dev/null 2>&1 || die_with_us="setpriv --pdeathsig KILL"

# Everything of a node has the node's folder in its command line, but for PostgreSQL's backends, which are children of one that has.
processes() {
    parents=$(pgrep -f "$dir/$1/" | tr '\n' ' ') || true
    [ -z "$parents" ] || { echo "$parents"; pgrep -P "$(echo $parents | tr ' ' ',')"; } || true
}

signal() { # signal NAME NODE
    # shellcheck disable=SC2046
    kill -s "$1" $(processes "$2") 2>/dev/null || true
}

# Stopped first, twice: none may start another, nor notice that the others are dead.
kill_node() {
    signal STOP "$1"
    signal STOP "$1"
    killed=$(processes "$1")
    # shellcheck disable=SC2086
    kill -s KILL $killed 2>/dev/null || true
    for process in $killed; do # a zombie is gone as well: who is to wait for it is not known
        while grep -q '^State:.[^Z]' "/proc/$process/status" 2>/dev/null; do sleep 0.02; done
    done
}

finish() {
    for node in "$dir"/[0-9]*; do kill_node "${node##*/}"; done
    [ -z "${etcd:-}" ] || kill -s KILL "$etcd" 2>/dev/null || true
    wait || true
    cd / && rm -rf "$dir"
}
trap finish EXIT
trap 'exit 1' HUP INT TERM
cd "$dir"

# By etcd's version 2: with version 3 Patroni 3.0.2 renews the leader's lock without looking whose it is, so that a leader that was frozen between
# reading it and renewing it takes it away from its successor.
settings() { # settings NODE POSTGRES_PORT REST_PORT
    cat <<SETTINGS
scope: store
name: node$1
restapi: {listen: "127.0.0.1:$3", connect_address: "127.0.0.1:$3"}
etcd: {host: "127.0.0.1:$etcd_port"}
bootstrap:
  dcs:
    ttl: 8
    loop_wait: 1
    retry_timeout: 3
    maximum_lag_on_failover: 1073741824
    synchronous_mode: $synchronous
    postgresql: {use_pg_rewind: true, parameters: {max_connections: $connections_max, wal_keep_size: 256MB}}
  initdb: [{encoding: UTF8}, {locale: C}, {locale-provider: icu}, {icu-locale: en}, {auth-host: scram-sha-256}, data-checksums]
  pg_hba: ["host all all 127.0.0.1/32 scram-sha-256", "host replication all 127.0.0.1/32 scram-sha-256"]
postgresql:
  listen: 127.0.0.1:$2
  connect_address: 127.0.0.1:$2
  data_dir: $dir/$1/data
  bin_dir: $bin
  pgpass: $dir/$1/pgpass
  remove_data_directory_on_rewind_failure: true
  remove_data_directory_on_diverged_timelines: true
  authentication:
    superuser: {username: postgres, password: $CLUSTER_PASSWORD}
    replication: {username: replicator, password: $CLUSTER_PASSWORD}
  parameters: {unix_socket_directories: "", shared_buffers: 64MB}
SETTINGS
}

start() {
    $as ${die_with_us:-} patroni "$dir/$1/patroni.yml" >>"$dir/$1/log" 2>&1 </dev/null &
}

node=0
while [ $# != 0 ]; do
    node=$((node + 1))
    (umask 077 && mkdir $node && settings $node "$1" "$2" >$node/patroni.yml)
    [ -z "$as" ] || chown -R postgres $node
    shift 2
done

$as ${die_with_us:-} etcd --enable-v2 --data-dir "$dir/etcd" --listen-client-urls "http://127.0.0.1:$etcd_port" --advertise-client-urls "http://127.0.0.1:$etcd_port" \
    --listen-peer-urls "http://127.0.0.1:$peer_port" --initial-advertise-peer-urls "http://127.0.0.1:$peer_port" \
    --initial-cluster "default=http://127.0.0.1:$peer_port" >etcd.log 2>&1 </dev/null &
etcd=$!
until /usr/bin/python3 -c "import urllib.request as web; web.urlopen('http://127.0.0.1:$etcd_port/health')" 2>/dev/null; do
    kill -0 $etcd 2>/dev/null || { cat etcd.log >&2; exit 1; }
    sleep 0.1
done
for node in [0-9]*; do start "$node"; done
echo "ready $dir"

while read -r order node rest; do
    said=
    case $order in
        kill) kill_node "$node" ;;
        start) start "$node" ;;
        freeze) signal STOP "$node" ;;
        thaw) signal CONT "$node" ;;
        # shellcheck disable=SC2086 # words
        *) said=$($as patronictl -c 1/patroni.yml "$order" store $node $rest 2>&1) && said= || said="patronictl failed: $said" ;;
    esac
    echo "${said:-ok}" | tr '\n' ' ' && echo
done
