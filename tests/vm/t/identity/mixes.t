#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What dmctl identity measure --predicate shows of a container can be signed, and then the same container gets the
# volume: over forty mixes of options of docker run and podman run.
# vm: udev docker podman scsi=1 timeout=3000 long

. ./lib.sh
. ./bind-lib.sh
plan 40

mkdir -p "$tap_dir/conf"
cat >"$tap_dir/env" <<'END'
FROM_FILE=a b
LANG=de_DE.UTF-8
END

# What both engines take; "%" stands for the directory of the test.
common=(
	"--ulimit memlock=-1:-1"
	"--ulimit core=-1 --ulimit nofile=1024:2048"
	"--ulimit fsize=1000000000"
	"--device-cgroup-rule c_188:*_rmw"
	"--tmpfs /scratch --shm-size 32m --sysctl net.core.somaxconn=1024 --group-add 5 --device /dev/fuse"
	"--tmpfs /scratch/:exec,suid,size=1m"
	"-v /anon"
	"-v named:/named:ro"
	"-v %/conf:/conf:ro --read-only"
	"-v %/conf:/a//b/ --mount type=tmpfs,dst=/t"
	"--env-file %/env -e A=b -e EMPTY= --hostname other"
	"--user 1000:1001 --workdir /tmp --cap-drop ALL --cap-add NET_ADMIN"
	"--user 1000 --security-opt no-new-privileges"
	"--security-opt seccomp=unconfined --init"
	"--privileged"
	"--pid host --ipc host"
	"--health-cmd true --memory 64m --cpus 1"
	"-e HOME=/elsewhere -e TERM=dumb --tty"
)
# shellcheck disable=SC2034 # by name
docker_only=("--ipc shareable --cgroup-parent /mine" "--group-add 7 --domainname x.example")
# shellcheck disable=SC2034 # by name
podman_only=("--cgroups=split --tz=UTC" "--systemd=always")

# start ENGINE OPTIONS [MORE...]: the container "app" in the background
start() {
	local engine=$1 words

	read -ra words <<<"${2//%/$tap_dir}"
	words=("${words[@]//_/ }")
	shift 2
	"$engine" run -d --name app --network none "${words[@]}" "$@" app:1
}

# passes ENGINE OPTIONS: measured without the volume, signed, started with it
passes() {
	local engine=$1 options=$2 serial

	start "$engine" "$options" || return 1
	dmctl identity measure --engine "$engine" app --predicate --volume vol --mount-point /data >"$tap_dir/p.json" || return 1
	"$engine" rm -f -v app
	dmctl identity sign --key "$tap_dir/ops.key" --predicate "$tap_dir/p.json" \
		--subject "$(subject "$engine" app:1)" --name test/app -o "$tap_dir/p.dsse" &&
		dmctl identity add "$tap_dir/p.dsse" && start "$engine" "$options" --device container-crypt/volume=vol
	local status=$?

	[ $status = 0 ] || last_refusal
	"$engine" rm -f -v app
	wait_for 20 leaves_nothing && return $status
}

need host_setup
need app_setup docker
need tiny_image podman app:1 /bin/sh -c "$app"
export http_proxy=http://proxy.example:3128 no_proxy=localhost
for engine in docker podman; do
	extra="${engine}_only[@]"
	for options in "${common[@]}" "${!extra}"; do
		ok "measured, signed and started under $engine: ${options//_/ }" passes $engine "$options"
	done
done
