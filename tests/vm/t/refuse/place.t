#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Where the volume may be mounted and who may ask for it: no symbolic link, no shared parent, no other
# mount in its place; no process in a forged cgroup, no other container's process, nobody in a container.
# vm: shared udev docker podman scsi=1 timeout=710 long

. ./lib.sh
. ./bind-lib.sh
plan 25

# image NAME SHELL: app:1's image with its tree changed by SHELL, which runs in it
image() {
	tiny_tree "$tap_dir/tree"
	(cd "$tap_dir/tree" && sh -c "$2")
	tar -c -C "$tap_dir/tree" . |
		docker import --change "ENTRYPOINT $(jq -cn --arg a "$app" '["/bin/sh", "-c", $a]')" - "$1"
	rm -rf "$tap_dir/tree"
}

need host_setup
need app_setup docker

need image link:1 'rmdir data; ln -s etc data'
need identity vol docker link:1
ok "a symbolic link as mount point is refused" refused docker mountPoint --network none link:1
need image link:2 'mkdir x; ln -s etc x/y'
need identity vol docker link:2 '.mountPoint = "/x/y/data"'
ok "a symbolic link on the way to the mount point is refused" refused docker mountPoint --network none link:2
ok "nothing was made behind the link" sh -c \
	'! find /var/lib/docker/overlay2 -path "*/etc/data" | grep -q .'
need image file:1 'rmdir data; touch data'
need identity vol docker file:1
ok "a file as mount point is refused" refused docker mountPoint --network none file:1
need image bare:1 'rmdir data'
need identity vol docker bare:1 '.mountPoint = "/deep/down/data"'
ok "missing directories of the mount point are made" run_app docker bare:1
need docker rm -f app
wait_for 20 leaves_nothing

mkdir -p /srv/shared
need mount --bind /srv/shared /srv/shared
cleanup umount /srv/shared
need mount --make-shared /srv/shared
rule='.mounts = [["rshared"], ["rslave"] | {destination: "/mnt", source: "/srv/shared", type: "bind", options: .}] |
	.settings = ["linux.rootfsPropagation=shared"]'
need image below:1 'mkdir mnt'
need identity vol docker below:1 "$rule"' | .mountPoint = "/mnt/data"'
ok "a shared mount above the mount point is refused" refused docker mountPoint --network none \
	--mount type=bind,src=/srv/shared,dst=/mnt,bind-propagation=rshared below:1
ok "a slave mount above the mount point is fine" run_app docker \
	--mount type=bind,src=/srv/shared,dst=/mnt,bind-propagation=rslave below:1
ok "below a slave mount the container sees the volume" in_app docker grep ' /mnt/data ext4' /proc/mounts
unlike "below a slave mount the host does not see the volume" "$(cat /proc/self/mountinfo)" "/srv/shared/data|container-crypt"
need docker rm -f app
wait_for 20 leaves_nothing

# from here on by hand: what a runtime would tell the hook
need identity vol docker app:1
need docker run -d --name good --network none app:1
need docker run -d --name evil --network none app:1
good=$(docker inspect -f '{{.Id}}' good) evil=$(docker inspect -f '{{.Id}}' evil)
evil_pid=$(docker inspect -f '{{.State.Pid}}' evil)
bundle=/run/docker/containerd/daemon/io.containerd.runtime.v2.task/moby/$good
hook() { # ID PID
	jq -cn --arg id "$1" --argjson pid "$2" --arg b "$bundle" \
		'{ociVersion: "1.0", id: $id, pid: $pid, status: "creating", bundle: $b}' |
		/usr/libexec/container-crypt/container-crypt-hook --volume vol
}
fails_with 6 "cgroup: container ${good:0:12} was named, process $evil_pid is in container ${evil:0:12}" \
	hook "$good" "$evil_pid"
nested=/sys/fs/cgroup/docker/$evil/docker/$good
need mkdir -p "$nested"
need sh -c "echo $evil_pid >$nested/cgroup.procs"
fails_with 6 "cgroup: container ${good:0:12} was named, process $evil_pid is in container ${evil:0:12}" \
	hook "$good" "$evil_pid"
fails_with 6 "cgroup: process $$ is in .*, which no container engine made" hook "$good" $$
fails_with 8 "is gone" hook "$good" 4194303
# a bundle of one's own making, for a container that would be refused
need docker rm -f good
need docker run -d --name good --network none -v "$tap_dir:/forge" app:1 other arguments
good=$(docker inspect -f '{{.Id}}' good) good_pid=$(docker inspect -f '{{.State.Pid}}' good)
engines=${bundle%/*}/$good
mkdir "$tap_dir/bundle" && cp "$engines/config.json" "$tap_dir/bundle"
bundle=$tap_dir/bundle
fails_with 6 "bundle: $tap_dir/bundle was named, docker keeps that of container ${good:0:12} in $engines" \
	hook "$good" "$good_pid"
bundle=$engines
fails_with 6 "state: process $good_pid is said to be only created" hook "$good" "$good_pid"
ok "nothing is left of requests for another container" leaves_nothing
need docker rm -f good evil

# a mount that the container put over the volume's is not what is unmounted
need identity vol docker app:1 '.process.capabilities = ["CAP_SYS_ADMIN"]'
need run_app docker --cap-drop all --cap-add SYS_ADMIN app:1
need in_app docker mount -t tmpfs over /data
fails_with 5 "something else is mounted over /data" dmctl unbind vol
is "a volume and the mount over it are still there after a refused unbind" "$(in_app docker grep -c ' /data ' /proc/mounts)" 2
need in_app docker umount /data
ok "the volume is unmounted when nothing is mounted over it" dmctl unbind vol
need docker rm -f app

# root in a container that was given the agent's socket
ask() { printf '{"op":"list"}' | "$@" socat -t 5 - UNIX-CONNECT:$sock/agent.sock,type=5; }
root=$tap_dir/root # with all that the host has, but another directory
mkdir -p "$root"/{usr,run} && ln -s usr/bin usr/lib usr/lib64 "$root"
mount --rbind /usr "$root/usr" && mount --rbind /run "$root/run" && cleanup umount -l "$root/usr" "$root/run"
group=/sys/fs/cgroup/libpod-$(printf '%064d' 1).scope
mkdir -p "$group" && cleanup rmdir "$group"
like "a process of the host is answered" "$(ask)" '"ok":true'
like "a process in another pid namespace is not answered" "$(ask unshare --pid --fork)" '"code":"permission"'
like "a process that shares the pid namespace, with another root directory, is not answered" "$(ask chroot "$root")" '"code":"permission"'
like "a process with the host's namespaces, in a container's group, is not answered" "$(ask sh -c "echo \$\$ >$group/cgroup.procs; exec \"\$@\"" sh)" \
	'"code":"permission"'
like "a process in a mount namespace of its own, as services have, is answered" "$(ask unshare --mount)" '"ok":true'
like "a process without root is not answered" "$(chmod 666 $sock/agent.sock; ask setpriv --reuid 65534 --clear-groups)" \
	'"code":"permission"'
