#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The engine's daemons, the runtime and the hook are killed at random moments of docker run: whatever
# state that leaves, it is cleaned up, and the volume and its data are there for the next container.
# vm: udev docker scsi=1 timeout=880 long

. ./lib.sh
. ./bind-lib.sh
tries=15
plan $((tries + 4))

start_dockerd() {
	rm -f /run/docker.pid
	dockerd >>"$tap_dir/dockerd.log" 2>&1 &
	disown # not to be waited for at the end
	wait_for 90 docker info
}
# dockerd answers before it has started a containerd that was killed again
engine_works() { docker run --rm --network none --entrypoint /bin/true app:1; }
victims=(dockerd containerd containerd-shim runc container-crypt)

# once VICTIM MILLISECONDS: is killed that long after the start
once() {
	local pid

	docker run -d --name app --network none --device container-crypt/volume=vol app:1 >/dev/null 2>&1 &
	local run=$!
	sleep "$(printf '%d.%03d' $(($2 / 1000)) $(($2 % 1000)))"
	for pid in $(pgrep -x "$1"); do [ "$pid" = "$agent_pid" ] || kill -KILL "$pid"; done
	timeout 60 tail --pid=$run -f /dev/null
	kill $run 2>/dev/null
	docker info >/dev/null 2>&1 || start_dockerd || { echo "dockerd does not start"; return 1; }
	wait_for 120 engine_works || { engine_works; return 1; }
	wait_for 60 sh -c 'docker rm -f app || ! docker inspect app' || { docker rm -f app; return 1; }
	wait_for 60 leaves_nothing || { leaves_nothing; return 1; }
}

need host_setup
need app_setup docker
before=$(date +%s%3N)
need run_app docker app:1
takes=$(($(date +%s%3N) - before))
need wait_for 20 started docker 1
need docker rm -f app
need wait_for 20 leaves_nothing
bound() { grep -c 'hook: volume vol is mounted' "$tap_dir/agent.log"; }
RANDOM=${CC_SEED:=$$}
diag "CC_SEED=$CC_SEED"
for ((i = 0; i < tries; i++)); do
	victim=${victims[i % ${#victims[@]}]} ms=$((takes * (RANDOM % 130) / 100))
	ok "$victim killed $ms ms after the start leaves nothing" once "$victim" $ms
done
diag "docker run takes $takes ms; of $tries that were disturbed $(($(bound) - 1)) got as far as their volume"
ok "some of the killed starts got as far as their volume" test "$(bound)" -ge 4
ok "after all kills the volume can be bound" run_app docker app:1
ok "after all kills the volume has its data" wait_for 30 sh -c '[ "$(docker exec app grep -c start /data/log)" -ge 2 ]'
need docker rm -f app
is "after all kills no lease is left" "$(wait_for 20 leaves_nothing; dmctl lease ls --json | jq -c .leases)" "[]"
