#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# keyd on another machine: a host enrols with a token, its agent gets, renews and returns leases over TLS, goes on when keyd
# was killed, loses the volume when it is cut off, and is shut out at once when it is removed.
# vm: peer udev docker scsi=1 timeout=710 long

. ./lib.sh
. ./bind-lib.sh
. ./lease-lib.sh
. ./peer-lib.sh
. ./pair-lib.sh
plan 19

keyd_options='--tls 10.7.0.1:8443'
url=https://10.7.0.1:8443

# far_init TOKEN: what the README says, on the other host
far_init() { peer "modprobe dm-container-crypt; dmctl init --keyd $url --token - <<<'$1'"; }
on_host2() { peer run_app docker app:1; }
host2_has_it() { peer docker rm -f app >/dev/null 2>&1; on_host2; }

need peer_start
need peer '. ./bind-lib.sh; . ./lease-lib.sh; . ./pair-lib.sh'
need host_setup --name host1
cleanup peer_log
need writer_setup docker --lease 20s
token=$(dmctl agents invite host2 --for 10m)
like "an invitation is a token" "$token" "^[^ ]{40,}$"
ok "a host enrols with a token, and with nothing else" far_init "$token"
need peer 'keyd_pid=; cleanup kill_daemons; start_agent'
need image_to_peer
is "the new host has no keyd" "$(peer 'pgrep -x keyd; ls /var/lib/container-crypt/keyd 2>&1 | grep -c cannot')" 1
is "the new host is enrolled under the name of its token" "$(dmctl agents ls --json | jq -r '[.agents[].name] | sort | join(" ")')" "host1 host2"
ok "the new host knows the volume" peer 'dmctl volume ls | grep vol'
not_ok "administration is not served over the network" peer dmctl volume set vol --lease 30s

ok "a container of the new host has the volume, by keyd over TLS" on_host2
ok "the new host's container writes" peer counts_on
is "dmctl lease ls names the new host" "$(dmctl lease ls --json | jq -r '.leases[].agent')" host2
not_ok "another host does not get the volume meanwhile" run_app docker app:1
docker rm -f app >/dev/null 2>&1
was=$(renewals)
ok "leases are renewed over TLS" wait_for 60 renewed $((was + 2))
stop $keyd_pid KILL
need start_keyd
was=$(renewals)
ok "leases are renewed after keyd was killed and started again" wait_for 60 renewed $((was + 2))
ok "the new host's container goes on after that" peer counts_on

lan_down
ok "cut off, the new host freezes its container" peer wait_for 60 lease_is frozen
host1_has_it() { docker rm -f app >/dev/null 2>&1; run_app docker app:1; }
ok "another host gets the volume when the lease is over" wait_for 60 host1_has_it
lan_up
ok "back again, the new host's container is killed" peer wait_for 60 container_is exited
need docker rm -f app
ok "the new host gets the volume again" wait_for 60 host2_has_it

need dmctl agents rm host2
ok "a host that was removed is shut out, and its container killed, before its lease is over" peer wait_for 19 container_is exited
not_ok "a host that was removed is answered nothing more" peer dmctl volume ls
