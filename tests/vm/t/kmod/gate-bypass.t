#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The gate, whoever submits the read: kernel threads for throttled, deferred and polled reads and for loop devices, and reads that
# waited while the gate was set. None of these brings plaintext to a foreign cgroup, each of them works for the bound one. And
# nobody opens the gate of an active mapping from outside.
# vm: shared timeout=600 kernels

. ./kmod-lib.sh
plan 47
tool gaterace

add_key k "$(random_key 64)"
backing lun 64
root=/sys/fs/cgroup/kmod-test
need mkdir -p $root/bound $root/foreign
cleanup rmdir $root/bound $root/foreign $root
# below the root, so that a bio's block cgroup says whose it is
need bash -c "echo +io >/sys/fs/cgroup/cgroup.subtree_control"
need bash -c "echo +io >$root/cgroup.subtree_control"
id_of() { stat -c %i "$1"; }
bound=$(id_of $root/bound) foreign=$(id_of $root/foreign)
# in_group GROUP COMMAND...: run in that cgroup
in_group() {
	local group=$1

	shift
	# shellcheck disable=SC2016
	bash -c 'echo $$ >'"$root/$group"'/cgroup.procs && exec "$@"' in_group "$@"
}
gate() { dmsetup message m 0 gate "$1"; }
number() { stat -L -c %Hr:%Lr "$1"; }
yes secret-plaintext | head -c 4194304 >"$tap_dir/data"

# fill: known data, then bound
fill() {
	need cc_unlock m k
	need dd if="$tap_dir/data" of=/dev/mapper/m bs=1M oflag=direct
	need gate "$bound"
}
# read_by GROUP [FLAGS [FROM]]: 64 KiB into $tap_dir/out
read_by() {
	rm -f "$tap_dir/read"
	in_group "$1" dd if="${3:-/dev/mapper/m}" of="$tap_dir/read" bs=64k count=1 "${2:-iflag=direct}" status=none
}
# waits: the read has been submitted, and its reader sleeps
waits() {
	local dd

	dd=$(pgrep -x dd) && grep -q '^State:.D' "/proc/$dd/status" && grep -q blkdev_read_iter "/proc/$dd/stack"
}
leaked() { grep -aq secret-plaintext "$tap_dir/read"; }
right() { cmp -n 65536 "$tap_dir/data" "$tap_dir/read"; }

need cc_create m "$lun"
fill
fails_with 1 'Input/output error' read_by foreign
ok "the bound cgroup reads" read_by bound

# what is over a limit is submitted by a kernel thread
limit() { # GROUP LIMIT...
	echo "$(number /dev/mapper/m) ${*:2}" >"$root/$1/io.max"
}
need limit foreign riops=2
in_group foreign bash -c 'for i in 1 2 3 4; do dd if=/dev/mapper/m bs=4k count=1 iflag=direct; done' >"$tap_dir/read" 2>/dev/null
is "io.max: throttled reads of a foreign cgroup bring nothing" "$(stat -c %s "$tap_dir/read")" 0
# the error may be that of the first piece; the buffer is what counts
in_group foreign python3 - "$tap_dir/read" <<'P'
import mmap, os, sys
fd = os.open("/dev/mapper/m", os.O_RDONLY | os.O_DIRECT)
b = mmap.mmap(-1, 1 << 20)
out = open(sys.argv[1], "wb")
for at in range(0, 2 << 20, 1 << 20):
    try:
        os.preadv(fd, [b], at)
        sys.exit("a read succeeded")
    except OSError:
        out.write(b[:])
P
is "io.max: a throttled read of 1 MiB fails" $? 0
ok "io.max: a throttled read of 1 MiB leaves nothing at all in its buffer" cmp -n 2097152 "$tap_dir/read" /dev/zero
need limit foreign riops=max
need limit bound riops=4
ok "io.max: throttled reads of the bound cgroup pass" in_group bound dd if=/dev/mapper/m of="$tap_dir/read" bs=64k count=6 iflag=direct
ok "io.max: throttled reads of the bound cgroup bring the right data" cmp -n 393216 "$tap_dir/data" "$tap_dir/read"
need limit bound riops=max

# what waits for a resume is submitted by dm core's worker
deferred() { # GROUP
	local reader status

	need dmsetup suspend --noflush --nolockfs m
	read_by "$1" &
	reader=$!
	need wait_for 10 waits
	need dmsetup resume --noudevsync m
	wait $reader
}
not_ok "suspend: a read of a foreign cgroup that waited for the resume fails" deferred foreign
not_ok "suspend: a foreign read that waited brings nothing" leaked
ok "suspend: a read of the bound cgroup passes after the resume" deferred bound
ok "suspend: the bound cgroup's read brings the right data" right

moved() { # FROM TO: a read that waits for the resume while its task is moved to another cgroup
	local reader status

	need dmsetup suspend --noflush --nolockfs m
	read_by "$1" &
	reader=$!
	need wait_for 10 waits
	need bash -c "echo $(pgrep -x dd) >$root/$2/cgroup.procs"
	need dmsetup resume --noudevsync m
	wait $reader
}
not_ok "suspend: a foreign reader that is moved into the bound cgroup while it waits fails" moved foreign bound
not_ok "suspend: a foreign reader that is moved into the bound cgroup while it waits gets nothing" leaked
ok "suspend: a reader of the bound cgroup that is moved away while it waits has its data" moved bound foreign

