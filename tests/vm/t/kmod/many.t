#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Two hundred mappings at once, all of them busy: each keeps its own data, none takes more than its share of
# memory and threads, and when they are gone so is everything they took.
# vm: shared timeout=420 long

. ./kmod-lib.sh
plan 12

number=200
add_key k "$(random_key 64)"
truncate -s ${number}M "$tap_dir/many.img"
many=$(losetup --direct-io=on --show -f "$tap_dir/many.img" 2>/dev/null || losetup --show -f "$tap_dir/many.img")
cleanup losetup -d "$many"
cleanup bash -c "dmsetup ls --target container-crypt | grep -o '^many[0-9]*' | xargs -rn 1 dmsetup remove --noudevsync"
kthreads() { ps -e -o comm | grep -cE "$1"; }
# Threads of a work queue's own. A shared worker, too, has the name of the queue that it served last.
own='^(kworker/R-)?ccrypt'
# what the kernel holds for itself, in KiB
held() {
	echo 3 >/proc/sys/vm/drop_caches
	awk '/^(SUnreclaim|Percpu|KernelStack|VmallocUsed):/ { sum += $2 }
		/^(MemTotal|MemFree|Buffers|Cached|AnonPages|Slab|PageTables):/ { v[$1] = $2 }
		END { print v["MemTotal:"] - v["MemFree:"] - v["Buffers:"] - v["Cached:"] - v["AnonPages:"] }' /proc/meminfo
}

# once before the first count, for what stays: caches, per-processor data, workers
need dm_create first "0 2048 container-crypt aes-xts-plain64 0 $many 0"
need cc_unlock first k
need dd if=/dev/zero of=/dev/mapper/first bs=1M count=1 oflag=direct
need dm_remove first
threads=$(kthreads "$own")
before=$(held)

concise=
for i in $(seq 0 $((number - 1))); do
	concise+="many$i,,,rw,0 2048 container-crypt aes-xts-plain64 0 $many $((i * 2048));"
done
ok "$number mappings are made at once" dmsetup create --noudevsync --concise "${concise%;}"
need dmsetup mknodes
seq 0 $((number - 1)) | xargs -P 2 -I{} dmsetup message "many{}" 0 unlock :64:logon:cctest:k 0
is "all of $number mappings are active" "$(dmsetup status --target container-crypt | grep -c '^many.*: 0 2048 container-crypt active')" $number
idle=$(held)
diag "$(((idle - before) / number)) KiB each"
ok "an idle one holds less than 2 MiB, device-mapper's own part included" test $((idle - before)) -lt $((number * 2048))
ok "an idle mapping has two threads, for when memory is short" test "$(kthreads "$own")" -le $((threads + 2 * number))

# one job over all of them; each block says where it belongs
files=$(seq -s : -f '/dev/mapper/many%.0f' 0 $((number - 1)))
ok "I/O on all of them at once reads what it wrote" fio --name=all --filename="$files" --nrfiles=$number \
	--file_service_type=roundrobin --size=${number}M --direct=1 --ioengine=libaio --iodepth=64 --rw=randwrite \
	--bssplit=4k/40:64k/40:512k/20 --verify=crc32c --verify_fatal=1 --minimal
busy=$(held)
workers=$(kthreads kworker/u)
diag "$workers unbound workers, $((busy - idle)) KiB more than idle"
ok "busy mappings do not have a worker each" test "$workers" -lt $((number / 4 + threads))
ok "busy mappings take no memory that stays" test $((busy - idle)) -lt 32768
is "every mapping was written" "$(dmsetup status --target container-crypt | grep '^many' | grep -vc 'writes:0 ')" $number
dmsetup remove --noudevsync --retry $(seq -f 'many%.0f' 0 $((number - 1)))
is "all mappings can be removed" "$(dmsetup ls --target container-crypt | grep -c many)" 0
returned() { [ "$(kthreads "$own")" -le "$threads" ]; }
ok "removed mappings take their threads with them" wait_for 10 returned
after=$(held)
diag "$((after - before)) KiB more than before"
ok "removed mappings give their memory back" test $((after - before)) -lt 24576
ok "the module can be unloaded" rmmod dm-container-crypt
need modprobe dm-container-crypt
