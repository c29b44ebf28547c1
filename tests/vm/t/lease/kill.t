#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# kill -9 of the agent and of keyd at random, stops for longer than a lease, steps of the clock, while a container writes:
# the mapping is locked whenever the lease was over, and what was acknowledged is never lost.
# vm: udev docker scsi=1 timeout=900 long

. ./lib.sh
. ./bind-lib.sh
. ./lease-lib.sh
plan 6

seed=${LEASE_SEED:-$(date +%s)}
diag "seed $seed (LEASE_SEED repeats it)"
RANDOM=$seed
need host_setup
need writer_setup docker --lease 20s --on-lock queue:600000
need run_app docker app:1
need counts_on

# late: how many milliseconds the kernel's lease is longer than the volume's; 0 or less is right
late=0
watch_lease() {
	local left

	left=$(dmsetup status container-crypt-vol | grep -o 'lease:[0-9]*' | cut -d: -f2)
	[ -z "$left" ] || [ "$left" -le 20000 ] || late=$left
}

rounds=0
for _ in $(seq "${LEASE_ROUNDS:-12}"); do
	case $((RANDOM % 5)) in
	0)
		stop "$agent_pid" KILL
		sleep $((RANDOM % 30))
		start_agent || break
		;;
	1)
		stop "$keyd_pid" KILL
		sleep $((RANDOM % 40))
		start_keyd || break
		;;
	2)
		stop "$keyd_pid" KILL
		stop "$agent_pid" KILL
		sleep $((RANDOM % 10))
		start_keyd && start_agent || break
		;;
	3)
		kill -STOP "$agent_pid"
		sleep 25
		kernel locked || late=25000
		kill -CONT "$agent_pid"
		;;
	4) date -s "@$(($(date +%s) + RANDOM * 6 - 98304))" >/dev/null ;;
	esac
	watch_lease
	wait_for 90 counts_on || break
	rounds=$((rounds + 1))
done
is "after each kill, stop and step of the clock the container went on" "$rounds" "${LEASE_ROUNDS:-12}"
is "the kernel never had the key for longer than the lease" "$late" 0
is "no write of the container failed" "$(failed_writes)" 0
ack=$(acknowledged)
need docker rm -f app
need wait_for 40 leaves_nothing
ok "what was acknowledged is on the volume, up to $ack" unbroken "$ack"
ok "nothing is left when the container is removed" wait_for 30 leaves_nothing
is "no lease is left when the container is removed" "$(dmctl lease ls --json | jq -c .leases)" "[]"
