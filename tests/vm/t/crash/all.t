#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Killed before every single system call that has an effect, on the way through bind and unbind, worker
# or agent, whoever comes there first: afterwards nothing is left, no key, mapping, mount, lease, file.
# vm: long udev docker scsi=1 timeout=7200

. ./lib.sh
. ./bind-lib.sh

effects="rename unlinkat unlink mkdir ioctl add_key keyctl connect sendto socketpair clone execve fsopen \
fsconfig fsmount setns openat2 move_mount umount2 fsync flock"
plan $((2 * $(wc -w <<<"$effects") + 3))

need host_setup
need dmctl volume create vol "$(lun 0)"
need tiny_image docker idle:1
need identity vol docker idle:1
need docker run -d --name idle --network none idle:1

# all_of FUNCTION SYSCALL [COMMAND...]: for every N, until nobody gets to the N-th any more
all_of() {
	local n

	for ((n = 1; n < 400; n++)); do
		[ "$1" = survives ] || dmctl bind vol idle || return 1
		"$1" "$2" $n "${@:3}" >"$tap_dir/crash" 2>&1 && continue
		if grep -q "^nobody enters" "$tap_dir/crash"; then
			echo "killed at $((n - 1)) places" && dmctl unbind vol
			return
		fi
		echo "number $n:"
		cat "$tap_dir/crash"
		return 1
	done
}

# places: in how many the last check killed somebody
places() { sed -n 's/^killed at \([0-9]*\) places$/\1/p' "$tap_dir/out"; }
bind_places=0 unbind_places=0

for call in $effects; do
	ok "bind, killed before each $call" all_of survives "$call" dmctl bind vol idle
	diag "$(places) places"
	bind_places=$((bind_places + $(places)))
	ok "unbind, killed before each $call" all_of survives_unbind "$call"
	diag "$(places) places"
	unbind_places=$((unbind_places + $(places)))
done
# some calls are made by one of the two only, and a few by none on this kernel and with these engines
ok "bind was killed at $bind_places places" test $bind_places -ge 50
ok "unbind was killed at $unbind_places places" test $unbind_places -ge 20
ok "after all crashes the volume can be bound" dmctl bind vol idle
