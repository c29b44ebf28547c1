# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# For the tests of volumes and identities: keyd without an agent, and a way to the volume key that no
# program of the project has. Use after lib.sh.

# shellcheck source=tests/vm/bind-lib.sh
. ./bind-lib.sh

# keyd_setup: a new keyd, realm "test"
keyd_setup() {
	modprobe dm-container-crypt
	cleanup forget_host
	dmctl init --realm test --name tester >"$tap_dir/init" 2>&1 || { cat "$tap_dir/init"; return 1; }
	cleanup stop_keyd
	start_keyd
}

stop_keyd() {
	[ $tap_failed = 0 ] || tail -n 40 "$tap_dir/keyd.log" | sed 's/^/# keyd: /' >&3
	kill "$keyd_pid"
	wait "$keyd_pid"
}

post() { curl -sS --unix-socket $sock/keyd.sock -H 'Content-Type: application/json' -d @- "http://keyd$1"; }

# keyd_edit WORD...: changes keyd's database behind its back, but with its key-encryption key
keyd_edit() { /usr/libexec/container-crypt/keydtool /var/lib/container-crypt/keyd /etc/container-crypt/kek "$@"; }
set_ready() { keyd_edit set-ready "$@"; } # VOLUME 0|1 [AGENT]

# release_key VOLUME FILE: the volume key as keyd releases it for formatting, got with jose(1) alone:
# what docs/api.md says is all one needs to know
release_key() {
	local volume=$1 file=$2 uuid challenge claims d=$tap_dir/release

	mkdir -p "$d"
	uuid=$(dmctl volume inspect --json "$volume" | jq -r .uuid) || return 1
	set_ready "$volume" 0 tester || return 1
	challenge=$(echo '{}' | post /v1/challenge)
	jose jwk gen -i '{"kty":"EC","crv":"P-256"}' -o "$d/once.jwk"
	claims=$(jq -c --arg uuid "$uuid" --arg jkt "$(jose jwk thp -a S256 -i "$d/once.jwk")" \
		--arg boot "$(cat /proc/sys/kernel/random/boot_id)" --argjson now "$(date +%s)" \
		'{eat_nonce: .nonce, aud, iss: "tester", iat: $now, boot_id: $boot, op: "format", volume: $uuid,
		  cnf: {jkt: $jkt}, channel: "unix"}' <<<"$challenge")
	printf %s "$claims" >"$d/claims"
	jose jws sig -c -I "$d/claims" -k /etc/container-crypt/agent.jwk -o "$d/jws" \
		-s '{"protected":{"alg":"ES256","typ":"container-crypt-evidence+jwt","kid":"tester"}}' || return 1
	jq -cn --rawfile jws "$d/jws" --argjson once "$(jose jwk pub -i "$d/once.jwk")" \
		'{evidence: ($jws | rtrimstr("\n")), recipient: $once}' | post /v1/release >"$d/answer"
	set_ready "$volume" 1
	jq -rje .jwe "$d/answer" >"$d/jwe" || { cat "$d/answer"; return 1; }
	jose jwe dec -i "$d/jwe" -k "$d/once.jwk" -O "$file"
}

# clean FS DEVICE: fsck finds nothing to do
clean() {
	case $1 in
	ext4) e2fsck -fn "$2" ;;
	xfs) xfs_repair -n "$2" ;;
	esac
}

# sum DEVICE: a checksum of all of it, read from the device itself
sum() {
	blockdev --flushbufs "$1"
	sha256sum <"$1"
}
