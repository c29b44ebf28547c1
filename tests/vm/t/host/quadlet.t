#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Services that Podman makes of .container files (Quadlet): the example that is installed starts with its volume, and
# what such files usually ask for can be measured, signed and started.
# vm: systemd udev podman scsi=1 timeout=900 long

. ./lib.sh
. ./bind-lib.sh
plan 16

units=/etc/containers/systemd

forget_units() {
	systemctl stop db
	rm -f $units/db.container
	systemctl daemon-reload
}

# unit [LINE...]: db.service, as the example with the guest's image and volume, and these lines of [Container]
unit() {
	mkdir -p $units
	sed -e "s|^Image=.*|Image=localhost/app:1\nNetwork=none\nContainerName=db|" -e "s|volume=pgdata|volume=vol|" \
		-e 's|^Restart=.*|Restart=no|' /usr/share/doc/container-crypt/examples/db.container >$units/db.container
	[ $# -eq 0 ] || sed -i "s|^AddDevice=|$(printf '%s\\n' "$@")AddDevice=|" $units/db.container
	systemctl daemon-reload
}

start_unit() { systemctl start db || { journalctl -u db -u container-crypt-agent -n 20 --no-pager; return 1; }; }
in_db() { podman exec db "$@"; }

# sign_measured OPTION...: the identity of a container of app:1 with these options, without the volume
sign_measured() {
	podman run -d --name db --network none "$@" app:1 && sign_what_runs
	local status=$?

	podman rm -f -t 0 db
	return $status
}
sign_what_runs() {
	dmctl identity measure db --predicate --volume vol --mount-point /data >"$tap_dir/p.json" &&
		dmctl identity sign --key "$tap_dir/ops.key" --predicate "$tap_dir/p.json" \
			--subject "$(subject podman app:1)" --name test/app -o "$tap_dir/p.dsse" &&
		dmctl identity add "$tap_dir/p.dsse"
}

# starts_with PROMISE OPTIONS LINE...: what is measured with the options of podman run is what the unit's lines give
starts_with() {
	local promise=$1 options=$2

	shift 2
	# shellcheck disable=SC2086 # words
	need sign_measured $options
	need unit "$@"
	ok "$promise" start_unit
	need systemctl stop db
	need wait_for 20 leaves_nothing
}

need systemd-sysusers
need modprobe dm-container-crypt
need dmctl init
need openssl genpkey -algorithm ed25519 -out "$tap_dir/ops.key"
need chmod 600 "$tap_dir/ops.key"
need openssl pkey -in "$tap_dir/ops.key" -pubout -out "$tap_dir/ops.pub"
need dmctl signer add ops "$tap_dir/ops.pub"
cleanup remove_containers
cleanup forget_units
need app_setup podman

need unit
ok "the example of a .container file becomes a service" systemctl cat db
like "the service has its container below its own control group" "$(systemctl cat db)" 'cgroups=split'
ok "the service starts with the volume" start_unit
ok "the program of the service has found its volume" wait_for 20 in_db grep start /data/log
like "the volume's gate is the group below the service's own" "$(dmsetup status container-crypt-vol)" \
	" gate:$(stat -c %i "/sys/fs/cgroup/system.slice/db.service/libpod-payload-$(podman inspect -f '{{.Id}}' db)") "
ok "the service goes on when the agent is restarted" sh -c \
	"systemctl restart container-crypt-agent && systemctl is-active --quiet db"
ok "the service can be restarted" systemctl restart db
ok "the restarted service finds the same data" wait_for 20 sh -c \
	'podman exec db sh -c "grep -c start /data/log" | grep -qx 2'
ok "the service can be stopped" systemctl stop db
ok "nothing is left when the service has stopped" wait_for 20 leaves_nothing
need podman secret create dbpass - <<<hunter2
need unit "Secret=dbpass"
not_ok "a secret that the identity does not name is refused" start_unit
starts_with "a time zone that was measured and signed passes" --tz=UTC Timezone=UTC
starts_with "a secret as a file that was measured and signed passes" "--secret dbpass" Secret=dbpass
starts_with "a secret at another place that was measured and signed passes" \
	"--secret dbpass,type=mount,target=/etc/pw,uid=1000,mode=0400" \
	"Secret=dbpass,type=mount,target=/etc/pw,uid=1000,mode=0400"
starts_with "PodmanArgs=--systemd=always that was measured and signed passes" --systemd=always PodmanArgs=--systemd=always
starts_with "a tmpfs, a sysctl and unlimited locked memory that were measured and signed pass" \
	"--tmpfs /scratch --sysctl net.core.somaxconn=1024 --ulimit memlock=-1:-1" \
	"Tmpfs=/scratch" "Sysctl=net.core.somaxconn=1024" "Ulimit=memlock=-1:-1"
