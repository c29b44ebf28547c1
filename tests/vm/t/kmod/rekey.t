#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The online rekey: the volume gets a new key while it is read and written; what is wrong is refused and
# changes nothing; lock, lease, suspend, growth, discards and errors in the middle lose nothing.
# vm: shared timeout=600

. ./rekey-lib.sh
plan 67
tool blockcheck

backing lun 56
mib=24
len=$((mib * 2048 - 8)) # the last window is not whole
pattern data $((len * 512)) >"$tap_dir/data"
want=$(digest <"$tap_dir/data")
data_of() { dd if="/dev/mapper/$1" bs=1M iflag=direct count=$((len * 512)) iflag=count_bytes,direct status=none | digest; }

# fresh [OPTION...]: the pattern under the old key, unlocked
fresh() {
	dm_remove m 2>/dev/null
	dd if=/dev/zero of="$lun" bs=1M count=4 oflag=direct status=none &&
		rk_create m "$lun" $len "$@" && cc_unlock m old &&
		dd if="$tap_dir/data" of=/dev/mapper/m bs=1M oflag=direct status=none
}
# half RATE [OPTION...]: fresh, and some windows have the new key
half() {
	local rate=$1

	shift
	fresh "$@" && rk m rate "$rate" && rk_start m && wait_for 20 rk_passed m 8192
}
# finish NAME: what has to be true in the end, whatever came before
finish() {
	ok "$1: the rekey comes to its end" rk_done m
	is "$1: the data is what it was" "$(data_of m)" "$want"
	is "$1: dm-crypt reads the same with the new key" "$(plain_digest "$lun" "$new" $len sector_size:4096)" "$want"
}

# -- to the end

need fresh
is "without a rekey the status says so" "$(cc_status m | grep -o 'rekey:.*')" \
	"rekey:- rekey_pos:0 rekey_end:0 rekey_seq:0 rekey_rate:0 rekey_error:-"
fails_as "a start on a device in use is refused" 1 'Text file busy' rk m start "$(key_spec new)"
fails_as "a pause without a rekey is refused" 1 'No such process' rk m pause
for wrong in 'rekey' 'rekey start' 'rekey begin' 'rekey rate -1' 'rekey rate 1000001' 'rekey pause now' \
	"unlock $(key_spec new) 0 $(key_spec old)" "unlock $(key_spec new) 0 $(key_spec old) x"; do
	# shellcheck disable=SC2086
	dmsetup message m 0 $wrong 2>>"$tap_dir/said" && echo "taken: $wrong" >>"$tap_dir/taken"
done
ok "messages that are wrong are refused" test ! -e "$tap_dir/taken"
need dmsetup suspend m
fails_as "a start with the key in use is refused" 1 'Key was rejected' rk m start "$(key_spec old)"
ok "a start on a suspended device is taken" rk m start "$(key_spec new)"
fails_as "a second start is refused" 1 'already in progress' rk m start "$(key_spec new)"
need dmsetup resume --noudevsync m
finish "alone"
is "the position is the end" "$(cc_status m rekey_pos)/$(cc_status m rekey_end)" "$len/$len"
need cc_lock m
fails_as "one key is refused while there are headers" 1 'already in progress' cc_unlock m new
need rk_unlock m
need rk_done m
ok "a rekey that is done is cleared" rk m clear
is "a cleared area has no header" "$(dd if="$lun" bs=4096 skip=256 count=17 iflag=direct status=none | tr -d '\0' | wc -c)" 0
is "the new key alone is in use" "$(data_of m)" "$want"
need cc_lock m
need cc_unlock m new
is "the new key alone opens it" "$(data_of m)" "$want"
need cc_lock m
need cc_unlock m old
not_ok "the old key opens nothing" cmp -n 4096 "$tap_dir/data" /dev/mapper/m

# -- under load

need fresh
need rk m rate 6
"$blockcheck" -t 8 -j 3 -m 16 /dev/mapper/m >"$tap_dir/check" 2>&1 &
check=$!
ok "a rekey starts under load" rk_start m
for i in 1 2 3 4 5 6; do
	dmsetup suspend m && dmsetup resume --noudevsync m
	dmsetup suspend --noflush --nolockfs m && dmsetup resume --noudevsync m
	sleep 0.3
done
wait $check
report $? "what is written during a rekey is read, through suspends" "$tap_dir/check"
ok "the rekey under load comes to its end" rk_done m
sum=$(data_of m)
is "dm-crypt reads with the new key what was written" "$(plain_digest "$lun" "$new" $len sector_size:4096)" "$sum"

need fresh
need rk m rate 6
"$blockcheck" -n -t 6 -j 2 -m 512 /dev/mapper/m >"$tap_dir/check" 2>&1 &
check=$!
need rk_start m
wait $check
report $? "what is written with NOWAIT is read" "$tap_dir/check"
need rk_done m

need fresh
need rk m rate 6
fio --filename=/dev/mapper/m --name=uring --direct=1 --ioengine=io_uring --iodepth=16 --rw=randwrite --bsrange=4k-2m \
	--size=20M --verify=crc32c --verify_fatal=1 --verify_backlog=16 --time_based --runtime=6 --minimal >"$tap_dir/fio" 2>&1 &
load=$!
need rk_start m
wait $load
report $? "io_uring reads what it wrote" "$tap_dir/fio"
need rk_done m

# -- pause, rate, growth, discards

need half 4
ok "a rekey is paused" rk m pause
sleep 0.5
at=$(cc_status m rekey_pos)
sleep 0.7
is "a paused rekey stands still" "$(cc_status m rekey)/$(cc_status m rekey_pos)" "paused/$at"
need rk m rate 0
need rk m resume
finish "paused"

