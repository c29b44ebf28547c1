#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# keyd's exchange with an agent and a signer that share no code with it: the key comes out for the right evidence
# only, and nowhere else.
# vm: shared timeout=400

. ./lib.sh
. ./keyd-lib.sh
plan 62

need ready_world

# ---- the key ----

release release >/dev/null
is "right evidence gets an answer" "$(http)" 200
key=$(volume_key)
like "the answer to right evidence has a key of 64 bytes" "$key" '^[0-9a-f]{128}$'
is "the answer's mount point comes from the identity" "$(jq -c .mount "$kd/answer")" '{"point":"/data","readOnly":false}'
is "the first lease has fence 1" "$(jq .lease.fence "$kd/answer")" 1
lease=$(jq -r .lease.id "$kd/answer")
release release >/dev/null
is "the same container gets the same key" "$(volume_key)" "$key"
is "the same container gets the same lease" "$(jq -r .lease.id "$kd/answer")" "$lease"

# ---- refusals ----

one_time_key
jws=$(evidence release "$(challenge)")
send_release "$jws" >/dev/null
send_release "$jws" >/dev/null
is "replayed evidence is refused" "$(refusal)" "403 refused nonce"
one_time_key
send_release "$(evidence release AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA)" >/dev/null
is "evidence with a nonce keyd never gave is refused" "$(refusal)" "403 refused nonce"
one_time_key
jws=$(evidence release "$(challenge)")
one_time_key
send_release "$jws" >/dev/null
is "evidence for another recipient's key is refused" "$(refusal)" "403 refused recipient"
release release '.aud = "production"' >/dev/null
is "evidence for another keyd is refused" "$(refusal)" "403 refused audience"
release release '.channel = .cnf.jkt' >/dev/null
is "evidence of another connection is refused" "$(refusal)" "403 refused channel"
release release '.iss = "host2"' >/dev/null
is "evidence whose issuer is not its signer is refused" "$(refusal)" "400 invalid evidence"
release release '.volume = "0a000000-0000-4000-8000-00000000ffff"' >/dev/null
is "evidence for an unknown volume is refused" "$(refusal)" "404 not-found volume"
release release '.measurement.config.args = ["/bin/sh"]' >/dev/null
is "evidence of other arguments is refused" "$(refusal)" "403 refused args"
like "the refusal of other arguments has what was wanted and what was found" "$(jq -r .error.message "$kd/answer")" '/app.*argv\[0\] is another'
release release ".measurement.image.id = \"$manifest\"" >/dev/null
is "evidence of another image is refused" "$(refusal)" "403 refused image"
release release '.measurement.config.mounts = [{destination:"/app", type:"bind", source:"/tmp/x", options:["rbind"],
	engine:false}]' >/dev/null
is "evidence of an extra mount is refused" "$(refusal)" "403 refused mounts"
release release '.measurement.config.capabilities = ["CAP_SYS_ADMIN"]' >/dev/null
is "evidence of a capability too many is refused" "$(refusal)" "403 refused capabilities"
release release '.measurement.config.namespaces.pid = "host"' >/dev/null
is "evidence of a shared namespace is refused" "$(refusal)" "403 refused namespaces"
release release '.measurement.config.privileged = true' >/dev/null
is "evidence of a privileged container is refused" "$(refusal)" "403 refused privileged"
release release '.more = 1' >/dev/null
is "evidence with an unknown claim is refused" "$(refusal)" "400 invalid evidence"
release release ".measurement.container.id = \"$(printf 'd%.0s' {1..64})\"" >/dev/null
is "another container is refused while the volume is leased" "$(refusal)" "409 busy lease"
release format >/dev/null
is "the key to format a volume that is in use is refused" "$(refusal)" "403 refused state"
jose jwk gen -i '{"alg":"ES256"}' | jq -c '{kty,crv,x,y,d}' >"$kd/mallory.jwk"
agent_key=$kd/mallory.jwk release release >/dev/null
is "evidence signed with a key that is not the agent's is refused" "$(refusal)" "403 refused signature"
api POST /v1/release '{"evidence":"x","evidence":"y","recipient":{}}' >/dev/null
is "evidence with duplicate JSON keys is refused" "$(http)" 400
identity 4 | dsse ci | jq -c '.payload |= (@base64d | sub("/data"; "/root") | @base64)' >"$kd/env"
api POST /v1/identities "$(jq -Rc '{envelope:.}' "$kd/env")" >/dev/null
is "an identity that was changed is refused" "$(refusal)" "403 refused signature"
signer_new mallory
identity_add mallory 4 >/dev/null
is "an identity of an unknown signer is refused" "$(refusal)" "403 refused signature"
identity_add ci 2 >/dev/null
is "an older identity is refused" "$(refusal)" "403 refused serial"
api DELETE /v1/volumes/pgdata >/dev/null
is "a volume that is leased is not deleted" "$(refusal)" "409 busy lease"
api DELETE /v1/identities/pgdata >/dev/null
release release >/dev/null
is "evidence for a revoked identity is refused" "$(refusal)" "403 refused identity"
identity_add ci 3 >/dev/null
is "a revoked identity does not come back with its old serial" "$(refusal)" "403 refused serial"
identity_add ci 4 >/dev/null
# another enrolment waits for its end below: a short one
give_back "$lease" >/dev/null
is "a lease that its holder returns is gone at once" "$(http) $(api GET /v1/leases | jq -c .leases)" '200 []'
api POST /v1/volumes/pgdata/set '{"leaseMs":10000}' >/dev/null
release release >/dev/null
lease=$(jq -r .lease.id "$kd/answer")
api POST /v1/volumes/pgdata/set '{"leaseMs":600000}' >/dev/null
api POST "/v1/leases/$lease/return" '{}' >/dev/null
is "a return without evidence is refused" "$(refusal)" "403 refused evidence"
api DELETE /v1/agents/host1 >/dev/null
release release >/dev/null
is "evidence of an agent that was removed is refused" "$(refusal)" "403 refused agent"
api POST /v1/agents "$(jq -c '{name:"host1", jwk:{kty,crv,x,y}}' "$kd/agent.jwk")" >/dev/null
refusals=$(sqlite3 -readonly "$kd/state/keyd.db" "SELECT count(*) FROM audit WHERE outcome = 'refuse'")
is "each refusal of an agent that proved itself left a row in the audit log, with its fact" "$refusals" \
	"$(sqlite3 -readonly "$kd/state/keyd.db" "SELECT count(*) FROM audit WHERE outcome = 'refuse' AND fact <> ''")"
