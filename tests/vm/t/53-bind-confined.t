#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The agent needs no more capabilities than its systemd unit gives it, and shows no key: not in the
# arguments, environment or log of any process, not in the table, the status or the kernel's log.
# vm: udev docker scsi=1 timeout=240

. ./lib.sh
. ./bind-lib.sh
plan 11

unit=/usr/lib/systemd/system/container-crypt-agent.service
caps=$(sed -n 's/^CapabilityBoundingSet=//p' $unit | tr 'A-Z\n' 'a-z ' | sed 's/cap_/+/g; s/ *$//; s/ \+/,/g')

need host_setup
stop "$agent_pid"
need start_agent setpriv --no-new-privs --bounding-set="-all,$caps" --inh-caps=-all
like "the agent is confined" "$(grep CapBnd "/proc/$agent_pid/status")" "CapBnd:.00000000"
need app_setup docker
ok "it binds at createRuntime" run_app docker app:1
ok "the program has the volume" wait_for 10 started docker 1
ok "it notices the end" docker kill app
ok "and undoes everything" wait_for 20 leaves_nothing
need docker start app
wait_for 20 started docker 2
ok "it unbinds on request" sh -c 'docker exec app sh -c "cd /; sync"; dmctl unbind vol'
ok "it binds a running container" dmctl bind vol app

# a key is 128 hexadecimal digits, 86 of base64, or 64 bytes that nobody could print
digits='[0-9a-fA-F]{120}|[A-Za-z0-9+/_-]{85}'
unlike "no key in arguments or environments" "$(cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ |
	tr '\0' '\n')" "$digits"
unlike "none in the logs" "$(cat "$tap_dir/agent.log" "$tap_dir/keyd.log")" "$digits"
unlike "none in table, status or the kernel's log" \
	"$(dmsetup table container-crypt-vol; dmsetup status container-crypt-vol; dmesg)" "$digits"
unlike "none in the keyring" "$(cat /proc/keys)" "container-crypt"