need half 4
fails_as "a mapping cannot grow in a window" 1 '' dmsetup reload m --table "$(rk_line "$lun" $((len + 8)))"
fails_as "a mapping cannot shrink" 1 '' dmsetup reload m --table "$(rk_line "$lun" $((len - 8)))"
need rk m rate 0
finish "not grown"

whole=$((mib * 2048)) odd=$len
len=$whole
pattern data $((len * 512)) >"$tap_dir/data"
want=$(digest <"$tap_dir/data")
need half 4 allow_discards
need dmsetup reload m --table "$(rk_line "$lun" $((len + 8192)) allow_discards)"
need dmsetup suspend m
need dmsetup resume --noudevsync m
need dd if="$tap_dir/data" of=/dev/mapper/m bs=1M seek=$mib count=4 oflag=direct status=none
need blkdiscard -o $((mib << 20)) -l $((1 << 20)) /dev/mapper/m
need rk m rate 0
finish "grown and discarded"
is "what was written where it grew has the new key" \
	"$(dd if=/dev/mapper/m bs=1M skip=$((mib + 1)) count=3 iflag=direct status=none | digest)" \
	"$(dd if="$tap_dir/data" bs=1M skip=1 count=3 status=none | digest)"
len=$odd
pattern data $((len * 512)) >"$tap_dir/data"
want=$(digest <"$tap_dir/data")

# -- lock and lease

need half 4 on_lock:queue:60000
ok "a lock comes in the middle" cc_lock m
is "a locked rekey says so" "$(cc_status m state)/$(cc_status m rekey)" locked/locked
fails_as "the new key alone does not open a half" 1 'already in progress' cc_unlock m new
fails_as "the old key alone does not open a half" 1 'already in progress' cc_unlock m old
seq=$(cc_status m rekey_seq)
fails_as "headers older than allowed are refused" 1 'out of range' rk_unlock m 0 $((seq + 2))
need rk_unlock m 1500
sleep 2.5
is "a lease of a rekey ends in the middle" "$(cc_status m state)" locked
need rk_unlock m
need rk m rate 0
finish "locked"

need half 12 on_lock:queue:60000
for i in $(seq 30); do
	cc_lock m && rk_unlock m || echo "round $i" >>"$tap_dir/trouble"
done
ok "locks and unlocks come at any moment" test ! -e "$tap_dir/trouble"
finish "locked often"

# -- what is on the device

header_a=$((area * 512)) header_b=$((area * 512 + 65536))
# spoil OFFSET: half of a header is something else
spoil() { head -c 256 /dev/urandom | dd of="$lun" bs=256 seek=$((($1 + 256) / 256)) conv=notrunc,fsync status=none; }
# seq_at, newest: the number of a header, and which one has the highest
seq_at() { dd if="$lun" bs=4096 skip=$(($1 / 4096)) count=1 iflag=direct status=none | tail -c +73 | head -c 8 | od -An -tu8 | tr -d ' '; }
newest() { [ "$(seq_at $header_a)" -gt "$(seq_at $header_b)" ] && echo $header_a || echo $header_b; }
need half 4
need dm_remove m
older=$((header_a + header_b - $(newest)))
need spoil "$older"
need rk_create m "$lun" $len
ok "with one header broken the other is used" rk_unlock m
finish "one header broken"

need half 4
need dm_remove m
need spoil $header_a
need spoil $header_b
need rk_create m "$lun" $len
fails_as "with both headers broken nothing is opened" 1 'needs cleaning' rk_unlock m
fails_as "headers that say nothing are not cleared" 1 'already in progress' rk m clear

# -- errors of the device

low() { echo "0 $(sectors "$lun") linear $lun 0"; }
# swap TABLE: the device below becomes something else
swap() { dmsetup reload low --table "$1" && dmsetup suspend --noflush --nolockfs low && dmsetup resume --noudevsync low; }
# hole SECTOR COUNT: errors there
hole() {
	local after=$(($1 + $2))

	swap "0 $1 linear $lun 0
$1 $2 error
$after $(($(sectors "$lun") - after)) linear $lun $after"
}
need dm_remove m
need dd if=/dev/zero of="$lun" bs=1M count=4 oflag=direct status=none
need dm_create low "$(low)"
need rk_create m /dev/mapper/low $len
need cc_unlock m old
need dd if="$tap_dir/data" of=/dev/mapper/m bs=1M oflag=direct status=none
bad=$((start + 5 * 2048 + 64))
need hole $bad 8
need rk_start m
ok "a sector that cannot be read stops the rekey" wait_for 10 rk_is m paused
is "the sector is named" "$(cc_status m rekey_error)/$(cc_status m rekey_pos)" "5@$bad/$((5 * 2048))"
need hole $((area + 128)) 8
need rk m resume
error_is() { [ "$(cc_status m rekey_error)" = "$1" ]; }
ok "a header that cannot be written is named" wait_for 10 error_is "5@$((area + 128))"
sleep 5
is "the window of that header is not given up" "$(cc_status m rekey_pos)" $((5 * 2048))
not_ok "the window of that header is not read" dd if=/dev/mapper/m of=/dev/null bs=4k count=1 skip=$((5 * 256)) iflag=direct
ok "other windows are read" dd if=/dev/mapper/m of=/dev/null bs=4k count=1 skip=$((6 * 256)) iflag=direct
ok "such a window does not hold up a suspend" timeout 20 dmsetup suspend m
need dmsetup resume --noudevsync m
need swap "$(low)"
finish "after errors"
need dm_remove m
need dm_remove low
unlike "the kernel saw nothing wrong" "$(kernel_log)" 'BUG|WARNING|blocked for more'
