#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# dmctl identity pull fetches from a registry what is beside an image: cosign 2's signature and provenance under their tags, and a
# Sigstore bundle that refers to it, as cosign 3 makes one. The image starts then under an identity that names who signs it, and who
# built it. Refused, by a fact that says which: another builder, another source, no provenance, a bundle without a repository.
# vm: udev docker registry scsi=1 mem=3072 timeout=1800 long

. ./lib.sh
. ./bind-lib.sh
. ./lease-lib.sh
plan 20

registry=localhost:5000
repository=$registry/shop/db
builder=https://ci.example/builders/release@v1
source=git+https://git.example/shop/db
cd "$tap_dir" || exit 1
export COSIGN_PASSWORD=x

# The guest has no network: cosign 3 wants to be told that signatures stay as they were, and that no service is asked.
private=(--tlog-upload=false)
! cosign version 2>&1 | grep -qE 'GitVersion: +v?3' ||
	private+=(--new-bundle-format=false --use-signing-config=false)

# pushed TAG: an image of its own, in the registry; $image: by digest
pushed() {
	tiny_image docker "$repository:$1" /bin/sh -c "$writer" "$1" && docker push -q "$repository:$1" &&
		image=$(docker image inspect -f '{{index .RepoDigests 0}}' "$repository:$1")
}
signs() { cosign sign --key release.key "${private[@]}" --allow-http-registry -y "$image"; }
# attests BUILDER SOURCE: SLSA provenance of $image, as a pipeline has it signed
attests() {
	jq -n --arg b "$1" --arg s "$2" '{buildDefinition: {buildType: "https://ci.example/type", externalParameters: {source: $s},
		resolvedDependencies: []}, runDetails: {builder: {id: $b}}}' >provenance.json &&
		cosign attest --key release.key "${private[@]}" --allow-http-registry -y --type https://slsa.dev/provenance/v1 \
			--predicate provenance.json "$image"
}
# feed SERIAL [JQ FILTER]
feed() {
	jq -n --argjson s "$1" --arg r $repository '{volume: "vol", mountPoint: "/data", serial: $s,
		image: {signedBy: ["release", "bundler"], repository: $r}} | '"${2-.}" >p.json &&
		dmctl identity sign --key ops.key --predicate p.json --subject "$(image_id docker "$repository:first")" \
			--name shop/db -o p.dsse && dmctl identity add p.dsse
}
built='.image.builtBy = {builder: "'$builder'", source: "'$source'"}'
end() { docker rm -f app && wait_for 30 leaves_nothing; }
starts() { run_app docker "$repository:$1" && wait_for 40 speaks; }
speaks() { [ "$(docker logs app 2>/dev/null)" ]; }
pulled() { dmctl identity pull "$image"; }

