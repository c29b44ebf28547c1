#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The gate's lines "open" and "look" against neighbours: containers that are given the device, have all privileges or share the
# container's processes; and Podman's containers. A host that cannot have the lines binds nothing unless it is told to.
# vm: udev docker podman scsi=2 timeout=900 long

. ./lib.sh
. ./bind-lib.sh
plan 29

mapping=/dev/mapper/container-crypt-vol
lines() { dmctl ps --json | jq -c '.bindings[] | select(.volume == "vol") | .gate'; }
both='{"open":true,"look":true}'
finding() { dmctl doctor --json | jq -r --arg n "$1" '.checks[] | select(.name == $n) | .state + ": " + .text'; }
pid_of() { "$1" inspect -f '{{.State.Pid}}' "$2"; }

need host_setup
need app_setup docker
need tiny_image docker thief:1 /bin/sleep 1000

# A neighbour that joins is admitted here, so that it is the gate that keeps it out.
need identity vol docker app:1 '.sharedNamespaces = ["pid"]'
ok "the container starts" run_app docker app:1
ok "the bound program has the volume" wait_for 20 started docker 1
need docker exec app sh -c 'mkdir /data/secret-dir; echo secret-text >/data/secret-dir/secret-name; sync'
dev=$(dmsetup info -c --noheadings -o major,minor container-crypt-vol)

# ---- neighbours ----
ok "a container that is given the device starts" docker run -d --name given --network none --device "$mapping" thief:1
ok "a container that is given the device finds it there" docker exec given sh -c "[ -b $mapping ]"
not_ok "a container that is given the device does not open it" docker exec given dd if="$mapping" of=/dev/null bs=4k count=1
ok "a privileged container starts" docker run -d --name privileged --network none --privileged thief:1
ok "a privileged container may make nodes" docker exec privileged sh -c "busybox mknod /tmp/n b ${dev%:*} ${dev#*:}"
for path in "$mapping" /tmp/n; do
	not_ok "a privileged container does not open $path" docker exec privileged dd if="$path" of=/dev/null bs=4k count=1
done
not_ok "a privileged container does not mount the mapping" docker exec privileged mount -t ext4 /tmp/n /data
not_ok "a privileged container does not mount the mapping read-only" docker exec privileged mount -t ext4 -o ro /tmp/n /data
need docker rm -f given privileged
ok "a privileged container starts in the container's process namespace" \
	docker run -d --name joined --network none --privileged --pid container:app thief:1
for how in "ls /proc/1/root/data" "cat /proc/1/root/data/secret-dir/secret-name" "df /proc/1/root/data"; do
	# shellcheck disable=SC2086 # words
	not_ok "a privileged container that shares the process namespace does not look into the volume: $how" docker exec joined $how
	need docker exec app ${how//\/proc\/1\/root/}
done
need docker rm -f joined
need docker rm -f app
need wait_for 20 leaves_nothing

# ---- Podman ----
need tiny_image podman app:1 /bin/sh -c "$app"
need identity vol podman app:1
ok "podman run" run_app podman app:1
ok "the program bound by Podman has the volume" wait_for 20 started podman 2
is "both lines stand for Podman's container" "$(lines)" "$both"
pid=$(pid_of podman app)
not_ok "nobody opens the mapping of Podman's container" dd if="$mapping" of=/dev/null bs=4k count=1
not_ok "nobody looks into the volume of Podman's container" ls "/proc/$pid/root/data"
is "podman exec starts in the volume" "$(podman exec -w /data/secret-dir app cat secret-name)" secret-text
need podman rm -f -t 0 app
need wait_for 20 leaves_nothing

# ---- hosts that cannot ----
stop "$agent_pid"
echo lockdown,capability,yama >"$tap_dir/lsm"
need mount --bind "$tap_dir/lsm" /sys/kernel/security/lsm
cleanup umount /sys/kernel/security/lsm
need start_agent
like "doctor names what is missing" "$(finding 'gate: look')" '"bpf" is not in /sys/kernel/security/lsm'
need identity vol docker app:1
ok "nothing is bound where the kernel cannot keep a line" refused docker 'the gate'\''s line "look" cannot be raised' app:1
stop "$agent_pid"
agent_options='--without-gate look'
need start_agent
like "doctor warns of an agent that was told to go without a line" "$(finding 'gate: look')" '^warn: .*told to go without'
ok "the container starts under an agent that was told to go without a line" run_app docker app:1
is "ps says which line does not stand" "$(lines)" '{"open":true,"look":false}'
ok "without the line look root sees into the container" ls "/proc/$(pid_of docker app)/root/data"
not_ok "without the line look the line open holds" dd if="$mapping" of=/dev/null bs=4k count=1
fails_with 1 "open, look or open,look" dmctl agent --without-gate ajar
