#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A locked mapping does no data I/O, and a lock in the middle of any load never yields wrong data:
# bios fail, or wait and go on, as the table says.
# vm: shared timeout=300

. ./kmod-lib.sh
plan 40
tool blockcheck

add_key k "$(random_key 64)"
backing lun 32

# -- on_lock:error

need cc_create m "$lun"
before=$(rw_counts "$lun")
not_ok "a locked mapping does not read" dd if=/dev/mapper/m of=/dev/null bs=4k count=1 iflag=direct
not_ok "a locked mapping does not read through the page cache" dd if=/dev/mapper/m of=/dev/null bs=64k count=1
not_ok "a locked mapping does not write" dd if=/dev/zero of=/dev/mapper/m bs=4k count=1 oflag=direct
not_ok "a locked mapping does not zero" blkdiscard -z -l 1M /dev/mapper/m
blkid -p /dev/mapper/m
blockdev --flushbufs /dev/mapper/m
is "the device under a locked mapping has seen no data" "$(rw_counts "$lun")" "$before"
not_ok "a write of a buffered page fails at its sync" dd if=/dev/zero of=/dev/mapper/m bs=4k count=1 conv=fsync
is "a write to a locked mapping has not reached the device" "$(rw_counts "$lun")" "$before"
is "a locked mapping has counted nothing" "$(cc_status m)" "locked lease:- gate:0 reads:0 writes:0 denied:0 locks:0 last_lock:-"

need cc_unlock m k
ok "after an unlock the mapping reads and writes" "$blockcheck" -t 1 -j 2 /dev/mapper/m
like "an unlocked mapping counts" "$(cc_status m)" 'reads:[1-9][0-9]* writes:[1-9]'
pattern locked 1048576 >"$tap_dir/data"
need dd if="$tap_dir/data" of=/dev/mapper/m bs=1M oflag=direct
need cc_lock m
before=$(rw_counts "$lun")
not_ok "a mapping that is locked again does not read" dd if=/dev/mapper/m of=/dev/null bs=4k count=1 iflag=direct
is "a mapping that is locked again does not read from the device" "$(rw_counts "$lun")" "$before"
need cc_unlock m k
is "a mapping that is unlocked again has the data" "$(dd if=/dev/mapper/m bs=1M count=1 iflag=direct status=none | digest)" \
	"$(digest <"$tap_dir/data")"
need cc_lock m
add_key other "$(random_key 64)"
need cc_unlock m other
not_ok "another key does not show the data" cmp -n 1048576 "$tap_dir/data" /dev/mapper/m
need cc_lock m

# storm NAME ROUNDS: locks and unlocks as fast as it can
storm() {
	local i

	for ((i = 0; i < $2; i++)); do
		cc_unlock "$1" k || return
		sleep 0.0$((RANDOM % 9))
		cc_lock "$1" || return
	done
}

need cc_unlock m k
"$blockcheck" -t 15 -j 4 /dev/mapper/m >"$tap_dir/check" &
check=$!
need cc_lock m
ok "locks and unlocks in the middle of reads and writes succeed" storm m 60
ok "locks in the middle of reads and writes never yield wrong data" wait $check
result=$(cat "$tap_dir/check")
diag "$result"
ok "some I/O met an active mapping" test "$(field ok "$result")" -gt 0
ok "some I/O met a locked mapping" test "$(field error "$result")" -gt 0
need cc_unlock m k
"$blockcheck" -r -t 10 -m 512 /dev/mapper/m >"$tap_dir/check" &
check=$!
sleep 3
need cc_lock m
ok "locks and unlocks in the middle of large reads succeed" storm m 40
ok "locks in the middle of large reads never yield wrong data" wait $check
diag "$(cat "$tap_dir/check")"
ok "the mapping can be removed" dm_remove m

# -- on_lock:queue

