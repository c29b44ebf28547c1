#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The engine's daemons, the runtime and the hook are killed at random moments of docker run: whatever
# state that leaves, it is cleaned up, and the volume and its data are there for the next container.
# vm: udev docker scsi=1 timeout=880 long

. ./lib.sh
. ./bind-lib.sh
tries=12
plan $((tries + 3))

start_dockerd() {
	rm -f /run/docker.pid
	dockerd >>"$tap_dir/dockerd.log" 2>&1 &
	disown # not to be waited for at the end
	wait_for 90 docker info
}
victims=(dockerd containerd containerd-shim runc container-crypt)

# once VICTIM MILLISECONDS: is killed that long after the start
once() {
	local pid

	docker run -d --name app --network none --device container-crypt/volume=vol app:1 >/dev/null 2>&1 &
	local run=$!
	sleep "$(printf '%d.%03d' $(($2 / 1000)) $(($2 % 1000)))"
	for pid in $(pgrep "^$1"); do [ "$pid" = "$agent_pid" ] || kill -KILL "$pid"; done
	timeout 60 tail --pid=$run -f /dev/null
	kill $run 2>/dev/null
	docker info >/dev/null 2>&1 || start_dockerd || return
	wait_for 60 sh -c 'docker rm -f app || ! docker inspect app' || return
	wait_for 60 leaves_nothing
}

need host_setup
need app_setup docker
need run_app docker app:1
need wait_for 20 started docker 1
need docker rm -f app
need wait_for 20 leaves_nothing
RANDOM=${CC_SEED:-$$}
diag "CC_SEED=$RANDOM"
for ((i = 0; i < tries; i++)); do
	victim=${victims[i % ${#victims[@]}]} ms=$((RANDOM % 4000))
	ok "$victim killed $ms ms after the start leaves nothing" once "$victim" $ms
done
ok "the volume is there" run_app docker app:1
ok "with its data" wait_for 30 sh -c '[ "$(docker exec app grep -c start /data/log)" -ge 2 ]'
need docker rm -f app
is "no lease is left" "$(wait_for 20 leaves_nothing; dmctl lease ls --json | jq -c .leases)" "[]"
