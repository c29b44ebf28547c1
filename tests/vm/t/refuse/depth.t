#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The rest of what is measured: other hooks, variables by rule, profiles, what was changed in a created container
# and in its layers, namespaces of other containers; and what an identity allows is allowed.
# vm: udev docker podman scsi=1 timeout=420 long

. ./lib.sh
. ./bind-lib.sh
plan 24

differs() { # ENGINE FACT NAME OPTION...
	local engine=$1 fact=$2 name=$3

	shift 3
	ok "refused for $fact: $name" refused "$engine" "$fact: " "$@"
}
runs() { # ENGINE NAME OPTION...
	local engine=$1 name=$2

	shift 2
	ok "admitted: $name" run_app "$engine" "$@"
	need "$engine" rm -f app
	wait_for 20 leaves_nothing
}

need host_setup
need app_setup docker

# variables
need identity vol docker app:1 '.process.env = [{name: "MODE", value: "fast"}, {name: "DEBUG"}]'
runs docker "variables that the identity has rules for" -e MODE=fast -e DEBUG=anything app:1
differs docker env "another value" -e MODE=slow app:1
differs docker env "another variable" -e OTHER=1 app:1
differs docker env "a name that only begins alike" -e MODE2=fast app:1

# profiles
profile=$(dmctl identity measure --json "$(docker run -d --network none app:1)" | jq -r '.. | .seccomp? // empty')
docker rm -f $(docker ps -aq) >/dev/null
need identity vol docker app:1 ".seccomp = \"$profile\""
runs docker "the seccomp profile that was signed" app:1
jq '.syscalls |= map(select(.names | index("mount") | not))' /usr/share/containers/seccomp.json >"$tap_dir/other.json" 2>/dev/null ||
	echo '{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["mount"],"action":"SCMP_ACT_ERRNO"}]}' >"$tap_dir/other.json"
differs docker seccomp "another profile" --security-opt seccomp="$tap_dir/other.json" app:1
need identity vol docker app:1 '.seccomp = "unconfined"'
runs docker "no profile, where that was signed" --security-opt seccomp=unconfined app:1
need identity vol docker app:1 '.apparmor = "container-crypt-test"'
differs docker apparmor "not the AppArmor profile that was signed" app:1
need identity vol docker app:1 '.process.noNewPrivileges = true'
differs docker noNewPrivileges "new privileges, where none were signed" app:1
runs docker "none" --security-opt no-new-privileges app:1
need identity vol docker app:1 '.readonlyRootfs = true'
differs docker readonlyRootfs "a writable root, where a read-only one was signed" app:1
runs docker "a read-only one" --read-only app:1
need identity vol docker app:1 '.process.capabilities = ["CAP_SYS_TIME"]'
differs docker capabilities "the engine's default, where less was signed" app:1
runs docker "only what was signed" --cap-drop all --cap-add SYS_TIME app:1

# namespaces of another container
need identity vol docker app:1
need docker run -d --name other --network none --ipc shareable app:1
differs docker mounts "another container's network, by the files that come with it" --network container:other app:1
differs docker namespaces "another container's processes" --pid container:other --network none app:1
differs docker mounts "another container's shared memory" --ipc container:other --network none app:1
need docker rm -f other

# files
created() { docker create --name app --network none --device container-crypt/volume=vol app:1; }
need created
need sh -c 'docker cp app:/etc/passwd - | tar -x -C "$1" && echo "evil:x:0:0::/:/bin/sh" >>"$1/passwd" &&
	docker cp "$1/passwd" app:/etc/passwd' sh "$tap_dir"
fails_with 1 'rootfs: .*"/etc/passwd"' docker start app
need docker rm -f app
need created
layer=$(docker inspect -f '{{.GraphDriver.Data.UpperDir}}' app)
need sh -c "mkdir -p $layer/lib && ln -s /data $layer/lib/preload"
fails_with 1 'rootfs: .*"/lib/preload"' docker start app
need docker rm -f app
need created
docker start app >/dev/null
need in_app docker sh -c 'echo mine >/etc/mine'
ok "what the program itself wrote is no reason to refuse its second start" docker restart -t 0 app
need docker rm -f app
wait_for 20 leaves_nothing

# hooks
need tiny_image podman app:1 /bin/sh -c "$app"
need identity vol podman app:1
mkdir -p "$tap_dir/hooks.d"
cp /bin/true "$tap_dir/hook"
jq -n --arg p "$tap_dir/hook" '{version: "1.0.0", stages: ["createContainer"], hook: {path: $p}, when: {always: true}}' \
	>"$tap_dir/hooks.d/other.json"
hooked() { timeout 60 podman --hooks-dir "$tap_dir/hooks.d" run --name app --network none \
	--device container-crypt/volume=vol -d app:1; }
fails_with 126 "." hooked
like "the refusal for a hook of somebody else's names the hook" "$(last_refusal)" "hooks: .*$tap_dir/hook"
podman rm -f app >/dev/null
need identity vol podman app:1 ".hooks = [\"$tap_dir/hook\"]"
ok "a hook that was signed may be there" hooked
podman rm -f -t 0 app >/dev/null
ok "nothing is left of all refused containers" wait_for 20 leaves_nothing
