#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A container's whole life under Podman, in pods and with a restart policy.
# vm: udev podman scsi=1 timeout=420 long

. ./lib.sh
. ./bind-lib.sh
plan 24

runs() { started podman "$1"; }
unbound() { wait_for 20 leaves_nothing; }

need host_setup
need app_setup podman
ok "podman create" podman create --name app --network none --device container-crypt/volume=vol app:1
ok "binds nothing yet" leaves_nothing
ok "podman start" podman start app
ok "does" wait_for 20 runs 1
ok "podman stop" podman stop -t 0 app
ok "unbinds" unbound
need podman start app
ok "start after stop finds the data" wait_for 20 runs 2
ok "podman kill" podman kill app
ok "unbinds" unbound
need podman start app
ok "start after kill finds the data" wait_for 20 runs 3
need podman pause app
fails_with 5 "paused" dmctl unbind vol
need podman unpause app
ok "after unpause the data is there" in_app podman grep -q start /data/log
ok "podman rename" podman rename app other
ok "keeps the volume" podman exec other ls /data/log
need podman rename other app
stop "$agent_pid" KILL
ok "without the agent the container goes on" in_app podman ls /data/log
need start_agent
ok "podman restart under the next agent" podman restart -t 0 app
ok "finds the data" wait_for 20 runs 4
ok "podman rm -f" podman rm -f -t 0 app
ok "leaves nothing" unbound
ok "--restart=always" run_app podman --restart=always app:1
need wait_for 20 runs 5
kill -KILL "$(podman inspect -f '{{.State.Pid}}' app)"
ok "starts it on its data again" wait_for 40 runs 6
need podman rm -f -t 0 app
need unbound

ok "a pod's container" sh -c 'podman pod create --name pod --share none --infra=false &&
	podman run -d --pod pod --name app --device container-crypt/volume=vol app:1'
ok "has the volume" wait_for 20 runs 7
need podman pod rm -f -t 0 pod
ok "nothing is left behind" unbound
