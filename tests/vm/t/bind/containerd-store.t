#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Docker with containerd's image store, as Docker 29 has it by default: the image's id is that of a manifest or an index,
# what an identity names is the configuration behind it, as in Docker's own store, and the files of the image have the same
# digest there. Refused: another image, the other platform of an index, a layer or a blob that was changed.
# vm: udev docker registry scsi=1 mem=3072 timeout=1800 long

. ./lib.sh
. ./bind-lib.sh
plan 28

repository=localhost:5000/shop/db
layout=$tap_dir/oci
export COSIGN_PASSWORD=x

# docker_store JQ-FILTER [DOCKERD-OPTION...]: the daemon once more, with this changed in its configuration
docker_store() {
	local filter=$1

	shift
	kill "$(cat /run/docker.pid)" && wait_for 30 test ! -e /run/docker.pid
	jq "$filter" "$tap_dir/daemon.json" >/etc/docker/daemon.json
	dockerd "$@" >>"$tap_dir/dockerd.log" 2>&1 &
	disown # not to be waited for at the end
	wait_for 60 docker info
}
on='.features["containerd-snapshotter"] = true | del(.["storage-driver"])'
doctor_of_docker() { dmctl doctor --json | jq -r '.checks[] | select(.name == "docker") | .state + ": " + .text'; }

# config_of IMAGE: digest of its configuration, by what docker exports
config_of() {
	docker save "$1" | tar -xO manifest.json | jq -r '.[0].Config' | sed -E 's,^(blobs/sha256/)?,sha256:,; s,\.json$,,'
}
image_id() { config_of "$2"; }

# built NAME: an image of three layers, with what layers can have
built() {
	tiny_tree "$tap_dir/tree" && mkdir -p "$tap_dir/tree/opt/old/deep" &&
		echo one >"$tap_dir/tree/opt/old/file" && echo gone >"$tap_dir/tree/opt/gone" &&
		tar -c -C "$tap_dir/tree" . |
		docker import --change "ENTRYPOINT [\"/bin/sh\",\"-c\",$(jq -cn --arg a "$app" '$a')]" - base:1 &&
		printf '%s\n' 'FROM base:1' 'RUN rm -r /opt/gone /opt/old && mkdir -p /opt/old /opt/new && echo two >/opt/old/other' \
			"RUN echo tool of $1 >/bin/tool" >"$tap_dir/Dockerfile" &&
		DOCKER_BUILDKIT=0 docker build --network none -t "$1" - <"$tap_dir/Dockerfile"
}

removed() { docker rm -f app && wait_for 20 leaves_nothing; }
created() { docker create --name app --network none --device container-crypt/volume=vol "$@"; }

# measured IMAGE JQ-FILTER: of a container that is tried out
measured() {
	docker run -d --name probe --network none "$1" >/dev/null && dmctl identity measure --rootfs probe | jq -r "$2"
	docker rm -f probe >/dev/null
}

# starts_not TEXT: the container "app" is not started, and that is why
starts_not() {
	local text

	! text=$(docker start app 2>&1) && echo "$text" && [[ $text == *"$1"* ]] && wait_for 10 leaves_nothing
}

