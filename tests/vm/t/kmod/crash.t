#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Power may fail at any moment: what the device underneath had been told to keep at each flush is a
# file system that recovers, with every file whose fsync had returned.
# vm: shared timeout=840 long

. ./kmod-lib.sh
plan 13
tool logreplay
need modprobe dm-log-writes
need modprobe dm-snapshot

add_key k "$(random_key 64)"
backing data 64
backing log 512
backing cow 64
backing copy 64
mkdir -p "$tap_dir/mnt"
len=$(sectors "$data")
files=12
for i in $(seq $files); do
	pattern "file$i" $((4096 + (i * 47919) % 300000)) >"$tap_dir/file$i"
done
(cd "$tap_dir" && for i in $(seq $files); do sha256sum "file$i"; done) >"$tap_dir/sums"

# work: files that are kept (fsync), files that are not, renames and removals; a mark after each fsync
work() {
	local i

	for i in $(seq $files); do
		cp "$tap_dir/file$i" "$tap_dir/mnt/new" || return
		sync "$tap_dir/mnt/new" || return
		mv "$tap_dir/mnt/new" "$tap_dir/mnt/file$i" || return
		sync "$tap_dir/mnt" || return
		dmsetup message low 0 mark "$i" || return
		head -c 60000 /dev/urandom >"$tap_dir/mnt/loose$((i % 3))" || return
		[ $((i % 5)) != 0 ] || rm -f "$tap_dir/mnt/loose1"
	done
}

map() { dmsetup create --noudevsync "$1" --table "$2" && dmsetup mknodes "$1"; }

# recovers KEPT: the mapping c is a file system that recovers and has files 1 to KEPT
recovers() {
	local status

	mount /dev/mapper/c "$tap_dir/mnt" || return
	(cd "$tap_dir/mnt" && sha256sum --quiet -c <(head -n "$1" "$tap_dir/sums"))
	status=$?
	umount "$tap_dir/mnt" && check_fs /dev/mapper/c >"$tap_dir/fsck" 2>&1 && return $status
	cat "$tap_dir/fsck"
	return 1
}

# survives KEPT [OPTION]: the copy as it is now does, mapped with the key; the copy stays as it is
survives() {
	local status

	map snap "0 $len snapshot $copy $cow N 8" &&
		map c "0 $len container-crypt aes-xts-plain64 0 /dev/mapper/snap 0${2+ 1 $2}" &&
		cc_unlock c k && recovers "$1"
	status=$?
	dm_remove c && dm_remove snap && return $status
}

# replay [OPTION]: each point of the log, in turn
replay() {
	local at=0 kept=0 points=0 entry kind text

	while read -r -u 3 entry kind text; do
		"$logreplay" "$log" apply "$copy" $at $((entry + 1)) || return
		at=$((entry + 1)) points=$((points + 1))
		if [ "$kind" = mark ]; then
			kept=$text
			continue
		fi
		# before the first mark the file system was still being made
		[ $kept -gt 0 ] || continue
		survives $kept "$@" || { echo "entry $entry, $kind, $kept files"; return 1; }
	done 3< <("$logreplay" "$log" points)
	echo "$points points, $kept files kept at the end"
	[ $kept = $files ]
}

trial() {
	local name=$1 option=$2

	need blkdiscard "$log"
	need blkdiscard "$data"
	need blkdiscard "$copy"
	need dm_create low "0 $len log-writes $data $log"
	need cc_create m /dev/mapper/low $option
	need cc_unlock m k
	ok "$name: a file system is made under the log" make_fs /dev/mapper/m
	need mount /dev/mapper/m "$tap_dir/mnt"
	cleanup umount "$tap_dir/mnt"
	ok "$name: files are written, some of them for good" work
	need umount "$tap_dir/mnt"
	need dm_remove m
	need dm_remove low
	ok "$name: at each flush the device holds a file system that recovers, with those files" replay $option
	diag "$(tail -n 1 "$tap_dir/out")"
}

make_fs() { mkfs.ext4 -q -E lazy_itable_init=0,lazy_journal_init=0 "$1"; }
check_fs() { fsck.ext4 -fn "$1"; }
trial "ext4, 4096-byte sectors" ""
trial "ext4, 512-byte sectors" sector_size:512
make_fs() { mkfs.btrfs -q --mixed -f "$1"; }
check_fs() { btrfs check "$1"; }
trial "btrfs" ""

# the same with an unexpected lock in the middle: what is on the device then is as good
make_fs() { mkfs.ext4 -q -E lazy_itable_init=0,lazy_journal_init=0 "$1"; }
check_fs() { fsck.ext4 -fn "$1"; }
need blkdiscard "$log"
need blkdiscard "$copy"
need dm_create low "0 $len log-writes $data $log"
need cc_create m /dev/mapper/low
need cc_unlock m k
need make_fs /dev/mapper/m
need mount -o errors=continue /dev/mapper/m "$tap_dir/mnt"
work >"$tap_dir/worked" 2>&1 &
worker=$!
wait_for 30 test -e "$tap_dir/mnt/file5"
ok "a lock comes in the middle of work" cc_lock m
not_ok "file operations fail after the lock" wait $worker
umount "$tap_dir/mnt"
need dm_remove m
need dm_remove low
files=$("$logreplay" "$log" points | awk '$2 == "mark" { n = $3 } END { print n }')
ok "$files files were kept before the lock" test "$files" -ge 4
ok "at each flush before the lock the device holds a file system that recovers, with those files" replay
