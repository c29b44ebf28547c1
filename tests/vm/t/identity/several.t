#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A service goes through its versions and back again: each version is an identity for two platforms' images, signed once, its
# floor the version before. What runs goes on when the next identity is added, any version from the floor up starts without
# a new signature, nothing starts below it. A moved floor stops an old version within seconds; one that is drained goes on
# and is not started again, one that is revoked ends; and what the host says of that is what keyd does.
# vm: udev docker scsi=1 mem=3072 timeout=7200 long

. ./lib.sh
. ./bind-lib.sh
. ./lease-lib.sh
plan 25

rounds=${ROUNDS-100}
kept=4 # images of each platform: version N runs that of N modulo 4

declare -A config
# images: app:N-a and app:N-b are version N for two platforms: the same program, another configuration
images() {
	local n p

	for ((n = 0; n < kept; n++)); do
		for p in a b; do
			tiny_image docker "app:$n-$p" /bin/sh -c "$writer" "$n" "$p" || return 1
			config[$n-$p]=$(image_id docker "app:$n-$p")
		done
	done
}
# image VERSION PLATFORM
image() { echo "app:$(($1 % kept))-$2"; }
# version SERIAL [FLOOR]: its identity is signed and added
version() {
	local n=$(($1 % kept))

	jq -n --argjson s "$1" --argjson f "${2-null}" --arg a "${config[$n-a]}" --arg b "${config[$n-b]}" \
		'{volume: "vol", mountPoint: "/data", serial: $s, image: {configDigest: [$a, $b]}} |
		 if $f then .floor = $f else . end' >"$tap_dir/p.json" &&
		dmctl identity sign --key "$tap_dir/ops.key" --predicate "$tap_dir/p.json" --subject "${config[$n-a]}" \
			--name test/app -o "$tap_dir/p.dsse" && dmctl identity add "$tap_dir/p.dsse"
}
serial_of_lease() { dmctl lease ls --json | jq -r '.leases[0].serial'; }
process() { docker inspect -f '{{.State.Running}} {{.State.Pid}}' app; }
end() { docker rm -f app && wait_for 30 leaves_nothing; }
speaks() { [ "$(docker logs app 2>/dev/null)" ]; }
# starts VERSION PLATFORM: it is let in as that version, and runs; only from then on it is not looked at any more
starts() {
	run_app docker "$(image "$1" "$2")" && [ "$(serial_of_lease)" = "$1" ] && wait_for 40 speaks
}
# not_below VERSION PLATFORM: it is not let in
not_below() {
	local text

	text=$(timeout 60 docker run --rm --name below --network none --device container-crypt/volume=vol \
		"$(image "$1" "$2")" 2>&1) && return 1
	echo "$text"
	[[ $text == *"container-crypt: "*"image: identity wants one of"* ]]
}
# renewed_by COMMAND...: it makes keyd call for a renewal; the container in between is the same
renewed_by() {
	local was pid

	was=$(renewals) pid=$(process)
	"$@" && wait_for 40 renewed $((was + 1)) && [ "$(process)" = "$pid" ]
}
refusals() { dmctl audit ls --json | jq --arg e "$1" '[.rows[] | select(.event == $e and .outcome == "refuse")] | length'; }
# ended_within SECONDS COMMAND...: the container is killed so soon after the command was begun; $took: in ms
ended_within() {
	local seconds=$1 from

	from=$(uptime_ms)
	shift
	"$@" && wait_for "$seconds" container_is exited || return 1
	took=$(($(uptime_ms) - from))
	[ $took -le $((seconds * 1000 * ${CC_SLOW:-1})) ] || { echo "after $took ms"; return 1; }
}
took='too many'

# An hour: nothing here is due to a lease that ends.
need host_setup
need dmctl volume create vol "$(lun 0)" --lease 1h
need wait_for 10 test -e /var/run/cdi/container-crypt-vol.json
need images
need version 1 1
need version 2 1
need version 3 2
need starts 2 a

