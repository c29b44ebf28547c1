#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A lease is as long as it says by a clock that nobody slews, however fast or slow the host lets its others run.
# vm: shared timeout=300 long

. ./kmod-lib.sh
plan 20
tool slew

add_key k "$(random_key 64)"
backing lun 16
need cc_create m "$lun"
cleanup "$slew" 10000
raw_until() { echo "@raw:$(($("$slew") + $1))"; }

lease=12000 late=$((700 * ${CC_SLOW:-1})) # a twelfth of the lease is more

# lasts NAME FORM [AGO]: a lease of 12 s that began AGO ms ago, given to the kernel as FORM says; by the raw clock it
# lasts from when it was counted until the wipe as long as it should
lasts() {
	local start sent wiped from slewed=0 text

	need trace_on timer/hrtimer_start workqueue/workqueue_execute_end
	need bash -c "echo mono_raw >$trace/trace_clock"
	start=$(($("$slew") - ${3-0}))
	case $2 in
	raw) text=@raw:$((start + lease)) ;;
	boot) text=@$(($(uptime_ms) + lease)) ;;
	for) text=$lease ;;
	esac
	need cc_unlock m k "$text"
	wait_for 40 grep -q 'workqueue_execute_end.*ccrypt_wipe_work' $trace/trace
	trace_off
	sent=$(traced 'hrtimer_start.*ccrypt_lease_end' first)
	wiped=$(traced 'workqueue_execute_end.*ccrypt_wipe_work')
	from=$start
	[ "$2" != for ] || from=$sent
	# only the kernel knows better than CLOCK_BOOTTIME, from the message on
	[ "$2" != boot ] || slewed=$(((sent - start) / 11 + 20))
	diag "$1: $((wiped - from)) ms; the message came after $((sent - start)) ms"
	ok "$1: the lease is not shorter" test $((wiped - from)) -ge $((lease - slewed - 2))
	ok "$1: the lease is not longer" test $((wiped - from)) -le $((lease + slewed + late))
}

need "$slew" 9167 # 1/12 slower, which is what chrony does by default when it has to
lasts "slow clocks, for a time" for
lasts "slow clocks, until a time of CLOCK_BOOTTIME" boot
lasts "slow clocks, until a time of the raw clock" raw
lasts "slow clocks, a message that comes late" raw 5000
need "$slew" 10909 # 1/11 faster
lasts "fast clocks, for a time" for
lasts "fast clocks, until a time of the raw clock" raw
need "$slew" 10000

need cc_unlock m k "$(raw_until 60000)"
left=$(cc_status m lease)
ok "the status tells how much is left of a lease: $left" test "$left" -le 60000 -a "$left" -gt 30000
ok "a lease is renewed until a moment of the raw clock" dmsetup message m 0 renew "$(raw_until 120000)"
left=$(cc_status m lease)
ok "a renewal makes the lease longer: $left" test "$left" -le 120000 -a "$left" -gt 90000
fails_with 1 'Timer expired' dmsetup message m 0 renew "$(raw_until -1)"
for wrong in @raw: @raw:-1 "@raw:@raw:99" "$(raw_until 2678500000)"; do
	fails_with 1 'Invalid argument' dmsetup message m 0 renew "$wrong"
done
