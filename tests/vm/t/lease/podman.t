#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Leases with Podman, which has no daemon: a lapse, a revocation, and a container that is removed while it has no key.
# vm: udev podman scsi=1 timeout=420 long

. ./lib.sh
. ./bind-lib.sh
. ./lease-lib.sh
plan 17

need host_setup
need writer_setup podman --lease 20s
need run_app podman app:1
ok "the container writes to its volume" counts_on
id=$(ps_lease id)
ok "the container's lease is renewed" wait_for 60 renewed 4

need stop "$keyd_pid"
ok "without keyd the container is frozen" wait_for 60 lease_is frozen
ok "the kernel wipes the key" wait_for 20 kernel locked
at=$(count)
sleep 2
is "a frozen container stands still" "$(count)" "$at"
need start_keyd
ok "when keyd is back there is a key again" wait_for 40 kernel active
ok "the container goes on when there is a key again" counts_on
is "the container goes on under the same lease" "$(ps_lease id) $(ps_lease state)" "$id active"
is "no write failed over the lapse" "$(failed_writes)" 0
unlike "the file system saw no error over the lapse" "$(kernel_log)" "I/O error|EXT4-fs error|remounting"

ack=$(acknowledged)
need stop "$keyd_pid"
need wait_for 60 kernel locked
ok "a container whose lease has lapsed can be removed" timeout 60 podman rm -f -t 0 app
no_mapping() { ! dmsetup info container-crypt-vol; }
ok "a removed container whose lease has lapsed leaves no mapping" wait_for 30 no_mapping
need start_keyd
ok "a lease that lapsed is returned once keyd is back" wait_for 60 leaves_nothing
ok "what was acknowledged before the lapse is on the volume" unbroken "$ack"
need wait_for 30 leaves_nothing

need run_app podman app:1
need counts_on
need dmctl lease revoke "$(ps_lease id)"
ok "a revoked lease: the container is killed" wait_for 40 container_is exited
ok "a revoked lease: nothing is left of the volume" wait_for 20 leaves_nothing
is "a revoked lease: the lease is returned" "$(dmctl lease ls --json | jq -c .leases)" "[]"
