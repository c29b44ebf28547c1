#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A refusal says all that differs, under each engine, and what would let the container in: each is repaired in one round by the
# patch that is proposed. Podman with crun shows an exit status; "dmctl why" has the text.
# vm: shared udev docker podman scsi=1 timeout=1800 long

. ./lib.sh
. ./bind-lib.sh
plan 34

# try ENGINE OPTION... [IMAGE COMMAND...]: a container that starts or not; what the engine says in $tap_dir/said
try() {
	local engine=$1

	shift
	"$engine" rm -f app >/dev/null 2>&1
	timeout 60 "$engine" run -d --name app --device container-crypt/volume=vol "$@" >"$tap_dir/said" 2>&1
}

# ended ENGINE: at once (Docker's rm -f kills, Podman's waits first), with all of the binding
ended() {
	case $1 in
	docker) docker rm -f app ;;
	podman) podman rm -f -t 0 app ;;
	esac && wait_for 20 leaves_nothing
}

# repaired ENGINE OPTION... [IMAGE COMMAND...]: it is refused, and admitted once the identity was patched as "why" says
repaired() {
	local engine=$1

	identity vol "$engine" app:1 || return 1
	if try "$@"; then
		echo "was not refused"
		return 1
	fi
	dmctl why --json vol >"$tap_dir/why.json" &&
		jq -e '.error.patch | length > 0' "$tap_dir/why.json" || return 1
	# an identity of its own serial, patched: what RFC 7396 says, in jq
	identity vol "$engine" app:1 "$(jq -r '"(. * \(.error.patch | del(.serial) | tojson)) | del(..|nulls)"' "$tap_dir/why.json")" ||
		return 1
	try "$@" || { cat "$tap_dir/said"; dmctl why vol; return 1; }
	ended "$engine"
}

all_of_it() {
	local engine=$1 name=$2

	try "$engine" -e PASSWORD=hunter2 --cap-add SYS_ADMIN -v /tmp:/exfil -w /tmp app:1 && return 1
	dmctl why "$name" >"$tap_dir/why" || return 1
	for fact in cwd env capabilities mounts; do
		grep -q "^$fact: " "$tap_dir/why" || { echo "no $fact"; cat "$tap_dir/why"; return 1; }
	done
}

need host_setup
need app_setup docker
ok "docker: why has a line for each fact" all_of_it docker app
ok "docker: the engine's error has all of them" sh -c "for f in cwd env capabilities mounts; do grep -q \"\$f: \" '$tap_dir/said' || exit 1; done"
not_ok "no value of a variable is in what docker says" grep -q hunter2 "$tap_dir/said"
not_ok "no value of a variable is in what why says" sh -c 'dmctl why --json vol | grep -q hunter2'
is "keyd's audit log has the first fact" "$(dmctl audit ls --json | jq -r '[.rows[] | select(.outcome == "refuse")][-1].fact')" cwd
like "keyd's audit log has the number of the others" "$(last_refusal)" '\(and [0-9]+ other facts\)$'
not_ok "what is kept is for root only" su -s /bin/sh nobody -c 'ls /run/container-crypt/refused'
is "a file for it is closed to others" "$(stat -c %a /run/container-crypt/refused/*.json | sort -u)" 600
need docker run -d --name late --network none -w /tmp --entrypoint /bin/sleep app:1 900
fails_with 6 'cwd: identity wants' dmctl identity check "$tap_dir/predicate.json" late
need docker rm -f late
ok "docker: args" repaired docker app:1 more
ok "docker: args, env, cwd" repaired docker -e A=1 -e B -w /tmp app:1 more
ok "docker: user" repaired docker --user 1000:5 app:1
ok "docker: capabilities, privileged, seccomp, mounts" repaired docker --privileged app:1
ok "docker: mounts" repaired docker -v /srv:/conf:ro --tmpfs /scratch app:1
ok "docker: devices, settings" repaired docker --device /dev/loop-control --sysctl net.ipv4.ip_forward=1 app:1
ok "docker: namespaces" repaired docker --network host --pid host app:1
ok "docker: seccomp" repaired docker --security-opt seccomp=unconfined app:1
ok "docker: home" repaired docker -e HOME=/srv app:1
ok "docker: health" repaired docker --health-cmd true app:1
need identity vol docker app:1
ok "a container as signed starts" try docker app:1
fails_with 8 'nothing named' dmctl why app
need ended docker

need tiny_image podman app:1 /bin/sh -c "$app"
need identity vol podman app:1
ok "podman: why has a line for each fact" all_of_it podman vol
not_ok "podman with crun does not say why by itself" grep -q 'cwd: ' "$tap_dir/said"
like "the agent's log has the facts behind the first, too" "$(tail -n 30 "$tap_dir/agent.log")" 'also env: '
ok "podman: args" repaired podman app:1 more
ok "podman: args, env, cwd" repaired podman -e A=1 -w /tmp app:1 more
ok "podman: user" repaired podman --user 1000:5 app:1
ok "podman: mounts" repaired podman -v /srv:/conf:ro --tmpfs /scratch app:1
ok "podman: capabilities" repaired podman --cap-add SYS_ADMIN app:1
ok "podman: devices, settings" repaired podman --device /dev/loop-control --annotation run.oci.keep_original_groups=1 app:1
ok "podman: namespaces" repaired podman --network host --pid host app:1
ok "podman: seccomp" repaired podman --security-opt seccomp=unconfined app:1
ok "podman: home" repaired podman -e HOME=/srv app:1
ok "podman: a container without a name is found by its volume" sh -c \
	"! podman run --rm --device container-crypt/volume=vol -w /tmp app:1 >/dev/null 2>&1 && dmctl why vol | grep -q '^cwd: '"
