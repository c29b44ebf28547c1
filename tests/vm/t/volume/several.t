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
ok "a container with two volumes starts" docker run -d --name two --network none \
	--device container-crypt/volume=vol --device container-crypt/volume=two app:1
like "a container with two volumes has the first" "$(mounted two /data)" "container-crypt-vol /data ext4"
like "a container with two volumes has the second" "$(mounted two /more)" "container-crypt-two /more ext4"
is "each of two volumes has a lease" "$(dmctl lease ls --json | jq '.leases | length')" 2
ok "both volumes are taken away at the container's end" gone two
ok "a container may have only one of two volumes" docker run -d --name two --network none --device container-crypt/volume=two app:1
ok "a container with one of two volumes leaves nothing" gone two
need identity two docker app:1 '.mountPoint = "/elsewhere" | .image.configDigest = "sha256:" + ("0" * 64)'
fails_with 125 "image: identity wants sha256:0000" docker run --name two --network none \
	--device container-crypt/volume=vol --device container-crypt/volume=two app:1
ok "a container refused one of two volumes leaves nothing" gone two

# one volume, two containers
need run_app docker app:1
fails_with 125 "bound to container app|leased to container" docker run --name two --network none \
	--device container-crypt/volume=vol app:1
docker rm -f two >/dev/null
ok "a container refused a second volume leaves the first to its holder" in_app docker ls /data/log
need gone app

# xfs, on a loop file
truncate -s 400M "$tap_dir/file"
loop=$(losetup -f --show "$tap_dir/file")
cleanup losetup -d "$loop"
ok "a volume with xfs on a loop file is made" dmctl volume create --fs xfs loop "$loop"
need identity loop docker app:1
need docker run -d --name two --network none --device container-crypt/volume=loop app:1
like "a volume with xfs is mounted as such" "$(mounted two /data)" "container-crypt-loop /data xfs rw,nosuid,nodev"
need wait_for 10 in_two grep -q start /data/log
need gone two
need docker run -d --name two --network none --device container-crypt/volume=loop app:1
ok "a volume on a loop file is found again" wait_for 20 in_two sh -c '[ $(grep -c start /data/log) = 2 ]'
need gone two

# a logical volume
need dmctl volume rm --yes --wipe-header two
need vgcreate -q -y vg "$(lun 1)"
cleanup vgremove -q -f vg
need lvcreate -q -y -n lv -L 100M --wipesignatures n vg
ok "a volume on a logical volume is made" dmctl volume create lv /dev/vg/lv
need identity lv docker app:1
ok "a volume on a logical volume is bound" docker run -d --name two --network none --device container-crypt/volume=lv app:1
like "a logical volume is bound by a name that stays" "$(dmctl ps --json | jq -r '.bindings[0].device')" "^/dev/(disk/by-id/|vg/|mapper/vg)"
need gone two

# names
need dmctl volume rm --yes --wipe-header lv
lvremove -qfy vg/lv >/dev/null
lvcreate -q -y -n lv -L 100M --wipesignatures n vg >/dev/null
need dmctl volume rm --yes --wipe-header vol
text=$(dmctl volume create vol "$(readlink -f "$(lun 0)")" 2>&1 >/dev/null)
like "a volume made on /dev/sdX is named by its stable name" "$text" "volume vol on /dev/disk/by-id/"
need identity vol docker app:1
need run_app docker app:1
like "a volume made on /dev/sdX is bound by its stable name" "$(dmctl ps --json | jq -r '.bindings[0].device')" "^/dev/disk/by-id/"
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
ok "docker compose up starts the container" compose up -d
like "docker compose up mounts the volume" "$(mounted app /data)" "container-crypt-vol /data ext4"
ok "the program under docker compose found its volume" wait_for 20 in_app docker grep -q start /data/log
ok "docker compose restart succeeds" compose restart -t 0
ok "docker compose restart finds the data" wait_for 20 in_app docker sh -c '[ $(grep -c start /data/log) -ge 2 ]'
ok "docker compose down -v succeeds" compose down -t 0 -v
cd / || exit
is "docker compose down -v keeps the data" "$(dmctl volume inspect vol --json | jq -r .state)" ready
ok "docker compose down -v leaves nothing" wait_for 20 leaves_nothing
