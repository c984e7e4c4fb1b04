#!/usr/bin/env bash
# Drives the console page of a running server in a headless browser: run.sh URL [TOKEN] [--screenshots DIRECTORY]
# CHROMIUM names the browser, where it is not the `chromium` of the path.
set -euo pipefail
home=$("$(dirname "${BASH_SOURCE[0]}")/setup.sh")
CHROMIUM=${CHROMIUM:-$(command -v chromium)} exec "$home/node_modules/.bin/node" "$home/console.mjs" "$@"
