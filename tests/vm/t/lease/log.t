#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What keeps a lease from being renewed is said in the agent's log once, not at every try, and so is its end.
# vm: udev docker scsi=1 timeout=240 long

. ./lib.sh
. ./bind-lib.sh
. ./lease-lib.sh
plan 11

lines() { grep -c "$1" "$tap_dir/agent.log"; }
said() { [ "$(lines "$1")" = "$2" ]; }
tries() { grep -o "$1 after [0-9]* failed tr" "$tap_dir/agent.log" | tail -n 1 | grep -o '[0-9]*'; }

need host_setup
need writer_setup docker --lease 20s --on-lapse continue
need run_app docker app:1
need wait_for 60 renewed 2
is "renewals that succeed are not in the agent's log" "$(lines 'renewed')" 0

# keyd is away
need stop "$keyd_pid"
ok "keyd's absence is in the agent's log" wait_for 60 grep -q "leases are not renewed: " "$tap_dir/agent.log"
sleep 5 # several tries, of which nothing tells but what is not there
ok "keyd's absence is in the agent's log once" said "leases are not renewed: " 1
need start_keyd
ok "the end of keyd's absence is in the agent's log" wait_for 30 said "leases are renewed again, after " 1
ok "the end of keyd's absence is logged with the number of tries" test "$(tries 'leases are renewed again,')" -ge 2
need counts_on

# somebody works on the volume and does not come to an end
python3 -c 'import fcntl, time
f = open("/run/container-crypt/volumes.lock", "r+")
fcntl.lockf(f, fcntl.LOCK_EX)
time.sleep(100)' &
busy=$!
ok "what keeps one volume's lease from renewal is in the agent's log" \
	wait_for 60 grep -q "volume vol: its lease is not renewed: another dmctl is working on" "$tap_dir/agent.log"
sleep 10
is "what keeps one volume's lease from renewal is in the agent's log once" "$(lines 'volume vol: its lease is not renewed: ')" 1
stop $busy
ok "a renewal that succeeds again is in the agent's log" wait_for 60 said "volume vol: its lease is renewed again, after " 1
ok "a renewal that succeeds again is logged with the number of tries" test "$(tries 'volume vol: its lease is renewed again,')" -ge 2
ok "the container goes on after failed renewals" counts_on
need docker rm -f app
ok "nothing is left when the container is removed" wait_for 20 leaves_nothing