# ---- a bundle, by the specifications: in-toto Statement v1, DSSE, Sigstore bundle v0.3, OCI 1.1 with the fallback tag ----
# upload FILE: as a blob; prints its descriptor of TYPE
upload() {
	local digest location

	digest=sha256:$(sha256sum <"$1" | cut -d' ' -f1)
	location=$(curl -sf -X POST -D - -o /dev/null "http://$repository_api/blobs/uploads/" | tr -d '\r' | sed -n 's/^[Ll]ocation: //p')
	case $location in /*) location=http://$registry$location ;; esac
	curl -sf -X PUT -H 'Content-Type: application/octet-stream' --data-binary @"$1" "$location&digest=$digest" >&2 || return
	jq -cn --arg t "$2" --arg d "$digest" --argjson n "$(stat -c %s "$1")" '{mediaType: $t, digest: $d, size: $n}'
}
repository_api=$registry/v2/shop/db
put_manifest() { curl -sf -X PUT -H "Content-Type: $3" --data-binary @"$1" "http://$repository_api/manifests/$2" >&2; }
bundle_type=application/vnd.dev.sigstore.bundle.v0.3+json
oci=application/vnd.oci.image
# bundled ANNOTATIONS: a bundle about $image, signed by the key "bundler", refers to it
bundled() {
	local digest=${image#*@} statement payload signature config layer of

	statement=$(jq -cn --arg h "${digest#sha256:}" --argjson a "$1" '{_type: "https://in-toto.io/Statement/v1",
		subject: [{digest: {sha256: $h}, annotations: $a}], predicateType: "https://sigstore.dev/cosign/sign/v1", predicate: {}}')
	payload=$(printf %s "$statement" | base64 -w0)
	signature=$(printf 'DSSEv1 28 application/vnd.in-toto+json %d %s' "${#statement}" "$statement" |
		openssl dgst -sha256 -sign bundler.pem | base64 -w0)
	jq -cn --arg t $bundle_type --arg p "$payload" --arg s "$signature" '{mediaType: $t, verificationMaterial: {publicKey: {hint: "AA=="}},
		dsseEnvelope: {payload: $p, payloadType: "application/vnd.in-toto+json", signatures: [{sig: $s}]}}' >bundle.json
	printf '{}' >empty.json
	config=$(upload empty.json application/vnd.oci.empty.v1+json) && layer=$(upload bundle.json $bundle_type) || return
	of=$(curl -sf -H "Accept: $oci.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json" \
		"http://$repository_api/manifests/$digest" | jq -r .mediaType)
	jq -cn --arg a $bundle_type --argjson c "$config" --argjson l "$layer" --arg m $oci.manifest.v1+json --arg d "$digest" --arg of "$of" \
		'{schemaVersion: 2, mediaType: $m, artifactType: $a, config: $c, layers: [$l],
			subject: {mediaType: $of, digest: $d, size: 1}}' >referrer.json
	put_manifest referrer.json "sha256:$(sha256sum <referrer.json | cut -d' ' -f1)" $oci.manifest.v1+json || return
	# cosign 3.1 lists it by the type of its empty configuration
	jq -cn --arg a application/vnd.oci.empty.v1+json --arg i $oci.index.v1+json --arg m $oci.manifest.v1+json \
		--arg d "sha256:$(sha256sum <referrer.json | cut -d' ' -f1)" --argjson n "$(stat -c %s referrer.json)" \
		'{schemaVersion: 2, mediaType: $i, manifests: [{mediaType: $m, artifactType: $a, digest: $d, size: $n}]}' >list.json
	put_manifest list.json "${digest/:/-}" $oci.index.v1+json
}

need host_setup
need dmctl volume create vol "$(lun 0)" --lease 1h
need wait_for 10 test -e /var/run/cdi/container-crypt-vol.json
need cosign generate-key-pair --output-key-prefix release
need dmctl signer add release release.pub --volumes -
need openssl ecparam -name prime256v1 -genkey -noout -out bundler.pem
need openssl ec -in bundler.pem -pubout -out bundler.pub
need dmctl signer add bundler bundler.pub --volumes -
need pushed first
need feed 1

# ---- cosign 2 ----
fails_as "an image that nobody has signed is not taken" 10 'neither a signature' dmctl identity pull "$image"
ok "an image without a signature does not start" refused docker 'imageProof' "$repository:first"
need signs
ok "what cosign signed is fetched by the image's digest" pulled
ok "a signed image starts" starts first
need end
ok "the same by its tag" dmctl identity pull "$repository:first"
is "nothing is left of the fetching" "$(find /run/container-crypt -name 'pull.*')" ""

# ---- provenance ----
need feed 2 "$built"
ok "an image without provenance is refused" refused docker 'imageProvenance: identity wants an image built by' "$repository:first"
need attests https://evil.example/b "$source"
need pulled
ok "one of another builder is refused" refused docker 'imageBuilder' "$repository:first"
need pushed other
need signs
need attests "$builder" git+https://git.example/evil/db@refs/heads/main
need pulled
ok "one of another source is refused" refused docker 'imageSource' "$repository:other"
need pushed good
need signs
need attests "$builder" "$source@refs/tags/v1"
need pulled
ok "an image of this builder and source starts" starts good
need end

# ---- what cosign 3 makes ----
need feed 3
need pushed bundled
need bundled '{}'
ok "a bundle that refers to an image is fetched" pulled
ok "without a repository it is refused where one is wanted" refused docker 'cosign sign -a docker-reference' "$repository:bundled"
need pushed named
need bundled "$(jq -cn --arg r $repository '{"docker-reference": $r}')"
ok "one that names its repository is fetched" pulled
ok "the image starts" starts named
need end
need feed 4 '.image.repository = "*"'
ok "one without starts under an identity for any repository" starts bundled
need end

# ---- what is not there ----
fails_as "an image that is not there" 8 'has no manifest nosuch' dmctl identity pull $repository:nosuch
fails_as "a registry that is not there" 7 'localhost:5001' dmctl identity pull localhost:5001/shop/db
fails_as "a registry that has no TLS, which --ca demands" 7 'https://localhost:5000' dmctl identity pull --ca /etc/ssl/certs/ca-certificates.crt "$image"
fails_as "what is no name of an image" 1 'is not the name of an image' dmctl identity pull 'shop/DB'
is "nothing is left of the failures" "$(find /run/container-crypt -name 'pull.*')" ""
