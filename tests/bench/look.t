#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What the gate's line "look" costs those whom it does not concern: instructions of a stat(2), whose walk asks it once for
# each directory and once for the file. On the host's file system it compares a device number; on a file system on a
# mapping of somebody else's it looks that up in the table. docs/performance.md has the figures.
# vm: icount smp=1 timeout=900 long

. ./kmod-lib.sh
. ./bind-lib.sh
plan 3

need gcc -O2 -o "$tap_dir/statcount" ../bench/statcount.c
ramdisk ram 64
need dm_create plain "0 $(sectors "$ram") linear $ram 0"
need mkfs.ext4 -q /dev/mapper/plain
need mkdir "$tap_dir/mnt"
need mount /dev/mapper/plain "$tap_dir/mnt"
cleanup umount "$tap_dir/mnt"
need mkdir -p "$tap_dir/mnt/a/b/c"
need touch "$tap_dir/mnt/a/b/c/file"

# one PATH: a stat of that, 1000 times; the least of three counts
one() { for _ in 1 2 3; do "$tap_dir/statcount" "$1" 1000 || return; done | sort -n | head -n 1; }
measure() {
	host=$(one /usr/lib/x86_64-linux-gnu/libc.so.6) mapping=$(one "$tap_dir/mnt/a/b/c/file") || return
}

agent_options='--without-gate open,look'
need host_setup
ok "without the line look a stat is measured" measure
before="$host $mapping"
stop "$agent_pid"
agent_options=''
need start_agent
need test -e /sys/fs/bpf/container-crypt/look-"$(dmsetup info -c --noheadings -o major plain)"-inode_permission
ok "with the line look a stat is measured" measure
diag "a stat without it: $before, with it: $host $mapping"
diag "$((host - ${before% *})) instructions are added on the host's file system, $((mapping - ${before#* })) on a mapping"
ok "the line look adds less than 3000 instructions to a stat" test $((mapping - ${before#* })) -lt 3000
