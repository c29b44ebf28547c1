#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A host with SELinux: a container's label is a fact, the kernel's and not config.json's; the volume is labelled for
# that container alone; an identity can demand a type and a level; what else a label can be is refused by name.
# vm: shared udev docker podman scsi=1 timeout=500 selinux long

. ./lib.sh
. ./bind-lib.sh
plan 25

label_of() { tr -d '\0' <"/proc/$("$1" inspect -f '{{.State.Pid}}' app)/attr/current"; }
of_level() { cut -d: -f4- <<<"$1"; }
# ended ENGINE: the container is gone, and nothing of it is left
ended() { "$1" rm -f app && wait_for 20 leaves_nothing; }

like "the guest has a policy" "$(id -Z)" "^[a-z_]+:[a-z_]+:[a-z_]+"
need host_setup
need dmctl volume create vol "$(lun 0)"
need wait_for 10 test -e /var/run/cdi/container-crypt-vol.json
for engine in docker podman; do
	need tiny_image $engine app:1 /bin/sh -c "$app"
	need identity vol $engine app:1
	ok "$engine: a container with the engine's own label has its volume" run_app $engine app:1
	need wait_for 20 in_app $engine grep -q start /data/log
	label=$(label_of $engine)
	like "$engine: the program has a type for containers, and categories" "$label" ":container_t:s0:c[0-9]+,c[0-9]+$"
	like "$engine: the volume has the container's label, as a whole" \
		"$(in_app $engine grep ' /data ' /proc/mounts)" "context=[^,]*$(of_level "$label")"
	like "$engine: measure has no setting for it" "$(dmctl identity measure app --json)" '"settings": ?\[\]'
	need ended $engine

	ok "$engine: a label that is switched off is refused" refused $engine "process.selinuxLabel none" \
		--network none --security-opt label=disable app:1
	ok "$engine: a type that is not for containers is refused" refused $engine "process.selinuxLabel type=spc_t" \
		--network none --security-opt label=type:spc_t app:1
	ok "$engine: a level without categories is refused" refused $engine "process.selinuxLabel level=s0" \
		--network none --security-opt label=level:s0 app:1
	ok "$engine: a level with a span of categories is refused" refused $engine "process.selinuxLabel level=s0:c1.c9" \
		--network none --security-opt label=level:s0:c1.c9 app:1

	need identity vol $engine app:1 '.demands = ["selinux-type:container_t", "selinux-level:s0:c7,c9"]'
	ok "$engine: another level than the demanded one is refused" refused $engine selinux-level \
		--network none --security-opt label=level:s0:c7,c10 app:1
	ok "$engine: the demanded type and level have the volume" run_app $engine --security-opt label=level:s0:c7,c9 app:1
	need wait_for 20 in_app $engine grep -q start /data/log
	like "$engine: a demanded level is the program's and the volume's" \
		"$(label_of $engine) $(in_app $engine grep ' /data ' /proc/mounts)" ":s0:c7,c9 .*context=[^ ]*s0:c7,c9"
	need ended $engine
	need identity vol $engine app:1 '.settings = ["process.selinuxLabel none"]'
	ok "$engine: an identity can admit that there is no label" run_app $engine --security-opt label=disable app:1
	need ended $engine
done
