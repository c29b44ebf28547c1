#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The kernel target's words: table lines, messages, life cycle and status; what is wrong is refused
# and changes nothing; no key shows anywhere.
# vm: shared timeout=240 kernels

. ./kmod-lib.sh
plan 56

key=$(random_key 64)
key32=$(random_key 32)
half=$(random_key 32)
add_key k64 "$key"
add_key k32 "$key32"
add_key short "$(random_key 63)"
add_key halves "$half$half"
backing lun 16
len=$(sectors "$lun")
uuid=6b0f6f1c-7a3e-4d0b-9b53-0d5a0c1e2f30
dev=$(stat -c '%Hr:%Lr' "$lun")

# -- table lines

table_of() { dmsetup table "$1"; }
round_trip() {
	local first second

	dm_create rt "$1" || return
	first=$(table_of rt)
	dm_remove rt
	dm_create rt "$first" || return
	second=$(table_of rt)
	dm_remove rt
	printf '%s\n%s\n' "$first" "$second"
	[ "$first" = "$second" ] && [ "$first" = "$2" ]
}
base="0 $len container-crypt aes-xts-plain64"
ok "a table without options comes back with the default sector size" \
	round_trip "$base 0 $lun 0" "$base 0 $dev 0 1 sector_size:4096"
full="4 sector_size:512 allow_discards volume:$uuid on_lock:queue:1500"
ok "a table with every option comes back as it was" round_trip "0 $((len - 8)) ${base#0 $len } 7 $lun 1 $full" \
	"0 $((len - 8)) ${base#0 $len } 7 $dev 1 $full"
ok "options may come in another order" \
	round_trip "$base 8 $lun 0 3 on_lock:error volume:$uuid sector_size:4096" \
	"$base 8 $dev 0 2 sector_size:4096 volume:$uuid"

wrong=0 tried=0
refused() {
	tried=$((tried + 1))
	if dmsetup create --noudevsync bad --table "$1" 2>/dev/null; then
		echo "accepted: $1"
		dmsetup remove --noudevsync bad
		wrong=$((wrong + 1))
	fi
}
t="$base 0 $lun 0"
{
	refused "0 $len container-crypt"
	refused "$base"
	refused "$base 0"
	refused "$base 0 $lun"
	for cipher in '' aes aes-xts aes-xts-plain aes-cbc-essiv:sha256 AES-XTS-PLAIN64 aes-xts-plain64x \
		"capi:xts(aes)-plain64" serpent-xts-plain64 null; do
		refused "0 $len container-crypt $cipher 0 $lun 0"
	done
	for number in -1 +0 0x0 '""' a 1a 0.5 18446744073709551616 99999999999999999999999 1 7 4; do
		refused "$base $number $lun 0"
		[ "$number" = 7 ] || refused "$base 0 $lun $number"
	done
	for number in 18446744073709551615 18446744073709551608 $((len)) $((len + 8)); do
		refused "$base 0 $lun $number"
	done
	refused "$base 18446744073709551608 $lun 0"
	for bad in /dev/nosuch 259:999 -1 '*' /dev/null /; do
		refused "$base 0 $bad 0"
	done
	for opts in 1 0x "-1 sector_size:512" "2 sector_size:512" "0 sector_size:512" "9 a b c d e f g h i" \
		"1 sector_size:" "1 sector_size:0" "1 sector_size:1024" "1 sector_size:2048" \
		"1 sector_size:8192" "1 sector_size:4096x" "1 sector_size:+4096" "1 sector_size:-512" \
		"1 sector_size" "1 SECTOR_SIZE:512" "1 allow_discards:1" "1 allow_discard" "1 discards" \
		"1 volume:" "1 volume:x" "1 volume:${uuid}0" "1 volume:${uuid%?}" "1 volume:${uuid%?}g" \
		"1 volume:{$uuid}" "1 on_lock:" "1 on_lock:errors" "1 on_lock:queue" "1 on_lock:queue:" \
		"1 on_lock:queue:0" "1 on_lock:queue:-1" "1 on_lock:queue:600001" "1 on_lock:queue:1s" \
		"1 on_lock:queue:99999999999999999999" "1 on_lock:park" "1 key:x" "1 iv_large_sectors" \
		"2 sector_size:512 sector_size:512" "2 allow_discards allow_discards" \
		"2 volume:$uuid volume:$uuid" "2 on_lock:error on_lock:queue:5" "1 :" "1 ,"; do
		refused "$t $opts"
	done
	refused "0 $((len - 1)) ${base#0 $len } 0 $lun 0"
	refused "0 $((len + 8)) ${base#0 $len } 0 $lun 0"
	refused "$base 0 $lun 0 1 sector_size:512 extra"
} >"$tap_dir/tables"
report $wrong "$tried wrong table lines are refused" "$tap_dir/tables"
is "no mapping is left by wrong table lines" "$(dmsetup ls --target container-crypt | grep -v '^No')" ""

# -- life cycle and messages

