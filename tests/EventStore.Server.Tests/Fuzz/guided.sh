#!/bin/bash
# Searches for bad input by coverage: afl-fuzz chooses, and keeps what reaches code that nothing before it reached. The fewest inputs that
# reach all of it go into the corpus, which the tests try at every run.
# usage: tests/EventStore.Server.Tests/Fuzz/guided.sh patches|selectors [SECONDS]     (default: 600)
#
# Needs the .NET SDK and afl++ (Debian: apt-get install afl++). Exit status 1: an input did harm. It is in the corpus, and the tests say how.
set -euo pipefail
kind=$1 seconds=${2:-600}
cd "$(dirname "$0")/../../.."
corpus=tests/EventStore.Server.Tests/Fuzz/corpus/$kind
[ -d "$corpus" ] || { echo "there is no $corpus" >&2; exit 2; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

dotnet tool restore >/dev/null
dotnet build tests/EventStore.Server.Tests --verbosity quiet
cp -r tests/EventStore.Server.Tests/bin/Debug/net10.0 "$work/app"
dotnet tool run sharpfuzz "$work/app/EventStore.Domain.dll"
dotnet tool run sharpfuzz "$work/app/EventStore.Server.dll" EventStore.Server.Kubernetes EventStore.Server.Jobs # no database, no web host

# afl looks for a program of its own compiler, for how the machine writes core dumps and runs its processors: none of it matters here.
export AFL_SKIP_BIN_CHECK=1 AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES=1 AFL_SKIP_CPUFREQ=1 AFL_NO_AFFINITY=1 AFL_NO_UI=1 AFL_ALLOW_TMP=1
limits=(-m none -t 10000) # .NET reserves more memory than it uses, and takes a while to start
program=("$(readlink -f "$(command -v dotnet)")" "$work/app/EventStore.Server.Tests.dll" fuzz "$kind")
afl-fuzz -i "$corpus" -o "$work/found" "${limits[@]}" -V "$seconds" -- "${program[@]}" >"$work/log" || { tail -n 30 "$work/log"; exit 2; }
grep -E '^(execs_done|execs_per_sec|corpus_count|edges_found|saved_crashes|saved_hangs)' "$work/found/default/fuzzer_stats"
afl-cmin -e "${limits[@]}" -i "$work/found/default/queue" -o "$work/fewest" -- "${program[@]}" >"$work/log" || { tail -n 30 "$work/log"; exit 2; }

keep() { # keep FILE...: names a file of the corpus after what is in it, unless that is there already under a name a person gave it
    local file sum
    for file in "$@"; do
        sum=$(sha256sum <"$file" | cut -c 1-12)
        sha256sum "$corpus"/* | grep -q "^$sum" || install -m 644 "$file" "$corpus/$sum"
    done
}
# What was found before and is not needed any more goes; what a person put there has an ending, and stays.
find "$corpus" -type f ! -name '*.*' -delete
keep "$work/fewest"/*
shopt -s nullglob
harmful=("$work/found/default"/{crashes,hangs}/id*)
keep "${harmful[@]}"
echo "the corpus has $(find "$corpus" -type f | wc -l) files, $(cat "$corpus"/* | wc -c) bytes"
[ ${#harmful[@]} = 0 ] || { echo "${#harmful[@]} inputs did harm" >&2; exit 1; }
