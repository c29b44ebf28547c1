#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What happens when a processor stands still at the worst place: between the encryption of a write and its
# way to the device, and in the timer that ends a lease.
# vm: shared timeout=240 long

. ./kmod-lib.sh
plan 20

taskset -cp 0 $$ >/dev/null # and all that comes; processor 1 is the one that stands still
hold=$((4000 * ${CC_SLOW:-1})) # ms
holdup=/sys/module/holdup/parameters

# hold_at SYMBOL [COMM]: the next call waits
hold_at() {
	modprobe holdup symbol="$1" ${2+comm=$2} ms=$hold && cleanup rmmod holdup && echo 1 >$holdup/armed
}
holding() { [ "$(cat $holdup/holding)" = 1 ]; }
hold_again() { echo 1 >$holdup/armed; }
hold_no_more() { wait_for 20 is_over && rmmod holdup; }
is_over() { ! holding; }

add_key k "$(random_key 64)"
add_key other "$(random_key 64)"
backing lun 16
block() { dd if="$lun" bs=4k skip=1 count=1 iflag=direct status=none | digest; }
read_back() { dd if=/dev/mapper/m bs=4k skip=1 count=1 iflag=direct status=none | digest; }

# -- a write that was encrypted before a lock, and would be sent after the next unlock

# late_write KEY: one on processor 1 is held up while the mapping is locked, and unlocked with that key; as $writer.
# True when all of that was in time.
late_write() {
	cc_unlock m k && hold_again || return
	taskset -c 1 dd if="$tap_dir/data" of=/dev/mapper/m bs=4k seek=1 count=1 oflag=direct status=none 2>/dev/null &
	writer=$!
	wait_for 10 holding && dmsetup message m 0 lock &&
		dmsetup message m 0 unlock ":64:logon:cctest:$1" 0 && holding
}

need cc_create m "$lun"
need hold_at ccrypt_offload_end dd
for key in other k; do
	pattern "late $key" 4096 >"$tap_dir/data"
	before=$(block)
	ok "on_lock:error, a write is held up while the mapping is locked and unlocked with key $key" late_write $key
	not_ok "on_lock:error, the write held up over an unlock with key $key fails" wait $writer
	is "on_lock:error, nothing of the write held up over an unlock with key $key is on the device" "$(block)" "$before"
	need cc_lock m
done
need dm_remove m

need cc_create m "$lun" on_lock:queue:20000
ok "on_lock:queue, a write is held up while the mapping is locked and unlocked with another key" late_write other
ok "on_lock:queue, the write that was held up goes on" wait $writer
is "on_lock:queue, the write is encrypted with the key that is in use" "$(read_back)" "$(digest <"$tap_dir/data")"
need cc_lock m
need hold_no_more

# -- a timer that is late

is_locked() { [ "$(cc_status m state)" = locked ]; }

# late_timer: a lease ends, but the processor that should end it stands still
late_timer() {
	hold_again && taskset -c 1 dmsetup message m 0 unlock :64:logon:cctest:k 200 && wait_for 20 holding
}
# in_time COMMAND...: succeeds, while the timer is still held up
in_time() { "$@" && holding; }

need hold_at ccrypt_lease_end
locks=$(cc_status m locks)
ok "the timer of a lease is late" late_timer
ok "while the timer is late the status says locked" in_time is_locked
ok "while the timer is late renew says locked" in_time bash -c '! dmsetup message m 0 renew 60000 2>"$1" && grep -qE "Required key|not available" "$1"' renew "$tap_dir/renew"
ok "while the timer is late unlock makes the mapping active again" in_time dmsetup message m 0 unlock :64:logon:cctest:k 0
is "a lease whose timer is late has ended once" "$(cc_status m locks)" $((locks + 1))
ok "the late timer comes" wait_for 20 is_over
sleep 0.5
is "the late timer does not end the next lease" "$(cc_status m | cut -d' ' -f1-2)" "active lease:-"
need cc_lock m

ok "the timer of a lease is late" late_timer
ok "unlock alone notices a lease whose timer is late" in_time dmsetup message m 0 unlock :64:logon:cctest:other 0
is "the status says that a lease whose timer was late ended the key" "$(cc_status m last_lock)" lease
need cc_lock m
need hold_no_more
ok "the mapping can be removed" dm_remove m
