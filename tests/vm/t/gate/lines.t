#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The gate's lines "open" and "look": nobody but the agent opens a mapping, whatever privileges or devices he has, and nobody
# but the bound container walks into its file system, by whatever way. They outlive the agent, and a host that
# cannot have them binds nothing unless it is told to.
# vm: udev docker podman scsi=2 timeout=1200

. ./lib.sh
. ./bind-lib.sh
plan 77

pins=/sys/fs/bpf/container-crypt
mapping=/dev/mapper/container-crypt-vol
lines() { dmctl ps --json | jq -c '.bindings[] | select(.volume == "vol") | .gate'; }
both='{"open":true,"look":true}'
finding() { dmctl doctor --json | jq -r --arg n "$1" '.checks[] | select(.name == $n) | .state + ": " + .text'; }
pid_of() { "$1" inspect -f '{{.State.Pid}}' "$2"; }

# getfd.py PID FD: reads what that process has open, by a descriptor taken out of it
cat >"$tap_dir/getfd.py" <<'END'
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
pidfd = os.pidfd_open(int(sys.argv[1]))
fd = libc.syscall(438, pidfd, int(sys.argv[2]), 0)
if fd < 0:
    sys.exit(os.strerror(ctypes.get_errno()))
print(os.pread(fd, 100, 0))
END

need host_setup
need app_setup docker
need tiny_image docker thief:1 /bin/sleep 1000

# ---- open ----
ok "the container starts" run_app docker app:1
ok "the bound program has the volume" wait_for 20 started docker 1
is "ps says that both lines stand" "$(lines)" "$both"
like "ps shows both lines" "$(dmctl ps)" 'open,look'
is "doctor says that both lines stand" "$(finding 'gate: open'), $(finding 'gate: look')" "ok: stands, ok: stands"
need docker exec app sh -c 'mkdir /data/secret-dir; echo secret-text >/data/secret-dir/secret-name; ln -s secret-target /data/link; sync'
dev=$(dmsetup info -c --noheadings -o major,minor container-crypt-vol)
node=$tap_dir/node
need mknod "$node" b "${dev%:*}" "${dev#*:}"
for how in "dd if=$mapping of=/dev/null bs=4k count=1" "dd if=$mapping of=/dev/null bs=4k count=1 iflag=direct" \
	"dd if=/dev/zero of=$mapping bs=4k count=1" "dd if=$node of=/dev/null bs=4k count=1"; do
	# shellcheck disable=SC2086 # words
	fails_with 1 "Operation not permitted" $how
done
ok "from the agent's group the mapping opens" as_agent dd if="$mapping" of=/dev/null bs=4k count=1
not_ok "blkid does not open the mapping" blkid -p "$mapping"
fails_with 1 "Operation not permitted" in_group neighbour dd if="$mapping" of=/dev/null bs=4k count=1
losetup_of() { losetup -f --show "$@"; }
fails_with 1 "Operation not permitted" losetup_of "$mapping"
fails_with 1 "Operation not permitted" losetup_of -r "$mapping"
size=$(cat "/sys/dev/block/$dev/size")
need truncate -s 16M "$tap_dir/cow"
cow=$(losetup -f --show "$tap_dir/cow")
cleanup losetup -d "$cow"
not_ok "dm-linear is not stacked over the mapping" dmsetup create stack --table "0 $size linear $dev 0"
not_ok "no dm-snapshot is made of the mapping" dmsetup create stack --table "0 $size snapshot $dev $cow N 8"
not_ok "the mapping is not mounted on the host" mount -t ext4 "$mapping" /mnt
not_ok "the mapping is not mounted read-only on the host" mount -t ext4 -o ro,noload "$mapping" /mnt
not_ok "after refused mounts nothing is mounted" mountpoint -q /mnt
ok "a container that is given the device starts" docker run -d --name given --network none --device "$mapping" thief:1
ok "a container that is given the device finds it there" docker exec given sh -c "[ -b $mapping ]"
not_ok "a container that is given the device does not open it" docker exec given dd if="$mapping" of=/dev/null bs=4k count=1
ok "a privileged container starts" docker run -d --name privileged --network none --privileged thief:1
ok "a privileged container may make nodes" docker exec privileged sh -c "busybox mknod /tmp/n b ${dev%:*} ${dev#*:}"
for path in "$mapping" /tmp/n; do
	not_ok "a privileged container does not open $path" docker exec privileged dd if="$path" of=/dev/null bs=4k count=1
done
not_ok "a privileged container does not mount the mapping" docker exec privileged mount -t ext4 /tmp/n /data
not_ok "a privileged container does not mount the mapping read-only" docker exec privileged mount -t ext4 -o ro /tmp/n /data
need docker rm -f given privileged

