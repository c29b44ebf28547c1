#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# With a cgroup bound, only its tasks read, and kernel threads for them; writes pass; the file system in the
# container never meets an error; when the cgroup is removed the mapping locks itself.
# vm: shared udev scsi=1 timeout=510

. ./kmod-lib.sh
plan 39
tool blockcheck

add_key k "$(random_key 64)"
lun0=$(lun 0)
wipefs -qa "$lun0"
need cc_create m "$lun0"
need cc_unlock m k

root=/sys/fs/cgroup/kmod-test
need mkdir -p $root/bound/child $root/foreign
cleanup rmdir $root/bound/child $root/bound $root/foreign $root
id_of() { stat -c %i "$1"; }
# in_group GROUP COMMAND...: run in that cgroup
in_group() {
	local group=$1

	shift
	# shellcheck disable=SC2016
	bash -c 'echo $$ >'"$root/$group"'/cgroup.procs && exec "$@"' in_group "$@"
}
direct_read() { dd if=/dev/mapper/m of=/dev/null bs=64k count="${1:-1}" skip="${2:-0}" iflag=direct status=none; }
denied() { cc_status m denied; }
# open_gate: what an active mapping refuses
open_gate() { cc_lock m && dmsetup message m 0 gate 0 && cc_unlock m k; }

pattern gate 1048576 >"$tap_dir/data"
need dd if="$tap_dir/data" of=/dev/mapper/m bs=1M oflag=direct
ok "without a gate everybody reads" direct_read
fails_with 1 'No such file' dmsetup message m 0 gate 999999999
is "a refused gate changes nothing" "$(cc_status m gate)" 0
before=$(denied)
ok "a mapping is bound to a cgroup" dmsetup message m 0 gate "$(id_of $root/bound)"
is "the status names the bound cgroup" "$(cc_status m gate)" "$(id_of $root/bound)"
fails_as "root outside of the cgroup does not read" 1 'Input/output error' direct_read
ok "a refused read is counted" test "$(denied)" -gt "$before"
fails_as "a task of a foreign cgroup does not read" 1 'Input/output error' \
	in_group foreign dd if=/dev/mapper/m of=/dev/null bs=4k count=1 iflag=direct
echo 3 >/proc/sys/vm/drop_caches
fails_as "a task of a foreign cgroup does not read through the page cache" 1 'Input/output error' \
	in_group foreign dd if=/dev/mapper/m of=/dev/null bs=4k count=1
ok "a task of the cgroup reads" in_group bound dd if=/dev/mapper/m of=/dev/null bs=64k count=4 iflag=direct
ok "a task of a cgroup below the bound one reads" in_group bound/child dd if=/dev/mapper/m of=/dev/null bs=64k count=4 iflag=direct
echo 3 >/proc/sys/vm/drop_caches
is "a task of the cgroup reads the right data" "$(in_group bound/child head -c 1048576 /dev/mapper/m | digest)" "$(digest <"$tap_dir/data")"
echo 3 >/proc/sys/vm/drop_caches
for engine in io_uring libaio "pvsync2 --nowait=1"; do
	# shellcheck disable=SC2086 # words
	fails_as "a task of a foreign cgroup does not read: $engine" 1 'Input/output error' in_group foreign fio --name=r \
		--filename=/dev/mapper/m --rw=randread --bs=4k --size=1M --direct=1 --ioengine=$engine
done
ok "writes are never refused" in_group foreign dd if="$tap_dir/data" of=/dev/mapper/m bs=1M oflag=direct
before=$(rw_counts "$lun0" | cut -d' ' -f1)
in_group foreign blkid -p /dev/mapper/m
in_group foreign cat /dev/mapper/m >"$tap_dir/stolen" 2>/dev/null
is "a foreign cat gets nothing of a file's data" "$(stat -c %s "$tap_dir/stolen")" 0
is "no read of a foreign cat reaches the device" "$(rw_counts "$lun0" | cut -d' ' -f1)" "$before"
ok "the gate survives a reload" bash -c "dmsetup table m | dmsetup reload m && dmsetup resume --noudevsync m"
fails_with 1 'Input/output error' direct_read
need cc_lock m
is "the gate survives a lock" "$(cc_status m gate)" "$(id_of $root/bound)"
need cc_unlock m k

