#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A container that differs from its identity in one fact does not start under Podman.
# vm: shared udev podman scsi=1 timeout=510 long

. ./lib.sh
. ./bind-lib.sh
plan 33

differs() {
	local fact=$1

	shift
	ok "refused for $fact: ${*% app:1}" refused podman "$fact: " "$@"
}

need host_setup
need app_setup podman
differs args app:1 more
differs args --entrypoint /bin/sh app:1
differs user --user 1000 app:1
differs env -e LD_PRELOAD=/data/evil.so app:1
differs capabilities --cap-add SYS_ADMIN app:1
differs capabilities --privileged app:1
differs seccomp --security-opt seccomp=unconfined app:1
jq -n '{defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["setuid", "capset", "prctl"], action: "SCMP_ACT_ERRNO", errnoRet: 0}]}' \
	>"$tap_dir/lying.json"
ok "refused for seccomp: a filter that answers calls itself" refused podman "seccomp: " \
	--security-opt seccomp="$tap_dir/lying.json" app:1
jq '.syscalls += [{names: ["mount"], action: "SCMP_ACT_ALLOW"}]' /usr/share/containers/seccomp.json >"$tap_dir/other.json"
ok "refused for seccomp: the engine's own filter and one rule more" refused podman "not the engine's own" \
	--security-opt seccomp="$tap_dir/other.json" app:1
ok "refused for env: a home that is not the user's" refused podman '"HOME" with a value that no engine gives it' \
	-e HOME=/evil app:1
differs settings --security-opt mask=/etc/passwd app:1
differs devices --device /dev/loop-control app:1
differs settings --annotation run.oci.keep_original_groups=1 app:1
differs settings --health-cmd 'cat /data/log' app:1
differs mounts -v /tmp:/exfil app:1
differs mounts --tmpfs /scratch app:1
need identity vol podman app:1 '.mounts = [{destination: "/conf", source: "/srv", type: "bind", options: ["ro"]}]'
ok "refused for mounts: devices on a mount that was signed" refused podman 'does not name option "dev"' -v /srv:/conf:ro,dev app:1
ok "a mount as it was signed is admitted, with what the engine adds" run_app podman -v /srv:/conf:ro app:1
need podman rm -f -t 0 app
wait_for 20 leaves_nothing
need identity vol podman app:1 '.demands = ["no-core", "no-stdin", "network:none", "private-ipc"]'
ok "refused for demands: memory that other containers may share" refused podman "identity wants private-ipc" \
	--ulimit core=0 --network none app:1
ok "with all demands met the container runs" run_app podman --ulimit core=0 --ipc private app:1
not_ok "nobody joins the memory of a container that was admitted for having it alone" \
	podman run --rm --network none --ipc container:app app:1
need podman rm -f -t 0 app
wait_for 20 leaves_nothing
# The guest has no firewall's program and no name server for containers; which network one is on needs neither.
printf '[network]\nfirewall_driver = "none"\n' >"$tap_dir/containers.conf"
export CONTAINERS_CONF_OVERRIDE=$tap_dir/containers.conf
need podman network create --disable-dns apart
need identity vol podman app:1 '.demands = ["network:apart", "runtime:crun"]'
ok "refused for demands: another network than that of the demanded name" refused podman "identity wants network:apart" app:1
ok "refused for demands: a second network beside that of the demanded name" refused podman "identity wants network:apart" \
	--network apart --network podman app:1
ok "a container on the network of the demanded name, under the demanded runtime, runs" \
	podman run -d --name app --device container-crypt/volume=vol --network apart app:1
need podman rm -f -t 0 app
need podman network rm apart
wait_for 20 leaves_nothing
need identity vol podman app:1
differs namespaces --network host app:1
differs namespaces --pid host app:1
# podman binds the host's /dev/shm for it, which is noticed first
differs mounts --ipc host app:1
need podman run -d --name other --network none app:1 # without the volume
differs namespaces --pid container:other app:1
need podman create --name app --device container-crypt/volume=vol app:1
echo evil >"$tap_dir/evil"
need podman cp "$tap_dir/evil" app:/bin/evil
fails_with 125 'hook' podman start app
like "the refusal names the file that was copied in" "$(last_refusal)" 'rootfs: .*"/bin/evil"'
need podman rm app
need podman create --name app --device container-crypt/volume=vol app:1
layer=$(podman inspect -f '{{.GraphDriver.Data.UpperDir}}' app)
need sh -c "mkdir -p $layer/bin && mknod $layer/bin/busybox c 0 0"
fails_with 125 'hook' podman start app
like "the refusal names the file that was whited out" "$(last_refusal)" 'rootfs: .*"/bin/busybox"'
need podman rm app
need tiny_image podman app:1 /bin/sh -c "$app; true"
differs image app:1
