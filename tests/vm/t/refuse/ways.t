#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Ways of docs/attacks.md that one option of the engine goes, each refused under a real engine by the name of what differs.
# vm: shared udev docker podman scsi=2 timeout=700 long

. ./lib.sh
. ./bind-lib.sh
plan 18

pattern=$(cat /proc/sys/kernel/core_pattern)
cleanup sh -c "echo '$pattern' >/proc/sys/kernel/core_pattern"

# wants DEMAND...: an identity that demands them
wants() { identity vol docker app:1 ".demands = $(printf '%s\n' "$@" | jq -R . | jq -sc .)"; }
# way NAME FACT OPTION...: that way is refused by Docker
way() { ok "$1" refused docker "$2" "${@:3}" app:1; }

need host_setup
need app_setup docker
need dmctl volume create two "$(lun 1)"
need wait_for 10 test -e /var/run/cdi/container-crypt-two.json

way "a terminal's name of two lines is refused" "env: " --network none -e TERM=$'xterm\nLD_PRELOAD=/data/x.so'
way "a host's name with a path in it is refused" "env: " --network none -e HOSTNAME=/data/x
jq '.syscalls += [{names: ["mkdir"], action: "SCMP_ACT_LOG"}]' /usr/share/containers/seccomp.json >"$tap_dir/log.json"
way "a filter that lets a call through and logs it is refused" "seccomp" --network none --security-opt seccomp="$tap_dir/log.json"
way "a sysctl is refused" "settings: " --network none --sysctl kernel.msgmax=65536
way "a limit on the size of files is refused" "settings: " --network none --ulimit fsize=4096
ok "another volume's device is refused" sh -c "! docker run --rm --network none --device container-crypt/volume=two app:1 >'$tap_dir/two' 2>&1 &&
	grep 'volume two' '$tap_dir/two' && ! grep 'program runs' '$tap_dir/two'"

jq '.runtimes = {other: {path: "/usr/bin/crun"}}' /etc/docker/daemon.json >"$tap_dir/daemon.json"
need cp /etc/docker/daemon.json "$tap_dir/daemon.before"
need cp "$tap_dir/daemon.json" /etc/docker/daemon.json
need pkill -HUP -x dockerd
cleanup sh -c "cp '$tap_dir/daemon.before' /etc/docker/daemon.json; pkill -HUP -x dockerd"
knows_other() { docker info -f '{{json .Runtimes}}' | grep -q '"other"'; }
need wait_for 20 knows_other
need wants runtime:runc
# crun shows an exit status only
other_is_refused() {
	! docker run --rm --network none --device container-crypt/volume=vol --runtime other app:1 >"$tap_dir/other" 2>&1 &&
		last_refusal | grep runtime:runc && ! grep 'program runs' "$tap_dir/other"
}
ok "another runtime than the demanded one is refused" other_is_refused
need wants no-tty
way "a terminal is refused where none is demanded" "no-tty" --network none -t
need wants no-swap
way "a container that may swap is refused where that is demanded" "no-swap" --network none
ok "a container that may not swap runs" run_app docker --memory 64m --memory-swap 64m app:1
need docker rm -f app
need wait_for 20 leaves_nothing
need wants no-extra-hosts
way "a name of the attacker's server is refused where none is demanded" "no-extra-hosts" --network none --add-host db:203.0.113.9
need wants no-core
echo '|/usr/bin/tee %p' >/proc/sys/kernel/core_pattern
way "a core that goes to a program is refused where none is demanded, whatever the limit" "no-core" --network none --ulimit core=0
echo "$pattern" >/proc/sys/kernel/core_pattern
need wants user-namespace
way "a container in the host's user namespace is refused where one of its own is demanded" "user-namespace" --network none

need tiny_image podman app:1 /bin/sh -c "$app"
need identity vol podman app:1 '.demands = ["user-namespace"]'
ok "a user namespace that has the host's root in it is refused as none" refused podman "user-namespace" --network none \
	--uidmap 0:0:1000 --gidmap 0:0:1000 app:1
ok "a user namespace without the host's root is one" podman run -d --name app --network none \
	--device container-crypt/volume=vol --uidmap 0:200000:1000 --gidmap 0:200000:1000 app:1
need podman rm -f -t 0 app
need wait_for 20 leaves_nothing
need identity vol podman app:1
ok "a filter that lets a call through and logs it is refused under Podman, too" refused podman "seccomp" --network none --security-opt seccomp="$tap_dir/log.json" app:1
ok "podman: a sysctl is refused" refused podman "settings: " --network none --sysctl kernel.msgmax=65536 app:1
ok "nothing is left of all that was refused" leaves_nothing