# ---- upgrades and rollbacks ----
# counted NAME COMMAND...: one more of those that went as they should
declare -A good
counted() {
	local name=$1

	shift
	if "$@" >"$tap_dir/why" 2>&1; then
		good[$name]=$((${good[$name]-0} + 1))
	else
		diag "round $r: $*: $(<"$tap_dir/why")"
	fi
}
platforms=(a b)
for ((r = 1; r <= rounds; r++)); do
	new=$((r + 3)) p=${platforms[r % 2]} q=${platforms[(r + 1) % 2]}
	counted went_on renewed_by version $new $((new - 2))
	counted ended end
	counted stayed_out not_below $((new - 3)) "$p"
	counted upgraded starts $new "$p"
	counted ended end
	counted rolled_back starts $((new - 1)) "$q"
	[ $((r % 5)) != 0 ] || diag "round $r of $rounds"
done
is "of a running version every renewal goes on when the next one is added, its process the same" "${good[went_on]-0}" "$rounds"
is "every upgrade starts, on either platform, and its lease is under the new serial" "${good[upgraded]-0}" "$rounds"
is "every rollback starts without a new signature, and its lease is under the old serial" "${good[rolled_back]-0}" "$rounds"
is "every start below the floor is refused" "${good[stayed_out]-0}" "$rounds"
is "no renewal was refused in all the upgrades and rollbacks" "$(refusals renew)" 0
is "of all the starts only those below the floor were refused" "$(refusals release)" "$rounds"
ok "after all the upgrades and rollbacks the version that was rolled back to works" counts_on

# ---- a moved floor ----
# running: new - 1, of floor new - 2
was=$(refusals renew)
ok "a moved floor ends what runs below it within 5 s" ended_within 5 version $((new + 1)) $((new + 1))
diag "a moved floor: signed, added and the container killed within $took ms"
is "the audit log has one refused renewal after the floor was moved" "$(refusals renew)" $((was + 1))
is "the refusal of what runs below a moved floor names the serial" \
	"$(dmctl audit ls --json | jq -r '[.rows[] | select(.event == "renew" and .outcome == "refuse")][-1].fact')" serial
need docker rm -f app
ok "what ended below a moved floor leaves nothing" wait_for 30 leaves_nothing
ok "what was rolled back to before does not start below the moved floor" not_below $((new - 1)) a
new=$((new + 1))
ok "the version of the moved floor starts" starts $new b

# ---- without a floor ----
ok "what runs goes on when a version without a floor is added" renewed_by version $((new + 1))
need end
ok "beside a newest version without a floor no other one starts" not_below $new a
new=$((new + 1))
need version $((new + 1)) $new
new=$((new + 1))

# ---- drained ----
need starts $new a
ok "what runs with a drained identity goes on" renewed_by dmctl identity drain vol $new
ok "what runs with a drained identity works" counts_on
need end
ok "a drained identity starts nothing" not_below $new a
is "beside a drained newest identity, that is shown with which a container starts" \
	"$(dmctl identity show --json vol | jq -c '[.serial, .starts, .next]')" "[$((new - 1)),true,null]"
need docker run -d --name plain --read-only --network none "$(image $((new - 1)) b)"
is "a dry run says with which of several identities a container would be let in" \
	"$(dmctl --json bind --dry-run vol plain | jq -c '[.ok, .identity.serial]')" "[true,$((new - 1))]"
need docker rm -f plain
need docker run -d --name plain --read-only --network none "$(image $new a)"
fails_as "a dry run of what only a drained identity would let in says no" 6 'image' dmctl bind --dry-run vol plain
need docker rm -f plain
is "the patch of a refusal is of an identity that starts, keeps its platforms and has a serial that keyd takes" \
	"$(dmctl why --json vol | jq -c '[.error.patchOf.serial, (.error.patch.image.configDigest | length), .error.patch.serial]')" \
	"[$((new - 1)),3,$((new + 1))]"

# ---- revoked ----
need starts $((new - 1)) a
ok "what runs with a revoked identity ends within 5 s" ended_within 5 dmctl identity revoke vol $((new - 1))
diag "revoked: the container killed within $took ms"
need docker rm -f app
need wait_for 30 leaves_nothing
fails_as "where all that would start is drained or revoked the refusal says so" 125 'drained' \
	docker run --rm --name below --network none --device container-crypt/volume=vol "$(image $((new - 1)) a)"
ok "the audit log is in an unbroken chain after all of that" dmctl audit verify
