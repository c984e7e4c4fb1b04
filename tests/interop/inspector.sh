#!/usr/bin/env bash
# The official Inspector's command line as a client: ERA URL, or ERA -- COMMAND [ARGUMENT...].
set -euo pipefail
home=$("$(dirname "${BASH_SOURCE[0]}")/setup.sh")
export PATH=$home/node_modules/.bin:$PATH MCP_CATALOG_PATH=$home/inspector.json
era=$1
shift
if [[ $1 == -- ]]; then
    shift
    target=("$@")
    connection=()
else
    target=()
    connection=(--server-url "$1" --transport http ${INTEROP_TOKEN:+--header "Authorization: Bearer $INTEROP_TOKEN"})
fi

inspect() {
    mcp-inspector --cli "${connection[@]}" --protocol-era "$era" --format json --quiet "$@" \
        ${target[0]:+-- "${target[@]}"}
}

listed=$(inspect --method tools/list ${INTEROP_STRICT:+--strict})
if ! grep -q "\"$INTEROP_TOOL\"" <<<"$listed"; then
    echo "$INTEROP_TOOL is not listed: $listed" >&2
    exit 1
fi
answer=$(inspect --method tools/call --tool-name "$INTEROP_TOOL" --tool-args-json "$INTEROP_ARGS")
if ! grep -qF -- "$INTEROP_EXPECT" <<<"$answer"; then
    echo "expected $INTEROP_EXPECT in $answer" >&2
    exit 1
fi
