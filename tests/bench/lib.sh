# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# What both benchmarks compare: a RAM disk plain and under dm-linear, dm-crypt as it comes, dm-crypt
# with the options that suit it best, and our target; all with the same key.

. ./kmod-lib.sh

BENCH_DEVICES="brd linear crypt crypt-best ours"

bench_devices() {
	local key len

	key=$(random_key 64)
	need add_key k "$key"
	ramdisk ram "$1"
	need dd if=/dev/zero of="$ram" bs=1M count="$1" oflag=direct status=none
	len=$(sectors "$ram")
	need dm_create linear "0 $len linear $ram 0"
	need dm_create crypt "0 $len crypt aes-xts-plain64 $key 0 $ram 0"
	need dm_create crypt-best "0 $len crypt aes-xts-plain64 $key 0 $ram 0 4 sector_size:4096 \
no_read_workqueue no_write_workqueue submit_from_crypt_cpus"
	need cc_create ours "$ram"
	need cc_unlock ours k
}

bench_path() {
	case $1 in
	brd) echo /dev/ram0 ;;
	*) echo "/dev/mapper/$1" ;;
	esac
}

# bench_result KEY=VALUE...: one measurement, as JSON, for tests/bench/run
bench_result() {
	local pair out=

	for pair; do
		out+=", \"${pair%%=*}\": $([[ ${pair#*=} =~ ^[0-9.]+$ ]] && echo "${pair#*=}" || echo "\"${pair#*=}\"")"
	done
	echo "# bench {${out#, }}"
}
