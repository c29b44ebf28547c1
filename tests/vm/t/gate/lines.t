#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The gate's lines "open" and "look": nobody but the agent opens a mapping, whatever privileges or devices he has, and nobody
# but the bound container walks into its file system, by whatever way. They outlive the agent, and a host that
# cannot have them binds nothing unless it is told to.
# Neighbours with privileges, Podman, and hosts that cannot: gate/neighbours.
# vm: udev docker scsi=2 timeout=900

. ./lib.sh
. ./bind-lib.sh
plan 83

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
# handle.py PATH: the file handle of that; handle.py PATH HANDLE: reads the file that has it, on the file system of PATH
cat >"$tap_dir/handle.py" <<'END'
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
class Handle(ctypes.Structure):
    _fields_ = [("bytes", ctypes.c_uint), ("type", ctypes.c_int), ("data", ctypes.c_ubyte * 128)]
if len(sys.argv) == 2:
    h, mount = Handle(bytes=128), ctypes.c_int()
    if libc.name_to_handle_at(-100, sys.argv[1].encode(), ctypes.byref(h), ctypes.byref(mount), 0):
        sys.exit(os.strerror(ctypes.get_errno()))
    print(f"{h.type}:{bytes(h.data[:h.bytes]).hex()}")
    sys.exit()
kind, data = sys.argv[2].split(":")
data = bytes.fromhex(data)
h = Handle(bytes=len(data), type=int(kind), data=tuple(data))
for how in os.O_RDONLY, os.O_PATH: # what is opened without rights is all that somebody outside has
    try:
        on = os.open(sys.argv[1], how)
    except PermissionError:
        continue
    fd = libc.open_by_handle_at(on, ctypes.byref(h), os.O_RDONLY)
    if fd >= 0:
        print(os.pread(fd, 100, 0))
        sys.exit()
sys.exit("nothing is opened")
END
# watch.py inotify|fanotify PATH: watches that
cat >"$tap_dir/watch.py" <<'END'
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
path = sys.argv[2].encode()
if sys.argv[1] == "inotify":
    done = libc.inotify_add_watch(libc.inotify_init(), path, 0xFFF)
else: # FAN_OPEN, of the whole file system
    done = libc.syscall(301, libc.syscall(300, 0, 0), 0x101, ctypes.c_ulong(0x20), -100, path)
if done < 0:
    sys.exit(os.strerror(ctypes.get_errno()))
END

need host_setup
need app_setup docker

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
	fails_as "root on the host does not open the mapping: $how" 1 "Operation not permitted" $how
done
ok "from the agent's group the mapping opens" as_agent dd if="$mapping" of=/dev/null bs=4k count=1
not_ok "blkid does not open the mapping" blkid -p "$mapping"
fails_as "another control group does not open the mapping" 1 "Operation not permitted" \
	in_group neighbour dd if="$mapping" of=/dev/null bs=4k count=1
fails_as "the control group of the container does not open the mapping" 1 "Operation not permitted" \
	in_group_of "$(pid_of docker app)" dd if="$mapping" of=/dev/null bs=4k count=1
losetup_of() { losetup -f --show "$@"; }
fails_as "no loop device is set up on the mapping" 1 "Operation not permitted" losetup_of "$mapping"
fails_as "no read-only loop device is set up on the mapping" 1 "Operation not permitted" losetup_of -r "$mapping"
for how in "mkfs.ext4 -q -F $mapping" "wipefs -a $mapping" "mkswap $mapping" "swapon $mapping" "dumpe2fs -h $mapping" \
	"blockdev --rereadpt $mapping" "blockdev --setro $mapping" "blkdiscard -f $mapping" "blkdiscard -z $mapping"; do
	# shellcheck disable=SC2086 # words
	not_ok "root on the host does nothing to the mapping: $how" $how
done
fails_as "with io_uring the mapping is not opened" 1 "not permitted" fio --name=r --filename="$mapping" --rw=read --bs=4k \
	--size=64k --ioengine=io_uring --direct=1 --readonly
