#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What surrounds a key's life: the cipher that is chosen, records of its end, wrong bios, memory that is
# short, hibernation, and watches of the kernel that look at those who wait.
# vm: shared timeout=500 long

. ./kmod-lib.sh
# 6.1's bios carry no hints; where the kernel has no types of its own a probe cannot read them
hints=1
[[ $(uname -r) != 6.1.* && -e /sys/kernel/btf/vmlinux ]] || hints=0
plan $((38 + 2 * hints))
tool auditlog
tool relock
tool blockcheck

add_key k "$(random_key 64)"
backing lun 32
sectors=$(sectors "$lun")
locked() { [ "$(cc_status m state)" = locked ]; }

# -- the implementation of the cipher is chosen when the mapping is made

# drivers: the implementations of xts(aes), each with its number of users
drivers() {
	awk '$1 == "name" { name = $3 } $1 == "driver" { driver = $3 }
		$1 == "refcnt" && name == "xts(aes)" { print driver, $3 }' /proc/crypto | sort
}
# newly_used: the one that has more of them than before
newly_used() { drivers | comm -13 "$tap_dir/before" - | cut -d' ' -f1 | xargs; }

# the crypto API would load it at once when somebody asks for the cipher
need mkdir -p /run/modprobe.d
cleanup rm -f /run/modprobe.d/kmod-lifecycle.conf
need bash -c 'echo "install aesni_intel /bin/false" >/run/modprobe.d/kmod-lifecycle.conf'
need rmmod aesni_intel
drivers >"$tap_dir/before"
need cc_create m "$lun"
slow=$(newly_used)
need modprobe --ignore-install aesni_intel
need rm /run/modprobe.d/kmod-lifecycle.conf
like "a mapping takes the implementation that there is" "$slow" '^xts\(ecb[^ ]*$'
drivers >"$tap_dir/before"
ok "unlock works when a better one has come" cc_unlock m k
is "unlock takes the implementation that the mapping was made with" "$(newly_used)" "$slow"
pattern cipher 65536 >"$tap_dir/data"
need dd if="$tap_dir/data" of=/dev/mapper/m bs=64k oflag=direct status=none
need dm_remove m
need cc_create m "$lun"
drivers >"$tap_dir/before"
need cc_unlock m k
unlike "a mapping that is made now has the better one" "$(newly_used)" "^$slow\$"
is "one implementation reads what the other wrote" "$(dd if=/dev/mapper/m bs=64k count=1 iflag=direct status=none | digest)" \
	"$(digest <"$tap_dir/data")"
need dm_remove m

# -- a lease's end is recorded, also when an unlock follows at once

"$auditlog" >"$tap_dir/audit" &
cleanup kill $!
need wait_for 10 grep -q listening "$tap_dir/audit"
udevadm monitor --kernel --property --subsystem-match=block >"$tap_dir/uevents" 2>/dev/null &
cleanup kill $!
need wait_for 20 grep -q 'KERNEL - ' "$tap_dir/uevents"
need cc_create m "$lun"
is "why a mapping was locked is not known before it was" "$(cc_status m last_lock)" -
dev=$(stat -L -c %Hr:%Lr /dev/mapper/m)
ends=60
ok "$ends leases end, and each time an unlock follows at once" "$relock" m :64:logon:cctest:k 20 $ends
is "the status counts each end of a lease" "$(cc_status m locks)" $ends
is "the status says that the lease locked the mapping last" "$(cc_status m last_lock)" lease
recorded() { [ "$(grep -c "^1339 .*op=lease .*dev=$dev" "$tap_dir/audit")" = $ends ]; }
ok "each end of a lease is in the audit log" wait_for 20 recorded
told() { [ "$(grep -c '^CONTAINER_CRYPT_REASON=lease' "$tap_dir/uevents")" = $ends ]; }
ok "each end of a lease was told by a uevent" wait_for 20 told
is "the last uevent says active" "$(grep '^CONTAINER_CRYPT_STATE=' "$tap_dir/uevents" | tail -n 1)" CONTAINER_CRYPT_STATE=active
need cc_lock m
is "a lock by message is known as one" "$(cc_status m last_lock)" message
need dm_remove m

# -- a bio that is not made of whole encryption sectors is refused as a whole. Nobody can submit one, but for a
# mapping on top that does not notice that the sectors below have grown.

need cc_create m "$lun" sector_size:512
need dm_create top "0 $sectors linear /dev/mapper/m 0"
need bash -c "dmsetup table m | sed s/sector_size:512/sector_size:4096/ | dmsetup reload m"
need dmsetup resume --noudevsync m
is "a mapping is reloaded with other sectors" "$(dmsetup table m | grep -o 'sector_size:[0-9]*')" sector_size:4096
need cc_unlock m k
pattern aligned 262144 >"$tap_dir/data"
ok "an aligned write is written" dd if="$tap_dir/data" of=/dev/mapper/top bs=256k oflag=direct status=none
below() { dd if="$lun" bs=1M iflag=direct status=none | digest; }
before=$(below)
writes=$(cc_status m writes)
pattern unaligned 262656 >"$tap_dir/wrong"
not_ok "a misaligned write fails" dd if="$tap_dir/wrong" of=/dev/mapper/top bs=262656 count=1 oflag=direct status=none
is "no part of a misaligned write was written" "$(below)" "$before"
is "no part of a misaligned write was begun" "$(cc_status m writes)" "$writes"
need dm_remove top
need dm_remove m

