# shellcheck shell=bash disable=SC2154
# SPDX-License-Identifier: Apache-2.0
#
# For the tests of two hosts that want one LUN, after lib.sh and keyd-lib.sh. keyd and the kernel's mappings are the real
# ones; an agent is a few lines of shell, so that it can be stopped, killed and cut off at any point. Host N is
# agent hostN with its own boot and container, its own path to the LUN, and mapping raceN.

lease_ms=5000
chance() { [ $((RANDOM % $1)) = 0 ]; }
nap() { sleep "$((RANDOM % $1 / 1000)).$(printf %03d $((RANDOM % 1000)))"; } # up to about N ms
note() { echo "$(uptime_ms) $*" >>"$kd/journal"; }
state_of() { dmsetup status "race$1" 2>/dev/null | cut -d' ' -f4,10; } # "active locks:3"

# two_agents: host1 and host2, whose keys keyd knows
two_agents() {
	mkdir -p "$kd/host1" "$kd/host2"
	cp "$kd/agent.jwk" "$kd/host1/agent.jwk"
	jose jwk gen -i '{"alg":"ES256"}' | jq -c '{kty,crv,x,y,d,kid:"host2"}' >"$kd/host2/agent.jwk"
	api POST /v1/agents "$(jq -c '{name:"host2", jwk:{kty,crv,x,y}}' "$kd/host2/agent.jwk")" >/dev/null
	[ "$(http)" = 200 ]
}

race_setup() {
	local n

	modprobe dm-container-crypt
	ready_world && two_agents || return 1
	api POST /v1/volumes/pgdata/set "{\"leaseMs\":$lease_ms}" >/dev/null
	truncate -s 128M "$kd/lun"
	for n in 1 2; do
		losetup -f --show "$kd/lun" >"$kd/host$n/lun" || return 1
		cleanup losetup -d "$(cat "$kd/host$n/lun")"
		dmsetup create --noudevsync "race$n" --table \
			"0 131072 container-crypt aes-xts-plain64 0 $(cat "$kd/host$n/lun") 65536" || return 1
		cleanup dmsetup remove --retry "race$n"
		# nobody else makes the node: there is no udev here
		dmsetup mknodes "race$n" && [ -b "/dev/mapper/race$n" ] || return 1
	done
	: >"$kd/writes"
}

