# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# For tests of the kernel module alone: keys, mappings and backing devices without dmctl or keyd.
# Everything made here is taken down when the test ends.

. ./lib.sh

need modprobe dm-container-crypt
need modprobe dm-crypt
cleanup dmsetup mknodes # without udev nobody takes away the node of a mapping that is gone

# random_key BYTES: as hex
random_key() { head -c "$1" /dev/urandom | xxd -p -c 256; }

# add_key NAME HEX: a logon key, gone when the test ends
add_key() {
	local id

	id=$(printf %s "$2" | xxd -r -p | keyctl padd logon "cctest:$1" @u) || return
	cleanup keyctl unlink "$id" @u
}

# backing NAME MIB: a sparse loop device; its path in $NAME. It passes discards on to its file.
backing() {
	local file=$tap_dir/$1.img dev

	truncate -s "$2M" "$file" || return
	dev=$(losetup --show -f "$file") || return
	cleanup losetup -d "$dev"
	printf -v "$1" %s "$dev"
}

# ramdisk NAME MIB: a brd, the backing device with the least of its own
ramdisk() {
	need modprobe brd rd_nr=1 rd_size=$(($2 << 10))
	cleanup rmmod brd
	printf -v "$1" %s /dev/ram0
}

sectors() { blockdev --getsz "$1"; }

# Where there is udev it takes nodes away in its own time, also from the next mapping of that name.
udev_settled() { [ ! -e /run/udev/control ] || udevadm settle --timeout=$((60 * ${CC_SLOW:-1})); }

# dm_create NAME TABLE, dm_remove NAME
dm_create() {
	cleanup dmsetup remove --retry --noudevsync "$1"
	dmsetup create --noudevsync "$1" --table "$2" && udev_settled && dmsetup mknodes "$1"
}
dm_remove() { dmsetup remove --retry --noudevsync "$1" && udev_settled; }

# cc_create NAME DEVICE [OPTION...]: a locked mapping of the whole device; iv_offset in $iv_offset
cc_create() {
	local name=$1 dev=$2

	shift 2
	dm_create "$name" "0 $(sectors "$dev") container-crypt aes-xts-plain64 ${iv_offset:-0} \
$dev 0${1+ $# $*}"
}

# cc_unlock NAME KEY [LEASE_MS]: KEY is the NAME of add_key; its size in $key_bytes, 64 by default
cc_unlock() { dmsetup message "$1" 0 unlock ":${key_bytes:-64}:logon:cctest:$2" "${3:-0}"; }
cc_lock() { dmsetup message "$1" 0 lock; }

# cc_status NAME [FIELD]: the status line, or the value of one field ("state" for the first word)
cc_status() {
	local status

	status=$(dmsetup status "$1") || return
	status=${status#*container-crypt }
	case ${2-} in
	'') echo "$status" ;;
	state) echo "${status%% *}" ;;
	*) grep -o " $2:[^ ]*" <<<"$status" | cut -d: -f2 ;;
	esac
}

# crypt_create NAME DEVICE HEX [OPTION...]: the same device through dm-crypt, our oracle
crypt_create() {
	local name=$1 dev=$2 key=$3

	shift 3
	dm_create "$name" "0 $(sectors "$dev") crypt aes-xts-plain64 $key ${iv_offset:-0} $dev 0${1+ $# $*}"
}

# sysfs DEVICE: its directory there
sysfs() { echo "/sys/dev/block/$(stat -L -c %Hr:%Lr "$1")"; }

# rw_counts DEVICE: reads and writes that have completed on it, as the kernel counts them
rw_counts() { awk '{ print $1, $5 }' "$(sysfs "$1")/stat"; }

# pattern SEED BYTES: the same bytes for the same seed
pattern() { openssl enc -aes-128-ctr -pass "pass:$1" -nosalt -pbkdf2 -in /dev/zero 2>/dev/null | head -c "$2"; }

digest() { sha256sum "$@" | cut -d' ' -f1; }

# tool NAME: a program of src/, built here; its path in $NAME
tool() {
	need gcc -O2 -o "$tap_dir/$1" "src/$1.c" -lpthread
	printf -v "$1" %s "$tap_dir/$1"
}

# trace_on EVENT...: the kernel's trace of these, stamped with CLOCK_BOOTTIME, in $trace/trace
trace=/sys/kernel/tracing
trace_on() {
	local event

	mount -t tracefs none $trace 2>/dev/null
	cleanup bash -c "echo 0 >$trace/events/enable; echo local >$trace/trace_clock"
	echo boot >$trace/trace_clock
	echo 16384 >$trace/buffer_size_kb
	echo >$trace/trace
	for event; do
		echo 1 >"$trace/events/$event/enable" || return
	done
}
trace_off() { echo 0 >$trace/events/enable; }

# traced PATTERN [first]: when the last or first such event was, in ms of the trace's clock
traced() {
	awk -v pattern="$1" -v first="${2-}" '$0 ~ pattern && !(first && time) {
			for (i = 1; i < NF; i++) if ($i ~ /^[0-9]+\.[0-9]+:$/) { time = $i * 1000; break }
		} END { printf "%d", time }' $trace/trace
}

# field NAME TEXT: the value in "... NAME=VALUE ..."
field() { grep -o "\b$1=[^ ]*" <<<"$2" | cut -d= -f2; }
