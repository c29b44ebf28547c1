#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Two hosts start and stop a container on one LUN while the network between them is cut, agents stand still for longer than
# the lease, agents and keyd are killed, clocks are set: never both kernels with the key, and no number that
# was acknowledged anywhere is missing or came twice.
# vm: peer udev docker scsi=1 timeout=1500 long

. ./lib.sh
. ./bind-lib.sh
. ./lease-lib.sh
. ./peer-lib.sh
. ./pair-lib.sh
plan 6

seed=${LEASE_SEED:-$(date +%s)}
diag "seed $seed (LEASE_SEED repeats it)"
need pair_setup --lease 10s --on-lock error
clock=$(date +%s)

# host_loop SEED: containers one after another; what the kernel confirmed to them is in acks
host_loop() {
	RANDOM=$1
	while [ ! -e "$tap_dir/stop" ]; do
		if run_app docker app:1; then
			sleep $((RANDOM % 20))
			acknowledged >>"$tap_dir/acks"
			echo run >>"$tap_dir/runs"
		fi
		docker rm -f app
	done >"$tap_dir/loop" 2>&1
}

# for_about SECONDS: watches that long
for_about() {
	local end up

	read -r up _ </proc/uptime
	end=$((${up%.*} + $1))
	while [ "${up%.*}" -lt $end ]; do
		both_active >>"$tap_dir/foul"
		read -r up _ </proc/uptime
	done
}

peer "$(declare -f host_loop); host_loop $((seed + 2)) & loop=\$!"
host_loop $((seed + 1)) &
loop=$!
RANDOM=$seed
rounds=0
for _ in $(seq "${LEASE_ROUNDS:-30}"); do
	host=$((RANDOM % 2 + 1))
	case $((RANDOM % 6)) in
	0 | 1) lan_down; for_about $((RANDOM % 25)); lan_up ;;
	2) on $host eval 'kill -STOP $agent_pid'; for_about $((RANDOM % 25)); on $host eval 'kill -CONT $agent_pid' ;;
	3) on $host eval 'stop $agent_pid KILL'; for_about $((RANDOM % 15)); on $host start_agent || break ;;
	4) stop "$keyd_pid" KILL; for_about $((RANDOM % 15)); start_keyd || break ;;
	5) on $host eval "date -s @$(($(date +%s) + RANDOM * 6 - 98304))" ;;
	esac >/dev/null
	for_about $((RANDOM % 10))
	rounds=$((rounds + 1))
done
is "the daemons started again after each kill" "$rounds" "${LEASE_ROUNDS:-30}"
touch "$tap_dir/stop"
need peer 'touch "$tap_dir/stop"; wait_for 200 eval "! kill -0 $loop"' # what it waits for is logged
wait $loop
date -s "@$clock" >/dev/null
peer "date -s @$clock" >/dev/null

runs=$(cat "$tap_dir/runs" <(peer 'cat "$tap_dir/runs"') | wc -l)
ok "both hosts had the volume in turn, $runs times" test -s "$tap_dir/runs" -a -n "$(peer 'cat "$tap_dir/runs"')"
is "the two hosts never had the key at the same time" "$(cat "$tap_dir/foul")" ""
ack=$(cat "$tap_dir/acks" <(peer 'cat "$tap_dir/acks"') | sort -n | tail -n 1)
ok "nothing is left on host2" peer wait_for 60 leaves_nothing
need wait_for 60 leaves_nothing
ok "the file has every number once, up to $ack" unbroken "$ack"
ok "nothing is left on host1" wait_for 30 leaves_nothing
