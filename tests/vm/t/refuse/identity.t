#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# No key without a valid identity, an enrolled agent, keyd and the agent themselves, and the right LUN:
# each missing one stops the container before its program with a reason and the next step.
# vm: shared udev docker scsi=1 timeout=700 long

. ./lib.sh
. ./bind-lib.sh
plan 27

run_refused() { ok "refused: $1" refused docker "$2" --network none app:1; }

need host_setup
need dmctl volume create vol "$(lun 0)"
need tiny_image docker app:1 /bin/sh -c "$app"
run_refused "no identity" "identity"
need identity vol docker app:1
jq -c '.payload |= (@base64d | sub("/data"; "/evil") | @base64)' "$tap_dir/identity.dsse" >"$tap_dir/tampered"
fails_with 6 "no enrolled signer" dmctl identity add "$tap_dir/tampered"
openssl genpkey -algorithm ed25519 -out "$tap_dir/stranger.key" && chmod 600 "$tap_dir/stranger.key"
need dmctl identity sign --key "$tap_dir/stranger.key" --predicate "$tap_dir/predicate.json" \
	--subject "$(subject docker app:1)" --name x -o "$tap_dir/strange"
fails_with 6 "no enrolled signer" dmctl identity add "$tap_dir/strange"
cp "$tap_dir/identity.dsse" "$tap_dir/first"
need identity vol docker app:1 '.notAfter = "2026-01-01T00:00:00Z"'
run_refused "an expired identity" "validity: "
need identity vol docker app:1 '.notBefore = "2100-01-01T00:00:00Z"'
run_refused "an identity that is not valid yet" "validity: "
ok "an identity that the volume has can be added again" dmctl identity add "$tap_dir/first"
run_refused "an earlier identity that was added again after a later one" "validity: "
jq '.serial = 2 | del(.notBefore)' "$tap_dir/predicate.json" >"$tap_dir/old.json"
need dmctl identity sign --key "$tap_dir/ops.key" --predicate "$tap_dir/old.json" \
	--subject "$(subject docker app:1)" --name x -o "$tap_dir/old"
fails_with 6 "serial" dmctl identity add "$tap_dir/old"
need identity vol docker app:1
ok "with a valid identity the container runs" run_app docker app:1
need docker rm -f app
wait_for 20 leaves_nothing
need dmctl identity rm vol
run_refused "a revoked identity" "identity"
need identity vol docker app:1 '.demands = ["no-core", "no-stdin", "no-tty", "network:none", "private-ipc", "no-extra-hosts", "runtime:runc"]'
run_refused "core files, where none are demanded" "demands: identity wants no-core"
ok "refused: an open standard input, where none is demanded" refused docker "demands: identity wants no-stdin" -i \
	--network none --ulimit core=0 app:1
ok "with all demands met the container runs" run_app docker --ulimit core=0 app:1
need docker rm -f app
wait_for 20 leaves_nothing
need identity vol docker app:1

agent=$(dmctl agents ls --json | jq -r '.agents[0].name')
signer=$(dmctl signer ls --json | jq -r '.signers[0].name')
need dmctl agents set "$agent" --volumes 'web*'
run_refused "a volume that the agent is not for" "agent $agent is for volumes"
need dmctl agents set "$agent" --volumes 'web*,vol'
need dmctl signer set "$signer" --volumes 'web*'
run_refused "an identity of a signer that is not for the volume" "signer $signer is for volumes"
need dmctl signer set "$signer" --volumes 'v?l'
ok "with agent and signer for the volume the container runs" run_app docker app:1
need docker rm -f app
wait_for 20 leaves_nothing
cp /etc/container-crypt/agent.jwk "$tap_dir/agent.jwk"
need dmctl agents rm "$agent"
run_refused "an agent that is not enrolled" "agent"
jose jwk pub -i "$tap_dir/agent.jwk" -o "$tap_dir/agent.pub"
need dmctl agents enroll "$agent" "$tap_dir/agent.pub"

dd if="$(lun 0)" of="$tap_dir/header" bs=1M count=16 status=none
need cryptsetup config --batch-mode --label stolen "$(lun 0)"
run_refused "a LUN whose header was changed" "/dev/"
need dd if="$tap_dir/header" of="$(lun 0)" bs=1M conv=notrunc status=none
ok "a container runs when the right LUN is back" run_app docker app:1
need docker rm -f app
wait_for 20 leaves_nothing

stop $keyd_pid
run_refused "keyd is down" "keyd does not answer"
need start_keyd
stop "$agent_pid"
run_refused "the agent is down" \
	'the agent does not answer on /run/container-crypt/agent.sock: No such file or directory; start it with "systemctl start container-crypt-agent"'
ok "the hook exits with 7 without an agent" sh -c 'echo "{}" | /usr/libexec/container-crypt/container-crypt-hook --volume vol; [ $? = 7 ]'
touch $sock/agent.sock
run_refused "a dead socket" "the agent does not answer"
need start_agent
fails_with 1 "usage" /usr/libexec/container-crypt/container-crypt-hook --volume ../etc
fails_with 10 "state" sh -c 'echo "{}" | /usr/libexec/container-crypt/container-crypt-hook --volume vol'
fails_with 10 "request" sh -c 'echo "{},\"op\":\"unbind\"" | /usr/libexec/container-crypt/container-crypt-hook --volume vol'
ok "the device of a volume that is not there is refused by docker" \
	sh -c '! docker run --rm --device container-crypt/volume=none app:1'