not_ok "on the LUN below the mapping there is no plaintext" grep -aq secret-text "$(lun 0)"
for message in "gate 0" "gate 1"; do
	# shellcheck disable=SC2086 # words
	fails_as "nobody outside opens or moves the gate of a bound mapping: $message" 1 "not permitted" \
		in_group neighbour dmsetup message container-crypt-vol 0 $message
done
size=$(cat "/sys/dev/block/$dev/size")
need truncate -s 16M "$tap_dir/cow"
cow=$(losetup -f --show "$tap_dir/cow")
cleanup losetup -d "$cow"
not_ok "dm-linear is not stacked over the mapping" dmsetup create stack --table "0 $size linear $dev 0"
not_ok "no dm-snapshot is made of the mapping" dmsetup create stack --table "0 $size snapshot $dev $cow N 8"
not_ok "the mapping is not mounted on the host" mount -t ext4 "$mapping" /mnt
not_ok "the mapping is not mounted read-only on the host" mount -t ext4 -o ro,noload "$mapping" /mnt
not_ok "after refused mounts nothing is mounted" mountpoint -q /mnt
not_ok "docker cp brings nothing of the volume" docker cp app:/data/log "$tap_dir/copied"

# ---- look ----
pid=$(pid_of docker app)
root=/proc/$pid/root/data
inside() { in_group_of "$pid" "$@"; }
for how in "ls $root" "ls -lR $root" "stat $root" "stat $root/log" "cat $root/log" "cat $root/secret-dir/secret-name" "readlink $root/link" \
	"chmod 755 $root" "touch $root" "touch $root/mine" "getfattr -d $root" "setfattr -n user.a -v b $root" "ln -s x $root/my-link" \
	"stat -f $root" "lsattr -d $root" "filefrag $root/log" "test -r $root/log" "env -C $root true" \
	"python3 $tap_dir/watch.py inotify $root" "python3 $tap_dir/watch.py fanotify $root" \
	"nsenter -t $pid -m -- /bin/ls /data" "nsenter -t $pid -m -p -- /bin/mount -o remount,rw,noatime /data"; do
	# shellcheck disable=SC2086 # words
	not_ok "not from outside: $how" $how && need inside $how # what fails outside works for the container
done
handle=$(inside python3 "$tap_dir/handle.py" "$root/secret-dir/secret-name")
fails_as "by a file handle nothing is opened from outside" 1 "nothing is opened" python3 "$tap_dir/handle.py" "$root" "$handle"
need inside python3 "$tap_dir/handle.py" "$root" "$handle"
not_ok "nobody outside freezes the file system" fsfreeze -f "$root"
fails_as "nobody outside unmounts the volume" 1 "Permission denied" nsenter -t "$pid" -m umount /data
fails_as "nobody outside unmounts the volume lazily" 1 "Permission denied" nsenter -t "$pid" -m umount -l /data
for how in "--bind /data" "-t overlay -o lowerdir=/data:/etc over"; do
	not_ok "whoever mounts the volume elsewhere in the container's namespace reads nothing there: mount $how" \
		nsenter -t "$pid" -m /bin/sh -c "mount $how /tmp && cat /tmp/log"
	inside nsenter -t "$pid" -m umount /tmp 2>/dev/null
done
ok "after refused unmounts the container has its volume" docker exec app cat /data/log
echo 3 >/proc/sys/vm/drop_caches
in_group neighbour ls -lR "$root" >/dev/null 2>&1
ok "with nothing cached a foreign walk does no harm: it is writable" docker exec app sh -c 'echo >/data/more; sync; rm /data/more; sync'
unlike "after a foreign walk the file system has seen no error" "$(dmesg)" 'EXT4-fs error|[Rr]emounting filesystem read-only'
need docker exec -d app sh -c 'exec sleep 1001 </data/log'
need wait_for 20 pgrep -fx 'sleep 1001'
sleeper=$(pgrep -fx 'sleep 1001')
fails_as "a descriptor of the volume is not taken out of a process of the container" 1 "Permission denied" \
	python3 "$tap_dir/getfd.py" "$sleeper" 0
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
