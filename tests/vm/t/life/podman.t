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
ok "podman create succeeds with the device" podman create --name app --network none --device container-crypt/volume=vol app:1
ok "podman create binds nothing yet" leaves_nothing
ok "podman start succeeds on a created container" podman start app
ok "podman start binds the volume" wait_for 20 runs 1
ok "podman stop succeeds on a bound container" podman stop -t 0 app
ok "podman stop unbinds" unbound
need podman start app
ok "podman start after stop finds the data" wait_for 20 runs 2
ok "podman kill succeeds on a bound container" podman kill app
ok "podman kill unbinds" unbound
need podman start app
ok "podman start after kill finds the data" wait_for 20 runs 3
need podman pause app
fails_with 5 "paused" dmctl unbind vol
need podman unpause app
ok "the data is there after podman unpause" in_app podman grep -q start /data/log
ok "podman rename succeeds on a bound container" podman rename app other
ok "a renamed container keeps the volume" podman exec other ls /data/log
need podman rename other app
stop "$agent_pid" KILL
ok "without the agent the container goes on" in_app podman ls /data/log
need start_agent
ok "podman restart succeeds under the next agent" podman restart -t 0 app
ok "podman restart finds the data" wait_for 20 runs 4
ok "podman rm -f succeeds on a bound container" podman rm -f -t 0 app
ok "podman rm -f leaves nothing" unbound
ok "podman run takes --restart=always" run_app podman --restart=always app:1
need wait_for 20 runs 5
kill -KILL "$(podman inspect -f '{{.State.Pid}}' app)"
ok "--restart=always starts the container on its data again" wait_for 40 runs 6
need podman rm -f -t 0 app
need unbound

ok "a container in a pod is started" sh -c 'podman pod create --name pod --share none --infra=false &&
	podman run -d --pod pod --name app --device container-crypt/volume=vol app:1'
ok "a container in a pod has the volume" wait_for 20 runs 7
need podman pod rm -f -t 0 pod
ok "nothing is left when pod and containers are removed" unbound
