#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# dmctl bind and unbind for containers that run already, and everything that can be wrong about
# the request: a clear error, its exit status, nothing changed.
# vm: shared udev docker podman scsi=2 timeout=510 long

. ./lib.sh
. ./bind-lib.sh
plan 31

idle() { docker run -d --name "$1" --network none idle:1; }

need host_setup
need dmctl volume create vol "$(lun 0)"
need tiny_image docker idle:1
fails_with 8 "container nothing" dmctl bind vol nothing
need idle one
fails_with 6 "identity" dmctl bind vol one
need identity vol docker idle:1
fails_with 8 "none" dmctl bind none one
ok "a dry run says that it would work" dmctl bind --dry-run vol one
ok "a dry run of dmctl bind changes nothing" leaves_nothing
ok "dmctl bind binds a running container" dmctl bind vol one
ok "after dmctl bind the volume is mounted in the container" docker exec one grep ' /data ext4' /proc/mounts
unlike "after dmctl bind the host's mount table does not have the volume" "$(cat /proc/self/mountinfo)" container-crypt
ok "binding a bound container again succeeds" dmctl bind vol one
need idle two
fails_with 5 "bound to container one" dmctl bind vol two
need docker exec -d one sh -c 'exec 5>/data/open; sleep 1000'
wait_for 10 docker exec one ls /data/open
fails_with 5 "uses /data.*process [0-9]* (sleep) of docker container $(docker inspect -f '{{printf "%.12s" .Id}}' one) has a file of it open" \
	dmctl unbind vol
ok "after a refused unbind the container still has the volume" docker exec one ls /data/open
need docker exec one sh -c 'kill $(ps | grep "sleep 1000" | grep -v grep | grep -v "^ *1 " | sed "s/^ *//; s/ .*//")'
ok "dmctl unbind takes the volume away from a running container" wait_for 20 dmctl unbind vol
not_ok "after dmctl unbind the container does not have the volume any more" docker exec one grep ' /data ' /proc/mounts
ok "dmctl unbind leaves nothing behind" leaves_nothing
ok "unbinding an unbound volume succeeds" dmctl unbind vol
need dmctl bind vol one
need docker exec -d one sh -c 'exec 5>/data/open; sleep 1000'
wait_for 10 docker exec one ls /data/open
ok "dmctl unbind --force takes the volume away from a container that uses it, or says who holds it" sh -c \
	'text=$(dmctl unbind --force vol 2>&1) || case $text in *"its key is wiped"*"(sleep) of docker container"*) ;; *) echo "$text"; false ;; esac'
need docker exec one sh -c 'kill $(ps | grep "sleep 1000" | grep -v grep | grep -v "^ *1 " | sed "s/^ *//; s/ .*//")'
ok "when the process that held the volume is gone nothing is left of a forced unbind" wait_for 70 leaves_nothing
ok "the container itself goes on after a forced unbind" docker exec one true
ok "dmctl bind takes the LUN in place of the volume's name" dmctl bind "$(lun 0)" two
need dmctl unbind vol
fails_with 4 "." dmctl bind "$(lun 1)" two
need docker create --name three --network none idle:1
fails_with 8 "has no process" dmctl bind vol three
need idle four
need docker exec four sh -c 'echo x >/bin/new'
fails_with 6 "rootfs: .*/bin/new" dmctl bind vol four
is "measure names the image by its id" \
	"$(dmctl identity measure one --json | jq -r '.. | .image? // empty | .id')" "$(image_id docker idle:1)"
ok "refused binds leave nothing behind" leaves_nothing
need podman run -d --name one --network none docker-daemon:idle:1
fails_with 1 "both docker and podman" dmctl bind vol one
ok "dmctl bind --engine decides between two containers of one name" dmctl bind --engine docker vol one
stop "$agent_pid"
ok "the container keeps the volume while the agent is down" docker exec one grep ' /data ext4' /proc/mounts
fails_with 7 "agent" dmctl bind vol one
need start_agent
ok "a new agent answers for what the one before it had bound" dmctl ps --json
need docker kill one
ok "a new agent undoes an adopted binding when the container ends" wait_for 20 leaves_nothing
