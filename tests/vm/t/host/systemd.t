#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The quick start of the README on a host with systemd: one command sets it up, both services run confined
# as their units say, start again after a crash, and what is bound stays bound meanwhile.
# vm: systemd udev docker podman scsi=2 timeout=710

. ./lib.sh
. ./bind-lib.sh
plan 29

keyd=container-crypt-keyd.service agent=container-crypt-agent.service

active() { systemctl is-active --quiet "$@"; }
main_pid() { systemctl show -P MainPID "$1"; }
# again UNIT OLD-PID: it runs, as another process
again() { active "$1" && [ "$(main_pid "$1")" != "$2" ]; }
# crash UNIT: kills its main process; systemd starts it again by itself
crash() {
	local pid

	pid=$(main_pid "$1")
	kill -9 "$pid" && wait_for 30 again "$1" "$pid"
}
bound() { dmctl ps --json | jq -e --arg v "$1" '.bindings[] | select(.volume == $v and .state == "bound")'; }

need systemd-sysusers
need modprobe dm-container-crypt
ok "systemd has nothing to say against the units" sh -c \
	"systemd-analyze verify --man=no /usr/lib/systemd/system/container-crypt-*.service 2>&1 | tee /dev/stderr |
	grep -c container-crypt | grep -qx 0"
ok "without a key and a database neither service starts" sh -c \
	"systemctl start $keyd $agent; ! systemctl is-active --quiet $keyd && ! systemctl is-active --quiet $agent"
ok "dmctl init sets everything up" dmctl init
ok "dmctl init has started both services" active $keyd $agent
ok "both services start with the host" systemctl is-enabled --quiet $keyd $agent
ok "dmctl init may be repeated" dmctl init
is "both of keyd's processes towards its peers run as a user of their own" \
	"$(ps -o user:32= --ppid "$(main_pid $keyd)" | xargs)" "container-crypt container-crypt"

need openssl genpkey -algorithm ed25519 -out "$tap_dir/ops.key"
need chmod 600 "$tap_dir/ops.key"
need openssl pkey -in "$tap_dir/ops.key" -pubout -out "$tap_dir/ops.pub"
need dmctl signer add ops "$tap_dir/ops.pub"
cleanup remove_containers
need systemctl restart docker # as after a boot that found everything set up
need app_setup docker
ok "docker run with the device starts a container, in a systemd scope" run_app docker --restart always app:1
ok "the program under Docker found its volume" wait_for 20 started docker 1
like "the volume's gate is the cgroup of the systemd scope" "$(dmsetup status container-crypt-vol)" \
	" gate:$(stat -c %i "/sys/fs/cgroup/system.slice/docker-$(docker inspect -f '{{.Id}}' app).scope") "
is "the unit makes no seccomp filter, which would keep those of containers from the agent" \
	"$(awk '$1 == "Seccomp:" { print $2 }' "/proc/$(main_pid $agent)/status")" 0
ok "the filter of a program is compared as the unit confines the agent" wait_for 20 sh -c \
	"dmctl ps --json | jq -e '.bindings[0] | .looked and (.filterUnread | not)'"
like "the agent may read the image's files as its unit confines it" \
	"$(dmctl identity measure --rootfs app | jq -r .rootfs.digest)" '^sha256:'
ok "the container goes on when the agent is restarted" systemctl restart $agent
ok "a restarted agent still has the container bound" wait_for 20 bound vol
ok "a killed agent is started again by systemd" crash $agent
ok "a killed agent finds what is bound when systemd has started it again" wait_for 20 bound vol
ok "a killed keyd is started again by systemd" crash $keyd
ok "a killed keyd serves when systemd has started it again" wait_for 20 dmctl volume inspect vol
ok "the program reads its data while agent and keyd are restarted" in_app docker cat /data/log
ok "with a restart policy the container comes back with its volume when Docker is restarted" \
	systemctl restart docker
ok "a container that comes back with Docker finds the same data" wait_for 60 started docker 2
need docker rm -f app
ok "nothing is left when Docker's container is removed" wait_for 20 leaves_nothing

need app_setup podman two 1
ok "podman run with the device starts a container, in a systemd scope" podman run -d --name app --network none \
	--device container-crypt/volume=two app:1
ok "the program under Podman found its volume" wait_for 20 started podman 1
need podman rm -f -t 0 app
ok "nothing is left when Podman's container is removed" wait_for 20 leaves_nothing
ok "a refusal is in the agent's journal" sh -c "
	! docker run --rm --network none --device container-crypt/volume=vol --user 1000 app:1 &&
	journalctl --sync && journalctl -u $agent | grep 'user: identity wants'"
need systemctl stop $agent $keyd
is "both services end cleanly" "$(systemctl show -P Result $keyd $agent | xargs)" "success success"
unlike "systemd found no fault with either service" "$(journalctl -b -u $keyd -u $agent --no-pager)" \
	"core-dump|Failed to|denied"
