#!/usr/bin/env bash
# Installs what drives the browser outside the checkout, once per set of versions, and prints where. The browser itself
# is the system's.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
versions=$(sha256sum <"$here/package-lock.json" | cut -c1-16)
home=${XDG_CACHE_HOME:-$HOME/.cache}/windlass/console/$versions
mkdir -p "$home"
(
    # Several test binaries may get here at once.
    flock 9
    if [[ ! -e $home/ready ]]; then
        cp "$here"/package.json "$here"/package-lock.json "$here"/.npmrc "$home/"
        (cd "$home" && npm ci --no-progress --loglevel=error)
        touch "$home/ready"
    fi
    # Node resolves packages from where a script lies.
    cp "$here"/*.mjs "$home/"
) 9>"$home/lock" >&2
echo "$home"
