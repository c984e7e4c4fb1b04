#!/usr/bin/env bash
# Installs what stands in for AWS outside the checkout, once per set of versions, and prints where its programs are.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
versions=$(sha256sum "$here/requirements.txt" | cut -c1-16)
home=${XDG_CACHE_HOME:-$HOME/.cache}/windlass/aws/$versions
mkdir -p "$home"
(
    # Several test binaries may get here at once.
    flock 9
    if [[ ! -e $home/ready ]]; then
        python3 -m venv "$home/venv"
        "$home/venv/bin/pip" install --quiet --disable-pip-version-check -r "$here/requirements.txt"
        touch "$home/ready"
    fi
) 9>"$home/lock" >&2
echo "$home/venv/bin"
