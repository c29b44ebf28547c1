#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# dmctl volume create, killed at any of its system calls that do something: nothing is left of the
# attempt, or what is left does not stand in the way of the next one.
# vm: shared udev scsi=1 timeout=1020 long

. ./lib.sh
. ./volume-lib.sh
plan 12
every=${every-4} # of how many places one is tried

need keyd_setup
device=$(lun 0)

# create_with INJECTION...: volume create under strace, which injects into dmctl but not into its children
create_with() {
	local i args=() trace=

	for i; do
		args+=(-e "inject=$i")
		trace+=${trace:+,}${i%%:*}
	done
	strace -q -o "$tap_dir/strace" -e trace="$trace" "${args[@]}" dmctl volume create vol "$device"
}

# gone: no mapping, key or mount, no record, nothing on the LUN
gone() {
	leaves_nothing &&
		[ "$(dmctl volume ls --json | jq '.volumes | length')" = 0 ] &&
		[ -z "$(blkid -p -o value -s TYPE "$device")" ]
}

# whole: it was killed when all was done, and only its last words are missing
whole() {
	leaves_nothing && [ "$(dmctl volume inspect vol --json | jq -r .state)" = ready ] &&
		dmctl volume rm vol --yes --wipe-header
}

# settled: the guard has done its work, and the volume is either gone or whole
settled() {
	wait_for 30 no_dmctl && { wait_for 5 gone || whole; }
}
no_dmctl() { ! pgrep -x dmctl; }

# whole: the kill came after the last step; the volume is there and fit for use
whole() {
	leaves_nothing && [ "$(dmctl volume ls --json | jq -r '.volumes[].state')" = ready ] &&
		cryptsetup luksDump "$device"
}
settled() { gone || whole; }

# killed_at SYSCALL: kills at the 1st of them, then further on, until one run gets through
killed_at() {
	local syscall=$1 n=1 kills=0

	until create_with "$syscall:signal=SIGKILL:when=$n" >"$tap_dir/create" 2>&1; do
		kills=$((kills + 1))
		grep -q 'killed by SIGKILL' "$tap_dir/strace" && wait_for 30 settled || {
			echo "failed or left something after a kill at $syscall number $n:"
			cat "$tap_dir/create"
			leaves_nothing
			dmctl volume ls
			blkid -p "$device"
			return 1
		}
		whole >/dev/null 2>&1 && dmctl volume rm vol --yes --wipe-header
		n=$((n + every))
	done
	diag "$kills kills at $syscall" >&3
	dmctl volume rm vol --yes --wipe-header
	[ $kills -gt 0 ]
}

ok "volume create killed at any ioctl leaves nothing (mapping, locks, block device)" killed_at ioctl
ok "volume create killed at any request to keyd leaves nothing" killed_at sendto
ok "volume create killed at any write to the LUN leaves nothing" killed_at write
ok "volume create killed at any sync leaves nothing" killed_at fsync
ok "volume create killed when the key is in the keyring leaves nothing" killed_at add_key
ok "volume create killed when the key is to leave the keyring leaves nothing" killed_at keyctl

# Signals one can handle: undone when dmctl ends, which is an error of its own.
interrupted() {
	create_with "ioctl:signal=$1:when=$2" >"$tap_dir/create" 2>&1
	[ $? = 11 ] && grep -q "interrupted by $1" "$tap_dir/create" && gone
}
ok "SIGTERM in the middle is undone before dmctl ends" interrupted SIGTERM 8
ok "SIGINT in the middle is undone before dmctl ends" interrupted SIGINT 12

# The guard killed first, then dmctl with the mapping unlocked: the worst case.
guard() { pgrep -x -P "$(pgrep -x -P "$strace_pid" dmctl)" dmctl; }
all_killed() {
	strace -qq -o "$tap_dir/strace" -e trace=add_key,keyctl -e inject=add_key:delay_enter=5000000 \
		-e inject=keyctl:signal=SIGKILL:when=1 dmctl volume create vol "$device" >"$tap_dir/create" 2>&1 &
	strace_pid=$!
	wait_for 30 guard || return 1
	kill -KILL "$(guard)" && ! wait $strace_pid
}
ok "dmctl and its guard are killed with the mapping unlocked" all_killed
like "a killed dmctl whose guard is killed, too, leaves an active mapping" "$(dmsetup status container-crypt-vol)" ' container-crypt active '
ok "the next volume create clears an active mapping away and succeeds" dmctl volume create vol "$device"
ok "the next volume create leaves nothing in the kernel" leaves_nothing
