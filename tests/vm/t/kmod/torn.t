#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A device that fails and comes back: its errors reach the caller, and afterwards every encryption sector
# is one that was written, whole, however many writes failed half way.
# vm: shared timeout=240 long

. ./kmod-lib.sh
plan 18
tool blockcheck
need modprobe dm-flakey

add_key k "$(random_key 64)"
backing lun 32
len=$(sectors "$lun")

# fresh: nothing that looks like data of an earlier part
fresh() { need blkdiscard "$lun"; }

# judged NAME RESULT: what blockcheck -e found
judged() {
	diag "$2"
	ok "$1: I/O met errors" test "$(field error "$2")" -gt 0
	ok "$1: I/O met successes" test "$(field ok "$2")" -gt 0
}

for size in 4096 512; do
	fresh
	# up for a second, down for a second
	need dm_create low "0 $len flakey $lun 0 1 1"
	need cc_create m /dev/mapper/low sector_size:$size
	need cc_unlock m k
	result=$("$blockcheck" -t 8 -u $size -m $((1048576 / size)) -e /dev/mapper/m)
	report $? "$size-byte sectors: a device that comes and goes tears no sector"
	judged "comes and goes" "$result"
	need dm_remove m
	need dm_remove low
done

# the same with a hole of errors that moves, so that one write fails in part
fresh
need dm_create low "0 $len linear $lun 0"
need cc_create m /dev/mapper/low
need cc_unlock m k
"$blockcheck" -t 12 -j 2 -m 256 -e /dev/mapper/m >"$tap_dir/check" &
check=$!
# hole START: the device below has errors in 4 MiB from START on; or none any more
hole() {
	local table="0 $len linear $lun 0"

	[ -z "${1-}" ] || table="0 $1 linear $lun 0
$1 8192 error
$(($1 + 8192)) $((len - $1 - 8192)) linear $lun $(($1 + 8192))"
	dmsetup reload low --table "$table" && dmsetup suspend --noflush --nolockfs low && dmsetup resume --noudevsync low
}
for i in $(seq 20); do
	hole $((i * 2344)) || echo "hole $i" >>"$tap_dir/trouble"
	sleep 0.3
done
hole || echo "no hole" >>"$tap_dir/trouble"
ok "a hole of errors moves over the device" test ! -s "$tap_dir/trouble"
wait $check
report $? "a write that fails in part tears no sector"
judged "fails in part" "$(cat "$tap_dir/check")"
is "after failed writes the mapping is still active" "$(cc_status m state)" active
need dm_remove m
need dm_remove low

# a device that loses its mind for good: everything fails, nothing hangs, then it is back
need dm_create low "0 $len linear $lun 0"
need cc_create m /dev/mapper/low
need cc_unlock m k
pattern x 8388608 >"$tap_dir/x"
need dd if="$tap_dir/x" of=/dev/mapper/m bs=1M oflag=direct status=none
dmsetup reload low --table "0 $len error" && dmsetup suspend --noflush --nolockfs low && dmsetup resume --noudevsync low
fails_with 1 'Input/output error' dd if=/dev/mapper/m of=/dev/null bs=1M count=8 iflag=direct
fails_with 1 'Input/output error' dd if=/dev/zero of=/dev/mapper/m bs=1M count=8 oflag=direct
fails_with 1 'Input/output error' dd if=/dev/zero of=/dev/mapper/m bs=1M count=8 conv=fsync
is "a device that fails everything leaves the mapping active" "$(cc_status m state)" active
need hole
ok "what was there before a device failed is there again" cmp -n 8388608 "$tap_dir/x" /dev/mapper/m
ok "a device that came back can be written" dd if="$tap_dir/x" of=/dev/mapper/m bs=1M oflag=direct
unlike "no task hung on a failing device" "$(kernel_log)" 'blocked for more than|hung_task'
