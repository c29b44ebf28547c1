#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What a neighbour may be like without costing a healthy container its lease: one with 12 000 groups, a device of the
# host that never answers, a Docker daemon that is away (live-restore).
# vm: udev docker scsi=3 timeout=700 long

. ./lib.sh
. ./bind-lib.sh
. ./lease-lib.sh
plan 16

said() { grep -c "$1" "$tap_dir/agent.log"; }
lease_of() { dmctl ps --json | jq -r ".bindings[] | select(.volume == \"$1\").lease.state"; }
bad_is() { [ "$(lease_of bad)" = "$1" ]; }
groups='i=0; while [ $i -lt 12000 ]; do echo "g$i:x:$((20000 + i)):root"; i=$((i + 1)); done >/etc/group'

need host_setup
need writer_setup docker --lease 24s
need dmctl volume create bad "$(lun 1)" --lease 24s
need wait_for 10 test -e /var/run/cdi/container-crypt-bad.json
need tiny_image docker bad:1 /bin/sh -c 'exec sleep 100000'
need identity bad docker bad:1
need run_app docker app:1
need docker run -d --name bad --network none --device container-crypt/volume=bad bad:1

bundle() { echo /run/docker/containerd/daemon/io.containerd.runtime.v2.task/moby/"$(docker inspect -f '{{.Id}}' "$1")"; }
need docker exec bad sh -c "$groups"
before=$(renewals)
ok "beside a container with 12 000 groups the other's lease is renewed again and again" wait_for 120 renewed $((before + 7))
is "the container with 12 000 groups keeps its own lease: its user is the image's" "$(lease_of bad)" active
# one whose bundle is gone
need mv "$(bundle bad)/config.json" "$tap_dir/kept"
before=$(renewals)
ok "beside a container that cannot be measured the other's lease is renewed again and again" wait_for 120 renewed $((before + 7))
like "the agent says whose lease is not renewed, and why" "$(cat "$tap_dir/agent.log")" \
	"volume bad: its lease is not renewed: .*config.json"
ok "the container that cannot be measured is frozen" wait_for 60 bad_is frozen
is "the neighbour of a frozen container is not frozen" "$(lease_of vol)" active
ok "the neighbour of a frozen container writes on" counts_on

# a device that never answers, and one that is suspended
need modprobe dm_delay
size=$(blockdev --getsz "$(lun 2)")
# it answers when it is suspended
cleanup sh -c 'dmsetup suspend --noudevsync never; dmsetup remove --noudevsync never'
need dmsetup create never --noudevsync --noudevrules --table "0 $size delay $(lun 2) 0 7200000"
ok "beside a device that never answers a container starts" timeout 100 docker restart -t 0 app
ok "beside it a container starts again" timeout 100 docker restart -t 0 app
waiting() { ps -eo stat=,comm= | grep -c '^D.* dmctl'; }
ok "at most one process of ours waits for that device, however often it is met" [ "$(waiting)" -le 1 ]
before=$(renewals)
ok "beside it leases are renewed" wait_for 60 renewed $((before + 3))
ok "beside it the agent can be restarted" sh -c "kill -KILL $agent_pid"
need start_agent
ok "the next agent renews what it finds" wait_for 60 renewed $((before + 5))

# live-restore
start_dockerd() {
	rm -f /run/docker.pid
	dockerd >>"$tap_dir/dockerd.log" 2>&1 &
	disown # not to be waited for at the end
	wait_for 90 docker info
}
need sh -c 'jq ".\"live-restore\" = true" /etc/docker/daemon.json >/tmp/daemon.json && mv /tmp/daemon.json /etc/docker'
need pkill -HUP -x dockerd
need wait_for 30 sh -c "docker info -f '{{.LiveRestoreEnabled}}' | grep true"
need pkill -KILL -x dockerd
before=$(renewals) lapses=$(said 'volume vol: its lease')
ok "while dockerd is away leases are renewed" wait_for 120 renewed $((before + 7))
is "while it is away no lease ends" "$(($(said 'volume vol: its lease') - lapses))" 0
need start_dockerd
was=$(writes_to_lun)
more_writes() { [ "$(writes_to_lun)" -gt "$was" ]; }
ok "when dockerd is back the container runs on" wait_for 40 more_writes