# a file system in the container
mkdir -p "$tap_dir/mnt"
need open_gate
ok "gate 0 lets everybody read again" direct_read
need mkfs.ext4 -q /dev/mapper/m
need mount /dev/mapper/m "$tap_dir/mnt"
cleanup umount "$tap_dir/mnt"
need dmsetup message m 0 gate "$(id_of $root/bound)"
echo 3 >/proc/sys/vm/drop_caches
ok "ext4 works in the cgroup: files are written" in_group bound cp -a /usr/include "$tap_dir/mnt/"
sync
echo 3 >/proc/sys/vm/drop_caches
ok "ext4 in the cgroup reads its files back after the cache was dropped" in_group bound diff -qr --no-dereference /usr/include "$tap_dir/mnt/include"
ok "ext4 in the cgroup takes buffered, mapped, direct, io_uring and sendfile I/O" in_group bound fio --directory="$tap_dir/mnt" \
	--size=8M --verify=crc32c --minimal --name=b --rw=randwrite --name=m --ioengine=mmap \
	--rw=randwrite --name=d --direct=1 --ioengine=libaio --iodepth=8 --rw=randwrite \
	--name=u --ioengine=io_uring --iodepth=8 --rw=randwrite
in_group bound cp /bin/busybox "$tap_dir/mnt/busybox"
sync
echo 3 >/proc/sys/vm/drop_caches
ok "programs run from ext4 in the cgroup" in_group bound "$tap_dir/mnt/busybox" true
in_group bound bash -c "cat $tap_dir/mnt/busybox >$tap_dir/mnt/copy; sync"
echo 3 >/proc/sys/vm/drop_caches
fails_as "a foreign task does not read a file that is not cached" 1 'Input/output error' in_group foreign cat "$tap_dir/mnt/copy"
ok "a foreign writer and sync do no harm" in_group foreign bash -c "sync; echo x >$tap_dir/mnt/x; sync"
ok "a foreign umount succeeds" in_group foreign umount "$tap_dir/mnt"
need open_gate
ok "a foreign umount leaves a clean file system" fsck.ext4 -fn /dev/mapper/m

# the bound cgroup goes away
need dmsetup message m 0 gate "$(id_of $root/bound)"
locks=$(cc_status m locks)
need rmdir $root/bound/child
is "the removal of a cgroup below the bound one changes nothing" "$(cc_status m state)" active
need rmdir $root/bound
locked() { [ "$(cc_status m state)" = locked ]; }
ok "when the bound cgroup is removed the mapping locks itself" wait_for 3 locked
is "the mapping locks itself once when its cgroup is removed" "$(cc_status m locks)" $((locks + 1))
fails_with 1 'Stale file handle' cc_unlock m k
need mkdir $root/bound
ok "a mapping whose cgroup is gone can be bound to another" dmsetup message m 0 gate "$(id_of $root/bound)"
ok "a mapping bound to another cgroup can be unlocked" cc_unlock m k
ok "a task of the newly bound cgroup reads" in_group bound dd if=/dev/mapper/m of=/dev/null bs=64k count=4 iflag=direct
mkdir $root/bound/child

# many changes of the gate under reads that it concerns
bash -c "while :; do dd if=/dev/mapper/m of=/dev/null bs=4k count=8 iflag=direct; done" 2>/dev/null &
reader=$!
for i in $(seq 30); do
	{ open_gate && dmsetup message m 0 gate "$(id_of $root/bound)"; } || echo "gate $i" >>"$tap_dir/trouble"
done
kill $reader
wait $reader 2>/dev/null
ok "the gate can change under load" test ! -s "$tap_dir/trouble"
ok "the mapping can be removed" dm_remove m
