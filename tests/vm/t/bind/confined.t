#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The agent needs no more capabilities than its systemd unit gives it, and shows no key: not in the
# arguments, environment or log of any process, not in the table, the status or the kernel's log.
# vm: shared udev docker scsi=1 timeout=610 long

. ./lib.sh
. ./bind-lib.sh
plan 14

unit=/usr/lib/systemd/system/container-crypt-agent.service
caps=$(sed -n 's/^CapabilityBoundingSet=//p' $unit | tr 'A-Z\n' 'a-z ' | sed 's/cap_/+/g; s/ *$//; s/ \+/,/g')

need host_setup
stop "$agent_pid"
need rm -r /sys/fs/bpf/container-crypt/
need start_agent setpriv --no-new-privs --bounding-set="-all,$caps" --inh-caps=-all
like "the confined agent raises both lines of the gate that are programs" "$(dmctl doctor | grep -c 'gate: .*stands$')" 2
like "the agent runs with no capability beyond its unit's" "$(grep CapBnd "/proc/$agent_pid/status")" "CapBnd:.00000000"
need app_setup docker
ok "the confined agent binds at createRuntime" run_app docker app:1
ok "a container bound by the confined agent has its volume" wait_for 10 started docker 1
ok "a bound container can be killed" docker kill app
ok "the confined agent undoes everything when the container has ended" wait_for 20 leaves_nothing
need docker start app
wait_for 20 started docker 2
ok "the confined agent unbinds on request" sh -c 'docker exec app sh -c "cd /; sync"; dmctl unbind vol'

# A neighbour with access to the host's devices reads while the worker is held between the unlock and the
# mount, when the container's own gate is not set yet. The target's gate alone keeps it out: the line before it is not raised.
stop "$agent_pid"
agent_options='--without-gate open,look'
need start_agent setpriv --no-new-privs --bounding-set="-all,$caps" --inh-caps=-all
cleanup rmdir /sys/fs/cgroup/neighbour
active() { dmsetup status container-crypt-vol | grep -q " container-crypt active "; }
strace -f -p "$agent_pid" -o "$tap_dir/strace" -e trace=fsopen -e inject=fsopen:delay_enter=60s \
	2>"$tap_dir/strace.err" &
tracer=$!
need wait_for 20 grep -q attached "$tap_dir/strace.err"
dmctl bind vol app >"$tap_dir/bind" 2>&1 &
binder=$!
need wait_for 30 active
fails_as "a neighbour that reads between unlock and mount is refused" 1 "Input/output error" in_group neighbour \
	dd if=/dev/mapper/container-crypt-vol of=/dev/null bs=4096 count=1 iflag=direct
is "the worker was held between unlock and mount while a neighbour read" "$(dmctl ps --json | jq -r '.bindings[0].state')" leased
kill -INT $tracer
ok "the confined agent binds a running container" wait $binder

# a key is 128 hexadecimal digits, 86 of base64, or 64 bytes that nobody could print
digits='[0-9a-fA-F]{120}|[A-Za-z0-9+/_-]{85}'
unlike "no key is in arguments or environments" "$(cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null |
	tr '\0' '\n')" "$digits"
unlike "no key is in the logs of agent and keyd" "$(cat "$tap_dir/agent.log" "$tap_dir/keyd.log")" "$digits"
unlike "no key is in table, status or the kernel's log" \
	"$(dmsetup table container-crypt-vol; dmsetup status container-crypt-vol; kernel_log)" "$digits"
unlike "no key is in the keyring after the bind" "$(cat /proc/keys)" "container-crypt"
