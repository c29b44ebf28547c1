#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The agent, the hook or the command that asked is killed: a container never runs with half a volume,
# bound ones go on, and the next agent finds and undoes what is left.
# vm: shared udev docker podman scsi=1 timeout=710 long

. ./lib.sh
. ./bind-lib.sh
plan 17

need host_setup
need app_setup docker
need run_app docker app:1
wait_for 20 started docker 1

stop "$agent_pid" KILL
ok "a bound container goes on without the agent" in_app docker sh -c 'echo alive >/data/alive; sync'
need start_agent
is "the next agent adopts what is bound" "$(dmctl ps --json | jq -r '.bindings[0].state')" bound
stop "$agent_pid" KILL
need docker kill app
not_ok "a container that ends without the agent leaves its mapping" leaves_nothing
fails_with 1 "container-crypt: the agent does not answer" docker start app
need start_agent
ok "the next agent undoes the mapping of a container that ended without an agent" wait_for 20 leaves_nothing
ok "a container that ended without an agent starts again" docker start app
ok "a container that ended without an agent has its data again" wait_for 20 in_app docker ls /data/alive
need docker rm -f app
wait_for 20 leaves_nothing

# the hook, or whoever else asked, gone before the answer: the worker is held until they are
docker run -d --name app --network none --device container-crypt/volume=vol app:1 >"$tap_dir/out" 2>&1 &
runner=$!
need wait_for 30 the_worker
kill -STOP "$(the_worker)"
kill -KILL "$(pgrep -f '^container-crypt-hook --volume vol$')"
wait $runner
not_ok "a container whose hook is killed does not start" docker exec app true
kill -CONT "$(the_worker)"
ok "what the agent did for a killed hook is undone" wait_for 30 leaves_nothing
need docker rm -f app

need tiny_image docker idle:1
need identity vol docker idle:1
need docker run -d --name idle --network none idle:1
dmctl bind vol idle &
client=$!
need wait_for 20 the_worker
kill -STOP "$(the_worker)"
stop $client KILL
kill -CONT "$(the_worker)"
undone() { grep -q "nobody was told that it is bound" "$tap_dir/agent.log" && leaves_nothing; }
ok "a bind whose client was killed is undone" wait_for 40 undone

# two agents, a worker that outlives its agent
fails_with 5 "another agent" dmctl agent
ok "killing the agent in the middle of a bind kills its worker" survives socketpair 1 dmctl bind vol idle
dmctl bind vol idle &
client=$!
wait_for 20 the_worker
stop "$agent_pid" KILL
wait $client
ok "what a worker did after its agent was killed is undone by the next agent" settled

# keyd goes away in between
need dmctl bind vol idle
stop $keyd_pid KILL
need docker kill idle
wait_for 20 test "$(dmsetup table --target container-crypt | grep -c container-crypt)" = 0
not_ok "without keyd the lease cannot be returned, so the binding stays on record" no_bindings
need start_keyd
ok "a lease that could not be returned is returned when keyd is back" wait_for 90 leaves_nothing
is "when keyd is back no lease is left" "$(dmctl lease ls --json | jq -c .leases)" "[]"
need docker start idle
ok "after keyd was away the volume can be bound again" dmctl bind vol idle
