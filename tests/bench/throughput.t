#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Throughput and latency side by side, on two processors: each round measures every device in turn,
# so that what else the host does meets all of them alike; the ratios of one round are what counts,
# and the median over the rounds is reported. Reads are close to each other and get more of them.
# vm: shared smp=2 timeout=1800

. ../bench/lib.sh
plan 1

slice_ms=100
need gcc -O2 -o "$tap_dir/iopairs" ../bench/iopairs.c -lpthread
bench_devices 64
devices="linear crypt crypt-best ours"

# measure BYTES OP JOBS DEPTH: every round of every device
measure() {
	local device paths=()

	for device in $devices; do
		paths+=("$(bench_path "$device")")
	done
	"$tap_dir/iopairs" $rounds $slice_ms "$2" "$1" "$4" "$3" "${paths[@]}" >"$tap_dir/slices" || return
	awk -v point="\"op\": \"$2\", \"bytes\": $1, \"depth\": $4, \"jobs\": $3" '{
		sub(".*/", "", $2)
		printf "# bench {\"measure\": \"throughput\", \"device\": \"%s\", %s, \"round\": %d, " \
			"\"kib\": %d, \"us\": %.1f}\n", $2, point, $1, $3, $4
	}' "$tap_dir/slices"
}

for bytes in 4096 131072 1048576; do
	for op in read write; do
		rounds=15
		[ $op = write ] || rounds=45
		for jobs in 1 2; do
			for depth in 1 4 32; do
				measure $bytes $op $jobs $depth || break 4
			done
		done
	done
done
report $? "every device was measured"
