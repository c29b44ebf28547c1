#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The words of a rekey area: table lines that are right come back, those that are wrong are refused; without an
# area there is no rekey.
# vm: shared timeout=120 kernels

. ./rekey-lib.sh
plan 8

backing lun 16
len=8192
dev=$(stat -c '%Hr:%Lr' "$lun")

need rk_create m "$lun" $len
is "a table with a rekey area comes back as it was" "$(dmsetup table m)" \
	"0 $len container-crypt aes-xts-plain64 0 $dev $start 3 sector_size:4096 volume:$uuid rekey_area:$area:$area_len"
need cc_unlock m old
need dmsetup reload m --table "$(rk_line "$lun" $len allow_discards)"
need dmsetup suspend m
need dmsetup resume --noudevsync m
is "a table of the same area keeps the key" "$(cc_status m state)" active
need dm_remove m

# refused OPTION...: no table can have these
refused() { dmsetup create --noudevsync bad --table "0 $len container-crypt aes-xts-plain64 0 $lun $start $# $*" 2>/dev/null && echo "$*" >>"$tap_dir/taken"; }
for bad in '' : 2048 2048: :6144 2048:6144: 2048:6144:1 x:6144 -8:6144 +8:6144 2049:6144 2048:6145 2048:4088 0x800:6144 \
	18446744073709551608:4096 36028797018963968:4096 99999999999999999999999999:4096 2048:99999999999999999999999; do
	refused "volume:$uuid" "rekey_area:$bad"
done
ok "areas that are malformed are refused" test ! -e "$tap_dir/taken"
refused "rekey_area:$area:$area_len"
ok "an area without a volume is refused" test ! -e "$tap_dir/taken"
for bad in $start:4096 $((start - 8)):4096 $((start + len - 8)):4096 $((start - 4096 + 8)):4096; do
	refused "volume:$uuid" "rekey_area:$bad"
done
ok "an area that overlaps the data is refused" test ! -e "$tap_dir/taken"
refused "volume:$uuid" "rekey_area:$((16 * 2048 - 4088)):4096"
ok "an area beyond the end of the device is refused" test ! -e "$tap_dir/taken"

need cc_create m "$lun"
need cc_unlock m old
fails_as "without an area a rekey is refused" 1 'No such device or address' rk m start "$(key_spec new)"
need cc_lock m
fails_as "without an area two keys are refused" 1 'No such device or address' rk_unlock m
