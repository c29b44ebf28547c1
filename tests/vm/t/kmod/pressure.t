#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Writeback and swap through the target end, however short memory is.
# vm: udev scsi=2 mem=512 timeout=300 long

. ./kmod-lib.sh
plan 10

add_key k "$(random_key 64)"
need cc_create m "$(lun 0)"
need cc_unlock m k
ok "a file system is made on the mapping" mkfs.ext4 -q /dev/mapper/m
mkdir -p "$tap_dir/mnt"
need mount /dev/mapper/m "$tap_dir/mnt"
cleanup umount "$tap_dir/mnt"

# no file cache worth speaking of is left while this runs
stress-ng --vm 1 --vm-bytes 60% --vm-keep --timeout 60 --quiet &
stress=$!
ok "buffered writes of 150 MiB succeed with most of memory taken" timeout 200 \
	fio --name=w --directory="$tap_dir/mnt" --size=75M --numjobs=2 --rw=randwrite --bs=64k \
	--end_fsync=1 --minimal
ok "many direct writes at once succeed with most of memory taken" timeout 200 fio --name=d --directory="$tap_dir/mnt" --size=32M \
	--rw=randwrite --bs=256k --direct=1 --ioengine=libaio --iodepth=64 --verify=crc32c --minimal
kill $stress 2>/dev/null
wait $stress
need umount "$tap_dir/mnt"
ok "the file system is clean" fsck.ext4 -fn /dev/mapper/m

# swap on the target, and more memory in use than there is
need cc_create swap "$(lun 1)"
need cc_unlock swap k
ok "swap space is made on the mapping" mkswap /dev/mapper/swap
ok "swap on the mapping is switched on" swapon /dev/mapper/swap
cleanup swapoff /dev/mapper/swap
ok "programs larger than memory run from it, unchanged" timeout 200 \
	stress-ng --vm 2 --vm-bytes 480M --vm-keep --vm-method write64 --verify --timeout 25 --quiet
ok "swap on the mapping was used" test "$(cc_status swap writes)" -gt 100
ok "swap on the mapping is switched off" swapoff /dev/mapper/swap
unlike "nothing hung" "$(kernel_log)" 'blocked for more than|hung_task|page allocation failure'
