#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What is written is what is read: sizes, depths, engines, buffers that cross pages, file systems.
# vm: shared udev scsi=2 timeout=820 long

. ./kmod-lib.sh
plan 34
tool blockcheck

add_key k "$(random_key 64)"

# verify NAME OPTION...: fio writes and verifies 24 MiB in all
verify() {
	local name=$1

	shift
	ok "fio $*" fio --name="$name" --filename=/dev/mapper/m --size=24M --direct=1 --verify=crc32c \
		--verify_fatal=1 --do_verify=1 --randseed=7 --minimal "$@"
}

backing loop 64
for size in 512 4096; do
	need cc_create m "$loop" sector_size:$size
	need cc_unlock m k
	is "the logical block size is the sector size" "$(blockdev --getss /dev/mapper/m)" $size
	verify a --ioengine=psync --rw=write --bs=1M
	verify b --ioengine=psync --rw=randwrite --bsrange=4k-256k --bs_unaligned=0 --blockalign=4k
	verify c --ioengine=libaio --rw=randwrite --bs=4k --iodepth=32
	verify d --ioengine=io_uring --rw=randwrite --bs=16k --iodepth=16
	verify e --ioengine=io_uring --rw=write --bs=4M --iodepth=2
	verify f --ioengine=io_uring --rw=randwrite --bs=4k --iodepth=8 --fixedbufs --registerfiles
	verify g --ioengine=libaio --rw=randrw --bssplit=4k/50:64k/30:512k/20 --iodepth=8
	verify h --ioengine=psync --rw=randwrite --bs=8k --direct=0 --fsync=16
	need dm_remove m
done
need cc_create m "$loop" sector_size:512
need cc_unlock m k
verify i --ioengine=libaio --rw=randwrite --bs=512 --iodepth=8 --size=4M
ok "buffers that start 512 bytes into a page, 512-byte sectors" \
	"$blockcheck" -t 3 -u 512 -m 256 -o 512 /dev/mapper/m
need dm_remove m
need cc_create m "$loop" sector_size:4096
need cc_unlock m k
for at in 512 1536 3584; do
	ok "encryption sectors that cross pages: buffers $at bytes into one" \
		"$blockcheck" -t 3 -m 300 -o $at /dev/mapper/m
done
fails_with 1 'Invalid argument' dd if=/dev/mapper/m of=/dev/null bs=512 count=1 iflag=direct
ok "preadv2 and pwritev2 with RWF_NOWAIT" "$blockcheck" -n -t 3 /dev/mapper/m
need dm_remove m

# polled: nothing of this completes unless somebody asks the device
need modprobe null_blk nr_devices=0
null=/sys/kernel/config/nullb/ccpolled
mount -t configfs none /sys/kernel/config 2>/dev/null
need mkdir $null
cleanup rmdir $null
# the block layer does not split what must not wait: 512 KiB have to fit
for setting in memory_backed=1 size=64 poll_queues=1 max_sectors=2048 power=1; do
	need bash -c "echo ${setting#*=} >$null/${setting%=*}"
done
need wait_for 10 test -b /dev/ccpolled
need cc_create m /dev/ccpolled
need cc_unlock m k
is "the mapping is polled if its device is" "$(cat "$(sysfs /dev/mapper/m)/queue/io_poll")" \
	"$(cat "$(sysfs /dev/ccpolled)/queue/io_poll")"
verify p --ioengine=io_uring --hipri=1 --rw=randwrite --bs=4k --iodepth=8
verify q --ioengine=io_uring --hipri=1 --rw=randrw --bssplit=4k/50:64k/30:512k/20 --iodepth=4
need dm_remove m
echo 0 >$null/power

# file systems, on a disk that completes in interrupts, and with a controller that counts its I/O
cost=/sys/fs/cgroup/io.cost.qos
if [ -e $cost ]; then
	need bash -c "echo $(stat -L -c %Hr:%Lr "$(lun 0)") enable=1 >$cost"
	cleanup bash -c "echo $(stat -L -c %Hr:%Lr "$(lun 0)") enable=0 >$cost"
fi
need wipefs -a "$(lun 0)"
need cc_create m "$(lun 0)"
need cc_unlock m k
verify j --ioengine=io_uring --rw=randwrite --bs=4k --iodepth=32
mkdir -p "$tap_dir/mnt"
ok "mkfs.ext4 succeeds on the mapping" mkfs.ext4 -q /dev/mapper/m
need mount /dev/mapper/m "$tap_dir/mnt"
cleanup umount -R "$tap_dir/mnt"
ok "ext4 carries a tree of files" cp -a /usr/include "$tap_dir/mnt/"
sync
echo 3 >/proc/sys/vm/drop_caches
ok "a tree of files on ext4 reads back the same" diff -qr --no-dereference /usr/include "$tap_dir/mnt/include"
ok "fio verifies files on ext4, buffered and mapped" fio --directory="$tap_dir/mnt" --size=8M --verify=crc32c \
	--minimal --name=buffered --rw=randwrite --name=mapped --ioengine=mmap --rw=randwrite
need umount "$tap_dir/mnt"
ok "fsck finds nothing after that I/O" fsck.ext4 -fn /dev/mapper/m