# ---- look ----
pid=$(pid_of docker app)
root=/proc/$pid/root/data
inside() { in_group_of "$pid" "$@"; }
for how in "ls $root" "ls -lR $root" "stat $root" "stat $root/log" "cat $root/log" "cat $root/secret-dir/secret-name" "readlink $root/link" \
	"chmod 755 $root" "touch $root" "touch $root/mine" "getfattr -d $root" "setfattr -n user.a -v b $root" "ln -s x $root/my-link" \
	"nsenter -t $pid -m -- /bin/ls /data" "nsenter -t $pid -m -p -- /bin/mount -o remount,rw,noatime /data"; do
	# shellcheck disable=SC2086 # words
	not_ok "not from outside: $how" $how && need inside $how # what fails outside works for the container
done
echo 3 >/proc/sys/vm/drop_caches
in_group neighbour ls -lR "$root" >/dev/null 2>&1
ok "with nothing cached a foreign walk does no harm: it is writable" docker exec app sh -c 'echo >/data/more; sync; rm /data/more; sync'
unlike "after a foreign walk the file system has seen no error" "$(dmesg)" 'EXT4-fs error|[Rr]emounting filesystem read-only'
need docker exec -d app sh -c 'exec sleep 1001 </data/log'
need wait_for 20 pgrep -fx 'sleep 1001'
sleeper=$(pgrep -fx 'sleep 1001')
fails_with 1 "Permission denied" python3 "$tap_dir/getfd.py" "$sleeper" 0
need inside python3 "$tap_dir/getfd.py" "$sleeper" 0
not_ok "what is open in the container is not opened again from outside" cat "/proc/$sleeper/fd/0"
is "the container itself reads all of it" "$(docker exec app sh -c 'cat /data/secret-dir/secret-name; busybox readlink /data/link' | xargs)" \
	"secret-text secret-target"
is "docker exec starts in the volume" "$(docker exec -w /data/secret-dir app cat secret-name)" secret-text

# ---- what comes and goes ----
ok "the volume grows under a running container" sh -c 'dmctl volume grow vol'
kill -9 "$agent_pid"
wait "$agent_pid" 2>/dev/null
not_ok "without an agent nobody opens it either" dd if="$mapping" of=/dev/null bs=4k count=1
not_ok "without an agent nobody looks into the volume" ls "$root"
ok "without an agent the container reads its volume" docker exec app cat /data/log
ok "a volume is made without an agent" dmctl volume create other "$(lun 1)"
need start_agent
is "the next agent finds the lines" "$(lines)" "$both"
ok "under the next agent the container reads its volume" docker exec app cat /data/log
not_ok "under the next agent nobody else looks into the volume" ls "$root"
need docker rm -f app
need wait_for 20 leaves_nothing
need dmsetup create plain --table "0 2048 linear $cow 0"
is "device-mapper uses the number again" "$(dmsetup info -c --noheadings -o major,minor plain)" "$dev"
ok "a device with a number that was ours is opened by everybody" dd if=/dev/mapper/plain of=/dev/null bs=4k count=1
need dmsetup remove plain

need rm "$pins/open"
like "a line that was taken down is missed" "$(finding 'gate: open')" "^fail: does not stand"
fails_with 4 "" dmctl doctor
ok "the next bind raises it" run_app docker app:1
is "a line that the next bind raised stands" "$(lines)" "$both"
need wait_for 20 started docker 2
need docker rm -f app
need wait_for 20 leaves_nothing

# ---- Podman ----
need tiny_image podman app:1 /bin/sh -c "$app"
need identity vol podman app:1
ok "podman run" run_app podman app:1
ok "the program bound by Podman has the volume" wait_for 20 started podman 3
is "both lines stand for Podman's container" "$(lines)" "$both"
pid=$(pid_of podman app)
not_ok "nobody opens the mapping of Podman's container" dd if="$mapping" of=/dev/null bs=4k count=1
not_ok "nobody looks into the volume of Podman's container" ls "/proc/$pid/root/data"
is "podman exec starts in the volume" "$(podman exec -w /data/secret-dir app cat secret-name)" secret-text
need podman rm -f -t 0 app
need wait_for 20 leaves_nothing

# ---- hosts that cannot ----
stop "$agent_pid"
echo lockdown,capability,yama >"$tap_dir/lsm"
need mount --bind "$tap_dir/lsm" /sys/kernel/security/lsm
cleanup umount /sys/kernel/security/lsm
need start_agent
like "doctor names what is missing" "$(finding 'gate: look')" '"bpf" is not in /sys/kernel/security/lsm'
need identity vol docker app:1
ok "nothing is bound where the kernel cannot keep a line" refused docker 'the gate'\''s line "look" cannot be raised' app:1
stop "$agent_pid"
agent_options='--without-gate look'
need start_agent
like "doctor warns of an agent that was told to go without a line" "$(finding 'gate: look')" '^warn: .*told to go without'
ok "the container starts under an agent that was told to go without a line" run_app docker app:1
is "ps says which line does not stand" "$(lines)" '{"open":true,"look":false}'
ok "without the line look root sees into the container" ls "/proc/$(pid_of docker app)/root/data"
not_ok "without the line look the line open holds" dd if="$mapping" of=/dev/null bs=4k count=1
fails_with 1 "open, look or open,look" dmctl agent --without-gate ajar
