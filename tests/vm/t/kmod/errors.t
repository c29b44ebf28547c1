#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Errors of the device reach the caller and nothing else does; flushes, FUA and discards mean what
# they say; tables change and devices vanish under load without a hang.
# vm: shared udev scsi=2 timeout=710 long

. ./kmod-lib.sh
plan 44
tool blockcheck
need modprobe dm-flakey

add_key k "$(random_key 64)"
direct_read() { dd if="$1" of=/dev/null bs=4k skip="$2" count="${3:-1}" iflag=direct status=none; }
direct_write() { dd if=/dev/zero of="$1" bs=4k seek="$2" count="${3:-1}" oflag=direct status=none; }

# -- a device with a hole of errors in the middle

backing lun 16
need dm_create low "0 8192 linear $lun 0
8192 8192 error
16384 16384 linear $lun 16384"
need cc_create m /dev/mapper/low
need cc_unlock m k
ok "a write in front of the bad part of a device succeeds" direct_write /dev/mapper/m 0 16
fails_with 1 'Input/output error' direct_write /dev/mapper/m 1024
fails_with 1 'Input/output error' direct_write /dev/mapper/m 1020 64
fails_with 1 'Input/output error' direct_read /dev/mapper/m 1024
fails_with 1 'Input/output error' direct_read /dev/mapper/m 1020 64
ok "a read behind the bad part of a device succeeds" direct_read /dev/mapper/m 2048 16
fails_with 1 'Input/output error' dd if=/dev/zero of=/dev/mapper/m bs=1M count=16 conv=fsync
is "errors of the device do not lock the mapping" "$(cc_status m state)" active
need dm_remove m
need dm_remove low

for op in read write; do
	# kernels before 6.5 have errors for reads only together with those for writes
	dm_create low "0 32768 flakey $lun 0 0 1 1 error_${op}s" 2>/dev/null ||
		need dm_create low "0 32768 flakey $lun 0 0 1"
	need cc_create m /dev/mapper/low
	need cc_unlock m k
	fails_with 1 'Input/output error' direct_$op /dev/mapper/m 0 256
	need dm_remove m
	need dm_remove low
done

# -- read-only

need blockdev --setro "$lun"
fails_with 1 'Read-only file system' dmsetup create --noudevsync m \
	--table "0 32768 container-crypt aes-xts-plain64 0 $lun 0"
cleanup dmsetup remove --retry m
need udev_settled
ok "a read-only mapping of a read-only device is made" dmsetup create --noudevsync --readonly m \
	--table "0 32768 container-crypt aes-xts-plain64 0 $lun 0"
need udev_settled
need dmsetup mknodes
need cc_unlock m k
ok "a read-only mapping reads" direct_read /dev/mapper/m 0
fails_with 1 'Operation not permitted|Read-only|Permission denied' direct_write /dev/mapper/m 0
need dm_remove m
need blockdev --setrw "$lun"

# -- flush and FUA, as the device underneath is asked for them

need modprobe null_blk nr_devices=0
null=/sys/kernel/config/nullb/cctest
mount -t configfs none /sys/kernel/config 2>/dev/null
need mkdir $null
cleanup rmdir $null
echo 1 >$null/memory_backed
echo 64 >$null/size
echo 8 >$null/cache_size
echo 1 >$null/discard
echo 1 >$null/power
nullb=/dev/cctest
wait_for 5 test -b "$nullb"
number=$(stat -c '%Hr,%Lr' "$nullb")
trace=/sys/kernel/tracing
mount -t tracefs none $trace 2>/dev/null
need cc_create m "$nullb"
need cc_unlock m k
# asked COMMAND...: what the device below is asked for meanwhile, one rwbs word a bio
asked() {
	echo >$trace/trace
	echo 1 >$trace/events/block/block_bio_queue/enable
	"$@" >/dev/null 2>&1
	echo 0 >$trace/events/block/block_bio_queue/enable
	awk -v d="$number" '{ for (i = 1; i < NF; i++) if ($i == d) print $(i + 1) }' $trace/trace | sort | uniq -c |
		awk '{ print $2 "*" $1 }' | xargs
}
is "the mapping has a volatile cache, as its device" "$(cat "$(sysfs /dev/mapper/m)/queue/write_cache")" "write back"
like "a synchronous write is a write with FUA" "$(asked dd if=/dev/zero of=/dev/mapper/m bs=64k count=1 oflag=direct,dsync)" 'WFS\*1'
like "fsync is a flush below the mapping" "$(asked dd if=/dev/zero of=/dev/mapper/m bs=4k count=1 oflag=direct conv=fsync)" '(FWS|FS|FF|FWFS|F)\*1'
need cc_lock m
like "a locked mapping flushes" "$(asked blockdev --flushbufs /dev/mapper/m; asked sync -f /dev/mapper/m; asked dd if=/dev/null of=/dev/mapper/m conv=fsync,nocreat,notrunc)" 'F'
need cc_unlock m k
# udev may read meanwhile
like "one write of 64 KiB is one bio below the mapping" "$(asked dd if=/dev/zero of=/dev/mapper/m bs=64k count=1 oflag=direct)" '(^| )WS\*1( |$)'
need dm_remove m
need cc_create m "$nullb" allow_discards
need cc_unlock m k
# some kernels split them within an encryption sector, some refuse to
limit=$(sysfs /dev/mapper/m)/queue/discard_max_bytes
need bash -c "echo 4608 >$limit 2>/dev/null || echo 4096 >$limit"
ok "discards may be split as it suits the device" blkdiscard -o 1M -l 1M /dev/mapper/m
need dm_remove m
echo 0 >$null/power

