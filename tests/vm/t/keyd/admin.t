#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# dmctl init, signer, agents, lease, audit: idempotent, readable, and refused to whoever is not root.
# vm: shared udev scsi=1 timeout=340

. ./lib.sh
. ./volume-lib.sh
plan 35

need keyd_setup
jwk=/etc/container-crypt/agent.jwk

# ---- init ----
is "the agent's key is root's alone" "$(stat -c '%a %U' $jwk)" "600 root"
is "the agent's key has the agent's name as kid" "$(jq -r .kid $jwk)" tester
before=$(sha256sum $jwk /etc/container-crypt/kek)
ok "init again changes nothing" dmctl init
is "init again makes neither key anew" "$(sha256sum $jwk /etc/container-crypt/kek)" "$before"
is "init prints the agent's name" "$(dmctl init 2>/dev/null)" tester
fails_with 9 'named tester already' dmctl init --name other
is "init --json prints the agent's name and that nothing was started" "$(dmctl init --json 2>/dev/null | jq -c '[.agent,.started]')" '["tester",false]'
like "init says what to start where there is no systemd" "$(dmctl init 2>&1)" 'no systemd.*keyd serve.*dmctl agent'

# ---- agents ----
is "agents ls shows the host's own agent" "$(dmctl agents ls --json | jq -c '[.agents[].name]')" '["tester"]'
jose jwk gen -i '{"alg":"ES256"}' -o "$tap_dir/two.jwk"
is "agents enroll prints the thumbprint" "$(dmctl agents enroll host2 "$tap_dir/two.jwk")" \
	"$(jose jwk thp -a S256 -i "$tap_dir/two.jwk")"
not_ok "a private key given to agents enroll is not kept" grep -qr "$(jq -r .d "$tap_dir/two.jwk")" /var/lib/container-crypt
like "agents ls shows both" "$(dmctl agents ls)" 'host2.*tester'
ok "enrolling the same key again is no error" dmctl agents enroll host2 "$tap_dir/two.jwk"
jose jwk gen -i '{"alg":"ES256"}' -o "$tap_dir/three.jwk"
fails_with 9 'host2' dmctl agents enroll host2 "$tap_dir/three.jwk"
ok "agents rm removes an agent" dmctl agents rm host2
fails_with 8 'host2' dmctl agents rm host2
jose jwk gen -i '{"kty":"RSA","bits":2048}' -o "$tap_dir/rsa.jwk"
fails_with 10 '' dmctl agents enroll host3 "$tap_dir/rsa.jwk"

# ---- signers ----
openssl genpkey -algorithm rsa -pkeyopt rsa_keygen_bits:2048 2>/dev/null |
	openssl pkey -pubout >"$tap_dir/rsa.pub"
fails_with 10 'rsa.pub' dmctl signer add rsa "$tap_dir/rsa.pub"
fails_with 8 'nosuch' dmctl signer rm nosuch
is "signer ls of no signer is its heading" "$(dmctl signer ls)" "NAME  KEY"

# ---- leases, audit ----
is "lease ls --json of no lease is an empty list" "$(dmctl lease ls --json)" "$(printf '{\n  "leases": []\n}')"
fails_with 8 'lease' dmctl lease revoke 3e2c5a0e-7d1b-4c55-9b6f-0a1b2c3d4e5f
like "audit verify finds the chain unbroken" "$(dmctl audit verify)" '^[0-9]+ rows, the chain is intact, last hash [0-9a-f]{64}, signed by key [0-9a-f]{64}$'
dmctl audit verify --json >"$tap_dir/head.json"
rows=$(jq .rows "$tap_dir/head.json")
ok "audit verify takes the key that it has printed, and the head that was kept" \
	dmctl audit verify --key "$(jq -r .signed.key "$tap_dir/head.json")" --head "$tap_dir/head.json"
fails_with 10 'signed by key' dmctl audit verify --key "$(printf %064d 0)"
jq '.signed.seq -= 1' "$tap_dir/head.json" >"$tap_dir/forged.json"
fails_with 10 'signature' dmctl audit verify --head "$tap_dir/forged.json"
fails_with 1 '64' dmctl audit verify --key abc
is "audit ls shows every row" "$(dmctl audit ls --json | jq '.rows | length')" "$rows"
is "audit ls --after shows later rows only" "$(dmctl audit ls --json --after $((rows - 1)) | jq -c '[.rows[].seq]')" "[$rows]"
like "audit ls shows refusals, too" "$(dmctl audit ls)" 'refuse|error'
sqlite3 -cmd '.timeout 5000' /var/lib/container-crypt/keyd/keyd.db \
	'DROP TRIGGER IF EXISTS audit_no_update; UPDATE audit SET agent = "nobody" WHERE seq = 2' 2>"$tap_dir/sql"
if [ -s "$tap_dir/sql" ]; then diag "$(<"$tap_dir/sql")"; fi
fails_with 10 'row 2' dmctl audit verify

# ---- who may ----
fails_with 2 'try as root' setpriv --reuid 65534 --clear-groups dmctl volume ls
fails_with 2 'root' setpriv --reuid 65534 --clear-groups dmctl init
ok "help needs no root" setpriv --reuid 65534 --clear-groups dmctl volume create --help
fails_with 7 'agent does not answer' dmctl ps