ok "the audit log has fifteen refusals and more" test "$refusals" -ge 15
ok "those of nobody knows whom are counted, and leave no row" \
	test "$(api GET /metrics | awk '$1 == "container_crypt_unverified_total" {print $2}')" -ge 8
is "none of the refused got a key" "$(sqlite3 -readonly "$kd/state/keyd.db" \
	"SELECT count(*) FROM audit WHERE event = 'release' AND outcome = 'allow'")" 4

# ---- an agent of the same name ----

release release >/dev/null
is "an agent that is enrolled anew waits for the lease of the one before" "$(refusal)" "409 busy lease"
give_back "$lease" >/dev/null
is "an agent that is enrolled anew cannot return the lease of the one before" "$(refusal)" "403 refused lease"
released() { release release >/dev/null && [ "$(http)" = 200 ]; }
ok "an agent enrolled again gets a release when the lease of the one before is over" wait_for 30 released
is "an agent enrolled again gets the same key" "$(volume_key)" "$key"

# ---- restart ----

api GET /v1/leases | jq -c 'del(.leases[].leftMs)' >"$kd/leases"
need keyd_stop
need keyd_start
is "leases survive a restart" "$(api GET /v1/leases | jq -c 'del(.leases[].leftMs)')" "$(cat "$kd/leases")"
release release >/dev/null
is "the key is the same after a restart of keyd" "$(volume_key)" "$key"
boot=b0000000-0000-4000-8000-000000000001
release release ".measurement.container.id = \"$(printf 'd%.0s' {1..64})\"" >/dev/null
is "after a boot of its host the agent's own lease gives way" "$(http)" 200
is "a lease after a boot has a higher fence" "$(jq .lease.fence "$kd/answer")" 4
give_back "$(jq -r .lease.id "$kd/answer")" >/dev/null
is "a lease that is returned is gone" "$(api GET /v1/leases | jq -c .leases)" '[]'

# ---- where keys are not ----

one_time_key
jws=$(evidence release "$(challenge)")
front=$(front_pid)
need send_release "$jws"
is "a key is released right before the search of memory" "$(volume_key)" "$key"
kek=$(xxd -p -c 64 "$kd/kek")
ok "the search finds the KEK in the custodian" in_memory "$keyd_pid" "$kek"
not_ok "the KEK is not in the front" in_memory "$front" "$kek"
not_ok "the volume's key is not in the front" in_memory "$front" "$key"
not_ok "the custodian has forgotten the volume's key" in_memory "$keyd_pid" "$key"
for secret in key kek; do
	not_ok "the $secret is not in the database" in_files "${!secret}" "$kd/state"
	not_ok "the $secret is not in the log" in_files "${!secret}" "$kd/log"
	not_ok "the $secret is not in environ or cmdline" in_files "${!secret}" \
		"/proc/$keyd_pid/environ" "/proc/$keyd_pid/cmdline" "/proc/$front/environ" \
		"/proc/$front/cmdline"
	not_ok "the $secret is not in the kernel's log" grep -qiF "${!secret:0:32}" <(kernel_log)
done
kill -SEGV "$keyd_pid"
keyd_end
is "a crash leaves no core file" "$(find "$kd" "$PWD" -name 'core*')" ""
need keyd_start
need keyd_stop
ok "the log and the chain are in order" keyd_check
