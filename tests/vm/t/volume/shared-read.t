#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A volume that is shared for reading: containers of Docker and of Podman have it at the same time, each behind a
# mapping, a gate and a lease of its own; what happens to one of them does not concern the others.
# vm: shared udev docker podman scsi=1 timeout=710 long

. ./lib.sh
. ./bind-lib.sh
plan 33

run_in() { "$1" run -d --name "$2" --network none --device container-crypt/volume=vol "${3-reader:1}"; }
reads() { # ENGINE NAME: from the LUN, not from memory
	echo 3 >/proc/sys/vm/drop_caches
	[ "$("$1" exec "$2" cat /data/word)" = three ]
}
gates() { for m in /dev/mapper/container-crypt-*; do dmsetup status "$m"; done | grep -o 'gate:[0-9]*' | sort -u | wc -l; }
bindings() { dmctl ps --json | jq -r '[.bindings[] | .containerName] | sort | join(" ")'; }
only() { [ "$(bindings)" = "$1" ]; }

need host_setup
need dmctl volume create vol "$(lun 0)"
need tiny_image docker writer:1 /bin/sh -c 'echo three >/data/word; sync; exec sleep 1000'
need tiny_image docker reader:1 /bin/sh -c 'cat /data/word; exec sleep 1000'
need sh -c 'docker save reader:1 | podman load'
need identity vol docker writer:1
need run_in docker app writer:1
need wait_for 20 docker exec app cat /data/word

ok "a volume is made shared while a container has it for itself" dmctl volume set vol --shared-read yes
fails_with 125 "bound to container app" run_in docker one writer:1
docker rm -f one >/dev/null
ok "a container goes on when its volume is made shared" docker exec app sh -c 'echo three >/data/word; sync'
need docker rm -f app
need wait_for 20 leaves_nothing
need identity vol docker reader:1 '.readOnly = true'

ok "a container of Docker has it for reading" run_in docker one
ok "another container of Docker has the volume at the same time" run_in docker two
ok "a container of Podman has the volume at the same time" run_in podman three docker.io/library/reader:1
is "all three containers are bound" "$(bindings)" "one three two"
is "each of three containers has a lease of its own" "$(dmctl lease ls --json |
	jq -c '[.leases[] | .shared] + [(.leases | map(.fence) | unique | length)]')" "[true,true,true,3]"
is "each of three containers is behind a gate of its own" "$(gates)" 3
is "dmctl ps fits 80 columns" "$(dmctl ps | awk 'length > 80')" ""
ok "the first container reads" reads docker one
ok "the second container reads" reads docker two
ok "the third container reads" reads podman three
like "a shared volume is mounted read-only" "$(docker exec one grep ' /data ' /proc/mounts)" " ext4 ro,"
not_ok "a shared volume takes no data" docker exec one touch /data/x
unlike "a shared volume is on no mount table of the host" "$(cat /proc/self/mountinfo)" container-crypt
fails_with 5 "is in use on this host|leased to" dmctl volume rm --yes vol

# what happens to one
fails_with 125 "args: " docker run --rm --name four --network none --device container-crypt/volume=vol \
	--entrypoint /bin/true reader:1
ok "one more container that is refused leaves the others bound" only "one three two"
ok "binding one of several containers again succeeds" dmctl bind --engine docker vol two
need docker rm -f one
ok "one container's end leaves the others bound" wait_for 20 only "three two"
ok "the second container still reads after the first has ended" reads docker two
ok "the third container still reads after the first has ended" reads podman three
stop "$agent_pid" KILL
need start_agent
ok "the next agent adopts all containers of a volume" only "three two"
ok "the next agent undoes nothing of a shared volume" reads podman three
need docker kill two
ok "the next agent sees one of several containers end" wait_for 20 only three
ok "a container that ended may start again beside the other" sh -c 'docker start two'
ok "a container that started again reads" reads docker two
need identity vol docker reader:1 # and for writing
fails_with 125 "leased to container" run_in docker app
docker rm -f app >/dev/null
ok "dmctl unbind takes the volume from all containers" dmctl unbind vol
ok "nothing is left after dmctl unbind" leaves_nothing
is "no lease is left after dmctl unbind" "$(dmctl lease ls --json | jq -c .leases)" "[]"
remove_containers >/dev/null 2>&1

# XFS does not like to be mounted twice
truncate -s 400M "$tap_dir/file"
loop=$(losetup -f --show "$tap_dir/file")
cleanup losetup -d "$loop"
need dmctl volume create --fs xfs --shared-read yes vol2 "$loop"
need identity vol2 docker reader:1 '.readOnly = true'
two() { docker run -d --network none --device container-crypt/volume=vol2 reader:1; }
ok "a volume with xfs is shared by two containers" sh -c "$(declare -f two); two && two"
