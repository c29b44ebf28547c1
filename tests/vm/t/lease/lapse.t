#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A container that is not to be frozen when its lease lapses: its I/O waits for the next key, or fails, as the volume
# says.
# vm: udev docker scsi=1 timeout=420 long

. ./lib.sh
. ./bind-lib.sh
. ./lease-lib.sh
plan 15

need host_setup
need writer_setup docker --lease 20s --on-lapse continue --on-lock queue:300000
need run_app docker app:1
need counts_on
need stop "$keyd_pid"
ok "without keyd the key is wiped" wait_for 60 kernel locked
ok "dmctl ps shows a lapsed lease" lease_is lapsed
is "with --on-lapse continue the container is not frozen" "$(grep frozen "/sys/fs/cgroup/docker/$(docker inspect -f '{{.Id}}' app)/cgroup.events")" "frozen 0"
writes=$(writes_to_lun)
at=$(count)
sleep 3
is "writes of a container that runs on wait for a key" "$(writes_to_lun) $(($(count) - at <= 1))" "$writes 1"
need start_keyd
ok "when keyd is back there is a key again" wait_for 60 kernel active
ok "all writes that waited go on" counts_on
is "no write that waited has failed" "$(failed_writes)" 0

# killed while it waits for a key: it is the last user of a file system that wants to write when it is unmounted
need stop "$keyd_pid"
need wait_for 60 kernel locked
ok "a container whose lease has lapsed can be removed" timeout 30 docker rm -f app
no_mapping() { ! dmsetup info container-crypt-vol; }
ok "a removed container whose lease has lapsed leaves no mapping" wait_for 30 no_mapping
need start_keyd
ok "a lease that lapsed is returned once keyd is back" wait_for 60 leaves_nothing

need dmctl volume set vol --on-lock error
need run_app docker app:1
need counts_on
ack=$(acknowledged)
need stop "$keyd_pid"
has_failed() { [ "$(failed_writes)" -gt 0 ]; }
ok "with --on-lock error writes fail when the lease has lapsed" wait_for 60 has_failed
need start_keyd
ok "a container whose writes failed starts again" docker restart -t 0 app
ok "a container whose writes had failed writes again after its new start" wait_for 60 counts_on
need docker rm -f app
need wait_for 40 leaves_nothing
ok "what was acknowledged before writes failed is on the volume" unbroken "$ack"
ok "nothing is left when the container is removed" wait_for 30 leaves_nothing