# nonce_of_keyd: fails when keyd does not answer
nonce_of_keyd() {
	local nonce

	nonce=$(curl -sf --max-time 5 --unix-socket "$sock" -H 'Content-Type: application/json' -d '{}' \
		http://keyd/v1/challenge | jq -r .nonce) && [ -n "$nonce" ] && echo "$nonce"
}

# sign N: the claims in hostN/claims, as agent hostN, to hostN/jws
sign() {
	jose jws sig -I "$kd/host$1/claims" -k "$kd/host$1/agent.jwk" -c -o - -s \
		"{\"protected\":{\"alg\":\"ES256\",\"typ\":\"container-crypt-evidence+jwt\",\"kid\":\"host$1\"}}" >"$kd/host$1/jws"
}

# return_lease N: keyd hears that host N no longer has the key, or does not hear of it
return_lease() {
	local dir=$kd/host$1 nonce lease

	nonce=$(nonce_of_keyd) || return 1
	lease=$(cat "$dir/lease")
	jq -nc --arg n "$nonce" --arg i "host$1" --arg l "$lease" --arg b "b0000000-0000-4000-8000-00000000000$1" '
		{eat_nonce:$n, aud:"testing", iss:$i, iat:1, boot_id:$b, op:"return", lease:$l, channel:"unix"}' >"$dir/claims"
	sign "$1"
	jq -nc --rawfile e "$dir/jws" '{evidence:($e | rtrimstr("\n"))}' |
		curl -s --max-time 15 --unix-socket "$sock" -H 'Content-Type: application/json' --data-binary @- \
			-o /dev/null "http://keyd/v1/leases/$lease/return"
}

# ask N: evidence for the volume's key, to keyd; the answer is in hostN/answer, false when it is none
ask() {
	local n=$1 dir=$kd/host$1 nonce jkt

	nonce=$(nonce_of_keyd) || return 1
	jose jwk gen -i '{"kty":"EC","crv":"P-256"}' | jq -c '{kty,crv,x,y,d}' >"$dir/one.jwk"
	jkt=$(jose jwk thp -a S256 -i "$dir/one.jwk")
	container=$(printf "$n%.0s" {1..64})
	jq -nc --arg n "$nonce" --arg j "$jkt" --arg i "host$n" --arg u "$uuid" --argjson m "$(measurement)" \
		--arg b "b0000000-0000-4000-8000-00000000000$n" '
		{eat_nonce:$n, aud:"testing", iss:$i, iat:1, boot_id:$b, op:"release", volume:$u,
		 cnf:{jkt:$j}, channel:"unix", measurement:$m}' >"$dir/claims"
	sign "$n"
	uptime_ms >"$dir/asked" # before it asks
	jq -c --rawfile e "$dir/jws" '{evidence:($e | rtrimstr("\n")), recipient:{kty,crv,x,y}}' "$dir/one.jwk" |
		curl -s --max-time 15 --unix-socket "$sock" -H 'Content-Type: application/json' --data-binary @- \
			-o "$dir/answer" -w '%{http_code}\n' http://keyd/v1/release >"$dir/code"
	note "host$n: $? asked at $(cat "$dir/asked") $(cat "$dir/code") $(jq -c .lease "$dir/answer")"
	grep -qx 200 "$dir/code"
}

# give_key N: the key of the answer to the kernel, until the end of the lease; renews where it has it already
give_key() {
	local n=$1 dir=$kd/host$1 end id

	end=$(($(cat "$dir/asked") + $(jq .lease.ms "$dir/answer")))
	jq -r .lease.id "$dir/answer" >"$dir/lease"
	jq -r .lease.fence "$dir/answer" >"$dir/fence"
	if [[ $(state_of "$n") == active* ]]; then
		dmsetup message "race$n" 0 renew "@$end" 2>/dev/null
		note "host$n: $? renewed until $end, fence $(cat "$dir/fence")"
		return
	fi
	jq -rj .jwe "$dir/answer" >"$dir/jwe"
	id=$(jose jwe dec -i "$dir/jwe" -k "$dir/one.jwk" -O - | keyctl padd logon "race:$n" @u) || return 1
	dmsetup message "race$n" 0 unlock ":64:logon:race:$n" "@$end" 2>/dev/null
	note "host$n: $? unlocked until $end, fence $(cat "$dir/fence")"
	keyctl unlink "$id" @u
}

# write N: one block by way of host N's mapping; a line "start end fence" for one that was acknowledged
write() {
	local n=$1 start fence

	fence=$(cat "$kd/host$n/fence")
	start=$(uptime_ms)
	yes "fence $fence" | head -c 4096 | dd of="/dev/mapper/race$n" bs=4096 oflag=direct conv=notrunc,nocreat iflag=fullblock 2>/dev/null &&
		echo "$start $(uptime_ms) $fence" >>"$kd/writes"
}

# agent N SEED: wants the volume, writes while it has it, gives it back or just goes, and again
agent() {
	local n=$1 i

	RANDOM=$2
	while :; do
		if ! ask "$n"; then
			nap 1500
			continue
		fi
		chance 4 && nap 9000 # the answer was late
		give_key "$n"
		for i in $(seq $((RANDOM % 8 + 1))); do
			write "$n" || break
			chance 3 && nap 2000
		done
		chance 3 && continue # ask again: a renewal
		if chance 2; then
			dmsetup message "race$n" 0 lock && return_lease "$n"
		else
			nap 9000 # it is just not heard of any more
		fi
	done
}

# referee: says so in $kd/foul when both mappings were active at the same time
referee() {
	local before between after

	while :; do
		before=$(state_of 1)
		between=$(state_of 2)
		after=$(state_of 1)
		[[ $before == active* && $between == active* && $after == "$before" ]] && echo "$(uptime_ms): $before, $between" >>"$kd/foul"
	done
}

# trouble SEED SECONDS: stops agents for longer than a lease, kills keyd, sets the clock
trouble() {
	local end=$(($(uptime_ms) + $2 * 1000)) n # not $SECONDS, which goes by the clock that is set

	RANDOM=$1
	while [ "$(uptime_ms)" -lt $end ]; do
		nap 4000
		case $((RANDOM % 4)) in
		0 | 1)
			n=$((RANDOM % 2 + 1))
			note "stop host$n"
			kill -STOP "$(cat "$kd/host$n/pid")"
			nap 11000
			kill -CONT "$(cat "$kd/host$n/pid")"
			;;
		2)
			note "kill keyd"
			kill -KILL "$keyd_pid"
			wait "$keyd_pid" 2>/dev/null
			nap 8000
			keyd_start || echo "keyd does not start again" >>"$kd/foul"
			;;
		3) date -s "@$(($(date +%s) + RANDOM * 6 - 98304))" >/dev/null ;;
		esac
	done
}

