#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The errors a newcomer meets first, in the order of the README: each is one line that says what is wrong and what
# to do next.
# vm: shared udev docker scsi=2 timeout=410 long

. ./lib.sh
. ./bind-lib.sh
plan 24

# first STATUS FACT NEXT COMMAND...: dmctl says fact and next step in one line, nothing else, and fails with STATUS
first() {
	local status=$1 fact=$2 next=$3 got text

	shift 3
	text=$("$@" 2>&1)
	got=$?
	printf '%s\nexit status %s\n' "$text" "$got" >"$tap_dir/out"
	[ $got = "$status" ] && [ "$(wc -l <<<"$text")" = 1 ] && [[ $text == "dmctl"*"$fact"*"$next"* ]]
	report $? "$fact: $next" "$tap_dir/out"
}
# engine FACT NEXT OPTION...: what docker run shows of our refusal
engine() {
	local fact=$1 next=$2 text

	shift 2
	text=$(docker run --rm --network none "$@" 2>&1)
	printf '%s\nexit status %s\n' "$text" "$?" >"$tap_dir/out"
	grep -q "container-crypt.*$fact.*$next" "$tap_dir/out"
	report $? "docker run: $fact: $next" "$tap_dir/out"
}
someone() { setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }

cleanup forget_host

# before dmctl init
first 1 'there is no "volume crate"' 'did you mean "dmctl volume create"' dmctl volume crate pgdata /dev/sda
first 1 'NAME is missing' 'see "dmctl volume create --help"' dmctl volume create
first 7 'keyd does not answer' 'set it up with "dmctl init"' dmctl volume create pgdata "$(lun 0)"
first 7 'the agent does not answer' 'start it with "systemctl start container-crypt-agent"' dmctl ps
first 2 'this needs root' 'sudo' someone dmctl init --realm test
like "dmctl doctor says where to begin" "$(dmctl doctor 2>&1 | grep -A1 '^FAIL  keyd')" '-> dmctl init'

# the volume
need dmctl init --realm test
cleanup kill_daemons
need start_keyd
first 2 'this user has no access to' 'try as root' someone dmctl volume ls
first 1 '"PgData" is not a name of a volume' '2 to 63 characters a-z 0-9' dmctl volume create PgData "$(lun 0)"
first 4 '/dev/nowhere does not exist' 'see "lsblk"' dmctl volume create pgdata /dev/nowhere
rmmod dm-container-crypt 2>/dev/null
module=$(modinfo -n dm-container-crypt)
need mv "$module" "$module.away"
first 4 'the kernel has no target container-crypt' 'install the module dm-container-crypt' dmctl volume create pgdata "$(lun 0)"
need mv "$module.away" "$module"
need start_agent
need mkfs.ext4 -q -F "$(lun 0)"
first 4 'carries a signature of ext4' 'add --wipe-signature ext4' dmctl volume create pgdata "$(lun 0)"
wipefs -qa "$(lun 0)"
need dmctl volume create vol "$(lun 0)"
first 9 'volume vol exists already' 'choose another name' dmctl volume create vol "$(lun 1)"

# the identity
need tiny_image docker app:1 /bin/sh -c "$app"
openssl genpkey -algorithm ed25519 -out "$tap_dir/ops.key"
openssl pkey -in "$tap_dir/ops.key" -pubout -out "$tap_dir/ops.pub"
predicate() {
	jq -n --arg d "$(image_id docker app:1)" \
		'{volume: "vol", mountPoint: "/data", serial: 1, image: {configDigest: $d}} | '"$1" >"$tap_dir/p.json"
}
sign() {
	dmctl identity sign --key "$tap_dir/ops.key" --predicate "$tap_dir/p.json" \
		--subject "$(image_id docker app:1)" --name app -o "$tap_dir/i.dsse"
}
need predicate .
chmod 644 "$tap_dir/ops.key"
first 2 'ops.key can be read by others' 'chmod 600 it first' sign
chmod 600 "$tap_dir/ops.key"
need predicate 'del(.serial)'
first 10 '"serial"' 'missing' sign
need predicate .
need sign
first 6 'no enrolled signer signed this identity' 'enrol its key ("dmctl signer add")' dmctl identity add "$tap_dir/i.dsse"
engine 'volume vol has no identity' 'dmctl identity add' --device container-crypt/volume=vol app:1
need dmctl signer add ops "$tap_dir/ops.pub"
need dmctl identity add "$tap_dir/i.dsse"

# the container
first 8 'container nothing' 'see "docker ps -a"' dmctl bind vol nothing
engine '/volume=pgdata' '' --device container-crypt/volume=pgdata app:1
engine 'args: identity wants' 'container has' --device container-crypt/volume=vol app:1 more
stop "$agent_pid"
engine 'the agent does not answer' 'start it with .*systemctl start container-crypt-agent' \
	--device container-crypt/volume=vol app:1
need start_agent
ok "a container with the right identity runs after all these errors" run_app docker app:1
first 8 'there is no volume nothing' 'see "dmctl volume ls"' dmctl bind nothing app
engine 'bound to container app' 'dmctl unbind vol' --device container-crypt/volume=vol app:1
is "dmctl ps fits 80 columns" "$(dmctl ps | awk 'length > 80')" ""
