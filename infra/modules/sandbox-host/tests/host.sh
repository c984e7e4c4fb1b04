#!/usr/bin/env bash
# Runs the machine's scripts against an engine, an AWS and a systemd that only remember what they were asked.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
files=$here/../files
work=$(mktemp -d)
server=
trap '[[ -z $server ]] || kill "$server" 2>/dev/null || true; rm -rf "$work"' EXIT
mkdir -p "$work/bin" "$work/state/rootfs" "$work/aws"
export PATH="$work/bin:$PATH" SETTINGS=$work/host STATE=$work/state RUN=$work/run LOG=$work/log LIBEXEC=$files PATIENCE=3
export STORE=$work/state/store ROOTFS=$work/state/rootfs WORK=$work
printf '%s\n' NAME=t REGION=eu-west-1 PARAMETER=/windlass/t/release REGISTRY= PORT=8080 KVM=0 >"$work/host"
good=registry/windlass@sha256:$(printf 'a%.0s' {1..64})
bad=registry/windlass@sha256:$(printf 'b%.0s' {1..64})
late=registry/windlass@sha256:$(printf 'c%.0s' {1..64})

cat >"$work/bin/aws" <<'STUB'
#!/bin/bash
case "$1 $2" in
    "ssm get-parameter") cat "$WORK/parameter" ;;
    "secretsmanager get-secret-value") cat "$WORK/secret" ;;
    "s3 cp") cp "$WORK/object" "${@: -1}" ;;
    *) echo "unexpected: aws $*" >&2; exit 1 ;;
esac
STUB
cat >"$work/bin/docker" <<'STUB'
#!/bin/bash
echo "docker $*" >>"$WORK/asked"
case "$1" in
    image) [[ $2 != inspect ]] ;;
    pull) [[ ! -e $WORK/registry-down ]] ;;
    # The engine's process stays until it is stopped, as the real one's does.
    run) echo "${@: -1}" >"$WORK/candidate"; while [[ -e $WORK/candidate ]]; do sleep 0.05; done ;;
    stop) rm -f "$WORK/candidate" ;;
esac
STUB
# Ready are all but the image `bad`, and `late` is only at the port where it is tried.
cat >"$work/bin/curl" <<'STUB'
#!/bin/bash
url=${*: -1}
case $url in
    *:18080/ready) [[ -e $WORK/candidate ]] && [[ $(<"$WORK/candidate") != *bbbb ]] ;;
    *:8080/ready) [[ $(<"$RUN/current/image") != *cccc ]] ;;
esac
STUB
cat >"$work/bin/systemctl" <<'STUB'
#!/bin/bash
echo "systemctl $*" >>"$WORK/asked"
STUB
chmod +x "$work"/bin/*

wanted() { # wanted IMAGE [MORE JSON]
    jq -cn --arg image "$1" --argjson more "${2:-{\}}" \
        '{image: $image, release: "abc1234", bind: "127.0.0.1", environment: {WINDLASS_X: "1"}, secrets: {WINDLASS_AUTH_TOKEN: "arn:x"}, rootfs: {}} + $more' >"$work/parameter"
}
release() { : >"$work/asked"; "$files/windlass-release" >"$work/said" 2>&1; }
check() { # check WHAT CONDITION...
    local what=$1; shift
    if "$@"; then echo "ok: $what"; else echo "FAILED: $what" >&2; cat "$work/said" "$work/asked" >&2; exit 1; fi
}
no() { ! "$@"; }
printf 's3cret' >"$work/secret"
printf 'root' >"$work/object"

wanted "$good"; release
check "a release runs" grep -q '"event":"running"' "$work/said"
check "it was tried before it took over" grep -q 'name windlass-candidate' "$work/asked"
check "it has no capabilities, no root, no writable root" grep -q -- '--read-only --user 65532:65532 --cap-drop ALL --security-opt no-new-privileges' "$work/asked"
check "its secret is in its environment" grep -qx 'WINDLASS_AUTH_TOKEN=s3cret' "$work/run/current/environment"
check "nobody else reads that" test "$(stat -c %a "$work/run/current/environment")" = 600
check "the secret is not in a command, a log line or what outlives the boot" no grep -rq s3cret "$work/asked" "$work/log" "$work/state"
release
check "what runs is left alone" test ! -s "$work/asked"

wanted "$bad"
check "a release that is never ready fails" no release
check "what ran before was not touched" no grep -q systemctl "$work/asked"
check "it is still the one" test "$(<"$work/run/current/image")" = "$good"
release
check "it is not tried again" test ! -s "$work/asked"

wanted "$late"
check "a release that is not ready in place fails" no release
check "the old one is back" test "$(<"$work/run/current/image")" = "$good"
check "it was started again" test "$(grep -c 'systemctl restart windlass.service' "$work/asked")" = 2

wanted "registry/windlass:latest"
check "a tag is refused" no release
wanted "$good" '{"secrets": {"WINDLASS_A": "arn:x"}, "release": "next"}'
printf 'one\nWINDLASS_POLICY=all' >"$work/secret"
check "a secret cannot bring a second variable" no release
check "nothing changed" no grep -q systemctl "$work/asked"
printf 's3cret' >"$work/secret"
touch "$work/registry-down"
check "a registry that is down fails" no release
rm "$work/registry-down"; release
check "and is asked again" grep -q '"event":"running"' "$work/said"

wanted "$good" '{"rootfs": {"debian.ext4": {"url": "s3://b/k", "sha256": "'"$(printf 'f%.0s' {1..64})"'"}}}'
check "a root file system with another digest is refused" no release
check "and not kept" test -z "$(ls -A "$work/state/rootfs")"
wanted "$good" '{"rootfs": {"debian.ext4": {"url": "s3://b/k", "sha256": "'"$(sha256sum "$work/object" | cut -c1-64)"'"}}}'
release
check "the right one is there" test "$(<"$work/state/rootfs/debian.ext4")" = root

rm -rf "$work/run"
release
check "after a boot what was proven runs at once" grep -q 'systemctl restart windlass.service' "$work/asked"
check "without another trial" no grep -q candidate "$work/asked"

sed -i 's/KVM=0/KVM=1/' "$work/host"
# shellcheck disable=SC2016
printf '#!/bin/bash\n[[ $1 != group ]] || echo kvm:x:993:\n' >"$work/bin/getent"; chmod +x "$work/bin/getent"
( sleep 0.3; rm -f "$work/candidate" ) &
: >"$work/asked"; "$files/windlass-run" windlass "$work/run/current"
check "KVM comes by its group" grep -q -- '--device /dev/kvm --group-add 993' "$work/asked"
check "the port is bound where the release says" grep -q -- '--publish 127.0.0.1:8080:8080' "$work/asked"

cp "$work/bin/curl" "$work/curl-ready"
cat >"$work/bin/curl" <<'STUB'
#!/bin/bash
case "${*: -1}" in
    */api/token) echo token ;;
    */spot/instance-action) [[ -e $WORK/notice ]] && echo '{"action": "stop", "time": "2026-11-21T12:00:00Z"}' ;;
esac
STUB
: >"$work/asked"
PAUSE=0.05 "$files/windlass-spot" >"$work/said" & server=$!
sleep 0.3
check "without a notice nothing stops" test ! -s "$work/asked"
touch "$work/notice"; wait "$server"; server=
check "with one the server is stopped" grep -q 'systemctl stop windlass.service' "$work/asked"
cp "$work/curl-ready" "$work/bin/curl"
wanted "$good" '{"release": "later"}'; release
check "and nothing is started after it" test ! -s "$work/asked"
echo "the machine's scripts hold"
