#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A neighbour walks the file system of the bound cgroup, as a backup or a scanner does through /proc/PID/root, with nothing cached:
# file data is refused to it, and the file system takes no harm from that, whatever it had to read on the way.
# vm: shared mem=3072 timeout=600 long

. ./kmod-lib.sh
plan 27

add_key k "$(random_key 64)"
root=/sys/fs/cgroup/kmod-fs
need mkdir -p $root/bound $root/foreign
cleanup rmdir $root/bound $root/foreign $root
mnt=$tap_dir/mnt
mkdir -p "$mnt"

# in_group GROUP COMMAND...: run in that cgroup
in_group() {
	local group=$1

	shift
	# shellcheck disable=SC2016
	bash -c 'echo $$ >'"$root/$group"'/cgroup.procs && exec "$@"' in_group "$@"
}

# what makes a file system read metadata of each kind: many inodes, long names and symlinks, attributes outside the inode, many
# extents, files in directories of several blocks
cat >"$tap_dir/fill.py" <<'P'
import os, sys
os.chdir(sys.argv[1])
for d in range(8):
    os.mkdir(f"d{d}")
    for f in range(30):
        name = f"d{d}/{f}-" + "n" * 120
        with open(name, "w") as o:
            o.write("secret-plaintext " * 500)
    os.symlink("s" * 900, f"d{d}/link")
    os.setxattr(name, "user.long", b"x" * 2000)
for n in range(2):
    fd = os.open(f"extents{n}", os.O_CREAT | os.O_RDWR)
    for i in range(1000):
        os.pwrite(fd, b"secret-plaintext" * 256, i * 8192)
    os.close(fd)
P
cat >"$tap_dir/walk.py" <<'P'
import fcntl, os, struct, sys
os.chdir(sys.argv[1])
names = 0
for at, dirs, files in os.walk("."):
    for name in dirs + files:
        path = os.path.join(at, name)
        os.lstat(path)
        if os.path.islink(path):
            os.readlink(path)
        else:
            for key in os.listxattr(path):
                os.getxattr(path, key)
        names += 1
for n in range(2):
    with open(f"extents{n}") as f:  # FIEMAP without room for extents counts them
        try:
            fcntl.ioctl(f, 0xC020660B, struct.pack("=QQLLLL", 0, 2**63 - 1, 0, 0, 0, 0))
        except OSError as e:  # ext4 reads extents without saying that they are metadata
            print(e)
print(names, "names")
P
cold() {
	in_group bound sync -f "$mnt"
	echo 3 >/proc/sys/vm/drop_caches
}
# Everything that a foreign reader gets out of the files
harvest() { in_group foreign bash -c "cat $mnt/d0/[0-9]* $mnt/extents*" 2>/dev/null; }

trial() { # FS DEVICE MKFS CHECK [OPTIONS]
	local fs=$1 device=$2 id names

	backing "$device" 400
	echo "kmod-test-$fs-$$" >/dev/kmsg
	need cc_create m "${!device}"
	need cc_unlock m k
	need $3 /dev/mapper/m
	id=$(stat -c %i $root/bound)
	need dmsetup message m 0 gate "$id"
	need in_group bound mount ${5:+-o $5} /dev/mapper/m "$mnt"
	cleanup umount "$mnt"
	need in_group bound python3 "$tap_dir/fill.py" "$mnt"
	need in_group bound umount "$mnt"
	echo 3 >/proc/sys/vm/drop_caches
	need in_group bound mount ${5:+-o $5} /dev/mapper/m "$mnt"

	ok "$fs: a foreign walk over names, links, attributes and extents works" in_group foreign python3 "$tap_dir/walk.py" "$mnt"
	diag "$(tail -n 1 "$tap_dir/out")"
	cold
	is "$fs: a foreign walk reads no file" "$(harvest | wc -c)" 0
	ok "$fs: a foreign walk was refused" test "$(cc_status m denied)" -ge 30
	cold
	ok "$fs: somebody foreign makes, renames, links and removes files" in_group foreign bash -ec "cd $mnt
		cp -a /usr/include/linux/can new; mv d1 new/; rm -r d2; touch d3/[0-9]*; ln d4/1-* new/"
	cold
	ok "$fs: the bound cgroup works on" in_group bound bash -ec "cd $mnt
		grep -q secret-plaintext d4/1-*; cp -a d4 d4.copy; rm -r d5; echo >>d6/2-*; sync -f ."
	like "$fs: the file system is still writable" "$(grep " $mnt " /proc/mounts)" " $fs rw,"
	need in_group bound umount "$mnt"
	need cc_lock m
	need dmsetup message m 0 gate 0
	need cc_unlock m k
	ok "$fs: the file system is clean" $4 /dev/mapper/m
	need dm_remove m
	unlike "$fs: the kernel complained of nothing but the data that was refused" "$(kernel_log | sed "1,/kmod-test-$fs-$$/d")" \
		'EXT4-fs (error|warning)|JBD2|Remounting|XFS .*(Corruption|[Mm]etadata|Shutdown|shut)|BTRFS (critical|error .*(tree|transid|super|forced))|forced readonly'
}

trial ext4 ext4_lun "mkfs.ext4 -q" "fsck.ext4 -fn" errors=remount-ro
trial xfs xfs_lun "mkfs.xfs -q" "xfs_repair -n"
trial btrfs btrfs_lun "mkfs.btrfs -q" "btrfs check"

# files of an older ext4, mapped block by block
backing old 100
need cc_create m "$old"
need cc_unlock m k
need mkfs.ext4 -q -O ^extents,^64bit,^metadata_csum /dev/mapper/m
need dmsetup message m 0 gate "$(stat -c %i $root/bound)"
need in_group bound mount -o errors=remount-ro /dev/mapper/m "$mnt"
cleanup umount "$mnt"
need in_group bound bash -c "seq 2000000 >$mnt/file; sync"
need in_group bound umount "$mnt"
echo 3 >/proc/sys/vm/drop_caches
need in_group bound mount -o errors=remount-ro /dev/mapper/m "$mnt"
# Reading only: ext4 frees such blocks without saying that it reads metadata, and takes the refusal for an error. Who may
# remove the files needs no error for his harm; the gate's line "look" lets nobody come that far (gate/lines).
in_group foreign cat "$mnt/file" >"$tap_dir/got" 2>/dev/null
is "indirect blocks: no file is read" "$(stat -c %s "$tap_dir/got")" 0
ok "indirect blocks: the bound cgroup works on" in_group bound bash -c "seq 100000 >$mnt/other; sync -f $mnt; rm -f $mnt/file"
need in_group bound umount "$mnt"
need cc_lock m
need dmsetup message m 0 gate 0
need cc_unlock m k
ok "indirect blocks: the file system is clean" fsck.ext4 -fn /dev/mapper/m
need dm_remove m
