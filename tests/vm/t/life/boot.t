#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The host's power fails while containers run: after the boot the old lease is replaced at once, --restart=always
# brings a container back to its data, and nothing of before is left.
# vm: shared udev docker scsi=2 timeout=510 long newest

. ./lib.sh
. ./bind-lib.sh
plan 12

boot_id=/proc/sys/kernel/random/boot_id

start_docker() {
	rm -f /run/docker.pid
	dockerd >>"$tap_dir/dockerd.log" 2>&1 &
	disown # not to be waited for at the end
	wait_for 90 docker info
}
no_processes() { ! pgrep 'dockerd|containerd|keyd|dmctl' && ! pgrep -f 'sleep 1000'; }
# All that a boot makes forget: processes, mappings, what is in /run; and another boot id.
power_cut() {
	local m

	pkill -KILL 'dockerd|containerd|keyd|dmctl'
	pkill -KILL -f 'sleep 1000'
	wait "$keyd_pid" "$agent_pid" 2>/dev/null
	wait_for 20 no_processes || return
	for m in /dev/mapper/container-crypt-*; do
		wait_for 20 dmsetup remove "$m" || return
	done
	rm -rf $sock /run/docker* /run/containerd /var/run/cdi/*
	cat /proc/sys/kernel/random/uuid >"$tap_dir/boot_id"
	mount --bind "$tap_dir/boot_id" $boot_id
	cleanup umount $boot_id
	rmmod dm-container-crypt && modprobe dm-container-crypt
}

need host_setup
need app_setup docker
need dmctl volume create second "$(lun 1)"
need identity second docker app:1
ok "a container with --restart=always is started" run_app docker --restart=always app:1
ok "a container with --restart=always found its volume" wait_for 20 started docker 1
need docker run -d --name other --network none --device container-crypt/volume=second app:1
need in_app docker sync
before=$(dmctl lease ls --json | jq -r '.leases[] | select(.volume == "vol") | .fence')
need power_cut
ok "after a power cut nothing is left" leaves_nothing
need start_keyd
is "keyd's record of the leases outlives a power cut" "$(dmctl lease ls --json | jq '.leases | length')" 2
need start_agent
need start_docker
# what container-crypt-docker.service runs
ok "Docker's containers with a restart policy are started" /usr/libexec/container-crypt/docker-restart
ok "a container restarted after a boot has its data" wait_for 60 started docker 2
ok "a container restarted after a boot has a new lease, without waiting for the old one's end" test \
	"$(dmctl lease ls --json | jq -r '.leases[] | select(.volume == "vol") | .fence')" -gt "$before"
is "a container without a restart policy stays down after a boot" "$(docker inspect -f '{{.State.Running}}' other)" false
ok "a container without a restart policy starts after a boot" docker start other
ok "a container without a restart policy has its data after a boot" wait_for 20 docker exec other sh -c '[ $(grep -c start /data/log) = 2 ]'
need docker rm -f app other
ok "nothing is left when both containers are removed" wait_for 30 leaves_nothing
is "no lease is left when both containers are removed" "$(dmctl lease ls --json | jq -c .leases)" "[]"
