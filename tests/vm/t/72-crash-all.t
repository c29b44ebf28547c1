#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Killed before every single system call that has an effect, on the way through bind and unbind, worker
# or agent, whoever comes there first: afterwards nothing is left, no key, mapping, mount, lease, file.
# vm: long udev docker scsi=1 timeout=7200

. ./lib.sh
. ./bind-lib.sh

effects="rename unlinkat unlink mkdir ioctl add_key keyctl connect sendto socketpair clone execve fsopen \
fsconfig fsmount setns openat2 move_mount umount2 fsync flock"
plan $((2 * $(wc -w <<<"$effects") + 1))

need host_setup
need dmctl volume create vol "$(lun 0)"
need tiny_image docker idle:1
need identity vol docker idle:1
need docker run -d --name idle --network none idle:1

# every N of one SYSCALL in COMMAND...; bound before each where PREPARE says so
all_of() {
	local call=$1 prepare=$2 n

	shift 2
	for ((n = 1; n < 400; n++)); do
		$prepare >/dev/null || return 1
		if ! crash_at "$call" $n "$@"; then
			echo "$call: killed at $((n - 1)) places"
			dmctl unbind vol
			return
		fi
		settled || { echo "$call, number $n"; return 1; }
	done
}
bound() { dmctl bind vol idle; }

for call in $effects; do
	ok "bind, killed before each $call" all_of "$call" true dmctl bind vol idle
	diag "$(head -1 "$tap_dir/out")"
	ok "unbind, killed before each $call" all_of "$call" bound dmctl unbind vol
	diag "$(head -1 "$tap_dir/out")"
done
ok "the volume can be bound after all that" dmctl bind vol idle
