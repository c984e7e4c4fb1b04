#!/usr/bin/env bash
# Runs every foreign client against one server, over HTTP (--http URL), over stdio (-- COMMAND...), or both, and stops at
# the first that fails.
#
#   --tool NAME --args JSON --expect TEXT   the tool to call, and what its answer must contain
#   --token TOKEN                           bearer token for HTTP
#   --not-strict                            the tools use schemas that not every model's interface takes
#   --conformance                           also run the official suite, both revisions (needs the fixture server)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

url='' conformance=''
export INTEROP_TOOL=greet INTEROP_ARGS='{"name":"World"}' INTEROP_EXPECT='Hello, World!' INTEROP_STRICT=1
while (($# > 0)); do
    case $1 in
    --http) url=$2 && shift 2 ;;
    --token) export INTEROP_TOKEN=$2 && shift 2 ;;
    --tool) INTEROP_TOOL=$2 && shift 2 ;;
    --args) INTEROP_ARGS=$2 && shift 2 ;;
    --expect) INTEROP_EXPECT=$2 && shift 2 ;;
    --not-strict) INTEROP_STRICT='' && shift ;;
    --conformance) conformance=1 && shift ;;
    --) shift && break ;;
    *) echo "unknown option $1; see the head of ${BASH_SOURCE[0]}" >&2 && exit 64 ;;
    esac
done
if [[ -z $url && $# == 0 ]]; then
    echo "neither --http URL nor -- COMMAND was given" >&2
    exit 64
fi

home=$(./setup.sh)
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# client WHAT ERA PROGRAM...: runs PROGRAM against each transport there is.
client() {
    local what=$1 era=$2
    shift 2
    [[ -z $url ]] || attempt "$what, $era, http" "$@" "$era" "$url"
    ((${#command[@]} == 0)) || attempt "$what, $era, stdio" "$@" "$era" -- "${command[@]}"
}

attempt() {
    local what=$1
    shift
    local begun=$SECONDS
    if timeout 120 "$@" >"$log" 2>&1; then
        echo "ok      $what ($((SECONDS - begun)) s)"
    else
        echo "FAILED  $what"
        cat "$log"
        exit 1
    fi
}

command=("$@")
node=$home/node_modules/.bin/node
client 'TypeScript SDK v1' legacy "$node" "$home/ts-v1.mjs"
for era in legacy auto modern; do
    client 'TypeScript SDK v2' "$era" "$node" "$home/ts-v2.mjs"
    client 'Python SDK' "$era" "$home/venv/bin/python" python_client.py
    client 'Inspector' "$era" ./inspector.sh
done
if [[ -n $conformance ]]; then
    for revision in 2025-11-25 2026-07-28; do
        attempt "conformance $revision" ./conformance.sh "$url" "$revision"
        cat "$log"
    done
fi
