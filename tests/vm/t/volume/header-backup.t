#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A volume's header is backed up and restored, onto the right LUN only; a file system that marked itself as
# damaged is repaired before it is mounted, or the start is refused.
# vm: udev docker scsi=2 timeout=300 long

. ./lib.sh
. ./volume-lib.sh
plan 22

device=$(lun 0) other=$(lun 1)

# release_key() signs as the agent "tester"
setup() {
	keyd_setup || return
	cleanup kill_daemons
	start_agent && openssl genpkey -algorithm ed25519 -out "$tap_dir/ops.key" &&
		chmod 600 "$tap_dir/ops.key" &&
		openssl pkey -in "$tap_dir/ops.key" -pubout -out "$tap_dir/ops.pub" &&
		dmctl signer add ops "$tap_dir/ops.pub"
}
need setup
need app_setup docker
need dmctl volume create second "$other"
header=$tap_dir/header
ok "volume header-backup succeeds" dmctl volume header-backup vol "$header"
is "the backup is for its owner only" "$(stat -c %a "$header")" 400
fails_with 9 "exists already" dmctl volume header-backup vol "$header"
need release_key vol "$tap_dir/key"
not_ok "the backup has no key in it" grep -qaP "$(xxd -p -c1 "$tap_dir/key" | head -n 24 | sed 's/^/\\x/' | tr -d '\n')" "$header"

need dd if=/dev/zero of="$device" bs=1M count=16 conv=fsync status=none
need udevadm settle
fails_with 125 "no block device of this host carries" run_app docker app:1
docker rm -f app >/dev/null
fails_with 1 "nothing on .* says that it is volume vol; .*--yes" \
	dmctl volume header-restore vol "$header" "$device"
fails_with 4 "crypto_LUKS" dmctl volume header-restore --yes vol "$header" "$other"
fails_with 4 "UUID" dmctl volume header-restore --yes second "$header" "$device"
fails_with 8 "nothing" dmctl volume header-restore --yes nothing "$header" "$device"
ok "volume header-restore succeeds on a LUN without a header" dmctl volume header-restore --yes vol "$header" "$device"
ok "volume header-restore over the volume's own header needs no --yes" dmctl volume header-restore vol "$header" "$device"
need udevadm settle
ok "the container finds its volume again after header-restore" run_app docker app:1
ok "the container has its data again after header-restore" wait_for 20 started docker 1
fails_with 5 "." dmctl volume header-restore vol "$header" "$device"
need docker rm -f app
need wait_for 20 leaves_nothing

# debugfs COMMAND: behind our back, with the key
with_key() {
	cryptsetup open -q --key-size 512 --volume-key-file "$tap_dir/key" "$device" plain && "$@"
	local status=$?
	cryptsetup close plain
	return $status
}
spoil() { debugfs -w -R "$1" /dev/mapper/plain; }
need with_key spoil "set_super_value state 2"
ok "a file system with the mark of an error is mended and mounted" run_app docker app:1
ok "the data is there after the repair" wait_for 20 started docker 2
need docker rm -f app
need wait_for 20 leaves_nothing
ok "the mark of an error is gone after the repair" with_key e2fsck -fn /dev/mapper/plain
need with_key spoil "set_super_value state 2"
need with_key spoil "clri <2>"
fails_with 125 "cannot be repaired" run_app docker app:1
docker rm -f app >/dev/null
ok "nothing is left when the container is removed" wait_for 20 leaves_nothing
need identity second docker app:1 '.readOnly = true'
ok "a read-only volume can be bound" docker run -d --name app --network none --device container-crypt/volume=second app:1
like "a read-only volume is mounted so" "$(in_app docker grep ' /data ' /proc/mounts)" " ext4 ro,"
not_ok "a read-only volume takes no data" in_app docker touch /data/x
