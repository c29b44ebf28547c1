#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A container that differs from its identity in one fact does not start under Docker: docker run
# shows the fact, the program's first instruction is not run, nothing is left behind. More ways to differ: refuse/docker-more.
# vm: shared udev docker scsi=1 timeout=710 newest

. ./lib.sh
. ./bind-lib.sh
plan 18

# differs FACT [OPTION...]
differs() {
	local fact=$1

	shift
	ok "refused for $fact: ${*% app:1}" refused docker "$fact: " "$@"
}

need host_setup
need app_setup docker
differs args --network none app:1 more
differs user --network none --user 1000 app:1
differs cwd --network none --workdir /tmp app:1
differs env --network none -e LD_PRELOAD=/data/evil.so app:1
differs capabilities --network none --cap-add SYS_ADMIN app:1
differs seccomp --network none --security-opt seccomp=unconfined app:1
# on paper uid 1000 without rights, in fact 0 with all: the calls that drop them are answered and not made
jq -n '{defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["setuid", "capset", "prctl"], action: "SCMP_ACT_ERRNO", errnoRet: 0}]}' \
	>"$tap_dir/lying.json"
ok "refused for seccomp: a filter that answers calls itself" refused docker "seccomp: " --network none \
	--security-opt seccomp="$tap_dir/lying.json" app:1
jq -n '{defaultAction: "SCMP_ACT_ERRNO", syscalls: [{names: ["execve", "mount", "open", "read"], action: "SCMP_ACT_ALLOW"}]}' \
	>"$tap_dir/other.json"
ok "refused for seccomp: another filter than the engine's own" refused docker "not the engine's own" --network none \
	--security-opt seccomp="$tap_dir/other.json" app:1
ok "refused for env: a loader's variable behind a newline in HOME" refused docker '"HOME" with a value that no engine gives it' --network none \
	-e HOME=$'/root\nLD_PRELOAD=/data/evil.so' app:1
differs devices --network none --device /dev/loop-control app:1
differs settings --network none --security-opt systempaths=unconfined app:1
differs mounts --network none -v /tmp:/exfil app:1
differs namespaces --network host app:1

need docker create --name app --network none --device container-crypt/volume=vol app:1
echo evil >"$tap_dir/evil"
need docker cp "$tap_dir/evil" app:/bin/evil
fails_with 1 'rootfs: .*"/bin/evil"' docker start app
need docker rm -f app
need docker create --name app --network none --device container-crypt/volume=vol app:1
mkdir -m 777 "$tap_dir/etc" && chmod 777 "$tap_dir/etc"
need docker cp "$tap_dir/etc" app:/
fails_with 1 'rootfs: .*"/etc"' docker start app
need docker rm -f app

# the tag now names another image
need tiny_image docker app:1 /bin/sh -c "$app; true"
differs image --network none app:1
ok "nothing was leased to a refused container" test "$(dmctl lease ls --json | jq '.leases | length')" = 0
ok "every refusal is in the audit log, with its fact" test \
	"$(dmctl audit ls --json | jq '[.rows[] | select(.event == "release" and .outcome == "refuse" and .fact != "")] | length')" = 16
