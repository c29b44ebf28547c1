#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# An identity that names who signs images, and no image: a release pipeline pushes, signs with cosign and is done; each new
# version starts under the identity of before. Refused, by a fact that says which: what nobody signed, a stranger's signature,
# one of another repository, one of another image, a version below the floor or none. What runs by a signer that is removed ends.
# vm: udev docker registry scsi=1 mem=3072 timeout=3600 long

. ./lib.sh
. ./bind-lib.sh
. ./lease-lib.sh
plan 22

rounds=${ROUNDS-20}
repository=localhost:5000/shop/db
cd "$tap_dir" || exit 1
export COSIGN_PASSWORD=x

# The guest has no network: cosign 3 wants to be told that signatures stay as they were, and that no service is asked.
private=(--tlog-upload=false)
! cosign version 2>&1 | grep -qE 'GitVersion: +v?3' ||
	private+=(--new-bundle-format=false --use-signing-config=false)

# pushed TAG VERSION [REPOSITORY]: an image of its own, in the registry; $image: by digest
pushed() {
	local name=${3-$repository}:$1

	tiny_image docker "$name" /bin/sh -c "$writer" "$2" && docker push -q "$name" &&
		image=$(docker image inspect -f '{{index .RepoDigests 0}}' "$name")
}
# signs KEY [OPTION...]: $image, as cosign does
signs() {
	local key=$1

	shift
	cosign sign --key "$key.key" "${private[@]}" --allow-http-registry -y "$@" "$image"
}
# offered: what the registry has of $image and its signatures is given to the agent
offered() { rm -rf saved && cosign save --allow-http-registry --dir saved "$image" && dmctl identity offer saved; }
# released TAG VERSION: what a pipeline does
released() { pushed "$1" "$2" && signs release -a "version=$2" && offered; }
key_pair() { cosign generate-key-pair --output-key-prefix "$1"; }
# feed SERIAL [JQ FILTER]
feed() {
	jq -n --argjson s "$1" --arg r $repository '{volume: "vol", mountPoint: "/data", serial: $s,
		image: {signedBy: ["release"], repository: $r, floor: {annotation: "version", minimum: "1.1.0"}}} | '"${2-.}" >p.json &&
		dmctl identity sign --key ops.key --predicate p.json --subject "$(image_id docker "$repository:first")" \
			--name shop/db -o p.dsse && dmctl identity add p.dsse
}
end() { docker rm -f app && wait_for 30 leaves_nothing; }
starts() { run_app docker "$repository:$1" && wait_for 40 speaks; }
speaks() { [ "$(docker logs app 2>/dev/null)" ]; }
last_fact() { dmctl audit ls --json | jq -r '[.rows[] | select(.outcome == "refuse")][-1].fact'; }
proofs=/var/lib/container-crypt/agent/proofs
hex_of() { image_id docker "$1" | cut -d: -f2; }
proof_of() { find "$proofs" -name "$(hex_of "$1")-*.json" | head -n 1; }

need host_setup
need dmctl volume create vol "$(lun 0)" --lease 1h
need wait_for 10 test -e /var/run/cdi/container-crypt-vol.json
need key_pair release
need key_pair stranger
ok "a signer that signs images only is enrolled" dmctl signer add release release.pub --volumes -
need pushed first 1.1.0
need feed 1

# ---- let in ----
ok "an image that nobody has signed is refused" refused docker 'imageProof' "$repository:first"
is "the audit log names the fact" "$(last_fact)" imageProof
need signs release -a version=1.1.0
ok "what cosign signs is offered to the agent" offered
ok "a signed image starts" starts first
need end
good=0
for ((r = 1; r <= rounds; r++)); do
	if { released "v$r" "1.$((r + 1)).0" && starts "v$r" && end; } >why 2>&1; then
		good=$((good + 1))
	else
		diag "round $r: $(<why)"
		end
	fi
done
is "every new version that was pushed and signed starts under the identity of before" $good "$rounds"
is "a version of before starts again without a new signature" "$(starts v1 >&2 && echo yes)" yes
was=$(renewals)
ok "what runs goes on when an identity with the same signer is added" feed 2 '.floor = 1'
ok "the lease of a running image is renewed by the same signature" wait_for 40 renewed $((was + 1))
need end

# ---- refused ----
need released stale 1.0.9
ok "a version below the floor is refused" refused docker 'imageFloor: identity wants version 1.1.0 or newer, the image was signed as 1.0.9' "$repository:stale"
need pushed none 1.5.0
need signs release
need offered
ok "an image that was signed without the annotation is refused" refused docker 'imageFloor' "$repository:none"
need pushed strange 1.5.1
need signs stranger -a version=1.5.1
need offered
ok "a signature of a signer that the identity does not name is refused" refused docker 'imageSigner' "$repository:strange"
need pushed one 1.6.0 localhost:5000/shop/web
need signs release -a version=1.6.0
need offered
ok "a signature of another repository is refused" refused docker "imageRepository: identity wants an image of $repository" localhost:5000/shop/web:one
need pushed v1 1.7.0
need cp "$(proof_of "$repository:v2")" "$proofs/$(hex_of "$repository:v1")-of-v2.json"
ok "an image that was put under a signed tag is refused" refused docker 'imageManifest' "$repository:v1"
need pushed half 1.8.0
echo '{"manifest":' >"$proofs/$(hex_of "$repository:half")-half.json"
ok "what cannot be read of the signatures starts nothing" refused docker 'offer the image again' "$repository:half"
need mkdir empty
echo '{"manifests":[]}' >empty/index.json
fails_as "a directory without a signed image is not taken" 10 'is signed' dmctl identity offer empty
fails_as "a directory that is none is not taken" 8 'nosuch' dmctl identity offer nosuch

# ---- removed ----
need starts v3
ok "what runs goes on" counts_on
ok "the signer of the images is removed" dmctl signer rm release
ok "what runs by its signature ends within 20 s" wait_for 20 container_is exited
is "the refused renewal names the fact" "$(last_fact)" imageSigner
need docker rm -f app
ok "nothing of it is left" wait_for 30 leaves_nothing