# blob DIGEST, layer FILE LINE: files of the store, below the directory that a containerd of the daemon's own has
blob() { echo "/var/lib/docker/containerd/daemon/io.containerd.content.v1.content/blobs/sha256/${1#sha256:}"; }
layer() {
	grep -lx "$2" /var/lib/docker/containerd/daemon/io.containerd.snapshotter.v1.overlayfs/snapshots/*/fs"$1" | head -n 1
}

# put TYPE FILE: into the layout, as a blob; its descriptor
put() {
	local digest

	digest=$(sha256sum "$2" | cut -d' ' -f1)
	cp "$2" "$layout/blobs/sha256/$digest"
	jq -cn --arg t "application/vnd.oci.image.$1.v1+json" --arg d "sha256:$digest" --argjson s "$(stat -c %s "$2")" \
		'{mediaType: $t, digest: $d, size: $s}'
}

# top NAME: index.json of the layout, for the descriptor on stdin; the layout as a file
top() {
	jq -c --arg n "docker.io/library/$1" '{schemaVersion: 2, manifests: [. +
		{annotations: {"io.containerd.image.name": $n, "org.opencontainers.image.ref.name": ($n | split(":")[1])}}]}' \
		>"$layout/index.json"
	tar -c -C "$layout" -f "$layout.tar" .
}

# two_platforms NAME: an index with app:1 for this host's platform, and another configuration of its files for arm64
two_platforms() {
	local first config second index

	mkdir "$layout" && docker save app:1 | tar -x -C "$layout" || return
	first=$(jq -c '.manifests[0]' "$layout/index.json")
	while [[ $(jq -r .mediaType <<<"$first") == *index* ]]; do
		first=$(jq -c '.manifests[0]' "$layout/blobs/sha256/$(jq -r '.digest[7:]' <<<"$first")")
	done
	first=$(jq -c '{mediaType, digest, size}' <<<"$first")
	jq -c . "$layout/blobs/sha256/$(jq -r '.digest[7:]' <<<"$first")" >"$tap_dir/manifest"
	jq -c '.architecture = "arm64" | .variant = "v8"' \
		"$layout/blobs/sha256/$(jq -r '.config.digest[7:]' "$tap_dir/manifest")" >"$tap_dir/config"
	config=$(put config "$tap_dir/config")
	jq -c --argjson c "$config" '.config = $c' "$tap_dir/manifest" >"$tap_dir/second"
	second=$(put manifest "$tap_dir/second")
	jq -cn --argjson a "$first" --argjson b "$second" --arg m "$(dpkg --print-architecture)" '{schemaVersion: 2,
		mediaType: "application/vnd.oci.image.index.v1+json", manifests: [
		$a + {platform: {architecture: $m, os: "linux"}},
		$b + {platform: {architecture: "arm64", os: "linux", variant: "v8"}}]}' >"$tap_dir/index"
	index=$(put index "$tap_dir/index")
	rm -f "$layout/manifest.json" "$layout/repositories"
	top "$1" <<<"$index"
	docker load -i "$layout.tar"
}

# in Docker's own store first, for comparison
cp /etc/docker/daemon.json "$tap_dir/daemon.json"
cleanup cp "$tap_dir/daemon.json" /etc/docker/daemon.json
need host_setup
need dmctl volume create vol "$(lun 0)"
need wait_for 10 test -e /var/run/cdi/container-crypt-vol.json
need built app:1
need docker save app:1 -o "$tap_dir/app.tar"
own_id=$(docker image inspect -f '{{.Id}}' app:1)
files=$(measured app:1 .rootfs.digest)
like "docker's own store has a digest of the image's files" "$files" '^sha256:[0-9a-f]{64}$'
is "in docker's own store the measured image is docker's id" "$(measured app:1 .image.id)" "$own_id"
need docker rmi app:1 base:1

need docker_store "$on"
is "docker keeps images with containerd's snapshotter now" "$(docker info -f '{{.Driver}}')" overlayfs
like "doctor finds containerd's store in order" "$(doctor_of_docker)" "^ok: "
need docker load -i "$tap_dir/app.tar"
unlike "the image's id there is another one" "$(docker image inspect -f '{{.Id}}' app:1)" "$own_id"
is "the measured image is the same configuration in both stores" "$(measured app:1 .image.id)" "$own_id"
is "the image's files have the same digest in both stores" "$(measured app:1 .rootfs.digest)" "$files"
is "the manifests of the image are measured" "$(measured app:1 '.image.manifests[0]')" "$(docker image inspect -f '{{.Id}}' app:1)"
need docker run -d --name probe --network none app:1
is "identity draft names the configuration" \
	"$(dmctl identity draft --from probe --volume vol --mount-point /data 2>"$tap_dir/draft" | jq -r .image.configDigest)" "$own_id"
docker rm -f probe >/dev/null

need identity vol docker app:1 ".image.rootfsDigest = \"$files\""
ok "docker run with the device starts the container" run_app docker app:1
ok "the program finds the volume at its start" wait_for 10 started docker 1
is "the volume is mounted in the container" "$(in_app docker grep ' /data ' /proc/mounts | cut -d' ' -f2,3)" "/data ext4"
ok "docker restart binds the volume again" docker restart -t 0 app
ok "after a restart the program starts on the data of its first start" wait_for 20 started docker 2
need docker image rm -f app:1
is "an image whose name was taken away is still measured under a container" "$(dmctl identity measure --rootfs app | jq -r '.image.id + " " + .rootfs.digest')" "$own_id $files"
need removed
need docker load -i "$tap_dir/app.tar"

# ---- other images ----
need built other:1
ok "an image that was built with the store is refused under another's identity" refused docker \
	"image: identity wants $own_id, container has $(config_of other:1)" --network none other:1
need two_platforms both:1
is "an image of an index is measured as the configuration for this platform" "$(measured both:1 .image.id)" "$own_id"
is "the manifests of an index are itself and that of this platform" "$(measured both:1 '.image.manifests | length')" 2
ok "an image of an index gets the volume" run_app docker both:1
need removed
ok "the other platform of the same index is refused" refused docker "image: identity wants $own_id" --network none \
	--platform linux/arm64 both:1

# ---- what was changed ----
need created app:1
tool=$(layer /bin/tool 'tool of app:1')
need test -f "$tool"
printf T | dd of="$tool" conv=notrunc status=none
ok "one byte changed in a layer is refused" starts_not "rootfs: identity wants $files, container has sha256:"
printf t | dd of="$tool" conv=notrunc status=none
config=$(blob "$own_id")
need cp "$config" "$tap_dir/kept"
sed -i 's/program/evil!!!/' "$config"
ok "a configuration that was changed in the store is refused" starts_not "image: $config should have the digest $own_id"
cp "$tap_dir/kept" "$config"
manifest=$(blob "$(docker inspect -f '{{.Image}}' app)")
need cp "$manifest" "$tap_dir/kept"
truncate -s -1 "$manifest"
ok "a manifest that was cut short is refused" starts_not "image: $manifest should have the digest"
rm "$manifest"
ok "a manifest that is missing starts nothing" starts_not "pull or build the image again"
cp "$tap_dir/kept" "$manifest"
ok "with everything put back the container starts" docker start app
need removed

# ---- who signs images ----
key_pair() { (cd "$tap_dir" && cosign generate-key-pair --output-key-prefix "$1"); }
private=(--tlog-upload=false)
! cosign version 2>&1 | grep -qE 'GitVersion: +v?3' || private+=(--new-bundle-format=false --use-signing-config=false)
# feed SERIAL: an identity that names who signs
feed() {
	jq -n --argjson s "$1" --arg r $repository '{volume: "vol", mountPoint: "/data", serial: $s,
		image: {signedBy: ["release"], repository: $r}}' >"$tap_dir/feed.json" &&
		dmctl identity sign --key "$tap_dir/ops.key" --predicate "$tap_dir/feed.json" --subject "$own_id" \
			--name shop/db -o "$tap_dir/feed.dsse" && dmctl identity add "$tap_dir/feed.dsse" &&
		echo "$1" >"$tap_dir/serial.vol"
}
need key_pair release
need dmctl signer add release "$tap_dir/release.pub" --volumes -
need docker tag app:1 $repository:1
need docker push -q $repository:1
need feed 9
ok "an image that nobody has signed is refused" refused docker imageProof --network none $repository:1
signed=$(docker image inspect -f '{{index .RepoDigests 0}}' $repository:1)
[[ $signed == $repository@* ]] || signed=$repository@${signed#*@}
need cosign sign --key "$tap_dir/release.key" "${private[@]}" --allow-http-registry -y "$signed"
need cosign save --allow-http-registry --dir "$tap_dir/saved" "$signed"
ok "what cosign signs is offered to the agent" dmctl identity offer "$tap_dir/saved"
ok "a signed image starts" run_app docker $repository:1
need removed
