# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# For the tests of binding: keyd, the agent, a volume, an application image and its identity. Use after
# lib.sh. Everything is made new for each test file and removed at its end.

sock=/run/container-crypt
# Quoted so that a refusal, which shows the command, is not taken for what it prints: program runs
app='echo "program" runs; echo "start $$" >>/data/log; sync; exec sleep 1000'

keyd_options='' # of keyd serve

start_keyd() {
	# shellcheck disable=SC2086 # words
	/usr/libexec/container-crypt/keyd serve $keyd_options >>"$tap_dir/keyd.log" 2>&1 &
	keyd_pid=$!
	wait_for 20 dmctl volume ls
}

agent_options='' # of dmctl agent

start_agent() {
	rm -f $sock/agent.sock
	# shellcheck disable=SC2086 # words
	"$@" dmctl agent $agent_options >>"$tap_dir/agent.log" 2>&1 &
	agent_pid=$!
	wait_for 30 test -S $sock/agent.sock
}

# in_group NAME COMMAND...: in that control group of the host, made when there is none
in_group() {
	local group=/sys/fs/cgroup/$1

	shift
	mkdir -p "$group"
	bash -c 'echo $$ >'"$group"'/cgroup.procs && exec "$@"' in_group "$@"
}

# as_agent COMMAND...: in the agent's own, from which mappings are opened and looked into, the agent dead or alive
as_agent() { in_group test.scope/container-crypt-agent "$@"; }

# in_group_of PID COMMAND...: in that of a process
in_group_of() {
	local group

	group=$(cut -d: -f3 "/proc/$1/cgroup")
	shift
	in_group "$group" "$@"
}

# stop PID [SIGNAL]: and waits until it is gone
stop() {
	kill -"${2-TERM}" "$1" && wait "$1" 2>/dev/null
}

# What the daemons said, for a test that failed.
daemon_logs() {
	[ $tap_failed = 0 ] || tail -n 60 "$tap_dir"/agent.log "$tap_dir"/keyd.log | sed 's/^/# /'
}

# has_engine ENGINE: the guest has been given it
has_engine() {
	case $1 in
	docker) [ -e /etc/docker/daemon.json ] ;;
	podman) [ -e /etc/containers/containers.conf.d/guest.conf ] ;;
	esac
}

remove_containers() {
	if has_engine docker; then docker rm -f $(docker ps -aq); fi
	if has_engine podman; then podman rm -af -t 0; fi
	wait_for 30 no_bindings
}

no_bindings() { [ -z "$(ls $sock/bindings 2>/dev/null)" ]; }

# remove_images: and the engines' volumes, for which the agent still has to be there. By the engines' API: a
# command of theirs takes ten times as long.
remove_images() {
	local docker=/run/docker.sock podman=/run/podman/podman.sock volume

	if [ -S $docker ]; then
		for volume in $(engine_api $docker GET /volumes | jq -r '.Volumes[]?.Name'); do
			engine_api $docker DELETE "/volumes/$volume?force=1"
		done
		engine_api $docker POST '/images/prune?filters={"dangling":["false"]}'
	fi
	if [ -S $podman ]; then
		# its service does not know of a plugin that was set up later
		[ ! -e /etc/containers/containers.conf.d/container-crypt.conf ] || podman volume rm -af
		engine_api $podman POST /v4.0.0/libpod/volumes/prune
		engine_api $podman POST '/v4.0.0/libpod/images/prune?all=true'
	fi
}
engine_api() { curl -sfg -X "$2" --unix-socket "$1" "http://engine$3"; }

# forget_host: no trace of ours is left on it
forget_host() {
	rm -rf /etc/container-crypt /var/lib/container-crypt $sock /var/run/cdi/container-crypt-* \
		/run/docker/plugins/container-crypt.sock /etc/containers/containers.conf.d/container-crypt.conf
}

