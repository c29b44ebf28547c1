#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A lease ends in the kernel, on time, whatever userspace does: the key is gone and the mapping
# locked, until somebody who may unlocks it again.
# vm: shared timeout=240

. ./kmod-lib.sh
plan 55
tool blockcheck

add_key k "$(random_key 64)"
backing lun 32
need cc_create m "$lun"
state() { cc_status m state; }
locked() { [ "$(state)" = locked ]; }

ok "a mapping is unlocked with a lease" cc_unlock m k 60000
left=$(cc_status m lease)
ok "the status tells how much is left: $left" test "$left" -le 60000 -a "$left" -gt 30000
ok "a lease can be renewed" dmsetup message m 0 renew 120000
left=$(cc_status m lease)
ok "a renewal makes a lease longer: $left" test "$left" -le 120000 -a "$left" -gt 90000
ok "a renewal may be shorter than what is left" dmsetup message m 0 renew 5000
left=$(cc_status m lease)
ok "a renewal makes a lease as short as it says: $left" test "$left" -le 5000
need cc_lock m
is "a lock ends the lease" "$(cc_status m | cut -d' ' -f1-2)" "locked lease:-"
fails_with 1 'Required key|not available' dmsetup message m 0 renew 1000
need cc_unlock m k
sleep 6
is "a later unlock without a lease is not ended by an earlier one" "$(cc_status m | cut -d' ' -f1-2)" "active lease:-"
ok "renew limits a key without a lease" dmsetup message m 0 renew 60000
need cc_lock m

# -- on time. dmsetup wait wakes on the change of state.

events() { dmsetup info -c --noheadings -o events m | xargs; }
event=$(events)
locks=$(cc_status m locks)
need cc_unlock m k 4000
need wait_for 5 bash -c "[ \$(dmsetup info -c --noheadings -o events m) -gt $event ]"
ok "the end of the lease wakes dmsetup wait" timeout 30 dmsetup wait m "$(events)"
is "the mapping is locked at the end of the lease" "$(state)" locked
is "the end of a lease counts as one lock" "$(cc_status m locks)" $((locks + 1))
not_ok "a read after the end of the lease fails" dd if=/dev/mapper/m of=/dev/null bs=4k count=1 iflag=direct
fails_with 1 'Required key|not available' dmsetup message m 0 renew 1000

# the moment, as the kernel's own trace sees it: from the timer's start to the end of the wipe
for lease in 1 50 500 2000; do
	need trace_on timer/hrtimer_start workqueue/workqueue_execute_end
	need cc_unlock m k $lease
	wait_for 20 grep -q 'workqueue_execute_end.*ccrypt_wipe_work' $trace/trace
	trace_off
	took=$(($(traced 'workqueue_execute_end.*ccrypt_wipe_work') - $(traced 'hrtimer_start.*ccrypt_lease_end' first)))
	ok "a lease of $lease ms: wiped after $took ms" test "$took" -ge $lease -a "$took" -le $((lease + 100 + 150 * ${CC_SLOW:-1}))
done

# -- under load, with renewals, and lapses that are granted again

"$blockcheck" -t 15 -j 4 /dev/mapper/m >"$tap_dir/check" &
check=$!
for i in $(seq 20); do
	cc_unlock m k 300 2>/dev/null
	dmsetup message m 0 renew 200 2>/dev/null
	wait_for 10 locked
done
ok "leases that end under load never yield wrong data" wait $check
result=$(cat "$tap_dir/check")
diag "$result"
ok "I/O succeeded between leases that end under load" test "$(field ok "$result")" -gt 0
ok "I/O failed after leases that ended under load" test "$(field error "$result")" -gt 0
need dm_remove m

need cc_create m "$lun" on_lock:queue:5000
need cc_unlock m k
"$blockcheck" -t 12 -j 4 /dev/mapper/m >"$tap_dir/check" &
check=$!
need cc_lock m
for i in $(seq 15); do
	need cc_unlock m k 150
	wait_for 10 locked
done
need cc_unlock m k
ok "with on_lock:queue lapses that are granted again in time never yield wrong data" wait $check
is "with on_lock:queue lapses that are granted again in time yield no error" "$(field error "$(cat "$tap_dir/check")")" 0
need cc_lock m

need cc_unlock m k 5000
"$blockcheck" -t 7 -j 2 /dev/mapper/m >"$tap_dir/check" &
check=$!
need dmsetup message m 0 renew 60000
wait $check
is "a renewal in time keeps the mapping active" "$(state)" active
is "a renewal in time is without an error to I/O" "$(field error "$(cat "$tap_dir/check")")" 0
need cc_lock m

# the daemon that holds the lease is stopped: the lease ends
bash -c "while :; do dmsetup message m 0 renew 6000; sleep 0.2; done" 2>/dev/null &
daemon=$!
need cc_unlock m k 6000
sleep 7
is "while somebody renews the mapping stays active" "$(state)" active
kill -STOP $daemon
ok "a renewer that is stopped lets the lease end" wait_for 15 locked
kill -KILL $daemon
wait $daemon 2>/dev/null

# a lease survives a reload of the table, and does not get longer by it
need cc_unlock m k 6000
need bash -c "dmsetup table m | dmsetup reload m"
need dmsetup resume --noudevsync m
left=$(cc_status m lease)
ok "a reload does not change the lease: $left" test "$left" -le 6000
ok "a lease ends on time after a reload" wait_for 15 locked
fails_with 1 '' dmsetup message m 0 renew 2678400001
fails_with 1 '' cc_unlock m k 2678400001
ok "the longest lease is 31 days" cc_unlock m k 2678400000
is "a mapping with the longest lease is active" "$(state)" active
need cc_lock m

# -- a lease that ends at a time, not after one: what delays its sender does not make it longer

until_ms() { echo "@$(($(uptime_ms) + $1))"; }
past=$(until_ms -1)
fails_with 1 'Timer expired' cc_unlock m k "$past"
fails_with 1 'Timer expired' cc_unlock m k @0
is "an unlock whose lease has ended leaves the mapping locked" "$(cc_status m | cut -d' ' -f1-2)" "locked lease:-"
for lease in @ @-1 @+9 @x "@$(until_ms 60000)" @18446744073709551615 @9223372036854 "$(until_ms 2678500000)"; do
	fails_with 1 '' cc_unlock m k "$lease"
done
until=$(until_ms 60000)
ok "a mapping is unlocked until a time" cc_unlock m k "$until"
left=$(cc_status m lease)
ok "the status tells how much is left: $left" test "$left" -le 60000 -a "$left" -gt 30000
ok "a lease is renewed until a time" dmsetup message m 0 renew "$(until_ms 120000)"
left=$(cc_status m lease)
ok "a renewal until a later time makes the lease longer: $left" test "$left" -le 120000 -a "$left" -gt 90000
fails_with 1 'Timer expired' dmsetup message m 0 renew "$past"
fails_with 1 '' dmsetup message m 0 renew "$(until_ms 2678500000)"
ok "a refused renewal leaves the lease as it was" test "$(cc_status m lease)" -gt 60000
until=$(until_ms 3000)
need dmsetup message m 0 renew "$until"
ok "a lease until a time ends" wait_for 15 locked
ok "a lease until a time does not end before it" test "$(uptime_ms)" -ge "${until#@}"
ok "a mapping with a lease can be removed" dm_remove m
