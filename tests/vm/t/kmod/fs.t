#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# File systems on the target, in the bound cgroup, under every kind of I/O: not one error and a clean
# file system, while nobody else reads a byte of the mapping.
# vm: shared mem=3072 timeout=840 long

. ./kmod-lib.sh
plan 24

add_key k "$(random_key 64)"
root=/sys/fs/cgroup/kmod-fs
need mkdir -p $root/bound $root/foreign
cleanup rmdir $root/bound $root/foreign $root
mkdir -p "$tap_dir/mnt"

# in_group GROUP COMMAND...: run in that cgroup
in_group() {
	local group=$1

	shift
	# shellcheck disable=SC2016
	bash -c 'echo $$ >'"$root/$group"'/cgroup.procs && exec "$@"' in_group "$@"
}

# what a container may do to its files, at once: direct and buffered, mapped, asynchronous, sendfile,
# holes, many small files, links and renames; --verify compares what it reads
storm() {
	stress-ng --temp-path "$tap_dir/mnt" --timeout 20 --verify --quiet --metrics-brief \
		--hdd 1 --hdd-bytes 24m --hdd-opts direct,utimes --aio 1 --io-uring 1 --sendfile 1 \
		--sendfile-size 4m --fallocate 1 --fallocate-bytes 16m \
		--mmap 1 --mmap-bytes 8m --mmap-file --readahead 1 --readahead-bytes 16m --seek 1 \
		--seek-size 16m --dentry 1 --dentries 256 --dir 1 --link 1 --rename 1 --symlink 1 --xattr 1
}

checked_files() {
	fio --directory="$tap_dir/mnt" --size=12M --verify=crc32c --verify_fatal=1 --minimal \
		--name=buffered --rw=randwrite --name=mapped --ioengine=mmap --rw=randwrite \
		--name=direct --direct=1 --ioengine=libaio --iodepth=8 --rw=randwrite --bsrange=4k-512k \
		--name=uring --direct=1 --ioengine=io_uring --iodepth=16 --rw=randwrite \
		--name=synced --rw=randwrite --fsync=8 --fallocate=none
}

# a foreign reader of the whole mapping, again and again; counts what it got
thief() {
	local got=0

	until [ -e "$tap_dir/stop" ]; do
		dd if=/dev/mapper/m bs=64k count=64 skip=$((RANDOM % 4000)) iflag=direct conv=noerror status=none
	done 2>/dev/null | wc -c >"$tap_dir/stolen"
}

trial() {
	local fs=$1 make=$2 check=$3 device=$1 id

	backing "$device" 640
	need cc_create m "${!device}"
	need cc_unlock m k
	ok "$fs: a file system is made on the mapping" $make /dev/mapper/m
	need mount /dev/mapper/m "$tap_dir/mnt"
	cleanup umount "$tap_dir/mnt"
	id=$(stat -c %i $root/bound)
	need dmsetup message m 0 gate "$id"
	rm -f "$tap_dir/stop"
	in_group foreign bash -c "tap_dir=$tap_dir; $(declare -f thief); thief" &
	thief=$!
	ok "$fs: a storm of file operations in the bound cgroup" in_group bound bash -c \
		"tap_dir=$tap_dir; $(declare -f storm); storm"
	ok "$fs: direct, buffered, mapped and asynchronous I/O reads what it wrote" in_group bound bash -c \
		"tap_dir=$tap_dir; $(declare -f checked_files); checked_files"
	need in_group bound cp -a /bin/busybox /usr/include/linux "$tap_dir/mnt/"
	# in the group, as the agent does: to write out what is cached a file system may have to read
	need in_group bound sync -f "$tap_dir/mnt"
	echo 3 >/proc/sys/vm/drop_caches
	ok "$fs: programs run from it, and files come back as they were" in_group bound bash -c \
		"$tap_dir/mnt/busybox true && diff -qr --no-dereference /usr/include/linux $tap_dir/mnt/linux"
	touch "$tap_dir/stop"
	wait $thief
	is "$fs: others read nothing of the mapping while it is used" "$(cat "$tap_dir/stolen")" 0
	ok "$fs: others tried to read the mapping" test "$(cc_status m denied)" -gt 10
	need in_group bound umount "$tap_dir/mnt"
	need cc_lock m
	need dmsetup message m 0 gate 0
	need cc_unlock m k
	ok "$fs: the file system is clean afterwards" $check /dev/mapper/m
	need dm_remove m
	unlike "$fs: the kernel saw no I/O error but those of the thief" \
		"$(kernel_log | grep -v 'Buffer I/O error on dev dm-')" 'I/O error|EXT4-fs error|XFS.*(error|Corruption)|BTRFS (error|critical)'
}

trial ext4 "mkfs.ext4 -q" "fsck.ext4 -fn"
trial xfs "mkfs.xfs -q" "xfs_repair -n"
trial btrfs "mkfs.btrfs -q" "btrfs check"
