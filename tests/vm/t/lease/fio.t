#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A lease lapses under fio in a container and comes back: no write that was acknowledged is lost or torn, and fio sees no
# error, whether the container is frozen or its I/O waits in the kernel.
# vm: udev docker scsi=2 timeout=600 long

. ./lib.sh
. ./bind-lib.sh
. ./lease-lib.sh
plan 14

need host_setup

# An image with fio: writes for about a minute, synced, direct and buffered, then reads back what it wrote.
fio_image() {
	local entry

	tiny_tree "$tap_dir/fio"
	with_program "$tap_dir/fio" /usr/bin/fio
	entry=$(jq -cn '$ARGS.positional' --args -- /usr/bin/fio --directory=/data --size=24m --verify=crc32c --verify_fatal=1 \
		--rate=,500k --fallocate=none --name=synced --rw=randwrite --bs=4k --fsync=1 \
		--name=direct --rw=randwrite --bs=16k --direct=1 --ioengine=libaio --iodepth=4 \
		--name=buffered --rw=write --bs=64k --end_fsync=1)
	tar -c -C "$tap_dir/fio" . | docker import --change "ENTRYPOINT $entry" - fio:1
	rm -rf "$tap_dir/fio"
}

locked() { dmsetup status "container-crypt-$1" | grep -q ' container-crypt locked '; }
unlocked() { dmsetup status "container-crypt-$1" | grep -q ' container-crypt active '; }

trial() {
	local name=$1 volume=$2 number=$3

	shift 3
	need dmctl volume create "$volume" "$(lun "$number")" --lease 12s "$@"
	need wait_for 10 test -e "/var/run/cdi/container-crypt-$volume.json"
	need identity "$volume" docker fio:1
	ok "$name: fio runs in the container" docker run -d --name app --network none --device "container-crypt/volume=$volume" fio:1
	writes() { [ "$(dmsetup status "container-crypt-$volume" | grep -o 'writes:[0-9]*' | cut -d: -f2)" -gt "$1" ]; }
	need wait_for 60 writes 100
	for _ in 1 2; do
		need stop "$keyd_pid"
		need wait_for 60 locked "$volume"
		need start_keyd
		need wait_for 60 unlocked "$volume"
	done
	ok "$name: the lease lapsed twice" test "$(dmsetup status "container-crypt-$volume" | grep -o 'locks:[0-9]*')" = locks:2
	not_ok "$name: fio was not through when the lease had lapsed twice" container_is exited
	ok "$name: fio ends after the lapses" wait_for 200 container_is exited
	is "$name: fio ends without an error, every block as it was written" "$(docker inspect -f '{{.State.ExitCode}}' app)" 0
	need docker rm -f app
	ok "$name: nothing is left after fio" wait_for 30 leaves_nothing
	unlike "$name: the file system saw no error" "$(kernel_log)" "I/O error|EXT4-fs error|remounting"
}

need fio_image
trial frozen one 0
trial waiting two 1 --on-lapse continue --on-lock queue:300000
