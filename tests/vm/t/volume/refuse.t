#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# dmctl volume create refuses every device that is not an empty LUN nobody uses, says why, and leaves
# it as it was, to the byte.
# vm: shared udev scsi=1 timeout=680 long

. ./lib.sh
. ./volume-lib.sh
plan 87

need keyd_setup

# file_device MIB: a loop device over a sparse file, in $device
file_device() {
	truncate -s "$1M" "$tap_dir/disk"
	device=$(losetup --find --show "$tap_dir/disk")
}
drop_device() {
	need losetup -d "$device"
	rm "$tap_dir/disk"
}

# refuses CODE REGEX [ARGUMENT...]: create on $device fails so, and nothing was changed anywhere
refuses() {
	local code=$1 regex=$2 before

	shift 2
	before=$(sum "$device")
	fails_with "$code" "$regex" dmctl volume create victim "$device" "$@"
	is "$regex: the device is as it was" "$(sum "$device")" "$before"
	is "$regex: keyd has no record of it" "$(dmctl volume ls --json | jq -c .volumes)" "[]"
}

# ---- no device ----
fails_with 4 '/dev/nowhere does not exist' dmctl volume create victim /dev/nowhere
fails_with 4 'is not a block device' dmctl volume create victim /dev/null
fails_with 4 'is not a block device' dmctl volume create victim "$tap_dir"
is "keyd has no record of any refused device" "$(dmctl volume ls --json | jq -c .volumes)" "[]"

# ---- too small ----
file_device 47
refuses 4 'too small: it has 47 MiB, a volume with ext4 needs 48 MiB'
refuses 4 'a volume with xfs needs 332 MiB' --fs xfs
drop_device
file_device 32
refuses 4 'too small.*no file system' --fs none
drop_device

# ---- what one can ask wrongly ----
file_device 64
refuses 1 'sector-size must be 512 or 4096' --sector-size 2048
refuses 1 'not ext4, xfs or none' --fs btrfs
refuses 1 'at most 16 characters' --label a-label-that-is-too-long

# ---- somebody uses it ----
need mkfs.ext4 -q -F "$device"
mkdir -p "$tap_dir/mnt"
need mount -o ro,noload "$device" "$tap_dir/mnt"
refuses 5 "is mounted on $tap_dir/mnt" --wipe-signature ext4
need umount "$tap_dir/mnt"
need wipefs -aq "$device"
need dmsetup create holder --table "0 2048 linear $device 0"
refuses 5 'in use by the device dm-'
need dmsetup remove holder
need mkswap -q "$device"
need swapon "$device"
refuses 5 'is in use' --wipe-signature swap
need swapoff "$device"
need wipefs -aq "$device"
exec 7<"$device"
need flock -s -w 5 7
refuses 5 'locked by another process'
exec 7<&-

# ---- read-only ----
need blockdev --setro "$device"
refuses 4 'is read-only'
need blockdev --setrw "$device"

# ---- something is on it ----
need mkfs.ext4 -q -F -L important "$device"
refuses 4 'signature of ext4; nothing was changed.*--wipe-signature ext4'
refuses 4 'signature of ext4' --wipe-signature xfs,gpt
# two at once: being told about one is not enough
need sh -c "printf 'label: dos\n,20M\n' | sfdisk -q --wipe never --force $device"
refuses 4 'signature of ext4' --wipe-signature dos
refuses 4 'signature of dos' --wipe-signature ext4
need wipefs -aq "$device"
need mkswap -q "$device"
refuses 4 'signature of swap'
need wipefs -aq "$device"
need pvcreate -qq -y --config 'devices { use_devicesfile = 0 }' "$device"
refuses 4 'signature of LVM2_member'
need wipefs -aq "$device"
need sh -c "echo x | cryptsetup luksFormat -q --pbkdf pbkdf2 --pbkdf-force-iterations 1000 $device -"
refuses 4 'signature of crypto_LUKS'
need wipefs -aq "$device"
need sh -c "printf 'label: dos\n,20M\n' | sfdisk -q $device"
refuses 4 'signature of dos'

