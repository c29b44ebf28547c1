#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What the agent itself finds to differ when it measures a running container again ends the lease as keyd's own refusal
# does: a row in the audit log, the container killed, or frozen for good, nothing left. What it cannot find out does not.
# vm: shared udev docker scsi=1 timeout=510 long

. ./lib.sh
. ./bind-lib.sh
. ./lease-lib.sh
plan 15

# An hour: nothing here is due to a lease that ends.
need host_setup
need writer_setup docker --lease 1h
bundle() { echo /run/docker/containerd/daemon/io.containerd.runtime.v2.task/moby/"$(docker inspect -f '{{.Id}}' app)"; }
# another_user: config.json says 1000 now; the program runs as root
another_user() {
	local config

	config=$(bundle)/config.json
	jq '.process.user.uid = 1000' "$config" >"$tap_dir/config" && cp "$tap_dir/config" "$config"
}
# renew_now: something that makes keyd call for a renewal
renew_now() { dmctl volume set vol --on-lock "queue:$((300000 + ++asked))"; }
asked=0
failed() { grep -q 'its lease is not renewed' "$tap_dir/agent.log"; }
rows() { dmctl audit ls --json | jq '[.rows[] | select(.event == "renew" and .outcome == "refuse" and .fact == "user")] | length'; }

need run_app docker app:1
need counts_on
# what cannot be found out
need mv "$(bundle)/config.json" "$tap_dir/kept"
need renew_now
ok "a container whose bundle cannot be read is not renewed, and said so" wait_for 40 failed
ok "a container whose bundle cannot be read runs on" counts_on
need mv "$tap_dir/kept" "$(bundle)/config.json"
# over, so that the next refusal is no second try of this one
was=$(renewals)
need renew_now
need wait_for 40 renewed $((was + 1))

need another_user
need renew_now
ok "a running container that has another user than config.json says is killed" wait_for 60 container_is exited
ok "nothing is left of the volume of a killed container" wait_for 30 leaves_nothing
is "the audit log has the refusal of a running container, and the fact" "$(rows)" 1
is "the lease of the killed container is returned" "$(dmctl lease ls --json | jq -c .leases)" "[]"
need docker rm -f app

need dmctl volume set vol --on-revoke freeze
need run_app docker app:1
need counts_on
need another_user
need renew_now
revoked() { [ "$(dmctl ps --json | jq -r '.bindings[0].state')" = revoked ]; }
ok "with --on-revoke freeze a container with another user is frozen for good" wait_for 60 revoked
need docker rm -f app
ok "with --on-revoke freeze nothing is left when the container is removed" wait_for 30 leaves_nothing
need dmctl volume set vol --on-revoke kill

# neighbours in its namespaces
joined_row() { dmctl audit ls --json | jq -r '[.rows[] | select(.event == "renew" and .outcome == "refuse")][-1].detail'; }
for kind in pid network; do
	need run_app docker app:1
	need counts_on
	need docker run -d --name joined --$kind container:app --entrypoint /bin/sleep app:1 1000
	need renew_now
	ok "a container whose $kind namespace another one has joined is killed" wait_for 60 container_is exited
	like "the audit log says that another one is in its $kind namespace" "$(joined_row)" \
		"wants a private ${kind%work} namespace, container has another container's"
	need docker rm -f joined app
	need wait_for 30 leaves_nothing
done
# one after the other, none of them for a second
relay() { while [ -e "$tap_dir/relay" ]; do nsenter -t "$1" -n sleep 0.8 & sleep 0.3; done; }
need run_app docker app:1
need counts_on
touch "$tap_dir/relay"
relay "$(docker inspect -f '{{.State.Pid}}' app)" 2>/dev/null &
relay_pid=$!
need renew_now
ok "a container whose network namespace others are in one after the other is killed" wait_for 60 container_is exited
rm "$tap_dir/relay"
wait "$relay_pid"
need docker rm -f app
need wait_for 30 leaves_nothing
need identity vol docker app:1 '.sharedNamespaces = ["pid"]'
need run_app docker app:1
need counts_on
need docker run -d --name joined --pid container:app --entrypoint /bin/sleep app:1 1000
was=$(renewals)
need renew_now
ok "a container whose identity lets others share its pid namespace is renewed" wait_for 40 renewed $((was + 1))
need docker rm -f joined
need identity vol docker app:1
# passers-by: runtimes are in the namespaces before they are in the group
execs() { while docker exec app true; do :; done; }
execs >/dev/null 2>&1 &
execs_pid=$!
for _ in 1 2 3 4 5; do
	was=$(renewals)
	need renew_now
	wait_for 40 renewed $((was + 1)) || break
done
ok "a container in which commands are run all the time is renewed" renewed $((was + 1))
need docker rm -f app
wait "$execs_pid"
