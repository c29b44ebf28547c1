#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What a runtime really executes, whatever config.json said at the hook: arguments, user, rights and environment are read from
# the kernel while the program stands before its first instruction. What differs never gets to that, and the audit log has
# it; what is as it was said begins.
# vm: shared udev docker podman scsi=1 timeout=1800 long newest

. ./lib.sh
. ./bind-lib.sh
plan 54

# swap_runtime ENGINE: a runtime "swap" that has read another config.json than the one that it puts back before our hook runs;
# the difference is the jq program in $tap_dir/swap.jq. With $tap_dir/keep it is not put back. With $tap_dir/hide config.json is away for 3 seconds when the program is executed.
swap_runtime() {
	local real

	real=$(command -v "$([ "$1" = docker ] && echo runc || echo crun)")
	cat >"$tap_dir/swap" <<-END
		#!/bin/bash
		bundle= create= start=
		for word; do
			[ "\$was" != --bundle ] && [ "\$was" != -b ] || bundle=\$word
			[ "\$word" != create ] || create=1
			[ "\$word" != start ] || start=1
			was=\$word
		done
		if [ "\$create" ] && [ -s $tap_dir/swap.jq ]; then
			c=\$bundle/config.json
			cp \$c \$c.true
			[ ! -e $tap_dir/keep ] || jq "\$(cat $tap_dir/swap.jq)" \$c.true >\$c
			[ -e $tap_dir/keep ] || jq --arg c \$c "\$(cat $tap_dir/swap.jq)"' | .hooks.createRuntime = [{path: "/bin/cp", args: ["cp", \$c + ".true", \$c],
				env: ["PATH=/bin"]}] + .hooks.createRuntime' \$c.true >\$c
		fi
		[ ! "\$create" ] || echo "\$bundle/config.json" >$tap_dir/config
		if [ "\$start" ] && [ -e $tap_dir/hide ]; then
			c=\$(cat $tap_dir/config)
			mv \$c \$c.away
			(sleep 3; mv \$c.away \$c) </dev/null >/dev/null 2>&1 &
		fi
		exec $real "\$@"
	END
	chmod 755 "$tap_dir/swap"
	[ "$1" = docker ] || return 0
	cp /etc/docker/daemon.json "$tap_dir/daemon.json"
	cleanup docker_runtimes "$tap_dir/daemon.json"
	jq --arg p "$tap_dir/swap" '.runtimes.swap.path = $p' "$tap_dir/daemon.json" >"$tap_dir/with-swap"
	docker_runtimes "$tap_dir/with-swap" && wait_for 20 has_runtime
}
docker_runtimes() { cat "$1" >/etc/docker/daemon.json && kill -HUP "$(pidof dockerd)"; }
has_runtime() { docker info -f '{{json .Runtimes}}' | grep -q swap; }

# swapped ENGINE VERB...: the engine with that runtime
swapped() {
	local engine=$1 verb=$2

	shift 2
	case $engine in
	docker) timeout 60 docker "$verb" --runtime swap "$@" ;;
	podman) timeout 60 podman --runtime "$tap_dir/swap" "$verb" "$@" ;;
	esac
}
# run_swapped ENGINE [OPTION...]: the container "app" by that runtime; whether it seems to start does not matter
run_swapped() {
	local engine=$1

	shift
	swapped "$engine" run -d --name app --network none --device container-crypt/volume=vol "$@"
}
ended() { [ "$("$1" inspect -f '{{.State.Running}}' app)" = false ]; }
rows() { dmctl audit ls --json | jq '[.rows[] | select(.event == "renew" and .outcome == "refuse")] | length'; }
last_row() { dmctl audit ls --json | jq -r '[.rows[] | select(.event == "renew" and .outcome == "refuse")][-1].fact'; }
# no_instruction ENGINE FACT [OPTION...]: killed before it began, with a row that names the fact, and nothing is left
no_instruction() {
	local engine=$1 fact=$2 before

	shift 2
	before=$(rows)
	run_swapped "$engine" "$@"
	wait_for 60 ended "$engine" || echo "it runs on"
	wait_for 30 leaves_nothing || leaves_nothing
	echo "row $(($(rows) - before)) names $(last_row); $(dmctl audit ls --json | jq -r '.rows[-1].detail')"
	"$engine" logs app
	[ "$(rows)" -gt "$before" ] && [ "$(last_row)" = "$fact" ] && ended "$engine" && no_bindings &&
		[ -z "$("$engine" logs app 2>&1)" ]
	was=$?
	"$engine" rm -f app
	return $was
}
# never_begins ENGINE [OPTION...]: it ends without having begun, whoever sees to it, and nothing is left
never_begins() {
	local engine=$1

	shift
	run_swapped "$engine" "$@"
	wait_for 60 ended "$engine" && wait_for 30 leaves_nothing && ! "$engine" logs app 2>&1 | grep -i version
	was=$?
	"$engine" rm -f app
	return $was
}
looked() { [ "$(dmctl ps --json | jq -r '.bindings[0].looked')" = true ]; }
swap() { echo "$1" >"$tap_dir/swap.jq"; }
remove() { "$1" rm -f app && wait_for 30 leaves_nothing; }

