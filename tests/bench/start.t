#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What a protected volume adds to the start and end of a container: instructions of everything that takes part
# (engine, runtime, hook, agent, keyd), as the emulator counts them, and system calls of agent and hook.
# docs/performance.md has the figures.
# vm: icount smp=1 udev docker scsi=1 timeout=1200 long

. ./lib.sh
. ./bind-lib.sh
plan 3

rounds=5
# Processor time of all groups but the root's, in microseconds: by a clock that is the count of instructions
# retired, 1000 of them a microsecond. A group that ends takes its figure along, but its parent keeps it.
used() {
	local sum=0 n f

	for f in /sys/fs/cgroup/*/cpu.stat; do
		n=$(awk '$1 == "usage_usec" {print $2}' "$f")
		sum=$((sum + n))
	done
	echo $sum
}

# cost OPTION...: median of the thousands of instructions of one docker run and its end
cost() {
	local i before all=()

	for ((i = 0; i < rounds; i++)); do
		before=$(used)
		docker run --rm --network none "$@" short:1 >/dev/null || return
		no_bindings || wait_for 20 no_bindings
		all+=($(($(used) - before)))
	done
	printf '%s\n' "${all[@]}" | sort -n | sed -n "$((rounds / 2 + 1))p"
}

need host_setup
need dmctl volume create vol "$(lun 0)"
need tiny_image docker short:1 /bin/true
need identity vol docker short:1
cost >/dev/null
cost --device container-crypt/volume=vol >/dev/null # caches are warm from here on
plain=$(cost)
ours=$(cost --device container-crypt/volume=vol)
diag "bench {\"measure\": \"start\", \"plain\": $((plain * 1000)), \"ours\": $((ours * 1000)), \"unit\": \"instructions\"}"
ok "a protected container was started and measured" test "$ours" -gt "$plain"
ok "it adds less than 450 million instructions, 150 ms of a processor that does 3 a nanosecond" test $((ours - plain)) -lt 450000

strace -f -c -S calls -o "$tap_dir/calls" -p "$agent_pid" &
tracer=$!
wait_for 20 grep -q . "/proc/$agent_pid/status"
sleep 2
docker run --rm --network none --device container-crypt/volume=vol short:1
wait_for 20 no_bindings
kill -INT $tracer
wait $tracer
agent_calls=$(awk '/total$/ {print $(NF - 1) ~ /^[0-9]+$/ && NF > 4 ? $4 : $3}' "$tap_dir/calls")
echo '{}' | strace -f -c -o "$tap_dir/hook" /usr/libexec/container-crypt/container-crypt-hook --volume vol
hook_calls=$(awk '/total$/ {print $4}' "$tap_dir/hook")
diag "bench {\"measure\": \"syscalls\", \"agent\": $agent_calls, \"hook\": $hook_calls}"
head -n 14 "$tap_dir/calls" | sed 's/^/# /'
ok "the system calls were counted" test "${agent_calls:-0}" -gt 100