state() { cc_status m state; }
need cc_create m "$lun" sector_size:4096
is "a mapping is created locked" "$(cc_status m)" "locked lease:- gate:0 reads:0 writes:0 denied:0 locks:0 last_lock:-"
fails_with 1 'Required key|No such key|not available' cc_unlock m nosuch
fails_with 1 '' env key_bytes=64 dmsetup message m 0 unlock ":64:logon:cctest:k32" 0
fails_with 1 'rejected' dmsetup message m 0 unlock ":32:logon:cctest:k64" 0
fails_with 1 'rejected' dmsetup message m 0 unlock ":64:logon:cctest:short" 0
fails_with 1 'rejected' dmsetup message m 0 unlock ":64:logon:cctest:halves" 0
is "after refused unlocks the mapping is locked" "$(state)" locked
ok "lock while locked succeeds" cc_lock m
is "lock while locked counts no lock" "$(cc_status m locks)" 0

messages_refused() {
	local message

	wrong=0 tried=0
	while IFS= read -r message; do
		tried=$((tried + 1))
		# shellcheck disable=SC2086
		if dmsetup message m 0 $message 2>/dev/null; then
			echo "accepted: $message"
			wrong=$((wrong + 1))
		fi
	done
}
wrong_messages() {
	local lease spec

	cat <<-END
		x
		LOCK
		Unlock :64:logon:cctest:k64 0
		lock now
		lock 0
		renew
		renew 0
		renew -1
		renew +1
		renew 1s
		renew 2678400001
		renew 4294967296
		renew 18446744073709551616
		renew 1 2
		gate
		gate -1
		gate x
		gate 0 0
		gate 0x1
		gate 999999999999
		gate 18446744073709551615
		gate 18446744073709551616
		unlock
		unlock :64:logon:cctest:k64
		unlock :64:logon:cctest:k64 0 0
		unlock :64:logon:cctest:k64 0 extra
		rekey
		key wipe
		key set $key
		status
	END
	for lease in -1 +1 1s 0x1 1.5 2678400001 4294967296 18446744073709551616; do
		echo "unlock :64:logon:cctest:k64 $lease"
	done
	for spec in : :: ::: :::: 64:logon:cctest:k64 :64 :64: :64:logon :64:logon: ::logon:cctest:k64 \
		:64::cctest:k64 :0:logon:cctest:k64 :1:logon:cctest:k64 :16:logon:cctest:k64 \
		:48:logon:cctest:k64 :63:logon:cctest:k64 :65:logon:cctest:k64 :128:logon:cctest:k64 \
		:-64:logon:cctest:k64 :+64:logon:cctest:k64 :0x40:logon:cctest:k64 :64x:logon:cctest:k64 \
		:18446744073709551680:logon:cctest:k64 :64:user:cctest:k64 :64:LOGON:cctest:k64 \
		:64:logonx:cctest:k64 :64:keyring:cctest:k64 :64:asymmetric:cctest:k64 \
		:64:trusted:cctest:k64 :64:encrypted:cctest:k64 :64:logon:cctest :64:logon:cctest:k6 \
		:64:logon:cctest:k644 :64:logon::cctest:k64 "$key" ":64:logon:$(random_key 2000)"; do
		echo "unlock $spec 0"
	done
	# every truncation of the right message
	spec=':64:logon:cctest:k64'
	while spec=${spec%?}; [ -n "$spec" ]; do echo "unlock $spec 0"; done
}
wrong_messages >"$tap_dir/messages"
messages_refused <"$tap_dir/messages" >"$tap_dir/accepted"
report $wrong "$tried wrong messages are refused while locked" "$tap_dir/accepted"
is "none of the messages refused while locked changed anything" "$(cc_status m)" "locked lease:- gate:0 reads:0 writes:0 denied:0 locks:0 last_lock:-"

ok "unlock with a key of the keyring" cc_unlock m k64
is "unlock makes the mapping active" "$(cc_status m)" "active lease:- gate:0 reads:0 writes:0 denied:0 locks:0 last_lock:-"
fails_with 1 'busy' cc_unlock m k64
messages_refused <"$tap_dir/messages" >"$tap_dir/accepted"
report $wrong "$tried wrong messages are refused while active" "$tap_dir/accepted"
is "none of the messages refused while active changed anything" "$(cc_status m)" "active lease:- gate:0 reads:0 writes:0 denied:0 locks:0 last_lock:-"
ok "lock succeeds on an active mapping" cc_lock m
is "lock makes the mapping locked" "$(cc_status m)" "locked lease:- gate:0 reads:0 writes:0 denied:0 locks:1 last_lock:message"
ok "an AES-128 key unlocks, too" env key_bytes=32 bash -c 'dmsetup message m 0 unlock :32:logon:cctest:k32 0'
ok "a mapping unlocked with an AES-128 key can be locked" cc_lock m

expired=$(random_key 64)
add_key soon "$expired"
keyctl timeout "$(keyctl search @u logon cctest:soon)" 1
wait_for 10 bash -c '! keyctl search @u logon cctest:soon'
fails_with 1 'expired|Required key|not available' cc_unlock m soon
add_key revoked "$(random_key 64)"
keyctl revoke "$(keyctl search @u logon cctest:revoked)"
fails_with 1 'revoked|Required key|not available' cc_unlock m revoked
is "a mapping is still locked after refused unlocks" "$(state)" locked

