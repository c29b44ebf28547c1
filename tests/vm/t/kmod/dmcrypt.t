#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Same ciphertext as dm-crypt aes-xts-plain64: each reads what the other wrote, for both sector
# sizes and key sizes, with an iv_offset, and beyond 2^32 sectors. So a volume can always be read
# without this project when its key is known.
# vm: shared timeout=240

. ./kmod-lib.sh
plan 31

key64=$(random_key 64)
key32=$(random_key 32)
add_key k64 "$key64"
add_key k32 "$key32"
backing lun 8
pattern ours 8388608 >"$tap_dir/ours"
pattern theirs 8388608 >"$tap_dir/theirs"

copy() { dd if="$1" of="$2" bs=1M oflag=direct,dsync status=none; }
same() { cmp -n 8388608 "$1" "$2"; }

for size in 512 4096; do
	for key_bytes in 32 64; do
		for iv_offset in 0 98760 8589934592; do
			key=key$key_bytes
			tag="sector $size, key $key_bytes, iv_offset $iv_offset"
			need cc_create ours "$lun" sector_size:$size
			need cc_unlock ours k$key_bytes
			need copy "$tap_dir/ours" /dev/mapper/ours
			need dm_remove ours
			need crypt_create theirs "$lun" "${!key}" sector_size:$size
			ok "dm-crypt reads what we wrote: $tag" same "$tap_dir/ours" /dev/mapper/theirs
			need copy "$tap_dir/theirs" /dev/mapper/theirs
			need dm_remove theirs
			need cc_create ours "$lun" sector_size:$size
			need cc_unlock ours k$key_bytes
			ok "we read what dm-crypt wrote: $tag" same "$tap_dir/theirs" /dev/mapper/ours
			need dm_remove ours
		done
	done
done
iv_offset=0 key_bytes=64

# the way cryptsetup names it
printf %s "$key64" | xxd -r -p >"$tap_dir/key"
need cryptsetup open --type plain --cipher aes-xts-plain64 --key-size 512 --sector-size 4096 \
	--key-file "$tap_dir/key" --keyfile-size 64 --hash plain "$lun" theirs
cleanup dmsetup remove --retry theirs
need copy "$tap_dir/ours" /dev/mapper/theirs
need cryptsetup close theirs
need cc_create ours "$lun"
need cc_unlock ours k64
ok "we read what cryptsetup open --type plain wrote, with our defaults" \
	same "$tap_dir/ours" /dev/mapper/ours
need dm_remove ours
not_ok "what lies on the device is not the data" same "$tap_dir/ours" "$lun"

# a device of 3 TiB, nearly all of it a hole
truncate -s 3T "$tap_dir/huge.img"
huge=$(losetup --show -f "$tap_dir/huge.img")
cleanup losetup -d "$huge"
need cc_create ours "$huge"
need cc_unlock ours k64
at=$(((1 << 32) / 2048 + 5))
ok "a write beyond 2^32 sectors succeeds" dd if="$tap_dir/ours" of=/dev/mapper/ours bs=1M seek=$at \
	oflag=direct,dsync
ok "a write across the boundary of 2^32 sectors succeeds" dd if="$tap_dir/theirs" of=/dev/mapper/ours bs=1M seek=$((at - 9)) \
	oflag=direct,dsync
need dm_remove ours
need crypt_create theirs "$huge" "$key64" sector_size:4096
read_at() { dd if=/dev/mapper/theirs bs=1M skip="$1" count=8 iflag=direct status=none | cmp - "$2"; }
ok "dm-crypt reads what we wrote beyond 2^32 sectors" read_at $at "$tap_dir/ours"
ok "dm-crypt reads what we wrote across the boundary of 2^32 sectors" bash -c "dd if=/dev/mapper/theirs bs=1M skip=$((at - 9)) count=8 iflag=direct \
	status=none | cmp - $tap_dir/theirs"
need dm_remove theirs

# an offset into the device
len=$(($(sectors "$lun") - 2048))
need dm_create ours "0 $len container-crypt aes-xts-plain64 16 $lun 2048"
need cc_unlock ours k64
need dd if="$tap_dir/ours" of=/dev/mapper/ours bs=1M count=4 oflag=direct,dsync
need dm_remove ours
need dm_create theirs "0 $len crypt aes-xts-plain64 $key64 16 $lun 2048 1 sector_size:4096"
ok "an offset into the device means the same to dm-crypt" cmp -n 4194304 "$tap_dir/ours" /dev/mapper/theirs
