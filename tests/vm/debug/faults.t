#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Any allocation of the module may fail: set-up is refused and leaves nothing, data goes through
# all the same. Devices may fail any request: errors reach the caller, and no wrong data does.
# vm: shared timeout=400

. ./kmod-lib.sh
plan 17
tool blockcheck
need gcc -shared -fPIC -O2 -o "$tap_dir/failnth.so" src/failnth.c
faults=/sys/kernel/debug

# set_faults DIRECTORY NAME=VALUE...
set_faults() {
	local dir=$faults/$1 setting

	shift
	for setting; do
		echo "${setting#*=}" >"$dir/${setting%%=*}" || return
	done
}

# only allocations below a function of the module, in whichever context, sleeping ones too
text=$(awk '$4 == "[dm_container_crypt]" && tolower($2) == "t" { print "0x" $1 }' /proc/kallsyms | sort)
first=$(head -n 1 <<<"$text")
last=$(printf '%#x' $(($(tail -n 1 <<<"$text") + 4096)))
for kind in failslab fail_page_alloc; do
	need set_faults $kind verbose=0 probability=0 times=-1 ignore-gfp-wait=N \
		stacktrace-depth=32 require-start="$first" require-end="$last"
	cleanup set_faults $kind probability=0
done
need set_faults fail_page_alloc min-order=0 ignore-gfp-highmem=N

add_key k "$(random_key 64)"
backing lun 16
line="0 $(sectors "$lun") container-crypt aes-xts-plain64 0 $lun 0"

# each_failing AFTER COMMAND...: runs it with the first allocation failing, then with the second, and
# so on, in wider and wider steps (most of hundreds are one of a reserve), until none is left to fail,
# each time followed by AFTER (a function, told the exit status). How many there are at least is in
# $failed. False, and $failed 0, when AFTER was not content.
each_failing() {
	local after=$1 n status left=$tap_dir/left

	shift
	failed=0
	for ((n = 1; n < 1000; n += 1 + n / 10)); do
		rm -f "$left"
		FAIL_NTH=$n FAIL_LEFT=$left LD_PRELOAD=$tap_dir/failnth.so "$@" >"$tap_dir/said" 2>&1
		status=$?
		if ! "$after" $status; then
			diag "allocation $n of: $*" "exit status $status" "$(cat "$tap_dir/said")"
			failed=0
			return 1
		fi
		[ "$(cat "$left")" = 0 ] || break
		failed=$n
	done
	[ $n -lt 1000 ]
}
some_failed() { diag "$failed allocations"; test "$failed" -gt 0; }

after_create() {
	if [ "$1" = 0 ]; then
		dm_remove m
	else
		! dmsetup info m >/dev/null 2>&1
	fi
}
each_failing after_create dmsetup create --noudevsync --noudevrules m --table "$line"
ok "a mapping that cannot be made leaves nothing" some_failed

need dm_create m "$line"
after_unlock() {
	if [ "$1" = 0 ]; then
		[ "$(cc_status m state)" = active ] && cc_lock m
	else
		[ "$(cc_status m state)" = locked ]
	fi
}
each_failing after_unlock dmsetup message m 0 unlock :64:logon:cctest:k 0
ok "an unlock that fails leaves the mapping locked" some_failed

after_reload() {
	[ "$1" = 0 ] || [ -z "$(dmsetup table --inactive m)" ] || return
	dmsetup clear m
}
live=$(dmsetup table m)
each_failing after_reload dmsetup reload m --table "$line 1 allow_discards"
ok "a reload that fails leaves no inactive table" some_failed
is "a reload that fails leaves the live table as it was" "$(dmsetup table m)" "$live"

need cc_unlock m k
pattern data $((1 << 20)) >"$tap_dir/data"
content() { cmp <(dd if=/dev/mapper/m bs=1M count=1 iflag=direct status=none) "$tap_dir/data"; }
after_write() { [ "$1" = 0 ]; }
after_read() { [ "$1" = 0 ] && cmp -s "$tap_dir/read" <(head -c $bytes "$tap_dir/data"); }
for bytes in 4096 1048576; do
	each_failing after_write dd if="$tap_dir/data" of=/dev/mapper/m bs=$bytes count=1 oflag=direct
	ok "a write of $bytes bytes succeeds whichever allocation fails" some_failed
	ok "a read of $bytes bytes succeeds whichever allocation fails" \
		each_failing after_read dd if=/dev/mapper/m of="$tap_dir/read" bs=$bytes count=1 iflag=direct
done
ok "what was written whichever allocation fails is read back the same" content

after_lock() { [ "$1" = 0 ] && [ "$(cc_status m state)" = locked ]; }
ok "lock succeeds whichever allocation fails" each_failing after_lock dmsetup message m 0 lock
need cc_unlock m k

# -- allocations that fail at random, under load, in every context

need set_faults failslab probability=30 interval=1
need set_faults fail_page_alloc probability=30 interval=1
result=$("$blockcheck" -t 15 -m 256 /dev/mapper/m)
report $? "random failures under load yield no wrong data"
diag "$result"
is "random failures under load are no error to who does I/O" "$(field error "$result")" 0
need set_faults failslab probability=0
need set_faults fail_page_alloc probability=0

# -- requests that the device fails

disk=/sys/block/$(basename "$lun")
need test -w "$disk/make-it-fail"
echo 1 >"$disk/make-it-fail"
need set_faults fail_make_request verbose=0 times=-1 interval=1 probability=20
result=$("$blockcheck" -t 15 -m 256 /dev/mapper/m)
report $? "a device that fails every fifth request yields no wrong data"
diag "$result"
ok "errors of a device that fails every fifth request reach the caller" test "$(field error "$result")" -gt 0
ok "requests that a failing device served are told as such" test "$(field ok "$result")" -gt 0
set_faults fail_make_request probability=0
echo 0 >"$disk/make-it-fail"
is "a mapping whose device fails stays active" "$(cc_status m state)" active
ok "a mapping whose device fails can be removed" dm_remove m