# an encrypted key: made in the kernel, sealed with a user key
keyctl add user cctest-kek "$(random_key 16)" @u >/dev/null
if keyctl add encrypted cctest:enc "new user:cctest-kek 64" @u >/dev/null; then
	ok "an encrypted key unlocks" dmsetup message m 0 unlock :64:encrypted:cctest:enc 0
	ok "a mapping unlocked with an encrypted key can be locked" cc_lock m
else
	report 1 "the kernel makes an encrypted key"
	report 1 "a mapping unlocked with an encrypted key can be locked"
fi
keyctl unlink "$(keyctl search @u encrypted cctest:enc)" @u >/dev/null
keyctl unlink "$(keyctl search @u user cctest-kek)" @u >/dev/null

# -- several tables

ok "a reload of the same line while active" bash -c "dmsetup table m | dmsetup reload m"
ok "a reloaded table is resumed" dmsetup resume --noudevsync m
is "a reloaded table starts in the state the mapping has: locked" "$(state)" locked
need cc_unlock m k64
need bash -c "dmsetup table m | dmsetup reload m"
need dmsetup resume --noudevsync m
is "a reloaded table starts in the state the mapping has: active" "$(state)" active
pattern reload 1048576 >"$tap_dir/data"
ok "data goes through the reloaded table" dd if="$tap_dir/data" of=/dev/mapper/m bs=64k oflag=direct
need bash -c "dmsetup table m | sed s/sector_size:4096/'sector_size:4096 on_lock:queue:50 allow_discards'/ |
	sed 's/ 1 sector_size/ 3 sector_size/' | dmsetup reload m"
need dmsetup resume --noudevsync m
is "a reload with other options keeps the state" "$(state)" active
is "a reload with other options keeps the data" "$(head -c 1048576 /dev/mapper/m | digest)" "$(digest <"$tap_dir/data")"
need bash -c "dmsetup table m | sed 's/plain64 0/plain64 8/' | dmsetup reload m"
need dmsetup resume --noudevsync m
is "a reload with another iv_offset starts locked, as it describes other data" "$(state)" locked
need bash -c "dmsetup table m | sed 's/plain64 8/plain64 0/' | dmsetup reload m"
need dmsetup resume --noudevsync m
is "a reload with another iv_offset wipes the key" "$(state)" locked
ok "an active mapping is renamed" dmsetup rename --noudevsync m m2
is "a rename keeps the state" "$(cc_status m2 state)" locked
need dmsetup rename --noudevsync m2 m
# After the rename: on kernels with IMA, any target's load, clear, rename and remove in this order
# frees the old name twice (drivers/md/dm-ima.c).
ok "an inactive table can be dropped" bash -c "dmsetup table m | dmsetup reload m && dmsetup clear m"

two="0 8192 container-crypt aes-xts-plain64 0 $lun 0
8192 8192 container-crypt aes-xts-plain64 8192 $lun 8192"
ok "a table may have two targets" bash -c "dmsetup create --noudevsync two --table '$two'"
ok "two targets of one table are unlocked one by one" bash -c "dmsetup message two 0 unlock :64:logon:cctest:k64 0 &&
	dmsetup message two 8192 unlock :64:logon:cctest:k64 0"
ok "two targets of one table make one device" bash -c "dmsetup mknodes two; cmp -n 1048576 /dev/mapper/two $tap_dir/data"
ok "a mapping of two targets can be removed" dm_remove two

# -- no key anywhere

need cc_unlock m k64
hex_of_keys="$key|$key32|$half"
unlike "no key or key name is in the tables" "$(dmsetup table --showkeys)" "$hex_of_keys|cctest"
unlike "no key or key name is in the status" "$(dmsetup status)" "$hex_of_keys|cctest"
unlike "no key or key name is in the kernel log" "$(kernel_log)" "$hex_of_keys|cctest"
kind() { awk '$8 == "logon" && /cctest:k64/ { print $5 }' /proc/keys; }
is "the logon key cannot be read by its owner's processes" "$(kind | cut -c3-4)" "01"
not_ok "keyctl cannot print the logon key" keyctl print "$(keyctl search @u logon cctest:k64)"
busy_is_logged() { cc_unlock m k64; kernel_log | grep 'unlock refused: the mapping is active'; }
ok "dmesg names the fact that a message was refused for" wait_for 15 busy_is_logged
keyctl unlink "$(keyctl search @u logon cctest:k64)" @u
is "the mapping stays active without the key in the keyring" "$(state)" active
is "the mapping reads without the key in the keyring" "$(head -c 1048576 /dev/mapper/m | digest)" "$(digest <"$tap_dir/data")"
ok "the mapping can be removed" dm_remove m
like "dmesg names the one that a table was refused for" "$(kernel_log)" 'sector_size must be 512 or 4096'