# ---- told to, it takes even the copies at the end ----
need wipefs -aq "$device"
need sh -c "printf 'label: gpt\n,20M\n' | sfdisk -q $device"
ok "a GPT disk is taken when told to" dmctl volume create victim "$device" --wipe-signature gpt
is "no partition table is left of a GPT disk that was taken, the copy at the end included" \
	"$(wipefs --noheadings -O TYPE "$device" | sort -u)" crypto_LUKS
ok "the volume on a former GPT disk is removed" dmctl volume rm victim --yes --wipe-header
drop_device

# ---- a volume that was made anew while somebody thought about deleting the one before ----
device=$(lun 0)
need dmctl volume create victim "$device"
mkfifo "$tap_dir/answer"
script -qefc 'dmctl volume rm victim' "$tap_dir/said" <"$tap_dir/answer" >/dev/null 2>&1 &
asked=$!
exec 4>"$tap_dir/answer"
need wait_for 20 grep -q "name to continue" "$tap_dir/said"
need dmctl volume rm victim --yes --wipe-header
need dmctl volume create victim "$device"
echo victim >&4
wait $asked
is "somebody who answers late deletes nothing" "$?" 5
exec 4>&-
like "somebody who answers late is told why" "$(cat "$tap_dir/said")" "was deleted and created again in the meantime; nothing was changed"
is "the volume that was made anew is there" "$(dmctl volume inspect --json victim | jq -r .state)" ready
need dmctl volume rm victim --yes --wipe-header

# ---- a record that makes no sense ----
wish='{"name":"odd","uuid":"0a000000-0000-4000-8000-000000000001","cipher":"aes-xts-plain64","keyBytes":64,
	"sectorSize":4096,"offset":65536,"sectors":8,"fs":"ext4"}'
wish() { jq "$1" <<<"$wish" | post /v1/volumes; }
like "keyd refuses a file system that dmctl does not know" "$(wish '.fs = "btrfs"' | jq -r .error.message)" \
	'fs is "btrfs", not ext4, xfs or none'
like "keyd refuses data where the header is" "$(wish '.offset = 0' | jq -r .error.message)" \
	'offset is 0, not between 65536'
is "keyd has no record of either wish" "$(dmctl volume ls --json | jq -c .volumes)" "[]"
for ready in 0 1; do
	need wish .
	need set_ready odd $ready
	need keyd_edit sql "update volume set fs = 'btrfs', data_offset = 0 where name = 'odd'"
	fails_with 10 'offset is 0.*dmctl volume rm odd' dmctl volume inspect odd
	is "inspect shows the odd record all the same (ready $ready)" \
		"$(dmctl volume inspect --json odd 2>/dev/null | jq -r .fs)" btrfs
	ok "volume rm needs the name only (ready $ready)" dmctl volume rm odd --yes
	is "keyd forgot the odd record (ready $ready)" "$(dmctl volume ls --json | jq -c .volumes)" "[]"
done

# ---- nobody to ask ----
device=$(lun 0)
stop_keyd
before=$(sum "$device")
fails_with 7 'keyd does not answer on .*No such file|keyd does not answer.*refused' \
	dmctl volume create victim "$device"
is "without keyd nothing is changed" "$(sum "$device")" "$before"
need start_keyd
mv /etc/container-crypt/agent.jwk "$tap_dir/agent.jwk"
fails_with 8 "agent's key" dmctl volume create victim "$device"
is "without the agent's key nothing is changed" "$(sum "$device")" "$before"
is "keyd forgot the volume of an agent without its key" "$(dmctl volume ls --json | jq -c .volumes)" "[]"
mv "$tap_dir/agent.jwk" /etc/container-crypt/agent.jwk
need dmctl agents rm tester
fails_with 6 'agent' dmctl volume create victim "$device"
is "an agent that is not enrolled changes nothing" "$(sum "$device")" "$before"
is "keyd forgot the volume of an agent that is not enrolled" "$(dmctl volume ls --json | jq -c .volumes)" "[]"
ok "all refused creates leave nothing in the kernel" leaves_nothing
