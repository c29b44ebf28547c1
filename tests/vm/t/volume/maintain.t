#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A volume is repaired by hand: a command gets at the plaintext while nobody else has the volume, behind the gate and with a
# lease, its words are in the audit log, and nothing is left of it whatever becomes of it. And a LUN learns what is free
# only where a volume's terms say so.
# vm: shared udev docker scsi=1 timeout=500 long

. ./lib.sh
. ./bind-lib.sh
plan 31

node=/dev/mapper/container-crypt-vol
leases() { dmctl lease ls --json | jq '.leases | length'; }
no_trace() {
	[ ! -e "$node" ] && [ "$(leases)" = 0 ] &&
		[ -z "$(find /sys/fs/cgroup -name 'container-crypt-maintain.*')" ]
}
runs() { [ -e "$node" ] && pgrep -f 'sleep 98765' >/dev/null; }

need host_setup
need dmctl volume create vol "$(lun 0)"
need tiny_image docker app:1 /bin/sh -c 'echo kept >/data/word; sync; exec sleep 1000'
need identity vol docker app:1
need docker run -d --name app --network none --device container-crypt/volume=vol app:1
need wait_for 20 docker exec app cat /data/word

fails_with 5 "in use" dmctl volume maintain vol -- e2fsck -fn
ok "a container is not disturbed by a maintenance that is refused" docker exec app cat /data/word
need docker rm -f app
need wait_for 20 leaves_nothing

# It makes the lost+found that a new volume does not have: status 1, "errors corrected".
ok "e2fsck without -p gets at a volume" sh -c 'dmctl volume maintain vol -- e2fsck -f -y; [ $? -le 1 ]'
ok "nothing is left after a command" no_trace
like "the audit log has the words of the command" "$(dmctl audit ls --json --event volume.maintain | jq -r '.rows[-1].detail')" \
	"e2fsck -f -y"
like "a command reads the plaintext" "$(dmctl volume maintain vol -- debugfs -R 'cat /word' 2>/dev/null)" kept
like "the device goes where the command has braces" "$(dmctl volume maintain vol -- echo '<{}>')" "<$node>"
fails_with 7 "" dmctl volume maintain vol -- sh -c 'exit 7'
fails_with 127 "no-such-command" dmctl volume maintain vol -- no-such-command
ok "what a command mounts is gone with it" dmctl volume maintain vol -- sh -c 'mount {} /mnt && grep -q kept /mnt/word'
unlike "the host sees no mount of a command's" "$(cat /proc/self/mountinfo)" container-crypt
ok "nothing is left after a command that has mounted" no_trace
not_ok "a command that may only read does not write" dmctl volume maintain --read-only vol -- \
	dd if=/dev/zero bs=4096 count=1 oflag=direct of='{}'
ok "what a command has left running is ended with it" dmctl volume maintain vol -- sh -c 'setsid sleep 98765 <{} & sleep 1'
ok "nothing is left of what a command has left running" no_trace

dmctl volume maintain vol -- sh -c 'exec sleep 98765' &
pid=$!
need wait_for 30 runs
not_ok "somebody outside the command's group does not read its mapping" dd if="$node" of=/dev/null bs=4096 count=1 iflag=direct
fails_with 5 "" dmctl volume maintain vol -- true
is "a maintenance has a lease" "$(leases)" 1
is "ps shows a maintenance: the volume, the command, its process" \
	"$(dmctl ps --json | jq -r '.upkeep[] | "\(.volume) \(.kind) \(.command) \(.pid) \(.progress)"')" \
	"vol maintain sh -c 'exec sleep 98765' $(pgrep -f '^sleep 98765') null"
like "ps has a row for a maintenance" "$(dmctl ps 2>/dev/null)" "vol +(sh|sleep)\[[0-9]+\] .* maintain "
like "ps says what runs, and for how long" "$(dmctl ps 2>&1 >/dev/null)" "sleep 98765.*has been running for [0-9]"
kill -9 "$pid"
ok "nothing is left when dmctl is killed" wait_for 60 no_trace
is "ps no longer shows a maintenance that was killed" "$(dmctl ps --json | jq -c .upkeep) $(ls $sock/upkeep)" "[] "
progress='echo "2 3 4 {}" >&3; exec sleep 98766'
dmctl volume maintain vol -- sh -c "$progress" &
pid=$!
progress_is() { dmctl ps --json | jq -e '.upkeep[0].progress == {pass: 2, percent: 75}'; }
ok "ps shows how far a command is that says so" wait_for 30 progress_is
kill "$pid"
need wait_for 60 no_trace
ok "a container has the volume again afterwards" docker run -d --name app --network none --device container-crypt/volume=vol app:1
need docker rm -f app

# A check that a start waits for: e2fsck says how far it is, and goes on when it may.
check='#!/bin/bash
echo "1 1 2 $2" >&"$4"
until [ -e DIR/go ]; do sleep 0.1; done
exec DIR/e2fsck "$@"'
need cp /usr/sbin/e2fsck "$tap_dir/e2fsck"
echo "${check//DIR/$tap_dir}" >"$tap_dir/check"
need chmod 755 "$tap_dir/check"
need dmctl volume maintain vol -- debugfs -w -R 'set_super_value state 2'
need mount --bind "$tap_dir/check" /usr/sbin/e2fsck
cleanup umount /usr/sbin/e2fsck
docker run -d --name app --network none --device container-crypt/volume=vol app:1 >"$tap_dir/start" 2>&1 &
start=$!
check_is_shown() {
	dmctl ps --json | jq -e '.upkeep[0] | .kind == "check" and .progress == {pass: 1, percent: 50}' &&
		dmctl ps | grep -q '^vol .* docker .* check '
}
ok "ps shows the check that a start waits for as the state of the container" wait_for 25 check_is_shown
touch "$tap_dir/go"
ok "a start goes on when the check is over" wait $start
is "ps no longer shows a check that is over" "$(dmctl ps --json | jq -c '.upkeep, [.bindings[].state]') $(ls $sock/upkeep)" \
	"[]
[\"bound\"] "
need umount /usr/sbin/e2fsck
need docker rm -f app
need wait_for 20 leaves_nothing

# what a LUN learns of what is freed
discards() { awk '{ print $12 }' "/sys/class/block/$(basename "$(readlink -f "$(lun 0)")")/stat"; }
# freed: how many discards the LUN gets while a container removes a file of 8 MiB
freed() {
	local was

	docker run -d --name app --network none --device container-crypt/volume=vol app:1 || return
	docker exec app /bin/sh -c 'dd if=/dev/zero of=/data/big bs=1M count=8 conv=fsync && rm /data/big && sync' || return
	was=$1
	docker rm -f app && wait_for 20 leaves_nothing || return
	echo $(($(discards) - was)) >"$tap_dir/freed"
}
need freed "$(discards)"
is "a LUN is not told what is free" "$(cat "$tap_dir/freed")" 0
need dmctl volume set vol --discard yes
need freed "$(discards)"
ok "with --discard yes a LUN is told what is freed" [ "$(cat "$tap_dir/freed")" -gt 0 ]
need dmctl volume set vol --discard no
need freed "$(discards)"
is "with --discard no again a LUN is not told any more" "$(cat "$tap_dir/freed")" 0
