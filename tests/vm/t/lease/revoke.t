#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What is taken away in keyd takes effect at once where the agent is connected: the container is killed, the volume
# unmounted and unmapped, the lease returned; or the container is frozen for good, its key wiped.
# vm: shared udev docker scsi=1 timeout=710

. ./lib.sh
. ./bind-lib.sh
. ./lease-lib.sh
plan 19

# An hour: nothing here is due to a lease that ends.
need host_setup
need writer_setup docker --lease 1h

audit_has() { dmctl audit ls --json | jq -e --arg e "$1" --arg f "$2" '[.rows[] | select(.event == $e and .fact == $f)] | length > 0'; }
# gone_at_once WHAT: killed and nothing left, long before the lease would have ended
gone_at_once() {
	ok "$1: the container is killed" wait_for 40 container_is exited
	ok "$1: nothing is left of the volume" wait_for 20 leaves_nothing
	is "$1: the lease is returned" "$(dmctl lease ls --json | jq -c .leases)" "[]"
	docker rm -f app >/dev/null
}

need run_app docker app:1
need counts_on
pid=$(docker inspect -f '{{.State.Pid}}' app)
need dmctl lease revoke "$(ps_lease id)"
gone_at_once "a revoked lease"
not_ok "no process of a killed container is left that could have plaintext in its memory" test -d "/proc/$pid"
ok "the refusal to renew a revoked lease is in the audit log" audit_has renew revoked

ok "another container gets the volume at once after a revocation" run_app docker app:1
need counts_on
ok "the file system is clean after a revocation" wait_for 5 test -n "$(count)"
need dmctl identity rm vol
gone_at_once "a revoked identity"
ok "no container gets the volume while its identity is revoked" refused docker "no identity" app:1
need identity vol docker app:1

need run_app docker app:1
need counts_on
need dmctl signer rm ops
gone_at_once "a signer that is removed"
need dmctl signer add ops "$tap_dir/ops.pub"

# frozen for good
need dmctl volume set vol --on-revoke freeze
need run_app docker app:1
need counts_on
need dmctl lease revoke "$(ps_lease id)"
revoked() { [ "$(dmctl ps --json | jq -r '.bindings[0].state')" = revoked ]; }
ok "with --on-revoke freeze the key is wiped" wait_for 40 kernel locked
ok "with --on-revoke freeze the lease is returned" wait_for 20 revoked
is "with --on-revoke freeze the container stands still" "$(grep frozen "/sys/fs/cgroup/docker/$(docker inspect -f '{{.Id}}' app)/cgroup.events")" "frozen 1"
at=$(count)
stop "$agent_pid" KILL
need start_agent
is "with --on-revoke freeze the container stands still for the next agent, too" "$(dmctl ps | awk 'NR == 2 { print $5 }') $(count)" "revoked $at"
need docker rm -f app
ok "with --on-revoke freeze nothing is left when the container is removed" wait_for 30 leaves_nothing
