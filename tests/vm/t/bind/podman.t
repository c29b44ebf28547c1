#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# podman run --device container-crypt/volume=NAME, with crun and with runc, with a read-only root, in
# a user namespace, prepared with podman init: bound before the program, seen by nobody else.
# vm: shared udev podman scsi=1 timeout=410 newest

. ./lib.sh
. ./bind-lib.sh
plan 23

data_mount() { in_app podman grep ' /data ' /proc/mounts | cut -d' ' -f2-4 | cut -d, -f1-3; }
gone() { podman rm -f -t 0 app && wait_for 20 leaves_nothing; }

need host_setup
need app_setup podman
for runtime in crun runc; do
	ok "podman run with $runtime starts the container" \
		podman --runtime $runtime run -d --name app --network none \
		--device container-crypt/volume=vol app:1
	is "$runtime: the volume is mounted in the container" "$(data_mount)" "/data ext4 rw,nosuid,nodev"
	unlike "$runtime: no mount table of the host has it" "$(cat /proc/self/mountinfo)" container-crypt
	ok "$runtime: nothing is left behind when it ends" gone
done
ok "a container that is removed at its end (--rm) starts with the volume" run_app podman --rm app:1
ok "nothing is left behind of a container with --rm" gone
ok "a container with a read-only root starts with the volume" run_app podman --read-only app:1
is "a container with a read-only root has its volume mounted" "$(data_mount)" "/data ext4 rw,nosuid,nodev"
need gone
ok "a container in a user namespace starts with the volume" run_app podman --uidmap 0:100000:65536 --gidmap 0:100000:65536 app:1
is "a container in a user namespace sees its files with its own ids" "$(in_app podman busybox stat -c %u /data/log)" 0
need gone
is "what root wrote in a user namespace is root's on the volume" "$(run_app podman app:1 >/dev/null && in_app podman busybox stat -c %u /data/log)" 0
need gone
need podman create --name app --network none app:1
fails_with 8 "podman init app" dmctl bind vol app
need podman init app
ok "dmctl bind binds a container that podman init prepared" dmctl bind vol app
need podman start app
ok "the program of a container that podman init prepared finds the volume" wait_for 10 in_app podman grep -q start /data/log
is "dmctl ps shows volume, engine and name of Podman's container" \
	"$(dmctl ps --json | jq -r '.bindings[] | [.volume, .engine, .containerName] | join(" ")')" \
	"vol podman app"
ok "podman stop succeeds on a bound container" podman stop -t 0 app
ok "podman stop leaves nothing of the binding behind" wait_for 20 leaves_nothing
need podman rm app

# without CDI: hooks.d, by annotation
mkdir -p "$tap_dir/hooks.d"
jq -n '{version: "1.0.0", stages: ["createRuntime"],
	hook: {path: "/usr/libexec/container-crypt/container-crypt-hook",
		args: ["container-crypt-hook", "--volume", "vol"], env: [], timeout: 60},
	when: {annotations: {"^container-crypt/volume$": "^vol$"}}}' >"$tap_dir/hooks.d/vol.json"
ok "a container that asks through hooks.d starts" podman --hooks-dir "$tap_dir/hooks.d" run -d --name app \
	--network none --annotation container-crypt/volume=vol app:1
is "a container that asks through hooks.d has the volume mounted" "$(data_mount)" "/data ext4 rw,nosuid,nodev"
need gone
