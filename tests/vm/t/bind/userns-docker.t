#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Docker with --userns-remap: the container sees its files with its own ids, which are the same on the volume
# whoever else has it.
# vm: udev docker scsi=1 timeout=300 long

. ./lib.sh
. ./bind-lib.sh
plan 10

owner() { in_app docker busybox stat -c %u /data/log; }
gone() { docker rm -f app && wait_for 20 leaves_nothing; }
# dockerd_with OPTION...: instead of the one that runs
dockerd_with() {
	kill "$(cat /run/docker.pid)" && wait_for 30 test ! -e /run/docker.pid
	dockerd "$@" >"$tap_dir/dockerd.log" 2>&1 &
	disown # not to be waited for at the end
	wait_for 60 docker info
}

need host_setup
need app_setup docker
need run_app docker app:1
need wait_for 20 started docker 1
is "without a user namespace root's files are root's" "$(owner)" 0
need gone

grep -q ^dockremap: /etc/passwd || echo 'dockremap:x:990:990::/:/bin/false' >>/etc/passwd
grep -q ^dockremap: /etc/group || echo 'dockremap:x:990:' >>/etc/group
echo 'dockremap:200000:65536' | tee /etc/subuid >/etc/subgid
need dockerd_with --userns-remap=default
need tiny_image docker app:1 /bin/sh -c "$app"
need identity vol docker app:1
fails_with 125 "mounts: .*/sys/fs/cgroup" run_app docker app:1 # writable, as Docker has it then
docker rm -f app >/dev/null
need identity vol docker app:1 '.mounts = [{destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup"}]'
ok "docker run starts a container with --userns-remap" run_app docker app:1
ok "the program of a container with --userns-remap found its volume" wait_for 20 started docker 2
like "the container with --userns-remap is in a user namespace" "$(in_app docker cat /proc/self/uid_map)" "^ *0 +200000 "
is "a container with --userns-remap sees root's files as its own" "$(owner)" 0
ok "a container with --userns-remap writes to its volume" in_app docker touch /data/more
need gone
need dockerd_with
need identity vol docker app:1
ok "the volume binds again without the user namespace" run_app docker app:1
is "what was written with --userns-remap is root's without" "$(in_app docker busybox stat -c %u /data/more)" 0
ok "nothing is left behind after the last container" gone
