#!/usr/bin/env bash
# Whether the crate compiles, without a warning, in every combination of its features that differs: each pair of those that
# are no domain, without domains and with all of them, and each domain by itself.
set -euo pipefail
cd "$(dirname "$0")"

other=(reqwest rustls rustls-no-provider native-tls tokio serde testkit)
domains=$(sed -n '/^full = \[/,/^\]/p' Cargo.toml | grep -o '"[a-z_]*"' | tr -d '"')

check() {
    echo "features: ${1:-none}"
    cargo clippy --quiet --package mplus-qapi --lib --no-default-features --features "$1" -- -D warnings
}

for with in "" full; do
    check "$with"
    for ((first = 0; first < ${#other[@]}; first++)); do
        check "$with,${other[first]}"
        for ((second = first + 1; second < ${#other[@]}; second++)); do
            check "$with,${other[first]},${other[second]}"
        done
    done
    check "$with,$(IFS=,; echo "${other[*]}")"
done
for domain in $domains; do
    check "$domain"
done