need cc_create m "$lun" on_lock:queue:2000
before=$(rw_counts "$lun")
start=${EPOCHREALTIME/./}
not_ok "with on_lock:queue a read of a mapping that stays locked fails" dd if=/dev/mapper/m of=/dev/null bs=4k count=1 iflag=direct
took=$(((${EPOCHREALTIME/./} - start) / 1000))
# the limit is in ticks, and the processor that counts them may be late
ok "with on_lock:queue a read of a locked mapping fails after its time: $took ms" test $took -ge 1500 -a $took -lt 20000
is "with on_lock:queue a read that fails has not reached the device" "$(rw_counts "$lun")" "$before"
start=$SECONDS
not_ok "with on_lock:queue a sync to a mapping that stays locked fails" dd if=/dev/zero of=/dev/mapper/m bs=64k count=64 conv=fsync
ok "with on_lock:queue a sync to a mapping that stays locked fails within the time limit" test $((SECONDS - start)) -le 40

need cc_unlock m k
need dd if="$tap_dir/data" of=/dev/mapper/m bs=1M oflag=direct
need cc_lock m
dd if=/dev/mapper/m of="$tap_dir/read" bs=1M count=1 iflag=direct status=none &
reader=$!
dd if="$tap_dir/data" of=/dev/mapper/m bs=1M seek=1 oflag=direct status=none &
writer=$!
sleep 0.5
need cc_unlock m k
ok "an unlock in time lets a read go on" wait $reader
is "a read that an unlock lets go on has the data" "$(digest <"$tap_dir/read")" "$(digest <"$tap_dir/data")"
ok "an unlock in time lets a write go on" wait $writer
is "a write that an unlock lets go on is complete" "$(dd if=/dev/mapper/m bs=1M skip=1 count=1 iflag=direct status=none | digest)" \
	"$(digest <"$tap_dir/data")"

"$blockcheck" -t 15 -j 4 /dev/mapper/m >"$tap_dir/check" &
check=$!
need cc_lock m
ok "with on_lock:queue locks and unlocks in the middle of reads and writes succeed" storm m 60
need cc_unlock m k
ok "with on_lock:queue locks never yield wrong data" wait $check
result=$(cat "$tap_dir/check")
diag "$result"
is "with on_lock:queue locks that are shorter than the time limit yield no error" "$(field error "$result")" 0

need cc_lock m
# io_uring and preadv2 with RWF_NOWAIT are told to come again, not made to wait
need bash -c "dmsetup table m | sed s/queue:2000/queue:60000/ | dmsetup reload m"
need dmsetup resume --noudevsync m
start=$SECONDS
fails_with 1 'temporarily unavailable' fio --name=n --filename=/dev/mapper/m --rw=read --bs=4k \
	--size=4k --direct=1 --ioengine=pvsync2 --nowait=1
ok "a read that must not wait is not parked" test $((SECONDS - start)) -lt 40

# suspended without a flush, parked bios go back to dm core and wait there
need cc_unlock m k
pattern again 65536 >"$tap_dir/again"
need cc_lock m
dd if="$tap_dir/again" of=/dev/mapper/m bs=64k count=1 oflag=direct status=none &
writer=$!
sleep 0.3
start=${EPOCHREALTIME/./}
ok "a suspend without a flush does not wait for parked bios" dmsetup suspend --noflush m
took=$(((${EPOCHREALTIME/./} - start) / 1000))
ok "a suspend without a flush takes parked bios back: $took ms" test $took -lt 1900
need cc_unlock m k
need dmsetup resume --noudevsync m
ok "parked bios go on after the resume" wait $writer

# the time limit of the table that was does not count for the one that is
need cc_lock m
dd if=/dev/mapper/m of=/dev/null bs=4k count=1 iflag=direct status=none &
reader=$!
sleep 0.3
need dmsetup suspend --noflush m
need bash -c "dmsetup table m | sed s/queue:60000/queue:500/ | dmsetup reload m"
start=$SECONDS
need dmsetup resume --noudevsync m
not_ok "a shorter time limit counts from its table on" wait $reader
ok "a shorter time limit counts for bios that were parked under a longer one: $((SECONDS - start)) s" test $((SECONDS - start)) -lt 30