# An hour: nothing here is due to a lease that ends.
need host_setup
need dmctl volume create vol "$(lun 0)" --lease 1h
need wait_for 10 test -e /var/run/cdi/container-crypt-vol.json
cat >"$tap_dir/lying.json" <<-'END'
	{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["setuid", "setresuid", "setgid", "setresgid", "setgroups", "capset",
		"prctl"], "action": "SCMP_ACT_ERRNO", "errnoRet": 0}]}
END

for engine in docker podman; do
	need tiny_image $engine app:1 /bin/sh -c "$app"
	need identity vol $engine app:1
	need swap_runtime $engine
	: >"$tap_dir/swap.jq"
	need run_swapped $engine app:1
	ok "$engine: a program that is the one of config.json begins" wait_for 40 in_app $engine grep -q start /data/log
	ok "$engine: that it was looked at is on record" wait_for 40 looked
	like "$engine: the seccomp filter of a program that begins was compared" "$(dmctl ps --json | jq -c '.bindings[0].filterUnread')" '^false$'
	need remove $engine
	swap '.process.args = ["/bin/sh", "-c", "echo evil; echo evil >>/data/log; exec sleep 1000"]'
	ok "$engine: other arguments never begin" no_instruction $engine args app:1
	touch "$tap_dir/hide"
	ok "$engine: other arguments never begin when there is no config.json to look at" no_instruction $engine args app:1
	rm "$tap_dir/hide"
	swap '.process.args[0] = "/bin/busybox"'
	ok "$engine: another program never begins" no_instruction $engine args app:1
	swap '.process.args = ["/proc/self/exe", "--version"]'
	# runc's and crun's need a loader that the image does not have: the kernel refuses them before the agent sees them
	ok "$engine: the runtime's own file never begins" never_begins $engine app:1
	swap '.process.env += ["LD_PRELOAD=/data/evil.so"]'
	ok "$engine: a program with a loader's variable never begins" no_instruction $engine env app:1
	swap '.process.capabilities |= map_values(. + ["CAP_SYS_ADMIN"])'
	ok "$engine: a program with a capability more never begins" no_instruction $engine capabilities app:1
	swap 'del(.linux.seccomp)'
	ok "$engine: a program without its filter never begins" no_instruction $engine seccomp app:1
	swap '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", architectures: .linux.seccomp.architectures,
		syscalls: [{names: ["vhangup"], action: "SCMP_ACT_ERRNO"}]}'
	ok "$engine: a program with a filter that lets all pass never begins" no_instruction $engine seccomp app:1
	swap '.linux.seccomp.syscalls |= (map(.names -= ["setuid"]) + [{names: ["setuid"], action: "SCMP_ACT_ERRNO", errnoRet: 0}])'
	ok "$engine: a program whose filter answers setuid by itself never begins" no_instruction $engine seccomp app:1
	swap '.linux.seccomp.syscalls |= map(if .names == ["personality"] then .args[0].value += 1 else . end)'
	ok "$engine: a program whose filter asks arguments otherwise never begins" no_instruction $engine seccomp app:1
	swap '.process.user.gid = 6'
	ok "$engine: a program with another group never begins" no_instruction $engine user app:1
	swap '.process.cwd = "/tmp"'
	ok "$engine: a program in another directory never begins" no_instruction $engine cwd app:1

	# what a filter answers by itself, admitted by the identity: on paper uid 1000 without rights
	: >"$tap_dir/swap.jq"
	need identity vol $engine app:1 '.process.user = {uid: 1000, gid: 0}'
	run_swapped $engine --user 1000 --security-opt seccomp="$tap_dir/lying.json" app:1 >/dev/null 2>&1
	need "$engine" rm -f app
	filter=$(last_refusal | grep -o 'sha256:[0-9a-f]*' | tail -n 1)
	need identity vol $engine app:1 ".process.user = {uid: 1000, gid: 0} | .seccomp = \"$filter\""
	ok "$engine: a program that is root by a filter that lies never begins" no_instruction $engine capabilities --user 1000 \
		--security-opt seccomp="$tap_dir/lying.json" app:1

	# a script, and an init of the engine's
	tiny_tree "$tap_dir/tree"
	printf '#!/bin/sh -e\n%s\n' "$app" >"$tap_dir/tree/start"
	chmod 755 "$tap_dir/tree/start"
	tar -c -C "$tap_dir/tree" . | $engine import --change 'ENTRYPOINT ["/start", "word"]' - app:2 >/dev/null
	rm -rf "$tap_dir/tree"
	need identity vol $engine app:2
	need run_swapped $engine app:2
	ok "$engine: a script that is the one of config.json begins" wait_for 40 in_app $engine grep -q start /data/log
	ok "$engine: a script that begins was looked at" wait_for 40 looked
	need remove $engine
