#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Two hosts race for one LUN while agents are stopped for longer than their lease, answers are late, keyd is killed and
# the clock is set: never two mappings with the key, never a write of an older lease behind one of a newer.
# vm: shared timeout=420 long

. ./lib.sh
. ./keyd-lib.sh
. ./race-lib.sh
plan 8

seed=${LEASE_SEED:-$(date +%s)}
diag "seed $seed (LEASE_SEED repeats it)"
need race_setup
clock=$(date +%s)
race "$seed" "${LEASE_SECONDS:-120}"
date -s "@$clock" >/dev/null

leases=$(cut -d' ' -f3 "$kd/writes" | sort -un | wc -l)
diag "$(wc -l <"$kd/writes") writes under $leases leases"
ok "both hosts had the volume in turn" test "$leases" -ge 3
kernels_know() { awk '{ split($8, w, ":"); n += w[2] } END { exit n < '"$(wc -l <"$kd/writes")"' }' <(dmsetup status race1) <(dmsetup status race2); }
ok "the kernels of both hosts took the writes" kernels_know
is "the kernels of both hosts never had the key at the same time" "$(cat "$kd/foul" 2>/dev/null)" ""
is "no write of an older lease came after one of a newer" "$(older_after_newer)" ""
serving >/dev/null || need keyd_start
is "no fence was given out twice" "$(fences_twice)" 0
locked() { [[ $(state_of 1) == locked* && $(state_of 2) == locked* ]]; }
ok "with the agents gone both kernels lock by themselves" wait_for 20 locked
get_it() { ask 2 && give_key 2 && [[ $(state_of 2) == active* ]]; }
ok "the volume is there for who asks after the last lease" wait_for 40 get_it
newest=$(cut -d' ' -f3 "$kd/writes" | sort -n | tail -n 1)
like "the last write of the race is there" "$(dd if=/dev/mapper/race2 bs=4096 count=1 iflag=direct 2>/dev/null | head -n 1)" "^fence $newest$"
need dmsetup message race2 0 lock
[ $tap_failed = 0 ] || sed 's/^/# /' "$kd/journal"
