#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The target's gate with real engines, alone, without the lines before it: while a container works hard on its volume, nobody else on the host reads a byte of plaintext, not
# with every privilege, and nobody who unmounts what he finds does harm.
# vm: udev docker podman scsi=1 timeout=900 long

. ./lib.sh
. ./bind-lib.sh
. ./lease-lib.sh
plan 29

agent_options='--without-gate open,look'
need host_setup
mapping=/dev/mapper/container-crypt-vol

storm_image() { # ENGINE
	local entry

	tiny_tree "$tap_dir/storm"
	with_program "$tap_dir/storm" /usr/bin/stress-ng
	entry=$(jq -cn '$ARGS.positional' --args -- /bin/sh -c 'echo secret-plaintext >/data/secret; exec stress-ng --temp-path /data \
		--timeout 600 --verify --hdd 1 --hdd-bytes 16m --hdd-opts direct,utimes --aio 1 --sendfile 1 --sendfile-size 4m \
		--mmap 1 --mmap-bytes 8m --mmap-file --readahead 1 --readahead-bytes 16m --seek 1 --seek-size 16m --dentry 1 --dentries 256 \
		--dir 1 --link 1 --rename 1 --symlink 1')
	tar -c -C "$tap_dir/storm" . | "$1" import --change "ENTRYPOINT $entry" - app:1
	rm -rf "$tap_dir/storm"
}

# found COMMAND...: what the container wrote is in what that reads
found() { timeout 60 "$@" 2>/dev/null | grep -aq secret-plaintext; }

trial() { # ENGINE FS DEVICE
	local engine=$1 fs=$2 lun=$3

	need dmctl volume create vol "$lun" --fs "$fs"
	need wait_for 10 test -e /var/run/cdi/container-crypt-vol.json
	need storm_image "$engine"
	need identity vol "$engine" app:1
	ok "$engine, $fs: the container works" run_app "$engine" app:1
	pid=$("$engine" inspect -f '{{.State.Pid}}' app)
	written() { grep -q secret-plaintext "/proc/$pid/root/data/secret"; }
	need wait_for 30 written
	sync
	not_ok "$engine, $fs: root on the host reads nothing of the mapping" found dd if=$mapping bs=1M conv=noerror
	not_ok "$engine, $fs: root on the host reads nothing of the mapping with direct I/O" found dd if=$mapping bs=1M iflag=direct conv=noerror
	not_ok "$engine, $fs: root on the host finds no plaintext on the LUN" found dd if="$lun" bs=1M
	not_ok "$engine, $fs: blkid learns nothing of the mapping's content" blkid -p $mapping
	udevadm trigger --settle $mapping
	is "$engine, $fs: udev learns nothing of the mapping's content" "$(udevadm info -q property $mapping | grep ID_FS_)" ""
	not_ok "$engine, $fs: a privileged container with /dev reads nothing" found docker run --rm --privileged -v /dev:/dev \
		--network none --entrypoint /bin/dd thief:1 if=$mapping bs=1M conv=noerror
	not_ok "$engine, $fs: a privileged container with /dev does not mount the mapping" docker run --rm --privileged -v /dev:/dev \
		--network none --entrypoint /bin/mount thief:1 -t "$fs" -o ro $mapping /data
	ok "$engine, $fs: refused reads were counted" test "$(dmsetup status container-crypt-vol | grep -o 'denied:[0-9]*' | cut -d: -f2)" -gt 100
	"$engine" stop -t 100 app >"$tap_dir/stop" 2>&1
	is "$engine, $fs: refused reads were no error to the container" "$("$engine" inspect -f '{{.State.ExitCode}}' app)" 0
	need "$engine" rm -f app
	need wait_for 30 leaves_nothing

	need run_app "$engine" app:1
	pid=$("$engine" inspect -f '{{.State.Pid}}' app)
	need wait_for 30 written
	ok "$engine, $fs: somebody unmounts the volume under the container's hands" nsenter -t "$pid" -m umount -l /data
	need "$engine" rm -f app
	ok "$engine, $fs: a volume that somebody unmounted leaves nothing behind" wait_for 30 leaves_nothing
	need run_app "$engine" app:1
	pid=$("$engine" inspect -f '{{.State.Pid}}' app)
	ok "$engine, $fs: a volume that somebody unmounted is not harmed" wait_for 30 written
	need "$engine" rm -f app
	need wait_for 30 leaves_nothing
	unlike "$engine, $fs: the file system saw no error" "$(kernel_log)" 'EXT4-fs error|XFS .*(Corruption|[Mm]etadata|Internal error)|remounting|recovery failed'
	need dmctl volume rm vol --yes
}

need truncate -s 400M "$tap_dir/lun"
loop=$(losetup -f --show "$tap_dir/lun")
cleanup losetup -d "$loop"
need tiny_image docker thief:1 /bin/sleep 1000
trial docker ext4 "$(lun 0)"
trial podman xfs "$loop"
not_ok "no process of the attacks is left" pgrep stress-ng