# -- discards

need cc_create m "$lun"
need cc_unlock m k
fails_with 2 'not supported' blkdiscard /dev/mapper/m
is "no discard limit is offered" "$(lsblk -ndbo DISC-MAX /dev/mapper/m | xargs)" 0
ok "zeroing writes encrypted zeros" blkdiscard -z -l 1M /dev/mapper/m
is "encrypted zeros read as zeros" "$(head -c 1M /dev/mapper/m | tr -d '\0' | wc -c)" 0
not_ok "encrypted zeros are none on the device" cmp -n 1048576 "$lun" /dev/zero
need dm_remove m
need cc_create m "$lun" allow_discards
need cc_unlock m k
need dd if=/dev/urandom of=/dev/mapper/m bs=1M count=16 oflag=direct,dsync
full=$(stat -c %b "$tap_dir/lun.img")
ok "with allow_discards a discard succeeds" blkdiscard -o 4M -l 8M /dev/mapper/m
ok "with allow_discards a discard reaches the device" test "$(stat -c %b "$tap_dir/lun.img")" -le $((full - 16384))
is "with allow_discards a discard is at the right place" "$(od -An -tx1 -j4194304 -N8388608 "$lun" | tr -d ' 0*\n')" ""
not_ok "with allow_discards nothing before the discard is discarded" cmp -s -n 4096 "$lun" /dev/zero -i 4190208
need cc_lock m
not_ok "a locked mapping does not discard" blkdiscard /dev/mapper/m
ok "the device keeps its data when a locked mapping is asked to discard" bash -c "! cmp -s -n 4194304 $lun /dev/zero"
need dm_remove m

# -- tables and names change under load

need cc_create m "$lun"
need cc_unlock m k
"$blockcheck" -t 12 -j 4 /dev/mapper/m >"$tap_dir/check" &
check=$!
for i in $(seq 12); do
	dmsetup suspend m && dmsetup resume --noudevsync m || echo "suspend $i" >>"$tap_dir/trouble"
	dmsetup table m | dmsetup reload m && dmsetup resume --noudevsync m || echo "reload $i" >>"$tap_dir/trouble"
	dmsetup suspend --noflush m && dmsetup resume --noudevsync m || echo "noflush $i" >>"$tap_dir/trouble"
	dmsetup rename --noudevsync m m2 && dmsetup rename --noudevsync m2 m || echo "rename $i" >>"$tap_dir/trouble"
done
ok "suspend, reload and rename work under load" test ! -s "$tap_dir/trouble"
ok "suspend, reload and rename under load never yield wrong data" wait $check
is "suspend, reload and rename under load yield no error" "$(field error "$(cat "$tap_dir/check")")" 0
is "the mapping is still active after suspend, reload and rename" "$(cc_status m state)" active
# udev follows the renames in its own time
need udev_settled
need dmsetup mknodes m
"$blockcheck" -t 8 /dev/mapper/m >"$tap_dir/check" &
check=$!
sleep 1
fails_with 1 'busy' dmsetup remove m
ok "an error table may replace it under load" dmsetup wipe_table --noudevsync m
ok "an error table under load is errors, no wrong data" wait $check
ok "an error table under load yields errors" test "$(field error "$(cat "$tap_dir/check")")" -gt 0
need dm_remove m

# -- a disk vanishes with I/O pending

disk=$(readlink -f "$(lun 1)")
need cc_create m "$disk"
need cc_unlock m k
fio --name=x --filename=/dev/mapper/m --rw=randrw --bs=4k --iodepth=32 --ioengine=libaio --direct=1 \
	--time_based --runtime=60 >"$tap_dir/fio" 2>&1 &
load=$!
sleep 2
echo 1 >"/sys/block/${disk##*/}/device/delete"
ok "removing the disk under load ends the load" wait_for 30 bash -c "! kill -0 $load"
not_ok "removing the disk under load is an error to the load" wait $load
ok "lock still works when the disk is gone" cc_lock m
ok "the mapping can be removed when the disk is gone" dm_remove m
# back for the tests after this one
for scan in /sys/class/scsi_host/host*/scan; do echo - - - >"$scan"; done
need wait_for 30 test -b "$(lun 1)"

ok "the module can be unloaded" rmmod dm-container-crypt
need modprobe dm-container-crypt
