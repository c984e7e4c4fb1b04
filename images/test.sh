#!/usr/bin/env bash
# Builds the Dockerfiles with podman, on base images made here: the published ones may be out of reach, and are not what
# is tested. Usage: images/test.sh [sandbox|runtime]; without a word, both. `runtime` compiles everything: many minutes.
#
# Exit code 77: something is missing here, and nothing was tested.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(dirname "$here")
what=${1:-both}
for program in podman mmdebstrap runc curl; do
    command -v "$program" >/dev/null || { echo "images/test.sh: $program is not installed; skipped" >&2; exit 77; }
done
work=$(mktemp -d)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/windlass/images
mkdir -p "$cache"
pod() { CONTAINERS_CONF=$work/containers.conf podman --root "$work/root" --runroot "$work/runroot" --storage-driver "${STORAGE_DRIVER:-overlay}" "$@"; }
server=
clean() {
    [[ -z $server ]] || kill "$server" 2>/dev/null || true
    pod rm --all --force >/dev/null 2>&1 || true
    pod rmi --all --force >/dev/null 2>&1 || true
    rm -rf "$work" 2>/dev/null || pod unshare rm -rf "$work" || true
}
trap clean EXIT
limit=$(ulimit -Hn)
cat >"$work/containers.conf" <<CONF
[containers]
default_ulimits = ["nofile=$limit:$limit", "nproc=32768:32768"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
[network]
network_backend = "netavark"
CONF
check() { # check WHAT CONDITION...
    local what=$1; shift
    if "$@"; then echo "ok: $what"; else echo "FAILED: $what" >&2; tail -20 "$work/said" >&2; exit 1; fi
}
no() { ! "$@"; }
heard() { "$@" >"$work/said" 2>&1; } # what it says is shown where it fails

# The programs that the Dockerfiles would install are in the base already, so that no build goes to the network for them.
if [[ ! -e $cache/bookworm.tar ]]; then
    mmdebstrap --quiet --variant=minbase --include=ca-certificates,curl bookworm "$cache/bookworm.part.tar"
    mv "$cache/bookworm.part.tar" "$cache/bookworm.tar"
fi
pod import -c 'CMD ["bash"]' "$cache/bookworm.tar" docker.io/library/debian:bookworm-slim >/dev/null

sandbox() {
    local name=v0.0.0-x86_64 port sum kernel build
    # A release in the form of Firecracker's, with nothing of it inside.
    mkdir -p "$work/www/release-$name"
    echo '#!/bin/sh' | tee "$work/www/release-$name/firecracker-$name" "$work/www/release-$name/jailer-$name" >/dev/null
    tar -C "$work/www" -czf "$work/www/archive.tgz" "release-$name"
    echo kernel >"$work/www/vmlinux"
    sum=$(sha256sum "$work/www/archive.tgz" | cut -c1-64) kernel=$(sha256sum "$work/www/vmlinux" | cut -c1-64)
    python3 -u -c 'import functools, http.server as h, sys
server = h.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(h.SimpleHTTPRequestHandler, directory=sys.argv[1]))
print(server.server_port); server.serve_forever()' "$work/www" >"$work/port" 2>/dev/null &
    server=$!
    for _ in $(seq 100); do [[ -s $work/port ]] && break; sleep 0.05; done
    port=$(<"$work/port")
    local windlass=
    if pod image exists localhost/windlass:runtime || based; then windlass=there; fi
    build() { # build NAME=VALUE...
        local arguments=(--build-arg BASE=localhost/windlass:runtime --build-arg FIRECRACKER_ARCHITECTURE=x86_64
            --build-arg "FIRECRACKER_URL=http://127.0.0.1:$port/archive.tgz") argument
        for argument in "$@"; do arguments+=(--build-arg "$argument"); done
        pod build --quiet --network host --pull=never --format docker "${arguments[@]}" -t localhost/windlass:sandbox -f "$here/Dockerfile.sandbox" "$here" >"$work/said" 2>&1
    }
    local all=(FIRECRACKER_VERSION=0.0.0 "FIRECRACKER_SHA256=$sum" "KERNEL_URL=http://127.0.0.1:$port/vmlinux" "KERNEL_SHA256=$kernel")
    local index
    # By whole lines: podman repeats the text of a step that fails, and every message stands in there.
    for index in 0 1 2 3; do
        local some=("${all[@]}"); unset "some[$index]"
        check "without ${all[$index]%%=*} it does not build" no build "${some[@]}"
        check "and says so" grep -q "^images/Dockerfile.sandbox: set --build-arg ${all[$index]%%=*}[,;]" "$work/said"
    done
    check "another archive is refused" no build "${all[0]}" "FIRECRACKER_SHA256=$(printf '0%.0s' {1..64})" "${all[@]:2}"
    check "by its checksum" grep -qx 'archive.tgz is not what FIRECRACKER_SHA256 says' "$work/said"
    check "another kernel is refused" no build "${all[@]:0:3}" "KERNEL_SHA256=$(printf '0%.0s' {1..64})"
    check "by its checksum" grep -qx 'vmlinux is not what KERNEL_SHA256 says' "$work/said"
    check "what is named is built" build "${all[@]}"
    check "and is in the image, for its user" pod run --rm --network none --read-only --user 65532:65532 --cap-drop ALL --entrypoint /bin/sh localhost/windlass:sandbox -c \
        'test -x /usr/local/bin/firecracker && test -x /usr/local/bin/jailer && test -r /var/lib/windlass/vmlinux'
    [[ -n $windlass ]] || { echo "SKIPPED: what windlass does with a root file system: none was built here that runs in a container" >&2; return; }
    check "it starts windlass" heard pod run --rm --network none localhost/windlass:sandbox --version
    local file=/var/lib/windlass/rootfs/debian-devbox.ext4 settings
    check "a root file system without a checksum is refused" no heard pod run --rm --network none --env PETTY_ROOTFS_S3_URL=s3://bucket/key localhost/windlass:sandbox
    check "by what is missing" grep -q 'set `sandbox.rootfs_sha256` (or PETTY_ROOTFS_SHA256)' "$work/said"
    settings=(--network host --read-only --read-only-tmpfs=false --tmpfs /tmp:mode=1777 --cap-drop ALL --security-opt no-new-privileges
        --env WINDLASS_HOST=127.0.0.1 --env WINDLASS_PORT=0 --env "PETTY_ROOTFS_URL=http://127.0.0.1:$port/archive.tgz")
    start() { # start NAME SHA256
        pod run --detach --name "$1" "${settings[@]}" --volume "$1:${file%/*}" --env "PETTY_ROOTFS_SHA256=$2" localhost/windlass:sandbox >/dev/null
    }
    says() { # says NAME WORDS
        for _ in $(seq 100); do pod logs "$1" >"$work/said" 2>&1; grep -q "$2" "$work/said" && return; sleep 0.1; done; return 1
    }
    start right "$sum"
    check "the one that is named is fetched at the first start" says right "the root file system of sandboxes is there: $file"
    check "whole, and nothing beside it" heard pod exec right sh -c "echo '$sum  $file' | sha256sum --check --strict && [ \$(ls ${file%/*} | wc -l) = 1 ]"
    start wrong "$kernel"
    check "one with another checksum is not taken" says wrong "its SHA-256 sum is $sum, not $kernel"
    check "and nothing is left of it" heard pod exec wrong sh -c "[ \$(ls ${file%/*} | wc -l) = 0 ]"
    pod rm --force --time 5 right wrong >/dev/null
    pod volume rm right wrong >/dev/null
}

