#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# An identity with a rootfsDigest binds to the image's files as they are on this host's disk: the digest is the same
# under both engines, what is changed in a layer behind the engine's back is refused, a layer is read once a boot.
# vm: shared udev docker podman scsi=1 timeout=820 long

. ./lib.sh
. ./bind-lib.sh
plan 25

# layered_image: app:1 in both engines, of layers with what layers can have
layered_image() {
	tiny_tree "$tap_dir/tree" && mkdir -p "$tap_dir/tree/opt/old/deep" &&
		echo one >"$tap_dir/tree/opt/old/file" && echo gone >"$tap_dir/tree/opt/gone" &&
		setcap cap_chown+ep "$tap_dir/tree/bin/busybox" && ln "$tap_dir/tree/opt/gone" "$tap_dir/tree/opt/linked" &&
		tar -c --xattrs --xattrs-include='security.*' -C "$tap_dir/tree" . |
		docker import --change "ENTRYPOINT [\"/bin/sh\",\"-c\",$(jq -cn --arg a "$app" '$a')]" - base:1 &&
		printf '%s\n' 'FROM base:1' 'RUN rm -r /opt/gone /opt/old && mkdir -p /opt/old /opt/new && echo two >/opt/old/other' \
			'RUN echo tool >/bin/tool' >"$tap_dir/Dockerfile" &&
		DOCKER_BUILDKIT=0 docker build --network none -t app:1 - <"$tap_dir/Dockerfile" &&
		docker save app:1 -o "$tap_dir/app.tar" && podman load -i "$tap_dir/app.tar" &&
		podman tag "$(docker image inspect -f '{{.Id}}' app:1 | cut -d: -f2)" localhost/app:1
}

gone() { if [ "$1" = podman ]; then podman rm -f -t 0 "$2"; else docker rm -f "$2"; fi >/dev/null; }

# digest ENGINE: of app:1, from a container that is tried out
digest() {
	"$1" run -d --name probe --network none app:1 >/dev/null &&
		dmctl identity measure --rootfs probe --engine "$1" | jq -r '.rootfs.digest'
	gone "$1" probe
}

# lower ENGINE FILE: path of FILE in the layer of the container "app" that has it
lower() {
	local dir

	for dir in $("$1" inspect -f '{{.GraphDriver.Data.LowerDir}}' app | tr : ' '); do
		[ -e "$dir$2" ] && { echo "$dir$2"; return; }
	done
	return 1
}

# created ENGINE: the container "app" with the volume, not started
created() { "$1" create --name app --network none --device container-crypt/volume=vol app:1; }
removed() { gone "$1" app && wait_for 20 leaves_nothing; }

# refuses ENGINE NAME: it is not started, for the files it would run
refuses() {
	not_ok "$1: a container is not started, for $2" "$1" start app
	like "$1: a refusal for $2 names the two digests" "$(last_refusal)" "^rootfs: identity wants $d, container has sha256:"
}

# how_read: what the agent said last of a container's layers: layers, cached, bytes
how_read() {
	grep -oE '[0-9]+ layers, .* bytes read' "$tap_dir/agent.log" | tail -n 1 |
		sed -E 's/([0-9]+) layers, ([0-9]+) of.*; [0-9]+ entries, ([0-9]+) bytes.*/\1 \2 \3/'
}

ms() { echo $(($(date +%s%N) / 1000000)); }

need host_setup
need dmctl volume create vol "$(lun 0)"
need wait_for 10 test -e /var/run/cdi/container-crypt-vol.json
need layered_image
sleep 3 # what was written just now is read again the next time
d=$(digest docker)
like "docker's image has a root file system digest" "$d" '^sha256:[0-9a-f]{64}$'
is "the root file system digest is the same in podman's store" "$(digest podman)" "$d"
is "measure without --rootfs reads no layer" \
	"$(docker run -d --name probe --network none app:1 >/dev/null; dmctl identity measure probe | jq -r '.rootfs.digest')" null
is "measure --rootfs --predicate puts the digest into the predicate" "$(dmctl identity measure probe --rootfs --predicate --volume vol \
	--mount-point /data 2>/dev/null | jq -r .image.rootfsDigest)" "$d"
docker rm -f probe >/dev/null

need identity vol docker app:1
for engine in docker podman; do
	: >"$tap_dir/agent.log"
	need run_app $engine app:1
	removed $engine
done
is "where no digest was signed no layer is read" "$(how_read)" ""

need identity vol docker app:1 ".image.rootfsDigest = \"$d\""
like "identity show has the signed rootfsDigest" "$(dmctl identity show vol)" "Image files: *$d"
rm -rf $sock/rootfs # as a boot does
for engine in docker podman; do
	start=$(ms)
	ok "$engine: the image that was signed gets the volume" run_app $engine app:1
	cold=$(($(ms) - start))
	like "$engine: at the first start after a boot every file of the image is read" "$(how_read)" '^3 0 [0-9]{5,}'
	removed $engine
	start=$(ms)
	need run_app $engine app:1
	diag "$engine: start with all layers read: $cold ms, with none: $(($(ms) - start)) ms"
	is "$engine: at the second start no layer is read" "$(how_read)" '3 3 0'
	removed $engine

	# one byte, the file's size and times as they were
	need created $engine
	tool=$(lower $engine /bin/tool)
	touch -r "$tool" "$tap_dir/times"
	printf T | dd of="$tool" conv=notrunc status=none
	touch -r "$tap_dir/times" "$tool"
	refuses $engine "one byte changed in a layer"
	printf t | dd of="$tool" conv=notrunc status=none
	ok "$engine: a layer whose byte was put back starts" $engine start app
	removed $engine
done

need created docker
setcap -r "$(lower docker /bin/busybox)"
refuses docker "a file capability taken away"
setcap cap_chown+ep "$(lower docker /bin/busybox)"
need docker rm app
need created docker
echo /data/evil.so >"$(docker inspect -f '{{.GraphDriver.Data.LowerDir}}' app | cut -d: -f1)/etc/ld.so.preload"
refuses docker "a file put into docker's own layer"
need docker rm app

ok "podman: a container with ids of its own is refused, as its layers cannot be measured" \
	grep -q 'layers of a container with a user namespace' <(podman run --rm --name app --network none \
	--uidmap 0:100000:65536 --gidmap 0:100000:65536 --device container-crypt/volume=vol app:1 2>&1; tail -n 5 "$tap_dir/agent.log")
wait_for 20 leaves_nothing

# while it runs
need dmctl volume set vol --lease 10s
need run_app docker app:1
need wait_for 10 in_app docker grep -q start /data/log
printf T | dd of="$(lower docker /bin/tool)" conv=notrunc status=none
ok "a layer that is changed under a running container ends it at the next renewal" \
	wait_for 30 sh -c '[ "$(docker inspect -f "{{.State.Running}}" app)" = false ]'
like "a container ended for a changed layer has that as its reason" "$(last_refusal)" '^rootfs: '
removed docker
