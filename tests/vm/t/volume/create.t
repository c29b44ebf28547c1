#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# dmctl volume create, ls, inspect, rm: what is made is a LUKS2 volume every tool recognises, and goes
# away without a trace.
# vm: shared udev scsi=2 timeout=510

. ./lib.sh
. ./volume-lib.sh
plan 51

need keyd_setup

# ---- made ----
uuid=$(dmctl volume create pgdata "$(lun 0)" 2>"$tap_dir/err")
is "volume create succeeds" $? 0
like "volume create prints the UUID and nothing else" "$uuid" '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
like "volume create says the usable size" "$(<"$tap_dir/err")" '224 MiB usable of 256 MiB'
like "volume create names the device by its stable name" "$(<"$tap_dir/err")" "$(lun 0)"
ok "volume create leaves nothing in the kernel" leaves_nothing
is "volume create leaves no device-mapper device at all" "$(dmsetup ls | grep -c container-crypt)" 0

# ---- recognised ----
is "blkid knows the type" "$(blkid -p -o value -s TYPE "$(lun 0)")" crypto_LUKS
is "the header has no label, which could be that of a file system of the host" "$(blkid -p -o value -s LABEL "$(lun 0)")" ""
is "blkid knows the subsystem" "$(blkid -p -o value -s SUBSYSTEM "$(lun 0)")" container-crypt
is "blkid knows the UUID" "$(blkid -p -o value -s UUID "$(lun 0)")" "$uuid"
udevadm settle
is "lsblk shows the volume" "$(lsblk -dno FSTYPE,LABEL "$(lun 0)" | xargs)" "crypto_LUKS"
ok "udev links the volume by UUID" test -b "/dev/disk/by-uuid/$uuid"
dump=$(cryptsetup luksDump "$(lun 0)")
like "luksDump shows data at 32 MiB, 4096-byte sectors" "$dump" 'offset: 33554432 \[bytes\].*cipher: aes-xts-plain64.*sector: 4096 \[bytes\]'
like "luksDump shows our token" "$dump" '0: container-crypt'
unlike "luksDump shows no keyslot" "$dump" '0: luks2'
token=$(cryptsetup token export --token-id 0 "$(lun 0)")
is "the token says what the volume is" "$(jq -c '[.type,.keyslots,.uuid,.name,.generation,.realm]' <<<"$token")" \
	"[\"container-crypt\",[],\"$uuid\",\"pgdata\",1,\"test\"]"

# ---- shown ----
like "volume ls shows the volume" "$(dmctl volume ls)" 'pgdata +224 MiB +ext4 +ready'
is "volume ls --json is the API's object" "$(dmctl volume ls --json | jq -r '.volumes[0].uuid')" "$uuid"
like "volume inspect shows the volume" "$(dmctl volume inspect pgdata)" "UUID: +$uuid"
is "volume inspect --json has what the volume is" "$(dmctl --json volume inspect pgdata | jq -c '[.name,.sectorSize,.keyBytes,.offset,.sectors,.state]')" \
	'["pgdata",4096,64,65536,458752,"ready"]'
fails_with 8 'nosuch' dmctl volume inspect nosuch

# ---- refused ----
before=$(sum "$(lun 0)")
fails_with 9 'exists already' dmctl volume create pgdata "$(lun 1)"
fails_with 4 'crypto_LUKS' dmctl volume create other "$(lun 0)"
is "the volume is as it was after refused creates" "$(sum "$(lun 0)")" "$before"
is "LUN 1 is still empty after refused creates" "$(blkid -p -o value -s TYPE "$(lun 1)")" ""

# ---- the other ways to make one ----
made=$(dmctl --json volume create small "$(lun 1)" --sector-size 512 --key-bytes 32 --fs none 2>/dev/null)
is "volume create takes --sector-size 512 --key-bytes 32 --fs none" "$(jq -c '[.name,.sectorSize,.keyBytes,.fs]' <<<"$made")" '["small",512,32,"none"]'
like "luksDump agrees with these options" "$(cryptsetup luksDump "$(lun 1)")" 'sector: 512 \[bytes\]'
is "volume ls shows both volumes" "$(dmctl volume ls --json | jq -c '[.volumes[].name]')" '["pgdata","small"]'
truncate -s 400M "$tap_dir/big"
loop=$(losetup --find --show "$tap_dir/big")
cleanup losetup -d "$loop"
dmctl volume create xfsvol "$loop" --fs xfs --label mydata >"$tap_dir/out" 2>"$tap_dir/err"
report $? "volume create makes xfs with a label, on a loop device" "$tap_dir/err"
like "a device without a stable name is pointed out" "$(<"$tap_dir/err")" 'no name under /dev/disk/by-id'

# ---- what is on it ----
# The rescue path opens what the volume's own way made.
key=$tap_dir/key
for v in "pgdata $(lun 0) ext4" "xfsvol $loop xfs"; do
	read -r name dev fs <<<"$v"
	need release_key "$name" "$key"
	ok "$name: stock cryptsetup opens it with the volume key" \
		cryptsetup open --volume-key-file "$key" --key-size 512 "$dev" "rescue-$name"
	is "$name: stock cryptsetup shows the file system" "$(blkid -p -o value -s TYPE "/dev/mapper/rescue-$name")" "$fs"
	ok "$name: the file system is clean" clean "$fs" "/dev/mapper/rescue-$name"
	need cryptsetup close "rescue-$name"
done
head -c 64 /dev/urandom >"$key"
not_ok "another key is refused by the header's digest" \
	cryptsetup open --volume-key-file "$key" --key-size 512 "$(lun 0)" rescue
rm -f "$key"

# ---- gone ----
fails_with 1 'add --yes' dmctl volume rm small
fails_with 8 'nosuch' dmctl volume rm nosuch --yes
ok "volume rename succeeds" dmctl volume rename small orders
fails_with 8 'small' dmctl volume inspect small
like "the header has the new name" "$(cryptsetup token export --token-id 0 "$(lun 1)")" '"name": *"orders"'
ok "volume rename takes the name back" dmctl volume rename orders small
ok "volume rm succeeds" dmctl volume rm small --yes
like "volume rm leaves the header to those who want it" "$(blkid -p -o value -s TYPE "$(lun 1)")" crypto_LUKS
ok "volume rm --wipe-header succeeds" dmctl volume rm pgdata --wipe-header --yes
is "after rm --wipe-header the LUN carries nothing" "$(blkid -p "$(lun 0)")" ""
ok "after rm --wipe-header the LUN becomes a volume again" dmctl volume create pgdata "$(lun 0)"
ok "volume rm succeeds on the new volume" dmctl volume rm pgdata --yes
ok "a deleted volume's LUN is taken when the signature is named" \
	dmctl volume create second "$(lun 1)" --wipe-signature crypto_LUKS
ok "every decision is in an unbroken chain of the audit log" dmctl audit verify
