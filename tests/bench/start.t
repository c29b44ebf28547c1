#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What a protected volume adds to the start of a container: instructions of everything that takes part, as the
# emulator counts them, by part; and the system calls of hook, agent and keyd. docs/performance.md has the figures.
# vm: icount smp=1 udev docker scsi=1 timeout=1800 long

. ./lib.sh
. ./bind-lib.sh
plan 4

rounds=5
root=/sys/fs/cgroup

# put GROUP PID...: processes and what they start from now on are counted apart
put() {
	local group=$root/$1 pid

	shift
	mkdir -p "$group" && for pid; do echo "$pid" >"$group/cgroup.procs" || return; done
}
keyd_processes() { pgrep -f '^/usr/libexec/container-crypt/keyd'; }

# group_time GROUP: in microseconds; the clock is the count of instructions, 1000 of them a microsecond
group_time() { awk '$1 == "usage_usec" {print $2}' "$root/$1/cpu.stat"; }
kernel_time() {
	local pid

	for pid in $(<$root/cgroup.procs); do cat "/proc/$pid/schedstat" 2>/dev/null; done |
		awk '{ns += $1} END {printf "%d\n", ns / 1000}'
}
# "ALL AGENT KEYD KERNEL"
times() {
	local group all=0

	for group in "$root"/*/; do all=$((all + $(group_time "$(basename "$group")"))); done
	set -- "$(group_time agent)" "$(group_time keyd)" "$(kernel_time)"
	echo "$((all + $3)) $*"
}

# cost NAME OPTION...: one start a line in $tap_dir/NAME: microseconds of all, agent, keyd, kernel threads; elapsed
cost() {
	local name=$1 i before after from to

	shift
	: >"$tap_dir/$name"
	for ((i = 0; i < rounds; i++)); do
		read -ra before <<<"$(times)"
		from=$(date +%s%N)
		docker run -d --name app --network none "$@" app:1 >/dev/null || return
		to=$(date +%s%N)
		read -ra after <<<"$(times)"
		echo "$((after[0] - before[0])) $((after[1] - before[1])) $((after[2] - before[2]))" \
			"$((after[3] - before[3])) $(((to - from) / 1000))" >>"$tap_dir/$name"
		docker rm -f app >/dev/null
		wait_for 60 leaves_nothing || return
		wait_for 60 idle || return
	done
}
idle() { [ -z "$(the_worker)" ]; }
median() { # NAME COLUMN
	awk -v c="$2" '{print $c}' "$tap_dir/$1" | sort -n | sed -n "$((rounds / 2 + 1))p"
}
thousands() { echo $(($1 / 1000)).$(printf %03d $(($1 % 1000))); }

need host_setup
need dmctl volume create vol "$(lun 0)"
need tiny_image docker app:1
need identity vol docker app:1
need put agent "$agent_pid"
need put keyd $(keyd_processes)
cost warm --device container-crypt/volume=vol # caches
ok "containers without a volume are started" cost plain
ok "and with one" cost ours --device container-crypt/volume=vol
for what in plain ours; do
	diag "bench {\"measure\": \"start\", \"what\": \"$what\", \"all\": $(median $what 1), \"agent\": $(median $what 2)," \
		"\"keyd\": $(median $what 3), \"kernel\": $(median $what 4), \"elapsed\": $(median $what 5)," \
		"\"unit\": \"thousand instructions\"}"
	sed "s/^/# $what: /" "$tap_dir/$what"
done
added=$(($(median ours 1) - $(median plain 1)))
diag "$(thousands "$added") million instructions are added," \
	"$((added / 3000)) ms of a processor that retires 3 in a nanosecond"
ok "those are less than 450 million, 150 ms of such a processor" test "$added" -lt 450000

# calls NAME PID...: of these processes and what they start, while one container is started
calls() {
	local name=$1 tracer

	shift
	strace -f -c -S calls -o "$tap_dir/calls.$name" $(printf -- '-p %s ' "$@") 2>"$tap_dir/strace.err" &
	tracer=$!
	wait_for 60 grep -q attached "$tap_dir/strace.err" || return
	docker run -d --name app --network none --device container-crypt/volume=vol app:1 >/dev/null || return
	kill -INT $tracer
	wait $tracer
	docker rm -f app >/dev/null
	wait_for 60 leaves_nothing
	wait_for 60 idle
	sed "s/^/# $name: /" "$tap_dir/calls.$name" | head -n 12
}
total() { awk '$NF == "total" {print $4}' "$tap_dir/calls.$1"; }

calls agent "$agent_pid"
calls keyd $(keyd_processes)
echo '{}' | strace -f -c -o "$tap_dir/calls.hook" /usr/libexec/container-crypt/container-crypt-hook --volume vol
diag "bench {\"measure\": \"syscalls\", \"hook\": $(total hook), \"agent\": $(total agent), \"keyd\": $(total keyd)}"
ok "the system calls were counted" test "$(total agent)" -gt 100 -a "$(total keyd)" -gt 10 -a "$(total hook)" -gt 5