# host_setup [OPTION...]: a host with keyd and agent, a signer, nothing else; options of dmctl init
host_setup() {
	modprobe dm-container-crypt
	cleanup forget_host
	dmctl init --realm test "$@" >"$tap_dir/init" 2>&1 || return 1
	cleanup kill_daemons
	start_keyd && start_agent || return 1
	openssl genpkey -algorithm ed25519 -out "$tap_dir/ops.key" && chmod 600 "$tap_dir/ops.key" &&
		openssl pkey -in "$tap_dir/ops.key" -pubout -out "$tap_dir/ops.pub" &&
		dmctl signer add ops "$tap_dir/ops.pub"
}

kill_daemons() {
	daemon_logs >&3
	remove_containers
	remove_images
	kill $agent_pid $keyd_pid
	wait
}
exec 3>&1 # cleanups' output goes nowhere

# image_id ENGINE IMAGE, subject ENGINE IMAGE: config digest; manifest digest where there is one
image_id() { "$1" image inspect -f '{{.Id}}' "$2" | sed 's/^sha256://; s/^/sha256:/'; }
subject() {
	case $1 in
	docker) image_id docker "$2" ;;
	podman) podman image inspect -f '{{.Digest}}' "$2" ;;
	esac
}

# identity VOLUME ENGINE IMAGE [JQ-FILTER]: signs one with the next serial and enrols it
identity() {
	local volume=$1 engine=$2 image=$3 filter=${4-.} serial

	serial=$(($(cat "$tap_dir/serial.$volume" 2>/dev/null || echo 0) + 1))
	echo $serial >"$tap_dir/serial.$volume"
	jq -n --arg v "$volume" --arg d "$(image_id "$engine" "$image")" --argjson s $serial \
		'{volume: $v, mountPoint: "/data", serial: $s, image: {configDigest: $d}} | '"$filter" \
		>"$tap_dir/predicate.json" &&
		dmctl identity sign --key "$tap_dir/ops.key" --predicate "$tap_dir/predicate.json" \
			--subject "$(subject "$engine" "$image")" --name test/app \
			-o "$tap_dir/identity.dsse" &&
		dmctl identity add "$tap_dir/identity.dsse"
}

# app_setup ENGINE [VOLUME [LUN-NUMBER]]: the volume on its LUN, the image app:1, the identity
app_setup() {
	local engine=$1 volume=${2-vol} number=${3-0}

	dmctl volume create "$volume" "$(lun "$number")" &&
		wait_for 10 test -e "/var/run/cdi/container-crypt-$volume.json" &&
		tiny_image "$engine" app:1 /bin/sh -c "$app" &&
		identity "$volume" "$engine" app:1
}

# run_app ENGINE [OPTION...]: the container "app" with volume vol, in the background
run_app() {
	local engine=$1

	shift
	"$engine" run -d --name app --network none --device container-crypt/volume=vol "$@"
}

# in_app ENGINE COMMAND...
in_app() {
	local engine=$1

	shift
	"$engine" exec app "$@"
}

started() { [ "$("$1" exec app sh -c 'grep -c start /data/log')" = "$2" ]; }

# refused ENGINE REASON [OPTION...]: a run with these options is refused, the engine shows why, the
# program's first instruction was not run, nothing is left behind
refused() {
	local engine=$1 reason=$2 text

	shift 2
	if text=$(timeout 60 "$engine" run --rm --name app --device container-crypt/volume=vol \
		"$@" 2>&1); then
		echo "was not refused: $text"
		return 1
	fi
	# Podman hides what a hook says; the audit log has it.
	[ "$engine" != podman ] || text+=" container-crypt: $(last_refusal)"
	echo "$text"
	[[ $text == *"container-crypt: "*"$reason"* && $text != *"program runs"* ]] &&
		wait_for 10 leaves_nothing
}

last_refusal() { dmctl audit ls --json | jq -r '[.rows[] | select(.outcome == "refuse")][-1].detail'; }

# the_worker: process of the agent's worker, when there is one
the_worker() { pgrep -f 'agent --worker'; }

