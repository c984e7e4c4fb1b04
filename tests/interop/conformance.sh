#!/usr/bin/env bash
# Runs the official conformance suite: everything REVISION requires, and what it only looks at.
# Prints "N/M checks passed" and fails unless N is M; no failure is expected.
set -euo pipefail
if (($# != 2)); then
    echo "usage: conformance.sh URL REVISION" >&2
    exit 64
fi
home=$("$(dirname "${BASH_SOURCE[0]}")/setup.sh")
export PATH=$home/node_modules/.bin:$PATH
results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT
status=0
conformance server --url "$1" --requirements "$2" -o "$results" >"$results/log" 2>&1 || status=$?
exec node "$home/tally.mjs" "$results" "$2" "$status"
