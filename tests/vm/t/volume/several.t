#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Several volumes in one container, xfs on a loop file, a logical volume, a container made by Compose on the
# volume plugin, and no device by a name that can move.
# vm: udev docker scsi=2 timeout=420 long

. ./lib.sh
. ./bind-lib.sh
plan 27

in_two() { docker exec two "$@"; }
mounted() { docker exec "$1" grep " $2 " /proc/mounts | tail -n 1; }
gone() { docker rm -f "$1" && wait_for 20 leaves_nothing; }

need host_setup
need app_setup docker

# two volumes, each with an identity of its own
need dmctl volume create two "$(lun 1)"
need identity two docker app:1 '.mountPoint = "/more"'
ok "a container with two volumes" docker run -d --name two --network none \
	--device container-crypt/volume=vol --device container-crypt/volume=two app:1
like "has the one" "$(mounted two /data)" "container-crypt-vol /data ext4"
like "and the other" "$(mounted two /more)" "container-crypt-two /more ext4"
is "each with a lease" "$(dmctl lease ls --json | jq '.leases | length')" 2
ok "both are taken away at its end" gone two
ok "it may have only one" docker run -d --name two --network none --device container-crypt/volume=two app:1
ok "which leaves nothing" gone two
need identity two docker app:1 '.mountPoint = "/elsewhere" | .image.configDigest = "sha256:" + ("0" * 64)'
fails_with 125 "image: identity wants sha256:0000" docker run --name two --network none \
	--device container-crypt/volume=vol --device container-crypt/volume=two app:1
ok "of a container that may have only one of two nothing is left" gone two

# one volume, two containers
need run_app docker app:1
fails_with 125 "bound to container app|leased to container" docker run --name two --network none \
	--device container-crypt/volume=vol app:1
docker rm -f two >/dev/null
ok "the first keeps it" in_app docker ls /data/log
need gone app

# xfs, on a loop file
truncate -s 400M "$tap_dir/file"
loop=$(losetup -f --show "$tap_dir/file")
cleanup losetup -d "$loop"
ok "xfs on a loop file" dmctl volume create --fs xfs loop "$loop"
need identity loop docker app:1
need docker run -d --name two --network none --device container-crypt/volume=loop app:1
like "is mounted as such" "$(mounted two /data)" "container-crypt-loop /data xfs rw,nosuid,nodev"
need wait_for 10 in_two grep -q start /data/log
need gone two
need docker run -d --name two --network none --device container-crypt/volume=loop app:1
ok "and found again" wait_for 20 in_two sh -c '[ $(grep -c start /data/log) = 2 ]'
need gone two

# a logical volume
need dmctl volume rm --yes --wipe-header two
need vgcreate -q -y vg "$(lun 1)"
cleanup vgremove -q -f vg
need lvcreate -q -y -n lv -L 100M --wipesignatures n vg
ok "a logical volume" dmctl volume create lv /dev/vg/lv
need identity lv docker app:1
ok "is bound" docker run -d --name two --network none --device container-crypt/volume=lv app:1
like "by a name that stays" "$(dmctl ps --json | jq -r '.bindings[0].device')" "^/dev/(disk/by-id/|vg/|mapper/vg)"
need gone two

# names
need dmctl volume rm --yes --wipe-header lv
lvremove -qfy vg/lv >/dev/null
lvcreate -q -y -n lv -L 100M --wipesignatures n vg >/dev/null
need dmctl volume rm --yes --wipe-header vol
text=$(dmctl volume create vol "$(readlink -f "$(lun 0)")" 2>&1 >/dev/null)
like "of /dev/sdX its stable name is used" "$text" "volume vol on /dev/disk/by-id/"
need identity vol docker app:1
need run_app docker app:1
like "also for the binding" "$(dmctl ps --json | jq -r '.bindings[0].device')" "^/dev/disk/by-id/"
need gone app

# Compose
if ! docker compose version >/dev/null 2>&1; then compose() { docker-compose "$@"; }; else compose() { docker compose "$@"; }; fi
cat >"$tap_dir/compose.yaml" <<'END'
services:
  db:
    image: app:1
    container_name: app
    network_mode: none
    volumes: ["vol:/data"]
    deploy:
      resources:
        reservations:
          devices:
            - driver: cdi
              device_ids: ["container-crypt/volume=vol"]
              capabilities: [container-crypt]
volumes:
  vol:
    name: vol
    driver: container-crypt
END
cd "$tap_dir" || exit
ok "docker compose up" compose up -d
like "mounts the volume" "$(mounted app /data)" "container-crypt-vol /data ext4"
ok "its program found it" wait_for 20 in_app docker grep -q start /data/log
ok "docker compose restart" compose restart -t 0
ok "finds the data" wait_for 20 in_app docker sh -c '[ $(grep -c start /data/log) -ge 2 ]'
ok "docker compose down -v" compose down -t 0 -v
cd / || exit
is "keeps the data" "$(dmctl volume inspect vol --json | jq -r .state)" ready
ok "and leaves nothing" wait_for 20 leaves_nothing
