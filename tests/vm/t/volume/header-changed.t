#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Whoever can write to the LUN can change its header; what no longer agrees with keyd's record is refused
# before anything is mapped, and the volume works again when the header is put back.
# vm: shared udev docker scsi=2 timeout=680 long

. ./lib.sh
. ./bind-lib.sh
plan 16

need host_setup
need app_setup docker
device=$(lun 0)
uuid=$(dmctl volume inspect vol --json | jq -r .uuid)
need cryptsetup luksHeaderBackup "$device" --header-backup-file "$tap_dir/header"
need cryptsetup token export --token-id 0 "$device" --json-file "$tap_dir/token"
restore() { need cryptsetup luksHeaderRestore -q "$device" --header-backup-file "$tap_dir/header"; }

# rejected NAME REGEX: the container does not start, is told why, and nothing is left
rejected() {
	local text status

	text=$(run_app docker app:1 2>&1)
	status=$?
	docker rm -f app >/dev/null 2>&1
	echo "$text" >"$tap_dir/out"
	[ $status != 0 ] && [[ "$text" =~ $2 ]] && leaves_nothing >>"$tap_dir/out"
	report $? "the start is refused: $1" "$tap_dir/out"
}

# forged OPTION...: a header of a stranger's own making, with the volume's names on it
forged() {
	need sh -c "echo x | cryptsetup luksFormat -q --type luks2 --pbkdf pbkdf2 --pbkdf-force-iterations 1000 \
		-c aes-xts-plain64 -s 512 --uuid $uuid --label vol --subsystem container-crypt $* $device -"
	need cryptsetup token import --token-id 0 --json-file "$tap_dir/token" "$device"
}

need cryptsetup config --label other "$device"
rejected "another label" 'label.* is other, .* says there is none'
restore
need cryptsetup config --subsystem other "$device"
rejected "another subsystem" 'container-crypt'
restore
need cryptsetup luksUUID -q --uuid 3e2c5a0e-7d1b-4c55-9b6f-0a1b2c3d4e5f "$device"
rejected "another UUID" 'no block device of this host carries'
restore
need cryptsetup token remove --token-id 0 "$device"
rejected "no token" 'token'
restore
forged --offset 40960 --sector-size 4096
rejected "a moved offset" 'data offset.* is 40960, .* says 65536'
forged --offset 65536 --sector-size 512
rejected "another sector size" 'sector size.* is 512, .* says 4096'
forged --offset 65536 --sector-size 4096
rejected "a stranger's key in a header that says all the right things" 'not the one of the .*digest'
need wipefs -aq "$device"
rejected "no header at all" 'no block device of this host carries'
restore
need dd if="$device" of="$(lun 1)" bs=1M count=33 status=none
udevadm settle
rejected "a second LUN that claims to be the volume" '2 block devices carry volume'
need wipefs -aq "$(lun 1)"

restore
ok "with its own header back the volume is bound" run_app docker app:1
ok "with its own header back the program finds its data" wait_for 20 started docker 1
fails_with 5 'vol' dmctl volume rm vol --yes
ok "a volume that could not be deleted goes on working" in_app docker sh -c 'echo x >/data/x; sync'
ok "a bound volume can be unbound to be deleted" dmctl unbind vol
need docker rm -f app
ok "an unbound volume is deleted" dmctl volume rm vol --yes --wipe-header
ok "the decisions are in an unbroken chain" dmctl audit verify
