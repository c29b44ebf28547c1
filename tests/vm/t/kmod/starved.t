#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A cgroup with hardly any processor time does not keep a key alive: whoever loses the processor in the middle of
# a write does not have the key in its hands, for the wipe waits for those who do.
# vm: shared timeout=300 long

. ./kmod-lib.sh
plan 9

add_key k "$(random_key 64)"
backing lun 32
need cc_create m "$lun" on_lock:queue:60000
need cc_unlock m k

cgroup=/sys/fs/cgroup/kmod-starved
need bash -c 'echo +cpu >/sys/fs/cgroup/cgroup.subtree_control'
need mkdir $cgroup
cleanup rmdir $cgroup
need bash -c "echo '20000 100000' >$cgroup/cpu.max"
written() { [ "$(cc_status m writes)" -gt "$1" ]; }

# starve BS: four writers that get a fifth of a processor for ten seconds; the trace has where each was when it lost it
starve() {
	local load pid

	fio --name=starved --filename=/dev/mapper/m --rw=write --bs="$1" --numjobs=4 --direct=1 --ioengine=psync \
		--time_based --runtime=300 --size=6M --offset_increment=6M >/dev/null 2>&1 &
	load=$!
	wait_for 60 written $(($(cc_status m writes) + 20)) || return
	need trace_on
	echo 'stacktrace if prev_comm == "fio"' >$trace/events/sched/sched_switch/trigger || return
	for pid in $(pgrep -P $load); do
		echo "$pid" >$cgroup/cgroup.procs || return
	done
	sleep 10
	echo '!stacktrace' >$trace/events/sched/sched_switch/trigger
	for pid in $(pgrep -P $load); do
		echo "$pid" >/sys/fs/cgroup/cgroup.procs
	done
	kill $load
	wait $load 2>/dev/null
	return 0
}
stacks() { grep -c '<stack trace>' $trace/trace; }

models=/sys/kernel/debug/sched/preempt
mount -t debugfs none /sys/kernel/debug 2>/dev/null
was=$(grep -o '([a-z]*)' $models | tr -d '()')
cleanup bash -c "echo $was >$models"
for model in "$was" full; do
	need bash -c "echo $model >$models"
	for bs in 32k 1M; do
		need starve $bs
		ok "preemption $model, writes of $bs: $(stacks) times a writer lost the processor" test "$(stacks)" -gt 20
		is "preemption $model, writes of $bs: no writer lost the processor in the middle of an encryption" "$(grep -c ' ccrypt_crypt' $trace/trace)" 0
	done
done
ok "the mapping can be removed" dm_remove m
