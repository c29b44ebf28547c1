#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Two hosts with one LUN: the second gets the volume when the first has given it back or its lease is over, by then the
# first cannot write any more, and when it is back what it had not written is dropped, not written late.
# vm: peer udev docker scsi=1 timeout=710 long

. ./lib.sh
. ./bind-lib.sh
. ./lease-lib.sh
. ./peer-lib.sh
. ./pair-lib.sh
plan 27

on_host2() { peer run_app docker app:1; }
host2_has_it() { peer docker rm -f app >/dev/null 2>&1; on_host2; }

need pair_setup --lease 20s
ok "host1 runs the container" run_app docker app:1
ok "host1's container writes" counts_on
not_ok "host2 does not get the volume while host1's container has it" on_host2
like "host2 is told that host1 has the volume" "$(peer docker inspect -f '{{.State.Error}}' app)" "leased to container .* of agent host1"
ok "nothing is left on host2 of a start that was refused" peer wait_for 20 leaves_nothing
need docker rm -f app

ok "when host1 has stopped its container host2 gets it" wait_for 30 host2_has_it
ok "host2's container goes on where host1's stopped" peer counts_on
is "dmctl lease ls names host2" "$(dmctl lease ls --json | jq -r '.leases[].agent')" host2

# host2 is cut off
lan_down
not_ok "while host2's lease lasts host1 gets nothing from it" run_app docker app:1
docker rm -f app >/dev/null 2>&1
ok "host2, cut off, freezes its container" peer wait_for 60 lease_is frozen
ok "host2, cut off, has its key wiped by its kernel" peer wait_for 30 kernel locked
host1_has_it() { docker rm -f app >/dev/null 2>&1; run_app docker app:1; }
ok "host1 gets the volume when the lease of host2, cut off, is over" wait_for 60 host1_has_it
like "host2, cut off, has no key while host1 has the volume" "$(peer key_state)" "^locked"
ok "host1 writes while host2 is cut off" counts_on
ack=$(acknowledged)
is "no byte of host2's reaches the LUN while host1 has the volume" "$(peer 'writes=$(writes_to_lun); sleep 3; echo $(($(writes_to_lun) - writes))')" 0

# and comes back
lan_up
ok "back again, host2's container is killed" peer wait_for 60 container_is exited
ok "back again, host2 does not have the volume any more" peer wait_for 30 leaves_nothing
ok "host1 goes on undisturbed when host2 is back" counts_on
is "host1 goes on without an error when host2 is back" "$(failed_writes)" 0

# host1's agent stands still for longer than the lease: nobody freezes the container there
kill -STOP "$agent_pid"
ok "with its agent stopped host1's kernel wipes the key by itself" wait_for 40 kernel locked
ok "host2 gets the volume when the lease of host1, its agent stopped, is over" wait_for 60 host2_has_it
ok "host2 finds all that host1 had been told is written" test "$(peer count)" -ge "$(acknowledged)"
kill -CONT "$agent_pid"
ok "host1's container is killed when its agent goes on" wait_for 60 container_is exited
ok "host1 does not have the volume any more when its agent goes on" wait_for 30 leaves_nothing
docker rm -f app >/dev/null
ok "host2 goes on undisturbed when host1's agent goes on" peer counts_on
ack=$(peer acknowledged)
need peer docker rm -f app
need peer wait_for 30 leaves_nothing
ok "the file has every number once, up to $ack" unbroken "$ack"
ok "nothing is left on host1 when the container is removed" wait_for 30 leaves_nothing
