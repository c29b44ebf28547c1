#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A worker that is killed on its way through bind or unbind, before each kind of step: the agent undoes
# what was done, at once and by itself. (crash/all.t: before every system call that has an effect.)
# vm: shared udev docker scsi=1 timeout=710 long

. ./lib.sh
. ./bind-lib.sh
plan 22

need host_setup
need app_setup docker
need tiny_image docker idle:1
need identity vol docker idle:1
need docker run -d --name idle --network none idle:1

killed() { ok "bind, killed $1, is undone" survives "$2" "$3" dmctl bind vol idle; }

killed "before the intent is written" rename 1
killed "before keyd is asked" rename 2
killed "before it asks keyd for the key" connect 7
killed "before the lease is known" rename 3
killed "before the mapping is made" ioctl 12
killed "before the mapping is in the gate's table" bpf 8
killed "before the key is in the keyring" add_key 1
killed "before the file system context" fsopen 1
killed "before the file system is mounted" fsconfig 2
killed "before the detached mount" fsmount 1
killed "before the gate's table has the container" bpf 14
killed "before it enters the container" setns 1
killed "before the mount is moved" move_mount 1
killed "before it is recorded as bound" rename 4
killed "before it says that it is bound" sendto 8
ok "after killed binds the volume can be bound" dmctl bind vol idle
ok "unbind, killed before it unmounts, leaves the volume bound or unbound" survives_unbind umount2 1
need dmctl bind vol idle
ok "unbind, killed before the file is removed, leaves the volume bound or unbound" survives_unbind unlinkat 1
need dmctl bind vol idle
need docker exec idle sh -c 'echo kept >/data/x; sync'
need dmctl unbind vol
ok "after killed unbinds the file system is whole" sh -c '
	dmctl bind vol idle && docker exec idle grep -q kept /data/x'
need dmctl unbind vol
segfault() { signal=SIGSEGV survives "$@"; }
ok "a worker that crashes while it has the key is undone" segfault add_key 1 dmctl bind vol idle
is "a worker that crashes while it has the key leaves no core file" "$(find /run/results/core -type f)" ""
unlike "a worker that crashes while it has the key leaves no key in the keyring" "$(cat /proc/keys)" "container-crypt"
