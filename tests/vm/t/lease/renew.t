#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A lease is renewed as long as keyd answers. When keyd is away for longer the container is frozen before its key
# goes, the kernel wipes the key, nothing reaches the LUN any more; when keyd is back all goes on without an error.
# vm: shared udev docker scsi=1 timeout=710

. ./lib.sh
. ./bind-lib.sh
. ./lease-lib.sh
plan 24

need host_setup
need writer_setup docker --lease 24s
need run_app docker app:1
ok "the container writes to its volume" counts_on
is "dmctl ps shows state and length of the lease" "$(ps_lease state) $(ps_lease ms)" "active 24000"
like "dmctl ps shows how much is left of the lease" "$(dmctl ps)" "bound +[0-9]+s "
id=$(ps_lease id)
ok "a lease is renewed again and again" wait_for 90 renewed 8
is "a lease is renewed before it ends" "$(locks)" "locks:0"
is "a renewed lease keeps its id" "$(ps_lease id)" "$id"

# keyd is away
need stop "$keyd_pid"
ok "without keyd the container is frozen" wait_for 60 lease_is frozen
ok "without keyd the kernel wipes the key" wait_for 20 kernel locked
is "the container is frozen before the key is wiped" "$(grep -oE 'container is frozen|lease has lapsed' "$tap_dir/agent.log" | head -n 2 | xargs)" \
	"container is frozen lease has lapsed"
writes=$(writes_to_lun)
at=$(count)
sleep 3
is "nothing is written to the LUN without a key" "$(writes_to_lun)" "$writes"
is "a frozen container does not write to its cache" "$(count)" "$at"
not_ok "without a key the volume's data cannot be read" dd if=/dev/mapper/container-crypt-vol of=/dev/null bs=4096 count=1 iflag=direct,nonblock
like "dmctl ps shows that the container is frozen" "$(dmctl ps)" "frozen +- "
like "the agent's log says that the lease has lapsed" "$(cat "$tap_dir/agent.log")" "its lease has lapsed"

need start_keyd
ok "when keyd is back there is a key again" wait_for 40 kernel active
ok "the container goes on when there is a key again" counts_on
is "the container goes on under the same lease" "$(ps_lease id) $(ps_lease state)" "$id active"

# the agent dies while the container is frozen
need stop "$keyd_pid"
need wait_for 60 lease_is frozen
stop "$agent_pid" KILL
need wait_for 20 kernel locked
need start_keyd
need start_agent
ok "the next agent finds the frozen container and gets its key" wait_for 40 kernel active
ok "the next agent thaws the frozen container" counts_on
is "no write failed over both lapses" "$(failed_writes)" 0
unlike "the file system saw no error over both lapses" "$(kernel_log)" "I/O error|EXT4-fs error|remounting"

is "a renewal is one row of the audit log" "$(dmctl audit ls --json | jq -r '[.rows[] | select(.event == "renew")][0].detail')" \
	"1 renewed: vol"
need docker rm -f app
ok "nothing is left" wait_for 20 leaves_nothing
is "no frozen container is on record when it is removed" "$(ls /run/container-crypt/frozen 2>/dev/null)" ""
