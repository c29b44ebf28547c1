#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A hundred thousand malformed table lines and messages: each is refused or does what it says, and
# the kernel stays quiet.
# vm: shared timeout=840 long

. ./kmod-lib.sh
plan 8
tool dmfuzz

add_key k "$(random_key 64)"
backing lun 16
backing victim 16
need cc_create m "$lun"
cases=${CC_FUZZ:-$((50000 / ${CC_SLOW:-1}))} seed=${CC_FUZZ_SEED:-1}

# each refusal is one line of the log; the serial console is slower than the fuzzer
level=$(cut -f1 /proc/sys/kernel/printk)
dmesg -n 1
cleanup dmesg -n "$level"

result=$("$dmfuzz" tables m "$victim" "$(sectors "$victim")" "$cases" "$seed" 2>"$tap_dir/broken")
report $? "$cases table lines, seed $seed: what is accepted comes back the same" "$tap_dir/broken"
diag "$result"
ok "some random table lines were accepted" test "$(field accepted "$result")" -gt 100
ok "most random table lines were refused" test "$(field accepted "$result")" -lt $((cases * 3 / 4))
is "after the random table lines the live table is as it was" "$(dmsetup table m | cut -d' ' -f3-5)" "container-crypt aes-xts-plain64 0"

result=$("$dmfuzz" messages m "$cases" "$seed" 2>"$tap_dir/broken")
report $? "$cases messages, seed $seed: what is refused changes nothing" "$tap_dir/broken"
diag "$result"
ok "some random messages were accepted" test "$(field accepted "$result")" -gt 100
cc_lock m
dmsetup message m 0 gate 0
ok "after the random messages the mapping can still be unlocked" cc_unlock m k
ok "after the random messages the mapping can be removed" dm_remove m