# -- what is said of a write's lifetime reaches the device

# hinted DEVICE: how many writes with the hint "short" were sent to it
hinted() {
	grep -c "kmod_lifecycle: .* hint=2 dev=$(($(stat -L -c %Hr "$1") << 20 | $(stat -L -c %Lr "$1")))\$" $trace/trace
}
if [ $hints = 1 ]; then
	need cc_create m "$lun"
	need cc_unlock m k
	mount -t tracefs none $trace 2>/dev/null
	need bash -c "echo 'p:kmod_lifecycle submit_bio_noacct hint=bio->bi_write_hint:u8 dev=bio->bi_bdev->bd_dev:u32' \
		>>$trace/kprobe_events"
	cleanup bash -c "echo -:kmod_lifecycle >>$trace/kprobe_events"
	need trace_on kprobes/kmod_lifecycle
	need fio --name=h --filename=/dev/mapper/m --rw=write --bs=4k --size=64k --direct=1 --ioengine=psync --write_hint=short
	trace_off
	is "write hints reach the mapping" "$(hinted /dev/mapper/m)" 16
	is "write hints reach the device underneath" "$(hinted "$lun")" 16
	need dm_remove m
fi

# -- pages kept for the next write are given back when memory is short

shrink() { echo 2 >/proc/sys/vm/drop_caches; }
# kept: how many pages the kernel found when it asked, 0 where there were none
kept() {
	echo >$trace/trace
	shrink || return
	grep 'mm_shrink_slab_start: ccrypt_page_cache' $trace/trace | grep -o 'cache items [0-9]*' | awk 'BEGIN { n = 0 } { n = $3 } END { print n }'
}
need cc_create m "$lun"
need cc_unlock m k
need trace_on vmscan/mm_shrink_slab_start vmscan/mm_shrink_slab_end
ok "large writes succeed" fio --name=w --filename=/dev/mapper/m --rw=write --bs=128k --iodepth=8 --size=24M --direct=1 --ioengine=libaio --minimal
pages=$(kept)
ok "large writes leave pages behind: $pages" test "$pages" -gt 0
is "the kernel gets all kept pages back" "$(kept)" 0
trace_off
"$blockcheck" -t 8 -j 4 /dev/mapper/m >"$tap_dir/check" &
check=$!
while kill -0 $check 2>/dev/null; do
	shrink
	echo 0 >/sys/devices/system/cpu/cpu1/online
	echo 1 >/sys/devices/system/cpu/cpu1/online
done
ok "nothing gets lost when pages are given back under load while processors come and go" wait $check
result=$(cat "$tap_dir/check")
diag "$result"
ok "there was load while pages were given back" test "$(field ok "$result")" -gt 0
is "there was no error while pages were given back" "$(field error "$result")" 0
need cc_lock m

# -- hibernation would write the key to a disk

need test -c /dev/snapshot
snapshot() { bash -c 'exec 3</dev/snapshot'; }
ok "with a locked mapping the host may hibernate" snapshot
need cc_unlock m k 600000
fails_with 1 'resource busy' snapshot
fails_with 1 'resource busy' bash -c 'echo disk >/sys/power/state'
is "with an active mapping the host may not hibernate" "$(cc_status m state)" active
like "the log says which mapping keeps the host from hibernating" "$(kernel_log)" 'container-crypt: [0-9:]+ is active and hibernation would store its key'
need cc_lock m
exec 8</dev/snapshot
is "with the mapping locked again the host may hibernate" $? 0
fails_with 1 'temporarily unavailable' cc_unlock m k
is "a mapping gets no key while the host is about to hibernate" "$(cc_status m state)" locked
exec 8<&-
ok "after a hibernation that did not happen the mapping gets its key" cc_unlock m k
need dm_remove m

# -- who waits for an unlock, and what the kernel's watch for hung tasks thinks of it

for setting in hung_task_timeout_secs hung_task_warnings; do
	cleanup sysctl -q "kernel.$setting=$(sysctl -n kernel.$setting)"
done
need sysctl -q kernel.hung_task_warnings=0 kernel.hung_task_timeout_secs=4
# hung MS COMMAND...: who is thought to hang when the command meets a mapping that waits so long
hung() {
	cc_create m "$lun" on_lock:queue:"$1" || return
	shift
	trace_on sched/sched_process_hang || return
	"$@" >/dev/null 2>&1
	trace_off
	dm_remove m
	grep -c 'sched_process_hang:' $trace/trace
}
direct_read() { dd if=/dev/mapper/m of=/dev/null bs=4k count=1 iflag=direct; }
buffered_read() { dd if=/dev/mapper/m of=/dev/null bs=4k count=1; }
direct_write() { dd if=/dev/zero of=/dev/mapper/m bs=4k count=1 oflag=direct; }
synced_write() { dd if=/dev/zero of=/dev/mapper/m bs=4k count=1 conv=fsync; }
for io in direct_read buffered_read direct_write; do
	is "a $io that waits for longer than the watch looks hung to nobody" "$(hung 12000 $io)" 0
done
ok "a synced_write looks hung: it waits in the page cache, out of our reach" test "$(hung 16000 synced_write)" -gt 0
is "a synced_write does not look hung where the time limit is below the watch's" "$(hung 3000 synced_write)" 0
