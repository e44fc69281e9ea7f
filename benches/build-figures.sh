#!/usr/bin/env bash
# How long the client takes to compile, and what it adds to a program. Seconds are those of the crate alone, its
# dependencies built before; megabytes are those of stripped programs.
set -euo pipefail
cd "$(dirname "$0")/.."
export CARGO_INCREMENTAL=0 CARGO_TERM_COLOR=never

# The middle of three builds.
seconds() {
    local times=() started
    cargo build --quiet --release --package mplus-qapi "$@"
    for _ in 1 2 3; do
        cargo clean --quiet --release --package mplus-qapi
        started=$(date +%s%N)
        cargo build --quiet --release --package mplus-qapi "$@"
        times+=($((($(date +%s%N) - started) / 100000000)))
    done
    printf '%s\n' "${times[@]}" | sort -n | sed -n 2p | sed -E 's/(.)$/.\1/; s/^\./0./'
}

size() { stat --format %s "target/stripped/$1"; }

echo "| release build of mplus-qapi alone | seconds | to reach |"
echo "|---|---|---|"
echo "| default features | $(seconds) | under 10 |"
echo "| \`full\` | $(seconds --features full) | under 30 |"

cargo build --quiet --release --package mplus-binary-size
mkdir -p target/stripped
for program in plain typed; do strip -o "target/stripped/$program" "target/release/$program"; done
echo
echo "| program with two operations | MB | to reach |"
echo "|---|---|---|"
awk -v plain="$(size plain)" -v typed="$(size typed)" 'BEGIN {
    printf "| over reqwest alone | %.2f | |\n| typed | %.2f | |\n", plain / 1e6, typed / 1e6
    printf "| difference | %.2f | under 0.8 |\n", (typed - plain) / 1e6
}'