done

# a container that was bound before, whose filter is not the engine's of today any more
need identity vol podman app:1
: >"$tap_dir/swap.jq"
need run_swapped podman app:1
need wait_for 40 looked
need podman stop -t 1 app
need wait_for 30 leaves_nothing
swap '.linux.seccomp.syscalls |= map(.names -= ["setuid"])'
touch "$tap_dir/keep"
like "a second start with another filter than the first is refused" "$(swapped podman start app 2>&1; dmctl why app 2>&1)" 'seccomp: .*first start'
rm "$tap_dir/keep"
: >"$tap_dir/swap.jq"
need swapped podman start app
ok "a second start with the filter of the first begins" wait_for 40 in_app podman grep -q start /data/log
ok "a second start was looked at" wait_for 40 looked
need remove podman

# what was prepared, over restarts of the agent
need identity vol podman app:1
swap '.process.capabilities |= map_values(. + ["CAP_SYS_ADMIN"])'
prepare() {
	swapped podman create --name app --network none --device container-crypt/volume=vol app:1 && swapped podman init app
}
killed() { wait_for 60 ended podman && wait_for 30 leaves_nothing && [ "$(last_row)" = capabilities ]; }
need prepare
stop "$agent_pid" KILL
need start_agent
need swapped podman start app
ok "what is executed after the agent was started again is looked at" killed
unlike "what is executed after the agent was started again never begins" "$(podman logs app 2>&1)" 'program'
need podman rm -f app
need prepare
stop "$agent_pid" KILL
need swapped podman start app
need start_agent
ok "what was executed without an agent is looked at when there is one" killed
need podman rm -f app
need prepare
pid=$(podman inspect -f '{{.State.Pid}}' app)
stop "$agent_pid" KILL
strace -p "$pid" -o /dev/null 2>"$tap_dir/strace.err" &
need wait_for 20 grep -q attached "$tap_dir/strace.err"
need start_agent
ok "that a process cannot be traced is logged" wait_for 20 grep -q 'cannot be traced' "$tap_dir/agent.log"
need swapped podman start app
ok "a process that somebody else traces is looked at later" killed
need podman rm -f app
: >"$tap_dir/swap.jq"
late() { [ "$(dmctl ps --json | jq -r '.bindings[0].lookedLate')" = true ]; }
late_rows() {
	dmctl audit ls --json | jq '[.rows[] | select(.event == "renew" and .outcome == "allow" and (.detail | test("looked at after")))] | length'
}
need prepare
stop "$agent_pid" KILL
need swapped podman start app
need start_agent
ok "a right program that was executed without an agent is known as looked at late" wait_for 40 late
like "the audit log has one row of a program that was looked at late" "$(late_rows)" '^1$'
need remove podman
# what cannot be looked at for long: frozen, over a restart of the agent, until keyd is back
stands() { grep -q '^State:.t' "/proc/$pid/status"; }
need prepare
pid=$(podman inspect -f '{{.State.Pid}}' app)
stop "$keyd_pid" KILL
need swapped podman start app
ok "without keyd a program stands" wait_for 20 stands
ok "a program that stands for long is frozen" wait_for 60 test -e $sock/unlooked/vol
stop "$agent_pid" KILL
need start_agent
ok "a program that was frozen stands for the next agent" wait_for 20 stands
unlike "a program that was not looked at has not begun" "$(podman logs app 2>&1)" 'program'
need start_keyd
ok "a program begins when it could be looked at" wait_for 60 in_app podman grep -q start /data/log
ok "a program that had to wait was looked at" wait_for 40 looked
need remove podman
need run_swapped podman app:1
ok "after all of this a right program begins" wait_for 40 in_app podman grep -q start /data/log
not_ok "of what was refused nothing is on the volume" in_app podman grep -q evil /data/log
need remove podman
