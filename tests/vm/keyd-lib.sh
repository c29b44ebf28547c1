# shellcheck shell=bash disable=SC2120,SC2154
# SPDX-License-Identifier: Apache-2.0
#
# For the tests of keyd, after lib.sh: a keyd of our own in $kd, and an agent and a signer made of curl, jose,
# openssl and jq only, so that keyd meets an implementation that is not its own.

export LC_ALL=C
keyd=/usr/libexec/container-crypt/keyd
kd=$tap_dir/keyd
sock=$kd/run/keyd.sock
keyd_pid=
uuid=0a000000-0000-4000-8000-000000000001
boot=$(cat /proc/sys/kernel/random/boot_id)
container=$(printf 'c%.0s' {1..64})
image=sha256:$(printf '1%.0s' {1..64})
manifest=sha256:$(printf '2%.0s' {1..64})

mkdir -p "$kd"
cleanup keyd_kill

# ---- the daemon ----

keyd_init() {
	jose jwk gen -i '{"alg":"ES256"}' | jq -c '{kty,crv,x,y,d,kid:"host1"}' >"$kd/agent.jwk"
	"$keyd" init --state-dir "$kd/state" --kek "$kd/kek" --realm testing --agent "$kd/agent.jwk" "$@"
}

# keyd_start [OPTION...]: serves in the background, returns when it does
keyd_start() {
	"$keyd" serve --socket "$sock" --state-dir "$kd/state" --kek "$kd/kek" "$@" >>"$kd/log" 2>&1 &
	keyd_pid=$!
	wait_for 20 serving
}

keyd_check() { "$keyd" check --state-dir "$kd/state" --kek "$kd/kek" "$@"; }

# keyd_edit SQL: changes the database behind keyd's back, but with the key-encryption key
keyd_edit() { "${keyd%/*}/keydtool" "$kd/state" "$kd/kek" sql "$1"; }

serving() { kill -0 "$keyd_pid" && curl -sf --max-time 5 --unix-socket "$sock" http://keyd/healthz; }
front_pid() { pgrep -P "$keyd_pid"; }

# keyd_end: waits for its end; its status
keyd_end() {
	local status

	wait "$keyd_pid"
	status=$?
	keyd_pid=
	return $status
}

keyd_stop() { kill -TERM "$keyd_pid" && keyd_end; }
keyd_kill() { [ -z "$keyd_pid" ] || kill -KILL "$keyd_pid"; }

# ---- the API ----

# api METHOD PATH [JSON]: prints the answer; its status is left in $kd/http
api() {
	curl -s --max-time 20 --unix-socket "$sock" -X "$1" ${3+-H 'Content-Type: application/json'} \
		${3+--data-binary "$3"} -o "$kd/answer" -w '%{http_code}' "http://keyd$2" >"$kd/http"
	cat "$kd/answer"
}

http() { cat "$kd/http"; }

# refusal: "<status> <code> <fact>" of the last answer
refusal() { echo "$(http) $(jq -r '.error | "\(.code) \(.fact)"' "$kd/answer")"; }

volume() { # NAME UUID
	api POST /v1/volumes "$(jq -nc --arg n "$1" --arg u "$2" '{name:$n, uuid:$u,
		cipher:"aes-xts-plain64", keyBytes:64, sectorSize:4096, offset:65536, sectors:131072, fs:"ext4"}')"
}

# ---- the signer ----

signer_new() { openssl ecparam -name prime256v1 -genkey -noout -out "$kd/$1.pem"; }

signer_add() {
	api POST /v1/signers "$(openssl ec -in "$kd/$1.pem" -pubout 2>/dev/null |
		jq -Rsc --arg n "$1" '{name:$n, pem:.}')"
}

# identity SERIAL [JQ FILTER]: the statement for volume pgdata
identity() {
	jq -nc --argjson s "$1" --arg i "$image" --arg m "${manifest#sha256:}" '{
		_type:"https://in-toto.io/Statement/v0.1", predicateType:"urn:container-crypt:identity:v1",
		subject:[{name:"registry/app", digest:{sha256:$m}}],
		predicate:{volume:"pgdata", mountPoint:"/data", serial:$s, image:{configDigest:$i}}}'" | ${2:-.}"
}

