# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# For tests of the kernel's online rekey: mappings with a rekey area, and what is on the device then.

. ./kmod-lib.sh

uuid=6b0f6f1c-7a3e-4d0b-9b53-0d5a0c1e2f30
area=2048 area_len=6144 start=8192 # sectors: 1 MiB, 3 MiB, 4 MiB
old=$(random_key 64) new=$(random_key 64)
add_key old "$old"
add_key new "$new"

# rk_line DEVICE LENGTH [OPTION...]: a table with a rekey area
rk_line() {
	local dev=$1 len=$2

	shift 2
	echo "0 $len container-crypt aes-xts-plain64 ${iv_offset:-0} $dev $start $(($# + 2)) \
volume:$uuid rekey_area:$area:$area_len${1+ $*}"
}
# rk_create NAME DEVICE LENGTH [OPTION...]
rk_create() {
	local name=$1

	shift
	dm_create "$name" "$(rk_line "$@")"
}
key_spec() { echo ":64:logon:cctest:$1"; }
# rk_unlock NAME [LEASE [MIN_SEQ]]: with both keys
rk_unlock() { dmsetup message "$1" 0 unlock "$(key_spec new)" "${2:-0}" "$(key_spec old)" "${3:-0}"; }
rk() { local name=$1; shift; dmsetup message "$name" 0 rekey "$@"; }

# rk_start NAME: suspended for a moment
rk_start() {
	dmsetup suspend "$1" && rk "$1" start "$(key_spec new)"
	local status=$?

	dmsetup resume --noudevsync "$1" && return $status
}
rk_is() { [ "$(cc_status "$1" rekey)" = "$2" ]; }
rk_done() { wait_for 60 rk_is "$1" "done"; }
# rk_passed NAME SECTORS
rk_passed() { [ "$(cc_status "$1" rekey_pos)" -ge "$2" ]; }

# plain NAME DEVICE HEX LENGTH [OPTION...]: the data through dm-crypt
plain() {
	local name=$1 dev=$2 key=$3 len=$4

	shift 4
	dm_create "$name" "0 $len crypt aes-xts-plain64 $key ${iv_offset:-0} $dev $start${1+ $# $*}"
}
# plain_digest DEVICE HEX LENGTH [OPTION...]
plain_digest() {
	plain plain "$@" && dd if=/dev/mapper/plain bs=1M iflag=direct status=none | digest
	local status=$?

	dm_remove plain && return $status
}
