#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A thousand leases of many volumes between two hosts each, which are late, stopped for longer than their lease or not heard of any
# more, while keyd is killed and the clock set: never two kernels with the key, never a write of an older lease behind one of a newer.
# vm: timeout=1700 silence=200 long

. ./lib.sh
. ./keyd-lib.sh
. ./race-lib.sh
plan 3

seed=${LEASE_SEED:-$(date +%s)} leases=${LEASES:-1000} volumes=20
diag "seed $seed (LEASE_SEED repeats it)"
need many_volumes
clock=$(date +%s)
KEYD_SOCKET=$sock /usr/libexec/container-crypt/leaserace "$seed" $volumes "$leases" \
	"$kd/host1/measurement" "$kd/host1/agent.jwk" "$kd/host2/measurement" "$kd/host2/agent.jwk" >"$kd/result" &
racer=$!
tail -f --pid=$racer "$kd/result" &
RANDOM=$seed
kills=0 steps=0
while kill -0 $racer 2>/dev/null; do
	nap 20000
	if chance 2; then
		kill -KILL "$keyd_pid"
		wait "$keyd_pid" 2>/dev/null
		nap 5000
		keyd_start || break
		kills=$((kills + 1))
	else
		date -s "@$(($(date +%s) + RANDOM * 6 - 98304))" >/dev/null
		steps=$((steps + 1))
	fi
done
wait $racer
raced=$?
date -s "@$clock" >/dev/null
diag "keyd was killed $kills times, the clock set $steps times"
report $raced "never two holders, never an old write behind a new one, the last write is there" "$kd/result"
ok "the race went over a thousand leases" test "$(grep -o '^leases=[0-9]*' "$kd/result" | cut -d= -f2)" -ge "$leases"
is "no fence was given out twice" "$(fences_twice)" 0
