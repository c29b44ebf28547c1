#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A lease that lapses while the engine's runtime still creates the container, after our hook: the half-made container is
# frozen, gets its key again when keyd is back, and starts as if nothing had been.
# vm: shared udev docker podman scsi=1 timeout=510 long

. ./lib.sh
. ./bind-lib.sh
. ./lease-lib.sh
plan 14

hook() { pgrep -f "^[^ ]*container-crypt-hook --volume vol"; }
# hold_runtime: lets the hook end, and its runtime not go on
hold_runtime() {
	wait_for 30 hook || return
	runtime=$(ps -o ppid= -p "$(hook)") && kill -STOP $runtime && kill -CONT "$agent_pid"
}

# crun, which Podman takes by itself, fails when it is stopped while it waits for a hook
cleanup rm /etc/containers/containers.conf.d/runc.conf
printf '[engine]\nruntime = "runc"\n' >/etc/containers/containers.conf.d/runc.conf
need host_setup
cleanup kill -CONT "$agent_pid"
need writer_setup docker --lease 6s
need tiny_image podman app:1 /bin/sh -c "$writer"
for engine in docker podman; do
	need identity vol $engine app:1
	# started before: what an engine remembers of its process then is wrong now
	need run_app $engine app:1
	need $engine kill app
	need wait_for 30 leaves_nothing
	need kill -STOP "$agent_pid"
	$engine start app >"$tap_dir/start" 2>&1 &
	start=$!
	need hold_runtime
	ok "$engine: the volume is bound while the runtime creates the container" wait_for 20 lease_is active
	need stop "$keyd_pid"
	ok "$engine: without keyd the half-made container is frozen" wait_for 20 lease_is frozen
	ok "$engine: a half-made container whose lease is over has no key" wait_for 20 kernel locked
	need kill -CONT $runtime
	need start_keyd
	ok "$engine: when keyd is back the half-made container has a key again" wait_for 30 kernel active
	wait $start
	report $? "$engine: a half-made container that has a key again starts" "$tap_dir/start"
	ok "$engine: the program of a container whose lease lapsed at its start writes" counts_on
	is "$engine: the program of a container whose lease lapsed at its start sees no error" "$(failed_writes)" 0
	need $engine kill app
	need $engine rm -f app
	need wait_for 30 leaves_nothing
done