# dsse SIGNER <payload >envelope, by the text of the DSSE protocol
dsse() {
	local type=application/vnd.in-toto+json payload sig

	payload=$(cat)
	sig=$(printf 'DSSEv1 %d %s %d %s' ${#type} $type ${#payload} "$payload" |
		openssl dgst -sha256 -sign "$kd/$1.pem" | base64 -w0)
	jq -nc --arg t $type --arg p "$(printf %s "$payload" | base64 -w0)" --arg s "$sig" \
		'{payloadType:$t, payload:$p, signatures:[{keyid:"", sig:$s}]}'
}

identity_add() { # SIGNER SERIAL [JQ FILTER]
	api POST /v1/identities "$(identity "$2" "${3-}" | dsse "$1" | jq -Rc '{envelope:.}')"
}

# ---- the agent ----

measurement() {
	jq -nc --arg c "$container" --arg i "$image" --arg m "$manifest" '
		{uid:0, gid:0, additionalGids:[]} as $user |
		{engine:"docker", state:"created", container:{id:$c, name:"app"},
		 process:{pid:4242, startTime:1000, cgroupId:77},
		 image:{id:$i, manifests:[$m], ref:"registry/app:1", args:["/app"], env:[], cwd:"/", user:$user},
		 config:{args:["/app"], env:[], cwd:"/", user:$user, capabilities:[], noNewPrivileges:false,
			 readonlyRootfs:false, seccomp:$m, mounts:[], devices:[], hooks:[], settings:[], privileged:false,
			 namespaces:{cgroup:"private", ipc:"private", mnt:"private", net:"private",
				     pid:"private", uts:"private"}},
		 rootfs:{upper:"clean", firstStart:true}}'
}

challenge() { api POST /v1/challenge '{}' | jq -r .nonce; }

one_time_key() { jose jwk gen -i '{"kty":"EC","crv":"P-256"}' | jq -c '{kty,crv,x,y,d}' >"$kd/one.jwk"; }

# evidence OP NONCE [JQ FILTER]: the JWS over the one-time key in $kd/one.jwk
evidence() {
	local jkt measured=null

	[ "$1" != release ] || measured=$(measurement)
	jkt=$(jose jwk thp -a S256 -i "$kd/one.jwk")
	jq -nc --arg o "$1" --arg n "$2" --arg j "$jkt" --arg b "$boot" --arg u "$uuid" \
		--argjson m "$measured" --argjson t "$(date +%s)" '
		{eat_nonce:$n, aud:"testing", iss:"host1", iat:$t, boot_id:$b, op:$o, volume:$u,
		 cnf:{jkt:$j}, channel:"unix"} + (if $m then {measurement:$m} else {} end)
		'" | ${3:-.}" >"$kd/claims"
	jose jws sig -I "$kd/claims" -k "${agent_key:-$kd/agent.jwk}" -c -o - -s \
		'{"protected":{"alg":"ES256","typ":"container-crypt-evidence+jwt","kid":"host1"}}'
}

# send_release JWS
send_release() {
	api POST /v1/release "$(jq -c --arg e "$1" '{evidence:$e, recipient:{kty,crv,x,y}}' "$kd/one.jwk")"
}

# release OP [JQ FILTER]: challenge to answer
release() {
	one_time_key
	send_release "$(evidence "$1" "$(challenge)" "${2-}")"
}

# volume_key: of the last answer, in hex
volume_key() {
	jq -rj .jwe "$kd/answer" >"$kd/jwe"
	jose jwe dec -i "$kd/jwe" -k "$kd/one.jwk" -O - | xxd -p -c 128
}

# ready_world: daemon serving, signer ci, volume pgdata with its identity, serial 3
ready_world() {
	keyd_init && keyd_start && signer_new ci && signer_add ci && volume pgdata $uuid &&
		api POST /v1/volumes/pgdata/ready '{}' && identity_add ci 3 && [ "$(http)" = 200 ]
}

# ---- looking for secrets ----

# pattern HEX: a grep -P pattern for a part of it that is on one line, whatever the secret's bytes
pattern() {
	local bytes=$1 run

	run=$(fold -w2 <<<"$bytes" | tr '\n' ' ' | sed 's/0a /\n/g' | awk 'length > n {n = length; m = $0} END {print m}')
	sed 's/ *$//; s/ /\\x/g; s/^/\\x/' <<<"$run"
}

# in_memory PID HEX: the secret is in the memory of the process
in_memory() {
	local pid=$1 pat range rest from to

	pat=$(pattern "$2")
	while read -r range rest; do
		case $rest in r*) ;; *) continue ;; esac
		case $rest in *"[v"*) continue ;; esac
		from=$((16#${range%-*} / 4096)) to=$((16#${range#*-} / 4096))
		dd if="/proc/$pid/mem" bs=4096 skip=$from count=$((to - from)) 2>/dev/null |
			grep -qaP "$pat" && return 0
	done <"/proc/$pid/maps"
	return 1
}

# in_files HEX PATH...: the secret, its hex or its base64 is in one of the files
in_files() {
	local hex=$1 b64 b64u

	shift
	b64=$(xxd -r -p <<<"$hex" | base64 -w0)
	b64u=$(tr '+/' '-_' <<<"${b64:0:40}")
	grep -rqaP "$(pattern "$hex")" "$@" || grep -rqaiF -e "$hex" -e "${b64:0:40}" -e "$b64u" "$@"
}
