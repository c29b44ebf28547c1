#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Throughput and latency side by side, on two processors: each round measures every device in turn,
# so that what else the host does meets all of them alike; the ratios of one round are what counts,
# and the median over the rounds is reported.
# vm: shared smp=2 timeout=1800

. ../bench/lib.sh
plan 1

rounds=${BENCH_ROUNDS:-5}
runtime=${BENCH_SECONDS:-2}
bench_devices 64

# measure DEVICE OP BYTES DEPTH JOBS: KiB a second and mean completion latency in us
measure() {
	local rw=$2 field=7 latency=40

	[ "$3" -gt 65536 ] || rw=rand$rw
	[ "$2" = read ] || field=48 latency=81
	fio --name=b --filename="$(bench_path "$1")" --rw="$rw" --bs="$3" --iodepth="$4" --numjobs="$5" \
		--direct=1 --ioengine=libaio --time_based --runtime="$runtime" --group_reporting \
		--offset_increment=16M --size=16M --minimal --norandommap |
		cut -d';' --output-delimiter=' ' -f"$field,$latency"
}

for bytes in 4096 131072 1048576; do
	for op in read write; do
		for jobs in 1 2; do
			for depth in 1 4 32; do
				for round in $(seq "$rounds"); do
					for device in linear crypt crypt-best ours; do
						read -r kib us < <(measure "$device" $op $bytes $depth $jobs) || break 6
						bench_result "measure=throughput" "device=$device" "op=$op" \
							"bytes=$bytes" "depth=$depth" "jobs=$jobs" \
							"round=$round" "kib=$kib" "us=${us%%.*}"
					done
				done
			done
		done
	done
done
report $? "every device was measured"
