#!/usr/bin/env bash
# Installs the foreign clients outside the checkout, once per set of versions, and prints where.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
versions=$(cat "$here/package-lock.json" "$here/requirements.txt" | sha256sum | cut -c1-16)
home=${XDG_CACHE_HOME:-$HOME/.cache}/windlass/interop/$versions
mkdir -p "$home"
(
    # Several test binaries may get here at once.
    flock 9
    if [[ ! -e $home/ready ]]; then
        cp "$here"/package.json "$here"/package-lock.json "$here"/.npmrc "$home/"
        (cd "$home" && npm ci --no-progress --loglevel=error)
        python3 -m venv "$home/venv"
        "$home/venv/bin/pip" install --quiet --disable-pip-version-check -r "$here/requirements.txt"
        touch "$home/ready"
    fi
    # Node resolves packages from where a script lies.
    cp "$here"/*.mjs "$home/"
) 9>"$home/lock" >&2
echo "$home"
