#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What is recorded: each use of a control, each refused read and each lock that nobody asked for is in the
# audit log, and the table in IMA's list of measurements; no key and no key's name is in either.
# vm: timeout=180

. ./kmod-lib.sh
plan 25
tool auditlog

secret=$(random_key 64)
add_key k "$secret"
backing lun 16
len=$(sectors "$lun")
number=$(stat -c %Hr:%Lr "$lun")
volume=6a1f4c1e-7d0b-4a6f-9f6c-0d6a5b7c8e90
cgroup=/sys/fs/cgroup/kmod-records
need mkdir $cgroup
cleanup rmdir $cgroup

# IMA takes a policy once; this is the rule for what device-mapper tells it
ima=/sys/kernel/security/ima
need test -e $ima/policy
need bash -c "echo 'measure func=CRITICAL_DATA label=device-mapper' >$ima/policy"

"$auditlog" >"$tap_dir/audit" &
cleanup kill $!
need wait_for 10 grep -q listening "$tap_dir/audit"

# recorded NAME REGEX: such a line comes
recorded() { ok "audit: $1" wait_for 10 grep -qE -- "$2" "$tap_dir/audit"; }

need cc_create m "$lun" volume:$volume
dev=$(stat -L -c %Hr:%Lr /dev/mapper/m)
ctrl="^1338 .*module=container-crypt op="
event="^1339 .*module=container-crypt op="
recorded "creation, by whom and of what" "${ctrl}ctr .*pid=.*dev=$dev.*res=1"
not_ok "a table with a mistake is refused" dmsetup create --noudevsync bad --table "0 $len container-crypt aes-cbc-plain 0 $lun 0"
recorded "and the reason" "${ctrl}ctr .*error_msg='[^']*[Cc]ipher[^']*' res=0"
need cc_unlock m k 600000
recorded "unlock" "${ctrl}unlock .*dev=$dev.*res=1"
need dmsetup message m 0 renew 500000
recorded "renew" "${ctrl}renew .*dev=$dev.*res=1"
not_ok "an unlock with a key that is not there is refused" cc_unlock m nokey
recorded "an unlock with a key that is not there" "${ctrl}unlock .*dev=$dev.*res=0"
bound=$(stat -c %i $cgroup)
need dmsetup message m 0 gate "$bound"
recorded "gate" "${ctrl}gate .*dev=$dev.*res=1"
not_ok "a read from outside the gate is refused" dd if=/dev/mapper/m of=/dev/null bs=4k count=1 skip=100 iflag=direct
# who: the test runs in the cgroup of its shell
own=$(stat -c %i "/sys/fs/cgroup$(sed -n 's/^0:://p' /proc/self/cgroup)")
recorded "the refused read, its sector, who and where from" "${event}read-denied .*dev=$dev sector=800 cgroup=$own pid=[1-9][0-9]* res=0"
denied=$(cc_status m denied)
dd if=/dev/mapper/m of=/dev/null bs=4k iflag=direct conv=noerror 2>/dev/null
is "each refused read is counted" "$(cc_status m denied)" $((denied + $(sectors /dev/mapper/m) / 8))
ok "no more than ten refused reads in five seconds are recorded, so that nobody floods the log" \
	test "$(grep -c read-denied "$tap_dir/audit")" -lt 200
not_ok "opening the gate of an active mapping from outside is refused" dmsetup message m 0 gate 0
recorded "an attempt to open the gate of an active mapping" "${ctrl}gate .*pid=.*dev=$dev.*res=0"
need cc_lock m
need dmsetup message m 0 gate 0
recorded "lock" "${ctrl}lock .*dev=$dev.*res=1"
lines=$(grep -c '' "$tap_dir/audit")
need cc_unlock m k 300
recorded "the end of a lease, which no process asked for" "${event}lease .*dev=$dev.*res=1"
is "an unlock and the end of its lease make no more than two records" "$(($(grep -c '' "$tap_dir/audit") - lines))" 2
need dm_remove m
recorded "removal" "${ctrl}dtr .*dev=$dev.*res=1"

# what IMA measured, decoded
measured() {
	awk '$3 == "ima-buf" && $5 ~ /^dm_/ { print $5, $6 }' $ima/ascii_runtime_measurements |
		while read -r what hex; do echo "$what $(xxd -r -p <<<"$hex")"; done
}
# is_measured NAME REGEX: one of these says so
is_measured() {
	measured >"$tap_dir/measured"
	ok "IMA: $1" grep -qE -- "$2" "$tap_dir/measured"
}
is_measured "a table is measured when it is loaded" \
	"^dm_table_load .*name=m,.*target_begin=0,target_len=$len,target_name=container-crypt,target_version=1\\."
is_measured "a table is measured with everything that decides what the data means" \
	"cipher_string=aes-xts-plain64,iv_offset=0,device=$number,offset=0,sector_size=4096,allow_discards=n,volume=$volume,on_lock_queue_ms=0;"
is_measured "a table is measured when it becomes the live one" "^dm_device_resume .*name=m,.*active_table_hash=sha256:"
is_measured "the removal of a device is measured" "^dm_device_remove .*name=m,"

need cc_create other "$lun" sector_size:512 allow_discards on_lock:queue:2500
need dm_remove other
is_measured "options make another measurement" \
	"sector_size=512,allow_discards=y,volume=-,on_lock_queue_ms=2500;"

all=$(measured; cat "$tap_dir/audit" "$ima/ascii_runtime_measurements"; kernel_log)
unlike "no key is in any record" "$all" "${secret:0:24}|${secret:64:24}"
unlike "no key's name is in any record" "$all" 'cctest:k'
