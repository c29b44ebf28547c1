#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What a program finds at the mount point of a new volume: nothing, in a directory that is its own. And the host's file
# systems are found by their labels as before.
# vm: udev docker podman scsi=2 disks=1 timeout=900 long

. ./lib.sh
. ./bind-lib.sh
plan 19

# image ENGINE NAME OWNER MODE [CHANGE]: /data of that owner and mode; its program says what it finds, and writes
image() {
	local engine=$1 name=$2 owner=$3 mode=$4

	shift 4
	tiny_tree "$tap_dir/tree"
	install -d -o "${owner%:*}" -g "${owner#*:}" -m "$mode" "$tap_dir/tree/data"
	tar -c -C "$tap_dir/tree" . | "$engine" import --change "USER $owner" \
		--change 'ENTRYPOINT ["/bin/sh","-c","ls -Al /data; /bin/busybox stat -c %u:%g:%a /data; echo x >/data/x && echo written"]' \
		"$@" - "$name"
	rm -rf "$tap_dir/tree"
}

# first_start ENGINE IMAGE VOLUME: what the program says
first_start() {
	"$1" run --rm --name app --network none --device "container-crypt/volume=$3" "$2" 2>&1
	wait_for 20 leaves_nothing
}

# fresh VOLUME LUN-NUMBER [OPTION...]: makes it, its LUN whatever it carried
fresh() {
	local volume=$1 number=$2

	shift 2
	dmctl volume rm --yes "$volume" 2>/dev/null
	wipefs -qa "$(lun "$number")" && dmctl volume create "$volume" "$(lun "$number")" "$@" &&
		wait_for 10 test -e "/var/run/cdi/container-crypt-$volume.json"
}

need host_setup
for engine in docker podman; do
	need fresh vol 0
	need image $engine own:1 1000:1001 2750
	need identity vol $engine own:1
	out=$(first_start $engine own:1 vol)
	like "a new volume is empty and its root directory is as the image's: $engine" "$out" 1000:1001:2750
	like "an image with a USER writes to its new volume: $engine" "$out" 'written'
	unlike "nothing is in a new volume: $engine" "$out" 'lost\+found'
	like "what was written is there at the second start: $engine" "$(first_start $engine own:1 vol)" ' x[[:space:]]'
done
need image docker other:1 1234:1234 755
need identity vol docker other:1
like "a volume that was used does not change its owner" "$(first_start docker other:1 vol)" 1000:1001:2750

need fresh vol 0 --owner 999:998 --mode 0700
need image docker third:1 999:998 755
need identity vol docker third:1
like "--owner and --mode are the root directory's, whatever the image has" "$(first_start docker third:1 vol)" 999:998:700
need truncate -s 400M "$tap_dir/xfs.img"
loop=$(losetup -f --show "$tap_dir/xfs.img")
cleanup losetup -d "$loop"
need dmctl volume create xfsvol "$loop" --fs xfs --owner 5:6
cleanup dmctl volume rm --yes xfsvol
need wait_for 10 test -e /var/run/cdi/container-crypt-xfsvol.json
need identity xfsvol docker third:1
like "--owner is the root directory's on xfs, too" "$(first_start docker third:1 xfsvol)" 5:6:755
fails_with 1 'UID:GID' dmctl volume create two "$(lun 1)" --owner postgres
fails_with 1 'octal' dmctl volume create two "$(lun 1)" --mode rwx
for name in d data_ data- data.; do
	fails_with 1 '2 to 63 characters' dmctl volume create $name "$(lun 1)"
done
name=$(printf 'v%.0s' {1..63})
need fresh "$name" 1
need identity "$name" docker own:1
like "a volume whose name has 63 characters is bound" "$(first_start docker own:1 "$name")" 'written'
need dmctl volume rm --yes "$name"

need mkfs.ext4 -qF -L srv "/dev/disk/by-id/virtio-disk0"
need udevadm settle
there=$(readlink -f /dev/disk/by-label/srv)
need wipefs -qa "$(lun 1)"
need dmctl volume create srv "$(lun 1)"
cleanup dmctl volume rm --yes srv
need udevadm settle
is "a volume does not take the label's link from a file system of the host" "$(readlink -f /dev/disk/by-label/srv)" "$there"
