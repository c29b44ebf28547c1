#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# dmctl doctor: says of a host that is set up that it is, and of one where something is missing what that is,
# what to do about it, and exits with it.
# vm: shared udev docker podman scsi=2 timeout=510

. ./lib.sh
. ./bind-lib.sh
plan 25

# finding NAME: state and text; advice NAME
finding() { dmctl doctor --json | jq -r --arg n "$1" '.checks[] | select(.name == $n) | .state + ": " + .text'; }
advice() { dmctl doctor --json | jq -r --arg n "$1" '.checks[] | select(.name == $n) | .advice'; }

need host_setup
need dmctl volume create vol "$(lun 0)"
ok "a host that is set up has nothing to mend" dmctl doctor
is "dmctl doctor --json says that a host that is set up is" "$(dmctl doctor --json | jq -c '[.ok, ([.checks[] | select(.state == "fail")] | length)]')" \
	"[true,0]"
like "doctor warns of a module whose signature the kernel does not know" "$(finding module)" "^warn: .*not signed"
for name in kernel cgroups keyd agent enrolled hook "CDI specs" plugin volumes docker podman; do
	like "doctor finds $name in order" "$(finding "$name")" "^ok: "
done

need rm /var/run/cdi/container-crypt-vol.json
fails_with 8 "container-crypt-vol.json is missing" dmctl doctor
need mkswap "$(lun 1)"
need swapon "$(lun 1)"
like "doctor warns of swap that is not encrypted" "$(finding swap)" "warn: /dev/.* is not encrypted"
need swapoff "$(lun 1)"
need dd if="$(lun 0)" of="$(lun 1)" bs=1M count=32 conv=fsync
fails_with 8 "volume vol: .*" dmctl doctor
like "doctor fails a copy of a volume beside it" "$(finding volumes)" "^fail: volume vol: .*lun"
need wipefs -qa "$(lun 0)" "$(lun 1)"
like "doctor warns of a volume whose LUN is not here" "$(finding volumes)" "^warn: volume vol: no LUN here"
chmod 777 /usr/libexec/container-crypt/container-crypt-hook
like "doctor fails a hook that others can replace" "$(finding hook)" "^fail: users other than root"
chmod 755 /usr/libexec/container-crypt/container-crypt-hook
stop "$agent_pid"
like "doctor says how to start an agent that does not run" "$(advice agent)" "systemctl enable --now container-crypt-agent"
need rmmod dm-container-crypt
like "doctor warns of a module that is not loaded yet" "$(finding module)" "^warn: .*loads it when"
module=$(modinfo -n dm-container-crypt)
need mv "$module" "$module.away"
like "doctor fails a module that is not there" "$(finding module)" "^fail: .*is not installed"
need mv "$module.away" "$module"
modprobe dm-container-crypt
cp /etc/docker/daemon.json "$tap_dir/daemon.json"
cleanup cp "$tap_dir/daemon.json" /etc/docker/daemon.json
jq '.features.cdi = false' "$tap_dir/daemon.json" >/etc/docker/daemon.json
docker_again() {
	kill "$(cat /run/docker.pid)" && wait_for 30 test ! -e /run/docker.pid
	dockerd >"$tap_dir/dockerd.log" 2>&1 &
	disown # not to be waited for at the end
	wait_for 60 docker info
}
need docker_again
like "doctor fails a Docker without CDI" "$(finding docker)" "^fail: .*CDI switched off"
stop "$keyd_pid"
fails_with 7 "keyd does not answer" dmctl doctor
need start_keyd
need start_agent
