#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Power fails at any moment of a rekey: after every write that the device had been told of, alone or with the
# next one torn, an unlock with both keys goes on, and every sector is what it was.
# vm: shared timeout=840 long

. ./rekey-lib.sh
plan 8
tool logreplay
need modprobe dm-log-writes

backing data 8
backing log 64
backing copy 8
len=$((2 * 2048 + 1024)) # two windows and a half
size=$(sectors "$data")
pattern data $((len * 512)) >"$tap_dir/data"
want=$(digest <"$tap_dir/data")

# recorded: from the start of the rekey on all that reaches the device is in the log
recorded() {
	need blkdiscard "$log"
	need dm_create low "0 $size log-writes $data $log"
	need dmsetup message low 0 mark start
	need rk_create m /dev/mapper/low $len "$@"
	need cc_unlock m old
	need rk_start m
}
# goes_on [MIN_SEQ]: the copy, unlocked with both keys, is rekeyed to the end and has the data
goes_on() {
	local got min=${1-0}

	rk_create c "$copy" $len $option && rk_unlock c 0 "$min" &&
		got=$(dd if=/dev/mapper/c bs=1M iflag=direct status=none | digest) && [ "$got" = "$want" ] &&
		rk_done c && got=$(dd if=/dev/mapper/c bs=1M iflag=direct status=none | digest)
	dm_remove c
	[ "$got" = "$want" ] && [ "$(plain_digest "$copy" "$new" $len $option)" = "$want" ]
}
reset_copy() { dd if="$tap_dir/before" of="$copy" bs=1M oflag=direct status=none; }

# every_point: the copy after each entry of the log goes on
every_point() {
	local entries=$1 at

	for ((at = 0; at <= entries; at++)); do
		reset_copy && "$logreplay" "$log" apply "$copy" 0 $at && goes_on || { echo "after $at of $entries"; return 1; }
	done
	echo "$entries entries"
}
# every_tear: the same with the next entry torn
every_tear() {
	local entries=$1 at

	for ((at = 0; at < entries; at++)); do
		reset_copy && "$logreplay" "$log" apply "$copy" 0 $at && "$logreplay" "$log" tear "$copy" $at && goes_on ||
			{ echo "torn after $at of $entries"; return 1; }
	done
	echo "$entries entries"
}

for sector_size in 4096 512; do
	option=sector_size:$sector_size
	# the data under the old key, and nothing else
	need dd if=/dev/zero of="$data" bs=1M count=8 oflag=direct status=none
	need rk_create m "$data" $len $option
	need cc_unlock m old
	need dd if="$tap_dir/data" of=/dev/mapper/m bs=512K oflag=direct status=none
	need dm_remove m
	need dd if="$data" of="$tap_dir/before" bs=1M iflag=direct status=none
	recorded $option
	ok "$sector_size: a rekey is recorded" rk_done m
	need dm_remove m
	need dm_remove low
	entries=$("$logreplay" "$log" count)
	ok "$sector_size: the log has each write of it" test "$entries" -ge 14
	ok "$sector_size: after each write of a rekey it goes on, and nothing is lost" every_point "$entries"
	diag "$(tail -n 1 "$tap_dir/out")"
	ok "$sector_size: with a torn write it goes on, and nothing is lost" every_tear "$entries"
	diag "$(tail -n 1 "$tap_dir/out")"
done
