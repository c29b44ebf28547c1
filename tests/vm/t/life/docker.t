#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A container's whole life under Docker: whatever command starts it again, it finds its data; whatever ends it,
# nothing is left; the agent and the engine may be restarted in between, or die.
# vm: udev docker scsi=1 timeout=600 long newest

. ./lib.sh
. ./bind-lib.sh
plan 43

runs() { started docker "$1"; }
unbound() { wait_for 20 leaves_nothing; }
state() { docker inspect -f '{{.State.Status}}' app; }
log_lines() { docker exec app grep -c start /data/log; }

need host_setup
need app_setup docker
ok "docker create succeeds with the device" docker create --name app --network none --device container-crypt/volume=vol app:1
ok "docker create binds nothing yet" leaves_nothing
ok "docker start succeeds on a created container" docker start app
ok "docker start binds the volume" wait_for 20 runs 1
ok "docker stop succeeds on a bound container" docker stop -t 0 app
ok "docker stop unbinds" unbound
need docker start app
ok "docker start after stop finds the data" wait_for 20 runs 2
ok "docker kill succeeds on a bound container" docker kill app
ok "dmctl wait ends when nothing is left" dmctl wait --timeout 20s app
ok "docker kill unbinds" unbound
is "dmctl events has told both lives" "$(dmctl events --once --filter volume=vol --format '{{.event}}' | grep -v renew | paste -sd" ")" \
	"release bind end undo release bind end undo"
need docker start app
ok "docker start after kill finds the data" wait_for 20 runs 3

ok "docker pause succeeds on a bound container" docker pause app
fails_with 5 "paused" dmctl unbind vol
ok "docker unpause succeeds on a bound container" docker unpause app
is "the volume is still there after pause and unpause" "$(log_lines)" 3
ok "docker rename succeeds on a bound container" docker rename app other
ok "a renamed container keeps its volume" docker exec other ls /data/log
need docker rename other app
ok "docker exec writes to the volume" in_app docker sh -c 'echo "by exec" >/data/exec; sync'
is "docker cp out of the container shows the placeholder's side only" \
	"$(docker cp app:/data - 2>/dev/null | tar -t 2>/dev/null | grep -c exec)" 0

# the agent
stop "$agent_pid" KILL
is "without the agent the container goes on" "$(in_app docker cat /data/exec)" "by exec"
need start_agent
is "the next agent takes the container over" "$(dmctl ps --json | jq -r '.bindings[0].state')" bound
ok "docker restart succeeds under the next agent" docker restart -t 0 app
ok "docker restart finds the data" wait_for 20 runs 4
stop "$agent_pid"
need docker kill app
need wait_for 20 sh -c '[ "$(docker inspect -f "{{.State.Status}}" app)" = exited ]'
fails_with 1 "the agent does not answer" docker start app
need start_agent
ok "what ended without the agent is undone by the next" unbound
ok "docker rm -f succeeds on a bound container" docker rm -f app
ok "docker rm -f leaves nothing" unbound

# restart policies
ok "docker run takes --restart=always" run_app docker --restart=always app:1
ok "--restart=always starts the container on its data" wait_for 20 runs 5
kill -KILL "$(docker inspect -f '{{.State.Pid}}' app)"
ok "--restart=always starts the container again when its program dies" wait_for 40 runs 6
kill -KILL "$(docker inspect -f '{{.State.Pid}}' app)"
ok "--restart=always starts the container again when its program dies once more" wait_for 60 runs 7

# the engine
docker_kill() {
	kill -KILL "$(cat /run/docker.pid)"
	wait_for 10 sh -c "! kill -0 $(cat /run/docker.pid)"
}
docker_start() {
	rm -f /run/docker.pid
	dockerd >"$tap_dir/dockerd.log" 2>&1 &
	disown # not to be waited for at the end
	wait_for 90 docker info
}
need docker_kill
ok "the engine's death leaves the container its volume" sh -c \
	'[ "$(dmctl ps --json | jq -r ".bindings[0].state")" = bound ]'
need docker_start
ok "a container can be started on its data after the engine came back" wait_for 60 sh -c 'docker start app'
ok "a container finds its data after the engine came back" wait_for 40 sh -c '[ "$(docker exec app grep -c start /data/log)" -ge 7 ]'
need docker rm -f app
ok "docker rm -f leaves nothing after the engine came back" unbound

# --rm, a program that ends, one that cannot be started
need run_app docker --rm app:1
need docker stop -t 0 app
ok "docker run --rm leaves nothing of the volume" unbound
is "docker run --rm leaves no container" "$(docker ps -aq)" ""
need tiny_image docker short:1 /bin/sh -c 'cat /data/exec'
need identity vol docker short:1
is "a program that ends at once has read its data" \
	"$(docker run --rm --network none --device container-crypt/volume=vol short:1)" "by exec"
ok "a program that ends at once leaves nothing" unbound
need tiny_image docker none:1 /bin/none
need identity vol docker none:1
fails_with 127 "/bin/none" docker run --rm --network none --device container-crypt/volume=vol none:1
ok "a program that is not there leaves nothing" unbound
is "every lease was returned" "$(dmctl lease ls --json | jq -c .leases)" "[]"
