#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# dmctl apply and export: one document makes a keyd what it says, with a volume created on its LUN, changes nothing the
# second time, and what export prints changes nothing either.
# vm: shared udev scsi=2 long timeout=400

. ./lib.sh
. ./volume-lib.sh
plan 34

need keyd_setup
doc=$tap_dir/state.json
apply() { dmctl apply -f "$doc" "$@"; }
# say FILTER [ARGUMENT...]: the document becomes what jq makes of it
say() { jq "$@" "$doc" >"$tap_dir/next" && mv "$tap_dir/next" "$doc"; }
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$tap_dir/ops.key" 2>/dev/null
openssl pkey -in "$tap_dir/ops.key" -pubout -out "$tap_dir/ops.pub"
chmod 600 "$tap_dir/ops.key"
jose jwk gen -i '{"alg":"ES256"}' -o "$tap_dir/two.jwk"
digest=sha256:$(printf %064d 7)
sign() { # SERIAL
	printf '{"volume":"pgdata","mountPoint":"/data","serial":%d,"image":{"configDigest":"%s"}}' "$1" "$digest" |
		dmctl identity sign --key "$tap_dir/ops.key" --predicate - --subject "$digest" -o "$tap_dir/id.dsse"
}
need sign 3
jq -n --arg lun "$(lun 0)" '{apiVersion: "container-crypt/v1",
	signers: [{name: "ops", pemFile: "ops.pub", volumes: "pg*"}],
	agents: [{name: "host2", jwkFile: "two.jwk", volumes: "web"}],
	volumes: [{name: "pgdata", lun: $lun, owner: "70:70", mode: "0700", leaseMs: 120000, mountOptions: "noexec"}],
	identities: [{volume: "pgdata", envelopeFile: "id.dsse"}]}' >"$doc"

# ---- what would change ----
rows=$(dmctl audit ls --json | jq '.rows | length')
diff=$(apply --diff)
is "apply --diff exits with 1 when something would change" $? 1
is "apply --diff names each change, in its order" "$(cut -d: -f1 <<<"$diff" | xargs)" \
	"+ signer ops + agent host2 + volume pgdata + identity pgdata"
fails_with 8 'add --create-volumes' apply
is "nothing was changed by --diff, nor without --create-volumes" "$(dmctl audit ls --json | jq '.rows | length')" "$rows"
is "the LUN is still empty" "$(blkid -p -o value -s TYPE "$(lun 0)")" ""

# ---- brought about ----
ok "apply --create-volumes brings it about" apply --create-volumes
is "the volume has the terms of the document" "$(dmctl volume inspect pgdata --json | jq -c '[.state,.leaseMs,.mountOptions,.fs]')" \
	'["ready",120000,"noexec","ext4"]'
is "the LUN carries the volume" "$(blkid -p -o value -s UUID "$(lun 0)")" "$(dmctl volume inspect pgdata --json | jq -r .uuid)"
is "the signer is for the volumes of the document" "$(dmctl signer ls --json | jq -r '.signers[0].volumes')" 'pg*'
is "the agent is enrolled beside the host's own" "$(dmctl agents ls --json | jq -c '[.agents[].name]')" '["host2","tester"]'
not_ok "the private key of the agent's file is nowhere in keyd's database" grep -qr "$(jq -r .d "$tap_dir/two.jwk")" /var/lib/container-crypt
is "the identity is registered" "$(dmctl volume inspect pgdata --json | jq .identity.serial)" 3
before=$(sum "$(lun 0)")
rows=$(dmctl audit ls --json | jq '.rows | length')
is "applied again it says that there is nothing to change" "$(apply --create-volumes 2>&1)" 'dmctl: nothing to change'
ok "apply --diff exits with 0 then" apply --diff
is "applied again it left no row in the audit log" "$(dmctl audit ls --json | jq '.rows | length')" "$rows"
is "applied again it left the LUN as it was" "$(sum "$(lun 0)")" "$before"

# ---- in YAML ----
cat >"$tap_dir/state.yaml" <<'END'
# what is there already
apiVersion: container-crypt/v1
volumes:
  - name: pgdata
    leaseMs: 120000
signers:
  - { name: ops, pemFile: ops.pub, volumes: 'pg*' }
END
is "the same said in YAML changes nothing" "$(dmctl apply -f "$tap_dir/state.yaml" 2>&1)" 'dmctl: nothing to change'
printf 'apiVersion: container-crypt/v1\nvolumes: &all []\n' >"$tap_dir/anchor.yaml"
fails_with 10 'anchor.yaml:2:10: anchors' dmctl apply -f "$tap_dir/anchor.yaml"

# ---- exported ----
need dmctl export
dmctl export >"$tap_dir/exported.json"
ok "what export prints changes nothing when it is applied, pruned" dmctl apply --diff --prune -f "$tap_dir/exported.json"
is "what export prints has no private key and no volume key" "$(grep -cE 'PRIVATE|"d"|wrapped' "$tap_dir/exported.json")" 0
ok "export reads from stdin what it printed" sh -c 'dmctl export | dmctl apply --diff -f -'

# ---- changed ----
need sign 4
need say '.signers[0].volumes = "web,pg*" | .volumes[0].onRevoke = "freeze"'
out=$(apply)
is "a changed document changes what differs, in its order" "$(cut -d: -f1 <<<"$out" | xargs)" \
	"~ signer ops ~ volume pgdata + identity pgdata"
like "apply shows from what to what" "$out" 'onRevoke kill -> freeze'
is "the new identity is registered" "$(dmctl volume inspect pgdata --json | jq .identity.serial)" 4
need cp "$tap_dir/id.dsse" "$tap_dir/id4.dsse" # signed again it would be another one of that serial
need sign 2
fails_with 6 'identities\[0\]: serial 2' apply
need cp "$tap_dir/id4.dsse" "$tap_dir/id.dsse"

# ---- refused before anything is done ----
rows=$(dmctl audit ls --json | jq '.rows | length')
cp "$doc" "$tap_dir/good"
need say '.signers[0].volumes = "*" | .volumes[0].fs = "xfs"'
fails_with 9 'volumes\[0\].*cannot be changed' apply
cp "$tap_dir/good" "$doc"
need say '.volumes[0].lease = "10m"'
fails_with 10 'volumes\[0\]: unknown member "lease"' apply
cp "$tap_dir/good" "$doc"
is "a document that is refused changes nothing" "$(dmctl audit ls --json | jq '.rows | length')" "$rows"

# ---- half-way ----
need mkfs.ext4 -q -F "$(lun 1)"
cp "$doc" "$tap_dir/good"
need say --arg lun "$(lun 1)" '.agents[0].volumes = "*" | .volumes += [{name: "web", lun: $lun}]'
fails_with 4 'volume web.*signature of ext4' apply --create-volumes
wipefs -qa "$(lun 1)"
is "the change before the one that failed was made" "$(dmctl agents ls --json | jq -r '.agents[0].volumes')" '*'
ok "the same command makes the rest when the LUN is empty" apply --create-volumes

# ---- pruned ----
need say 'del(.agents) | .signers = [] | .volumes = [] | .identities = []'
ok "apply without --prune removes nothing" apply --diff
is "apply --prune removes what the sections do not name" "$(apply --prune | xargs)" "- identity pgdata - signer ops"
is "apply --prune never removes a volume, nor what an absent section would name" \
	"$(dmctl export | jq -c '[(.volumes[].name), (.agents[].name)]')" '["pgdata","web","host2","tester"]'