# A base with the windlass that was built last and runs there.
based() {
    local target=${CARGO_TARGET_DIR:-$root/target} windlass
    printf 'FROM docker.io/library/debian:bookworm-slim\nCOPY windlass /usr/local/bin/windlass\n' >"$work/Dockerfile.base"
    while read -r windlass; do
        mkdir -p "$work/base"
        cp "$windlass" "$work/base/windlass" || continue
        pod build --quiet --network none --pull=never --format docker -t localhost/windlass:runtime -f "$work/Dockerfile.base" "$work/base" >/dev/null
        ! pod run --rm --network none localhost/windlass:runtime windlass --version >/dev/null 2>&1 || return 0
    done < <(if [[ -n ${WINDLASS:-} ]]; then echo "$WINDLASS"; else ls -t "$target"/{release,debug}/windlass "$target"/*-linux-musl/{release,static}/windlass 2>/dev/null; fi)
    pod tag docker.io/library/debian:bookworm-slim localhost/windlass:runtime
    return 1
}

runtime() {
    local version sysroot
    # A base with this machine's toolchain, where the published one has rustup's.
    sysroot=$(rustc --print sysroot)
    version=$(rustc --version | cut -d' ' -f2)
    mkdir -p "$work/rust"
    cp -a "$sysroot" "$work/rust/toolchain"
    rm -rf "$work/rust/toolchain/share"
    cat >"$work/rust/Dockerfile" <<'FILE'
FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends gcc g++ libc6-dev make cmake && rm -rf /var/lib/apt/lists/*
COPY toolchain /usr/local
ENV CARGO_HOME=/usr/local/cargo PATH=/usr/local/cargo/bin:/usr/local/bin:/usr/bin:/bin
FILE
    [[ -d $sysroot/lib/rustlib/$(uname -m)-unknown-linux-musl ]] || { echo "images/test.sh: rustup target add $(uname -m)-unknown-linux-musl; skipped" >&2; exit 77; }
    local authorities=(--volume /etc/ssl/certs/ca-certificates.crt:/etc/ssl/certs/ca-certificates.crt:ro)
    pod build --quiet --network host --pull=never "${authorities[@]}" -t docker.io/library/rust:1.95-bookworm "$work/rust" >"$work/said" 2>&1 || { tail -20 "$work/said" >&2; exit 1; }
    echo "toolchain $version"
    local target
    for target in runtime minimal; do
        check "target $target builds" heard pod build --network host --pull=never --format docker "${authorities[@]}" --target "$target" -t "localhost/windlass:$target" \
            --ignorefile "$here/Dockerfile.dockerignore" -f "$here/Dockerfile" "$root"
        pod run --detach --name "$target" --network host --read-only --read-only-tmpfs=false --tmpfs /tmp:mode=1777 --cap-drop ALL --security-opt no-new-privileges \
            --env WINDLASS_HOST=127.0.0.1 --env WINDLASS_PORT=18443 "localhost/windlass:$target" >/dev/null
        local answered=
        for _ in $(seq 100); do ! curl --silent --fail --output /dev/null http://127.0.0.1:18443/health || { answered=1; break; }; sleep 0.1; done
        check "target $target serves, without a root, a privilege or a place to write" test -n "$answered"
        pod stop --time 20 "$target" >/dev/null
        check "and drains when it is told to stop" test "$(pod inspect --format '{{.State.ExitCode}}' "$target")" = 0
    done
}

case $what in
    sandbox) sandbox ;;
    runtime) runtime ;;
    both) runtime; sandbox ;;
    *) echo "usage: images/test.sh [sandbox|runtime]" >&2; exit 2 ;;
esac
echo "images hold: $what"