# older_after_newer: writes of an older lease that began after one of a newer lease had ended
older_after_newer() {
	sort -n "$kd/writes" | awk '
		{ start[NR] = $1; end[NR] = $2; fence[NR] = $3 }
		END { for (i = 1; i <= NR; i++) for (j = 1; j <= NR; j++)
			if (fence[j] > fence[i] && end[j] < start[i]) print i ": fence " fence[i] " after " fence[j] }' | head -n 3
}

# race SEED SECONDS
race() {
	local n pids=() was

	for n in 1 2; do
		agent "$n" $(($1 + n)) &
		pids+=($!)
		echo $! >"$kd/host$n/pid"
	done
	referee &
	pids+=($!)
	trouble "$1" "$2"
	kill -CONT "${pids[@]}" 2>/dev/null
	kill "${pids[@]}"
	wait "${pids[@]}" 2>/dev/null
}

# fences_twice: how many fences of one volume were given to more than one lease
fences_twice() {
	sqlite3 "$kd/state/keyd.db" "SELECT count(*) - count(DISTINCT f) FROM
		(SELECT volume || substr(detail, instr(detail, 'fence ')) AS f, substr(detail, instr(detail, 'lease '), 42) AS l
		 FROM audit WHERE event = 'release' AND outcome = 'allow' GROUP BY l)"
}

# many_volumes: $volumes of them on one disk, each with two mappings, for leaserace
many_volumes() {
	local lun n v

	modprobe dm-container-crypt
	keyd_init && keyd_start && signer_new ci && signer_add ci >/dev/null && two_agents || return 1
	truncate -s "${volumes}M" "$kd/lun"
	lun=$(losetup -f --show "$kd/lun") || return 1
	cleanup losetup -d "$lun"
	for n in 1 2; do
		container=$(printf "$n%.0s" {1..64}) measurement >"$kd/host$n/measurement"
	done
	for v in $(seq 0 $((volumes - 1))); do
		volume "v$v" "$(printf '0a000000-0000-4000-8000-%012d' "$v")" >/dev/null
		api POST "/v1/volumes/v$v/ready" '{}' >/dev/null
		api POST "/v1/volumes/v$v/set" '{"leaseMs":2000}' >/dev/null
		identity_add ci 1 ".predicate.volume = \"v$v\"" >/dev/null
		[ "$(http)" = 200 ] || return 1
		for n in 1 2; do
			dmsetup create --noudevsync "container-crypt-v${v}h$n" --table \
				"0 2048 container-crypt aes-xts-plain64 0 $lun $((v * 2048))" || return 1
			cleanup dmsetup remove --retry "container-crypt-v${v}h$n"
		done
	done
	dmsetup mknodes
}
