#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The volume plugin under Podman: containers.conf names the socket; errors reach the user; within its five
# seconds also where a volume takes longer to make. A Podman that an ordinary user runs gets no volume, and is told why.
# vm: udev podman scsi=1 timeout=420 long

. ./lib.sh
. ./bind-lib.sh
plan 30

need host_setup
podman_plugin
need tiny_image podman app:1 /bin/sh -c "$app"

fails_with 125 "keyd has no volume pgdata; create it with -o device=" \
	podman volume create -d container-crypt pgdata
made() { podman volume create -d container-crypt -o device="$(lun 0)" pgdata; }
ok "podman volume create makes the volume, at the second try where the first took too long" \
	wait_for 60 made
is "keyd has the volume that podman volume create made" "$(dmctl volume inspect pgdata --json | jq -r .state)" ready
ok "podman volume inspect shows the volume" podman volume inspect pgdata
is "without the device the container sees the placeholder only" \
	"$(podman run --rm -v pgdata:/data --entrypoint /bin/ls app:1 /data)" README.container-crypt
not_ok "the placeholder takes no data" podman run --rm -v pgdata:/data --entrypoint /bin/touch app:1 /data/x
need identity pgdata podman app:1
ok "podman run -v with the device starts a container" podman run -d --name app -v pgdata:/data \
	--device container-crypt/volume=pgdata app:1
ok "the program of podman run -v found its volume" wait_for 10 started podman 1
like "the volume lies over the placeholder" "$(in_app podman grep ' /data ' /proc/mounts | tail -n 1)" " ext4 "
ok "podman restart succeeds" podman restart -t 0 app
ok "podman restart finds the data again" wait_for 20 started podman 2
need podman rm -f -t 0 app
need wait_for 20 no_bindings
ok "podman run -v with options starts a container" podman run -d --name app -v pgdata:/data:ro,noexec \
	--device container-crypt/volume=pgdata app:1
like "the options of podman run -v hold for the volume, too" "$(in_app podman grep ' /data ' /proc/mounts | tail -n 1)" \
	" ext4 ro,nosuid,nodev,noexec"
not_ok "a volume with the option ro takes no data" in_app podman touch /data/x
stop "$agent_pid"
not_ok "without the agent no volume is made" \
	timeout 60 podman volume create -d container-crypt -o name=pgdata other
need start_agent
ok "podman rm removes the container" podman rm -f -t 0 app
ok "podman volume rm removes the engine's volume" podman volume rm pgdata
is "podman volume rm leaves the data" "$(dmctl volume inspect pgdata --json | jq -r .state)" ready
ok "nothing is left when container and volume are removed" wait_for 20 leaves_nothing

# rootless: plugin and agent are root's, and the hook runs as the user
need rootless_setup
run_as_user() { as_user podman run --rm --cgroups=disabled --network none "$@" 2>&1; }
is "an ordinary user's container runs" "$(run_as_user app:1 | tail -n 1)" "it runs"
not_ok "an ordinary user's Podman makes no volume" as_user podman volume create -d container-crypt pgdata
text=$(run_as_user --device container-crypt/volume=pgdata app:1)
status=$?
is "an ordinary user's container with the device does not start" $status 126
like "an ordinary user's container does not start because of the hook's status 2" "$text" "container-crypt-hook.*exit code: 2"
unlike "the program of an ordinary user's refused container is not run" "$text" "it runs"
text=$(run_as_user -v pgdata:/data --device container-crypt/volume=pgdata app:1)
unlike "the program of an ordinary user's container with -v is not run" "$text" "it runs"
like "an ordinary user's container with -v does not start because of the hook's status 2" "$text" "container-crypt-hook.*exit code: 2"
hook() { as_user /usr/libexec/container-crypt/container-crypt-hook --volume pgdata </dev/null; }
fails_with 2 "container-crypt: an engine that an ordinary user runs cannot have volumes.*sudo podman" hook
not_ok "an ordinary user does not get at the agent" as_user dmctl bind pgdata app
# the wall: were it mounted there, as its agent would, with the container's ids
need as_user podman run -d --name theirs --cgroups=disabled --network none --entrypoint /bin/sleep app:1 1000
their_pid=$(as_user podman inspect -f '{{.State.Pid}}' theirs)
need nsenter -t "$their_pid" -m /bin/sh -c 'mount -t tmpfs -o uid=1000,gid=1000,mode=700 secret /tmp && echo plaintext >/tmp/word'
like "what root mounts into an ordinary user's container is that user's to read, by a process that nobody attested" \
	"$(as_user podman unshare nsenter -t "$their_pid" -m /bin/cat /tmp/word 2>&1)" "^plaintext$"
need as_user podman rm -f -t 0 theirs
ok "nothing is left of an ordinary user's attempts" leaves_nothing