# podman_plugin: tells Podman where the volume plugin is
podman_plugin() {
	cat >/etc/containers/containers.conf.d/container-crypt.conf <<-'END'
		[engine.volume_plugins]
		container-crypt = "/run/docker/plugins/container-crypt.sock"
	END
}

# ---- an engine that an ordinary user runs --------------------------------------------------------

# rootless_setup: a user "someone" for whom Podman works, with the image app:1
rootless_setup() {
	useradd -m someone 2>/dev/null || echo 'someone:x:1000:1000::/home/someone:/bin/sh' >>/etc/passwd
	mkdir -p /home/someone /run/user/1000
	chown 1000 /home/someone /run/user/1000
	echo 'someone:100000:65536' | tee /etc/subuid >/etc/subgid
	tiny_tree "$tap_dir/tree"
	tar -c -C "$tap_dir/tree" . >/home/someone/tree.tar
	as_user podman import --change 'ENTRYPOINT ["/bin/echo","it runs"]' tree.tar app:1
}

as_user() {
	(cd /home/someone && env -i PATH="$PATH" HOME=/home/someone XDG_RUNTIME_DIR=/run/user/1000 \
		setpriv --reuid 1000 --regid 1000 --clear-groups timeout 90 "$@")
}

# ---- being killed ------------------------------------------------------------------------------

agent_alive() { kill -0 "$agent_pid" 2>/dev/null && [ -S $sock/agent.sock ]; }

# crash_at SYSCALL N COMMAND...: runs COMMAND while the agent's process or worker that is the first to
# enter SYSCALL for the N-th time is killed there, by strace from outside, with $signal or SIGKILL. False
# when nobody got so far, status 2 when it could not be tried.
crash_at() {
	local call=$1 n=$2 with=${signal-SIGKILL} tracer

	shift 2
	strace -f -p "$agent_pid" -o "$tap_dir/strace" -e trace="$call" \
		-e inject="$call:signal=$with:when=$n" 2>"$tap_dir/strace.err" &
	tracer=$!
	wait_for 20 grep -q attached "$tap_dir/strace.err" || return 2
	timeout 60 "$@" >"$tap_dir/command" 2>&1
	kill -INT $tracer 2>/dev/null
	wait $tracer 2>/dev/null
	grep -q "+++ killed by $with" "$tap_dir/strace"
}

# agent_again: starts it when it died
agent_again() {
	agent_alive && return
	wait "$agent_pid" 2>/dev/null
	start_agent || { echo "the agent does not start again"; return 1; }
}

# settled: what a crash left is undone by the agent itself. A bind that was complete when the agent
# died is adopted by the next one; only then something may be left, and only until it is unbound.
settled() {
	local died=

	agent_alive || died=1
	agent_again || return 1
	if [ "$died" ] && [ "$(dmctl ps --json | jq -r '.bindings[0].state')" = bound ]; then
		dmctl unbind vol || return 1
	fi
	wait_for 40 leaves_nothing || { leaves_nothing; dmctl ps --json; return 1; }
	[ "$(dmctl lease ls --json | jq -c .leases)" = "[]" ] || { echo "a lease is left"; return 1; }
}

# crashed SYSCALL N COMMAND...: crash_at, and says so when there was no crash
crashed() {
	crash_at "$@"
	case $? in
	0) return ;;
	1) echo "nobody enters $1 for the ${2}th time" ;;
	*) echo "strace did not attach: $(cat "$tap_dir/strace.err")" ;;
	esac
	return 1
}

# survives SYSCALL N COMMAND...: one crash, and everything is undone afterwards
survives() { crashed "$@" && settled; }

# survives_unbind SYSCALL N: after a crash of an unbind the volume is bound as before or unbound, and
# can be unbound
survives_unbind() {
	crashed "$@" dmctl unbind vol && agent_again && wait_for 20 dmctl unbind vol && settled
}
