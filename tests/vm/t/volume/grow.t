#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A LUN grows: dmctl volume grow tells keyd, and the next container has the room, ext4 and xfs; one that runs
# has it at once, its data untouched, also one that has it mounted read-only; one that is read-only by its identity leaves
# it as it is. A LUN that has shrunk is refused.
# vm: udev docker scsi=1 timeout=480 long

. ./lib.sh
. ./bind-lib.sh
plan 43

lv() { lvcreate -q -y -n "$1" -L "$2" --wipesignatures n vg; }
size() { in_app docker df -mP /data | awk 'END {print $2}'; }
sectors() { dmctl volume inspect "$1" --json | jq .sectors; }
run_on() { docker run -d --name app --network none --device container-crypt/volume="$1" app:1; }
gone() { docker rm -f app && wait_for 20 leaves_nothing; }
forgotten() { docker rm -f app && docker volume rm "$1" && wait_for 20 leaves_nothing; }

need host_setup
need tiny_image docker app:1 /bin/sh -c "$app"
truncate -s 2G "$tap_dir/disk"
loop=$(losetup -f --show "$tap_dir/disk")
cleanup losetup -d "$loop"
need vgcreate -q -y vg "$loop"
cleanup vgremove -q -f vg

for fs in ext4 xfs; do
	need lv $fs 400M
	need dmctl volume create --fs $fs $fs /dev/vg/$fs
	need identity $fs docker app:1
	need run_on $fs
	need wait_for 20 started docker 1
	before=$(size)
	need gone
	had=$(sectors $fs)
	ok "$fs: growing a volume that has nothing to grow is success" dmctl volume grow $fs
	is "$fs: growing a volume that has nothing to grow is no change" "$(sectors $fs)" "$had"
	need lvextend -q -L 800M /dev/vg/$fs
	ok "$fs: dmctl volume grow succeeds on a grown LUN" dmctl volume grow $fs
	is "$fs: dmctl volume grow tells keyd the new size" "$(sectors $fs)" $(((800 - 32) * 2048))
	like "$fs: keyd has the new size in its log" "$(dmctl audit ls --json | jq -r '.rows[-1].event + " " + .rows[-1].volume')" \
		"volume.grow $fs"
	ok "$fs: the next container starts on the grown volume" run_on $fs
	ok "$fs: the next container has its data" wait_for 20 started docker 2
	ok "$fs: the next container has the room" test "$(size)" -gt $((before + 300))
	need gone
done
for fs in ext4 xfs; do
	need run_on $fs
	need wait_for 20 started docker 3
	need in_app docker sh -c 'echo before >/data/x; (while echo x; do :; done >/data/y) & echo $! >/data/pid'
	before=$(size)
	need lvextend -q -L 900M /dev/vg/$fs
	like "$fs: dmctl volume grow succeeds while a container runs" "$(dmctl volume grow $fs 2>&1)" "its container has the room now"
	ok "$fs: a running container has the room at once" test "$(size)" -gt $((before + 80))
	ok "$fs: what a running container wrote is there, and it goes on writing" in_app docker sh -c \
		'[ $(cat /data/x) = before ] && kill -0 $(cat /data/pid) && kill $(cat /data/pid) && sync'
	like "$fs: the gate is in its place after growing" "$(dmsetup status container-crypt-$fs)" \
		" gate:$(stat -c %i "/sys/fs/cgroup/docker/$(docker inspect -f '{{.Id}}' app)") "
	like "$fs: growing once more has nothing to do" "$(dmctl volume grow $fs 2>&1)" "has all of"
	need gone
done
# read-only
for fs in ext4 xfs; do
	need docker run -d --name app --network none -v $fs:/data:ro --device container-crypt/volume=$fs app:1
	before=$(size)
	need lvextend -q -L 950M /dev/vg/$fs
	like "$fs: dmctl volume grow succeeds while a container has the volume mounted read-only" "$(dmctl volume grow $fs 2>&1)" \
		"its container has the room now"
	ok "$fs: a container that has the volume mounted read-only has the room" test "$(size)" -gt $((before + 40))
	not_ok "$fs: a container that has the volume mounted read-only cannot write after growing" in_app docker touch /data/z
	need forgotten $fs
	need lvextend -q -L 980M /dev/vg/$fs
	need dmctl volume grow $fs
	need docker run -d --name app --network none -v $fs:/data:ro --device container-crypt/volume=$fs app:1
	ok "$fs: a container started read-only has the room" test "$(size)" -gt $((before + 65))
	need forgotten $fs
	need identity $fs docker app:1 '.readOnly = true'
	need run_on $fs
	before=$(size)
	need lvextend -q -L 1020M /dev/vg/$fs
	like "$fs: with a readOnly identity nothing is written to grow" "$(dmctl volume grow $fs 2>&1)" \
		"its identity is readOnly.*when a container is started whose identity is not"
	is "$fs: with a readOnly identity the volume has the size it had" "$(size)" "$before"
	need gone
	need identity $fs docker app:1
	need run_on $fs
	ok "$fs: the next container that may write has the room" test "$(size)" -gt $((before + 30))
	need gone
done
unlike "no file system saw an error" "$(kernel_log)" "EXT4-fs error|XFS.*(Corruption|error)|Remounting filesystem read-only"
need lvreduce -q -f -y --fs ignore -L 700M /dev/vg/ext4
fails_with 4 "smaller than volume ext4" dmctl volume grow ext4
fails_with 8 "." dmctl volume grow nothing
