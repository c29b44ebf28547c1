#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Suspend, resume, reload, rename, growth and other options, again and again under a mounted file system that
# is being written and verified: nobody notices, and neither key nor lease nor gate is lost on the way.
# vm: shared timeout=300

. ./kmod-lib.sh
plan 12

add_key k "$(random_key 64)"
backing lun 160
half=$((96 * 2048)) # sectors, more than half
line() { echo "0 $1 container-crypt aes-xts-plain64 0 $lun 0${2+ 1 $2}"; }
need dm_create m "$(line $half)"
cleanup dmsetup remove --retry --noudevsync m2
need cc_unlock m k 600000
need mkfs.ext4 -q /dev/mapper/m
mkdir -p "$tap_dir/mnt"
need mount /dev/mapper/m "$tap_dir/mnt"
cleanup umount "$tap_dir/mnt"
need dmsetup message m 0 gate "$(stat -c %i /sys/fs/cgroup)"

fio --directory="$tap_dir/mnt" --size=10M --verify=crc32c --verify_fatal=1 --verify_backlog=64 --minimal \
	--time_based --runtime=$((30 * ${CC_SLOW:-1})) \
	--name=buffered --rw=randwrite --fsync=32 --name=mapped --ioengine=mmap --rw=randwrite \
	--name=direct --direct=1 --ioengine=libaio --iodepth=8 --rw=randwrite --bsrange=4k-512k \
	--name=uring --direct=1 --ioengine=io_uring --iodepth=16 --rw=randwrite >"$tap_dir/fio" 2>&1 &
load=$!

rounds=0 grown='' options=(on_lock:queue:5000 allow_discards)
# change COMMAND...: notes what fails
change() { "$@" >"$tap_dir/said" 2>&1 || echo "round $rounds: $*: $(cat "$tap_dir/said")" >>"$tap_dir/trouble"; }
while kill -0 $load 2>/dev/null; do
	rounds=$((rounds + 1))
	size=$half
	[ $rounds -lt 10 ] || size=$(sectors "$lun")
	change dmsetup suspend m
	change dmsetup resume --noudevsync m
	change dmsetup reload m --table "$(line "$size" "${options[rounds % 2]}")"
	change dmsetup resume --noudevsync m
	change dmsetup suspend --noflush --nolockfs m
	change dmsetup resume --noudevsync m
	change dmsetup rename --noudevsync m m2
	change dmsetup rename --noudevsync m2 m
	if [ "$size" != $half ] && [ -z "$grown" ]; then
		change dmsetup mknodes m
		change resize2fs /dev/mapper/m
		grown=1
	fi
done
diag "$rounds rounds"
wait $load
report $? "direct, buffered, mapped and asynchronous I/O reads what it wrote" "$tap_dir/fio"
ok "I/O was verified through at least 10 rounds of changes" test $rounds -ge 10
ok "each suspend, resume, reload and rename succeeded" bash -c "! cat $tap_dir/trouble 2>/dev/null"
ok "the file system has grown meanwhile" test "$(stat -f -c %b "$tap_dir/mnt")" -gt $((half / 8))
is "after all changes the mapping is still active, as it was never locked" "$(cc_status m state)/$(cc_status m locks)" active/0
like "after all changes the mapping has its lease" "$(cc_status m lease)" '^[0-9]+$'
is "after all changes the mapping has its gate" "$(cc_status m gate)" "$(stat -c %i /sys/fs/cgroup)"
is "the mapping has the size it was given last" "$(sectors /dev/mapper/m)" "$(sectors "$lun")"
ok "the counters went on through all changes" test "$(cc_status m writes)" -gt 100
ok "the file system can be unmounted" umount "$tap_dir/mnt"
ok "the file system is clean after all changes" fsck.ext4 -fn /dev/mapper/m
need dm_remove m
unlike "the kernel saw no error" "$(kernel_log)" 'I/O error|EXT4-fs error|hung_task'
