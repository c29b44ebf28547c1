#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Identities: signed by dmctl with either kind of key and by cosign, shown, verified and enrolled; what
# was tampered with, signed by a stranger or outdated is refused, and the exit status says how.
# vm: shared udev docker registry scsi=1 timeout=680

. ./lib.sh
. ./volume-lib.sh
plan 53

cleanup remove_images
need keyd_setup
need dmctl volume create vol "$(lun 0)"
cd "$tap_dir" || exit 1
subject=sha256:$(printf 'b%.0s' {1..64})
config=sha256:$(printf 'a%.0s' {1..64})

# predicate SERIAL [JQ-FILTER]
predicate() {
	jq -n --argjson s "$1" --arg c "$config" \
		'{volume: "vol", mountPoint: "/data", serial: $s, image: {configDigest: $c}} | '"${2-.}"
}
sign() { dmctl identity sign --subject "$subject" --name test/app "$@"; }

# ---- two kinds of keys ----
need openssl genpkey -algorithm ed25519 -out ed.key
need openssl pkey -in ed.key -pubout -out ed.pub
need openssl genpkey -algorithm ec -pkeyopt ec_paramgen_curve:P-256 -out ec.key
need openssl pkey -in ec.key -pubout -out ec.pub
chmod 600 ./*.key
predicate 1 >p1.json
for kind in ed ec; do
	ok "$kind: an identity is signed" sign --key $kind.key --predicate p1.json -o $kind.dsse
	ok "$kind: a signature verifies" dmctl identity verify --pubkey $kind.pub $kind.dsse
	is "$kind: verify --json says what was signed" \
		"$(dmctl identity verify --json --pubkey $kind.pub $kind.dsse | jq -c '[.verified,.volume,.serial,.mountPoint,.subjects]')" \
		"[true,\"vol\",1,\"/data\",[\"$subject\"]]"
	like "$kind: show says that the identity did not verify" "$(dmctl identity show $kind.dsse)" '^NOT VERIFIED'
done
fails_with 6 'signature' dmctl identity verify --pubkey ec.pub ed.dsse
is "the envelope is DSSE over an in-toto statement" \
	"$(jq -r .payload ed.dsse | base64 -d | jq -c '[._type,.predicateType,.subject[0].name]')" \
	'["https://in-toto.io/Statement/v0.1","urn:container-crypt:identity:v1","test/app"]'
is "sign writes the identity to stdout, too" "$(sign --key ed.key --predicate - <p1.json)" "$(<ed.dsse)"

# ---- a key with a passphrase ----
need openssl pkey -in ec.key -aes256 -passout pass:secret -out locked.key
chmod 600 locked.key
echo secret >pass
ok "sign takes a passphrase from a file" sign --key locked.key --predicate p1.json --passphrase-file pass
ok "sign takes a passphrase from a descriptor" sign --key locked.key --predicate p1.json --passphrase-fd 7 7<pass
echo wrong >pass
not_ok "a wrong passphrase does not sign" sign --key locked.key --predicate p1.json --passphrase-file pass
not_ok "sign without a passphrase fails and does not hang" sign --key locked.key --predicate p1.json
chmod 644 ed.key
fails_with 2 'ed.key' sign --key ed.key --predicate p1.json
chmod 600 ed.key

# ---- by anybody ----
signer=$(mktemp -d /tmp/signer.XXXXXX)
cleanup rm -r "$signer"
cp ed.key p1.json "$signer"
chown -R 65534 "$signer"
ok "signing needs no root" setpriv --reuid 65534 --clear-groups dmctl identity sign --subject "$subject" \
	--key "$signer/ed.key" --predicate "$signer/p1.json" -o "$signer/out"

# ---- what is no identity is not signed ----
predicate 0 >bad.json
fails_with 10 'serial' sign --key ed.key --predicate bad.json
predicate 1 '.image.configdigest = "x"' >bad.json
fails_with 10 'configdigest' sign --key ed.key --predicate bad.json
echo '{"volume":"vol","volume":"other"}' >bad.json
fails_with 10 'twice' sign --key ed.key --predicate bad.json

# ---- enrolled ----
fails_with 6 '"fact": "signature".*no enrolled signer' dmctl --json identity add ed.dsse
is "signer add prints the key's id" "$(dmctl signer add ops ed.pub)" \
	"sha256:$(openssl pkey -pubin -in ed.pub -outform DER | sha256sum | cut -d' ' -f1)"
fails_with 9 'ops' dmctl signer add ops ec.pub
like "identity add prints the digest" "$(dmctl identity add ed.dsse 2>/dev/null)" '^sha256:[0-9a-f]{64}$'
ok "the same identity again is no error" dmctl identity add ed.dsse
like "identity show VOLUME says who signed it" "$(dmctl identity show vol)" 'signed by ops'
is "volume inspect shows serial and signer of the identity" "$(dmctl volume inspect vol --json | jq -c '[.identity.serial,.identity.signer]')" '[1,"ops"]'

# ---- refused ----
predicate 2 >p2.json
need sign --key ed.key --predicate p2.json -o two.dsse
jq -c '.payload |= (@base64d | sub("/data"; "/etcd") | @base64)' two.dsse >tampered.dsse
fails_with 6 'signature' dmctl identity verify --pubkey ed.pub tampered.dsse
fails_with 6 '"fact": "signature".*no enrolled signer' dmctl --json identity add tampered.dsse
need sign --key ec.key --predicate p2.json -o stranger.dsse
fails_with 6 '"fact": "signature".*no enrolled signer' dmctl --json identity add stranger.dsse
ok "an identity with the next serial is taken" dmctl identity add two.dsse
need sign --key ed.key --predicate p1.json --name other -o older.dsse
fails_with 6 'serial' dmctl identity add older.dsse
is "the refusal of an older serial names the fact" "$(dmctl --json identity add older.dsse 2>/dev/null | jq -r .error.fact)" serial
is "identity ls has both, and says that only the newer one starts" \
	"$(dmctl identity ls vol --json | jq -c '[.identities[] | [.serial, .state, .starts, .goesOn]]')" \
	'[[1,"live",false,true],[2,"live",true,true]]'
ok "an identity is drained" dmctl identity drain vol 1
ok "the same again is no error" dmctl identity drain vol 1
is "identity revoke answers with the state" "$(dmctl --json identity revoke vol 1 | jq -r .state)" revoked
is "identity ls shows the state" "$(dmctl identity ls vol | awk '$2 == 1 { print $4 }')" revoked
fails_with 8 'serial 7' dmctl identity revoke vol 7
fails_with 1 'not a serial' dmctl identity drain vol newest
fails_with 8 'nosuch' dmctl identity ls nosuch
predicate 3 '.volume = "nosuch"' >p3.json
need sign --key ed.key --predicate p3.json -o nosuch.dsse
fails_with 8 'nosuch' dmctl identity add nosuch.dsse
echo '{"payloadType":"application/vnd.in-toto+json"}' >no.dsse
fails_with 10 'payload' dmctl identity add no.dsse
is "refused identities leave volume and serial as they were" "$(dmctl volume inspect vol --json | jq -c .identity.serial)" 2

# ---- cosign ----
need tiny_image docker localhost:5000/t/app:v1
need docker push -q localhost:5000/t/app:v1
image=$(docker image inspect -f '{{index .RepoDigests 0}}' localhost:5000/t/app:v1)
config=$(docker image inspect -f '{{.Id}}' localhost:5000/t/app:v1)
export COSIGN_PASSWORD=x
need cosign generate-key-pair
need dmctl signer add release cosign.pub
# as dmctl(8) says, and the guest has no network: cosign 3 wants a file in which no service is named
private=--tlog-upload=false
if cosign version 2>&1 | grep -qE 'GitVersion: +v?3'; then
	need cosign signing-config create --out offline.json
	private=--signing-config=offline.json
fi
attest() {
	cosign attest --key cosign.key --type "$1" --predicate "$2" "$private" --allow-http-registry -y "$image"
}
echo '{"sbom":"of something"}' >sbom.json
predicate 3 >p3.json
predicate 4 >p4.json
need attest https://example.com/sbom sbom.json
need attest urn:container-crypt:identity:v1 p3.json
cosign download attestation --allow-http-registry "$image" >cosign.dsse
ok "cosign's attestation verifies, other kinds beside it are passed over" \
	dmctl identity verify --pubkey cosign.pub cosign.dsse
ok "identity add takes what cosign download attestation prints" dmctl identity add cosign.dsse
is "an identity signed by cosign's key is enrolled under that signer" "$(dmctl volume inspect vol --json | jq -c '[.identity.serial,.identity.signer]')" '[3,"release"]'
need attest urn:container-crypt:identity:v1 p4.json
cosign download attestation --allow-http-registry "$image" >cosign.dsse
ok "of several attestations the highest serial counts" dmctl identity add cosign.dsse
is "the highest serial of several attestations is enrolled" "$(dmctl volume inspect vol --json | jq -c .identity.serial)" 4

# ---- revoked ----
ok "identity rm revokes the identity" dmctl identity rm vol
fails_with 8 'vol' dmctl identity show vol
fails_with 6 'serial' dmctl identity add two.dsse
ok "the audit log is in an unbroken chain" dmctl audit verify
