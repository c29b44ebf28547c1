# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# TAP and helpers for the .t files, which run as root inside the test guest. Use:
#
#	. ./lib.sh
#	plan 2
#	ok "dockerd answers" docker info
#	fails_with 4 'no such device' dmctl volume create /dev/nowhere x
#
# Every check prints one TAP line and, on failure, the command's output as "# " lines. A test
# goes on after a failed check; `need` ends it.

set -u
tap_count=0 tap_failed=0 tap_cleanup=()
tap_dir=$(mktemp -d /tmp/tap.XXXXXX)

plan() { echo "1..$1"; }
diag() { printf '%s\n' "$*" | sed 's/^/# /'; }
skip_all() { echo "1..0 # SKIP $*"; exit 0; }

# cleanup COMMAND...: run at the end of the test, last registered first
cleanup() { tap_cleanup+=("$(printf '%q ' "$@")"); }

tap_end() {
	local status=$? i

	trap - EXIT
	for ((i = ${#tap_cleanup[@]} - 1; i >= 0; i--)); do
		eval "${tap_cleanup[i]}" >/dev/null 2>&1
	done
	rm -rf "$tap_dir"
	[ $status != 0 ] || [ $tap_failed = 0 ] || status=1
	exit $status
}
trap tap_end EXIT
trap 'exit 143' TERM
trap 'exit 130' INT

# report STATUS NAME [FILE]: one TAP line; FILE is shown when it failed
report() {
	tap_count=$((tap_count + 1))
	if [ "$1" = 0 ]; then
		echo "ok $tap_count - $2"
	else
		tap_failed=$((tap_failed + 1))
		echo "not ok $tap_count - $2"
		[ -z "${3-}" ] || tail -c 4000 "$3" | sed 's/^/# /; $a\'
	fi
	return "$1"
}

# ok NAME COMMAND...: succeeds
ok() {
	local name=$1 status

	shift
	"$@" >"$tap_dir/out" 2>&1
	status=$?
	[ $status = 0 ] || echo "exit status $status of: $*" >>"$tap_dir/out"
	report $status "$name" "$tap_dir/out"
}

# not_ok NAME COMMAND...: fails, however
not_ok() {
	local name=$1 status=0

	shift
	if "$@" >"$tap_dir/out" 2>&1; then
		echo "succeeded: $*" >>"$tap_dir/out"
		status=1
	fi
	report $status "$name" "$tap_dir/out"
}

# is NAME GOT WANTED
is() {
	printf 'got:    %s\nwanted: %s\n' "$2" "$3" >"$tap_dir/out"
	[ "$2" = "$3" ]
	report $? "$1" "$tap_dir/out"
}

# like NAME GOT REGEX, unlike NAME GOT REGEX (extended, as bash's =~)
like() {
	printf 'got:    %s\nwanted: %s\n' "$2" "$3" >"$tap_dir/out"
	[[ "$2" =~ $3 ]]
	report $? "$1" "$tap_dir/out"
}
unlike() {
	printf 'got:      %s\nunwanted: %s\n' "$2" "$3" >"$tap_dir/out"
	! [[ "$2" =~ $3 ]]
	report $? "$1" "$tap_dir/out"
}

# fails_with CODE REGEX COMMAND...: exits with CODE and says something that matches REGEX
fails_with() {
	local code=$1 regex=$2

	shift 2
	fails_as "exit $code, /$regex/: $*" "$code" "$regex" "$@"
}

# fails_as NAME CODE REGEX COMMAND...: the same, under a name that says what the command stands for
fails_as() {
	local name=$1 code=$2 regex=$3 status text

	shift 3
	text=$("$@" 2>&1)
	status=$?
	printf '%s\nexit status %s, wanted %s and text like: %s\n' \
		"$text" "$status" "$code" "$regex" >"$tap_dir/out"
	[ $status = "$code" ] && [[ "$text" =~ $regex ]]
	report $? "$name" "$tap_dir/out"
}

# need COMMAND...: a step without which the rest makes no sense
need() {
	"$@" >"$tap_dir/out" 2>&1 && return
	sed 's/^/# /' "$tap_dir/out"
	echo "Bail out! failed: $*"
	exit 1
}

# uptime_ms: CLOCK_BOOTTIME
uptime_ms() { awk '{ printf "%d", $1 * 1000 }' /proc/uptime; }

# wait_for SECONDS COMMAND...: polls until it succeeds; false when it did not in time, which
# passes more slowly on a kernel with sanitizers
wait_for() {
	local up end # not $SECONDS, which goes by the clock that some tests set

	read -r up _ </proc/uptime
	end=$((${up%.*} + $1 * ${CC_SLOW:-1}))
	shift
	until "$@" >/dev/null 2>&1; do
		read -r up _ </proc/uptime
		[ "${up%.*}" -lt $end ] || return 1
		sleep 0.1
	done
}

# kernel_log: what the kernel said since this test file began
kernel_log() { dmesg | tac | sed '/container-crypt-test: /q' | tac; }

# lun N: the by-id name of the N-th SCSI disk, counted from 0 (wants "# vm: udev scsi=N+1")
lun() { echo "/dev/disk/by-id/scsi-0QEMU_QEMU_HARDDISK_lun$1"; }

# leaves_nothing: true when no trace of ours is left in the kernel or below /run; prints them
leaves_nothing() {
	local left

	left=$(
		dmsetup table --target container-crypt | grep -v '^No devices found' | sed 's/^/mapping: /'
		grep -E 'container-crypt| /dev/mapper/' /proc/self/mountinfo | sed 's/^/mount: /'
		grep container-crypt /proc/keys | sed 's/^/key: /'
		find /run/container-crypt/bindings -mindepth 1 2>/dev/null | sed 's/^/file: /'
	)
	[ -z "$left" ] || { echo "$left"; return 1; }
}

# tiny_tree DIR: a root file system of one static busybox
tiny_tree() {
	local tool

	mkdir -p "$1"/{bin,data,dev,etc,proc,sys,tmp}
	cp /bin/busybox "$1/bin/busybox"
	for tool in sh cat ls echo sleep mount umount grep dd id sync touch rm od head true false env df; do
		ln -sf busybox "$1/bin/$tool"
	done
	echo root:x:0:0:root:/:/bin/sh >"$1/etc/passwd"
}

# with_program DIR PROGRAM: that and the libraries it needs, in such a tree
with_program() {
	ldd "$2" | grep -oE '/[^ ]+' | cat - <(echo "$2") | xargs cp -L --parents -t "$1"
}

# tiny_image ENGINE NAME [ENTRYPOINT...]: such an image in docker or podman, entrypoint sh -c
# "sleep 1000" unless given
tiny_image() {
	local engine=$1 name=$2 entry

	shift 2
	[ $# -gt 0 ] || set -- /bin/sleep 1000
	entry=$(jq -cn '$ARGS.positional' --args -- "$@")
	tiny_tree "$tap_dir/tree"
	tar -c -C "$tap_dir/tree" . | "$engine" import --change "ENTRYPOINT $entry" - "$name"
	rm -rf "$tap_dir/tree"
}