# a loop device on top, whose worker reads
for direct in off on; do
	loop=$(losetup -f --show -r --direct-io=$direct /dev/mapper/m)
	echo 3 >/proc/sys/vm/drop_caches
	fails_as "loop, direct-io $direct: a foreign read of a loop device fails" 1 'Input/output error' read_by foreign iflag=direct "$loop"
	not_ok "loop, direct-io $direct: a loop device brings nothing to a foreign cgroup" leaked
	echo 3 >/proc/sys/vm/drop_caches
	ok "loop, direct-io $direct: a loop device brings the data to the bound cgroup" read_by bound iflag=direct "$loop"
	losetup -d "$loop"
done

before=$(cc_status m reads)
not_ok "io_uring: foreign reads of its submission thread fail" in_group foreign fio --name=r --filename=/dev/mapper/m --rw=read \
	--bs=4k --size=64k --direct=1 --ioengine=io_uring --sqthread_poll=1
not_ok "foreign reads with RWF_NOWAIT fail" in_group foreign fio --name=r --filename=/dev/mapper/m --rw=read --bs=4k --size=64k \
	--direct=1 --ioengine=pvsync2 --nowait=1
is "foreign reads by io_uring and with RWF_NOWAIT reach no device" "$(cc_status m reads)" "$before"

# who may change the gate of an active mapping
fails_as "nobody outside opens the gate of an active mapping" 1 'not permitted' gate 0
fails_as "nobody outside moves the gate of an active mapping" 1 'not permitted' gate "$foreign"
ok "anybody may set the gate that an active mapping has already" gate "$bound"
fails_as "a task inside the gate does not open it" 1 'busy' in_group bound dmsetup message m 0 gate 0
fails_as "a task inside the gate does not give it to a cgroup above" 1 'busy' in_group bound dmsetup message m 0 gate "$(id_of $root)"
is "refused changes leave the gate as it is" "$(cc_status m gate)" "$bound"
ok "a task inside the gate may give it to another cgroup" in_group bound dmsetup message m 0 gate "$foreign"
ok "the cgroup that was given the gate reads" read_by foreign
fails_with 1 'Input/output error' read_by bound
need cc_lock m
ok "anybody may set the gate while the mapping is locked" gate 0
need dm_remove m

# reads that were parked when the gate was another
parked() { # GROUP GATE...: a read that comes before these and the unlock
	local reader

	read_by "$1" &
	reader=$!
	need wait_for 10 waits
	for g in "${@:2}"; do need gate "$g"; done
	need cc_unlock m k
	wait $reader
}
need cc_create m "$lun" on_lock:queue:20000
not_ok "parked: a read that came before there was a gate fails" parked foreign "$bound"
not_ok "parked: a read that was parked before the gate brings nothing" leaked
need cc_lock m
not_ok "parked: one of the bound cgroup, when the gate is another's then" parked bound "$foreign"
need cc_lock m
not_ok "parked: also when it is its own again" parked foreign "$bound" "$foreign"
need cc_lock m
ok "parked: a read passes when the gate was only set again" parked foreign "$foreign"
ok "parked: with the right data" right
need cc_lock m
need gate "$bound"
not_ok "parked: nobody else's is parked at all" timeout 10 in_group foreign dd if=/dev/mapper/m of=/dev/null bs=4k count=1 iflag=direct
need dm_remove m

# polled: dm core submits again what ended with BLK_STS_AGAIN, from its worker
need modprobe null_blk nr_devices=0
null=/sys/kernel/config/nullb/ccgate
mount -t configfs none /sys/kernel/config 2>/dev/null
need mkdir $null
cleanup rmdir $null
for setting in memory_backed=1 size=64 poll_queues=1 max_sectors=4096 power=1; do
	need bash -c "echo ${setting#*=} >$null/${setting%=*}"
done
need wait_for 10 test -b /dev/ccgate
need cc_create m /dev/ccgate
fill
before=$(cc_status m reads)
polled() { # GROUP SIZE
	in_group "$1" timeout 20 fio --name=r --filename=/dev/mapper/m --rw=read --bs="$2" --size=2M --direct=1 \
		--ioengine=io_uring --hipri=1
}
for bs in 4k 2m; do # 2 MiB are too large for REQ_NOWAIT
	not_ok "polled: reads of $bs fail" polled foreign $bs
	is "polled: foreign reads reach no device" "$(cc_status m reads)" "$before"
done
ok "polled: those of the bound cgroup pass" polled bound 4k
need dm_remove m
echo 0 >$null/power

need cc_create m "$lun"
need rmdir $root/bound
ok "a mapping whose cgroup is removed while it is unlocked does not stay active" \
	"$gaterace" m "unlock :64:logon:cctest:k 0" $root/bound 150
diag "$(cat "$tap_dir/out")"
mkdir $root/bound
ok "the mapping can be removed" dm_remove m
