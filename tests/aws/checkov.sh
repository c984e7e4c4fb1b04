#!/usr/bin/env bash
# Installs Checkov outside the checkout, once per version, and prints the path of its program.
set -euo pipefail
version=3.3.30
home=${XDG_CACHE_HOME:-$HOME/.cache}/windlass/checkov/$version
mkdir -p "$home"
(
    # Several test binaries may get here at once.
    flock 9
    if [[ ! -e $home/ready ]]; then
        python3 -m venv "$home/venv"
        "$home/venv/bin/pip" install --quiet --disable-pip-version-check "checkov==$version"
        touch "$home/ready"
    fi
) 9>"$home/lock" >&2
echo "$home/venv/bin/checkov"
