#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What an agent costs that has many containers: instructions of a round of renewals with a few and with more of them, from
# which those of 500 follow, as each renewal costs the same; of its restart until the last is renewed; and that no neighbour,
# device or engine that fails costs one of them its lease, all of these at once.
# vm: icount smp=1 mem=3072 udev docker timeout=3000 long

. ./kmod-lib.sh
. ./bind-lib.sh
plan 9

few=2 many=6
rounds=3
wanted=500 # for which the figures are worked out
lease=60s
root=/sys/fs/cgroup

# put GROUP PID...: processes and what they start from now on are counted apart
put() {
	local group=$root/$1 pid

	shift
	mkdir -p "$group" && for pid; do echo "$pid" >"$group/cgroup.procs" || return; done
}
# in microseconds; the clock is the count of instructions, 1000 of them a microsecond
group_time() { awk '$1 == "usage_usec" {print $2}' "$root/$1/cpu.stat"; }
kernel_time() {
	local pid

	for pid in $(<$root/cgroup.procs); do cat "/proc/$pid/schedstat" 2>/dev/null; done |
		awk '{ns += $1} END {printf "%d\n", ns / 1000}'
}
# "OURS AGENT KEYD KERNEL ENGINE", the first of which is the sum of the three that follow: the engine is not asked, and what it and
# its shims do meanwhile they would do without us
times() {
	set -- "$(group_time agent)" "$(group_time keyd)" "$(kernel_time)" "$(group_time engine)"
	echo "$(($1 + $2 + $3)) $*"
}
millions() { printf '%d.%03d\n' $(($1 / 1000)) $(($1 % 1000)); }

idle() { [ -z "$(the_worker)" ]; }
count() { grep -c "\"$1\"" "$tap_dir/events"; }
counted() { [ "$(count "$1")" -ge "$2" ] && idle; }
# follow: what the agent says from now on, and since it began; it ends with the agent
follow() {
	dmctl events --since 0 --json >"$tap_dir/events" 2>/dev/null &
	disown
}
# a round at a time: what polls more often costs more than what is waited for
wait_renewals() {
	local to=$(($(count renew) + $1)) i

	for ((i = 0; i < 80; i++)); do
		counted renew $to && return
		sleep 3
	done
	return 1
}

# sign VOLUME: identity() of bind-lib.sh asks the engine for the image each time
sign() {
	echo "{\"volume\":\"$1\",\"mountPoint\":\"/data\",\"serial\":1,\"image\":{\"configDigest\":\"$image\"}}" >"$tap_dir/predicate.json"
	dmctl identity sign --key "$tap_dir/ops.key" --predicate "$tap_dir/predicate.json" --subject "$image" --name test/app \
		-o "$tap_dir/identity.dsse" && dmctl identity add "$tap_dir/identity.dsse"
}
make() { # I
	dmsetup create "d$1" --table "0 131072 linear $loop $(($1 * 131072))" &&
		dmctl volume create "v$1" "/dev/mapper/d$1" --lease $lease && sign "v$1" &&
		wait_for 10 test -e "/var/run/cdi/container-crypt-v$1.json" &&
		docker run -d --name "c$1" --network none --device "container-crypt/volume=v$1" app:1
}
made=0
more() { # N: there are that many
	for (( ; made < $1; made++)); do make $made || return; done
}

# cost: of one renewal as times(), with as many as there are, in $renewal
cost() {
	local before after i

	wait_renewals $made || return # a round that has seen all of them
	read -ra before <<<"$(times)"
	wait_renewals $((rounds * made)) || return
	read -ra after <<<"$(times)"
	renewal=()
	for i in 0 1 2 3 4; do renewal+=($(((after[i] - before[i]) / (rounds * made)))); done
}
# restart: what that costs, in $restart, in thousand instructions, and $restart_ms
adopted() { counted renew $made; }
restart() {
	local before after from

	stop "$agent_pid" KILL
	read -ra before <<<"$(times)"
	from=$(uptime_ms)
	start_agent in_group agent || return
	agent_pid=$(pgrep -f '^dmctl agent')
	follow
	wait_for 120 adopted || return
	restart_ms=$(($(uptime_ms) - from))
	read -ra after <<<"$(times)"
	restart=$((after[0] - before[0]))
}
show() {
	diag "bench {\"measure\": \"renewal\", \"containers\": $made, \"ours\": ${renewal[0]}, \"agent\": ${renewal[1]}," \
		"\"keyd\": ${renewal[2]}, \"kernel\": ${renewal[3]}, \"engine\": ${renewal[4]}, \"unit\": \"thousand instructions\"}"
	diag "bench {\"measure\": \"restart\", \"containers\": $made, \"ours\": $restart, \"elapsed\": $restart_ms," \
		"\"unit\": \"thousand instructions, ms\"}"
}

need host_setup
truncate -s 4G "$tap_dir/disk"
loop=$(losetup -f --show "$tap_dir/disk")
cleanup losetup -d "$loop"
cleanup sh -c 'for d in /dev/mapper/d[0-9]*; do dmsetup remove --retry "$(basename "$d")"; done'
need tiny_image docker app:1 /bin/sh -c 'exec sleep 1000000'
image=$(image_id docker app:1)
need put agent "$agent_pid"
need put keyd $(pgrep -f '^/usr/libexec/container-crypt/keyd')
need put engine $(pgrep -x dockerd) $(pgrep -x containerd)
follow

# ---- rounds and restarts -------------------------------------------------------------------------

need more $few
need cost
need restart
show
few_renewal=${renewal[0]} few_restart=$restart
need more $many
ok "a renewal was measured with $few and with $many containers" cost
ok "an agent that starts adopts and renews all containers" restart
is "an agent that starts says of each that it was adopted" "$(count adopt)" $made
show
# line FEW MANY: what both come to is so much for each, and so much once; in $each, $once and, of all that are wanted, $whole
line() {
	each=$((($2 - $1) / (many - few)))
	once=$(($1 - each * few))
	whole=$((once + each * wanted))
	diag "$(millions $once) million instructions, $(millions $each) million for each: $(millions $whole) million for $wanted"
}
line $((few_renewal * few)) $((renewal[0] * many))
round=$whole
ok "a renewal costs less than 20 million instructions" test $each -lt 20000
ok "a round for $wanted costs less than 10 s of a processor that retires one in a nanosecond" test $round -lt 10000000
line $few_restart $restart
ok "a restart with $wanted containers takes less than 30 s of such a processor" test $whole -lt 30000000
# ---- troubles ------------------------------------------------------------------------------------

hostile='i=0; while [ $i -lt 12000 ]; do echo "g$i:x:$((20000 + i)):root"; i=$((i + 1)); done >/etc/group
	cd /tmp && busybox seq 12000 | busybox xargs busybox mkdir'
need docker exec c0 sh -c "$hostile"
need modprobe dm_delay
cleanup sh -c 'dmsetup suspend --noudevsync never; dmsetup remove --noudevsync never'
need dmsetup create never --noudevsync --noudevrules --table "0 131072 delay $loop 0 7200000"
ok "beside a device that hangs a container starts" timeout 300 docker restart -t 0 c1
need pkill -STOP -x dockerd
cleanup pkill -CONT -x dockerd
ok "with a hostile container, a device that hangs and an engine that hangs all others are renewed" wait_renewals $((6 * (made - 1)))
is "with these no lease lapses, and no container is frozen" "$(count lapse) $(count freeze)" "0 0"
