#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Instructions the system retires per I/O at depth 1, counted by the emulator: repeatable to a tenth
# of a per cent, and the same on every host. The cipher's AES instructions count as one each, so this
# weighs the software around them. What else the guest does in a measurement only adds: the least of
# three counts. docs/performance.md explains how to read it.
# vm: shared icount smp=1 timeout=900

. ../bench/lib.sh
plan 1

need gcc -O2 -o "$tap_dir/iocount" ../bench/iocount.c
bench_devices 64

# the raw cipher, from inside the kernel
need mkdir "$tap_dir/raw"
need cp ../bench/rawcipher.c "$tap_dir/raw/"
echo "obj-m := rawcipher.o" >"$tap_dir/raw/Kbuild"
need make -s -C "/lib/modules/$(uname -r)/build" M="$tap_dir/raw" modules
need insmod "$tap_dir/raw/rawcipher.ko"
need rmmod rawcipher
raw=$(kernel_log | grep -o 'rawcipher: .*')
for op in read write; do
	bench_result "measure=cipher" "op=$op" "bytes=4096" \
		"value=$(field $([ $op = read ] && echo decrypt || echo encrypt) "$raw")"
done

# least COMMAND...: the least of the numbers that it prints in three runs
least() {
	local numbers

	numbers=$("$@" && "$@" && "$@") || return
	sort -n <<<"$numbers" | head -n 1
}

for access in "4096 random 3000" "131072 sequential 300"; do
	# shellcheck disable=SC2086
	set -- $access
	for op in read write; do
		for device in $BENCH_DEVICES; do
			count=$(least "$tap_dir/iocount" "$(bench_path "$device")" $op "$1" "$2" "$3") || break 3
			bench_result "measure=instructions" "device=$device" "op=$op" "bytes=$1" "value=$count"
		done
	done
done
report $? "every device was measured"
