#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The agent counts leases by the clock that nobody slews, from before it asks: on a host whose other clocks are slowed
# down the kernel is told the right end, and keeps it.
# vm: shared udev docker scsi=1 timeout=400 long

. ./kmod-lib.sh
. ./bind-lib.sh
. ./lease-lib.sh
plan 9
tool slew

lease=40000
need host_setup
need writer_setup docker --lease ${lease}ms

need "$slew" 9000 # a tenth slower, the most that the kernel allows
cleanup "$slew" 10000
apart() { echo $(($("$slew") - $(uptime_ms))); }
start=$(apart)
far_apart() { [ $(($(apart) - start)) -ge 4000 ]; }
ok "the clocks go apart" wait_for 90 far_apart

# end_of WORD: the lease of the first such message
end_of() { grep -o "word=\"$1\" .*" $trace/trace | head -n 1 | grep -oE '@[a-z:]*[0-9]+' | tail -n 1; }
mount -t tracefs none $trace 2>/dev/null
need bash -c "echo 'p:lease_slewed ccrypt_message word=+0(+0(%dx)):string arg1=+0(+8(%dx)):string arg2=+0(+16(%dx)):string' \
	>>$trace/kprobe_events"
cleanup bash -c "echo -:lease_slewed >>$trace/kprobe_events"
need trace_on kprobes/lease_slewed

# right WORD NAME: that end is a lease after some moment between $before and $after, when the agent asked
right() {
	local end

	end=$(end_of "$1")
	like "$2: the end is told by the raw clock" "$end" '^@raw:[0-9]+$'
	end=${end#@raw:}
	ok "$2: the end is no later than a lease after the agent asked" test $((end - lease)) -le "$after"
	ok "$2: the end is no earlier than a lease after the agent asked" test $((end - lease)) -ge "$before"
}
before=$("$slew")
need run_app docker app:1
after=$("$slew")
right unlock unlock
need wait_for 30 renewed 1
told() { [ -n "$(end_of renew)" ]; }
need wait_for 10 told
after=$("$slew")
right renew renewal

# keyd is away: the last of these ends is the end
need stop "$keyd_pid"
ok "on a slowed host the kernel wipes the key" wait_for 90 kernel locked
after=$("$slew")
end=$(grep -o 'word="renew" .*' $trace/trace | tail -n 1 | grep -o '@raw:[0-9]*')
ok "on a slowed host the lease ends when it was to end" test $((after - ${end#@raw:})) -ge 0 -a $((after - ${end#@raw:})) -le $((3000 * ${CC_SLOW:-1}))
trace_off
need start_keyd
need wait_for 60 kernel active
need docker rm -f app
need wait_for 30 leaves_nothing
