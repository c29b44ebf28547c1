#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A container's whole life under Podman, in user namespaces too; a rootless container is refused, since the
# agent serves root of the host only.
# vm: udev podman scsi=1 timeout=420 long

. ./lib.sh
. ./bind-lib.sh
plan 26

runs() { started podman "$1"; }
unbound() { wait_for 20 leaves_nothing; }

need host_setup
need app_setup podman
ok "podman create" podman create --name app --network none --device container-crypt/volume=vol app:1
ok "binds nothing yet" leaves_nothing
ok "podman start" podman start app
ok "does" wait_for 20 runs 1
ok "podman stop" podman stop -t 0 app
ok "unbinds" unbound
need podman start app
ok "start after stop finds the data" wait_for 20 runs 2
ok "podman kill" podman kill app
ok "unbinds" unbound
need podman start app
ok "start after kill finds the data" wait_for 20 runs 3
need podman pause app
fails_with 5 "paused" dmctl unbind vol
need podman unpause app
ok "after unpause the data is there" in_app podman grep -q start /data/log
ok "podman rename" podman rename app other
ok "keeps the volume" podman exec other ls /data/log
need podman rename other app
stop "$agent_pid" KILL
ok "without the agent the container goes on" in_app podman ls /data/log
need start_agent
ok "podman restart under the next agent" podman restart -t 0 app
ok "finds the data" wait_for 20 runs 4
ok "podman rm -f" podman rm -f -t 0 app
ok "leaves nothing" unbound
ok "--restart=always" run_app podman --restart=always app:1
need wait_for 20 runs 5
kill -KILL "$(podman inspect -f '{{.State.Pid}}' app)"
ok "starts it on its data again" wait_for 40 runs 6
need podman rm -f -t 0 app
need unbound

ok "a pod's container" sh -c 'podman pod create --name pod --share none --infra=false &&
	podman run -d --pod pod --name app --device container-crypt/volume=vol app:1'
ok "has the volume" wait_for 20 runs 7
need podman pod rm -f -t 0 pod
need unbound

# rootless: the hook runs as the user and may not ask the agent
useradd -m someone 2>/dev/null || echo 'someone:x:1000:1000::/home/someone:/bin/sh' >>/etc/passwd
mkdir -p /home/someone /run/user/1000
chown 1000 /home/someone /run/user/1000
echo 'someone:100000:65536' | tee /etc/subuid >/etc/subgid
as_user() {
	(cd /home/someone && env -i PATH="$PATH" HOME=/home/someone XDG_RUNTIME_DIR=/run/user/1000 \
		setpriv --reuid 1000 --regid 1000 --clear-groups timeout 90 "$@")
}
tiny_tree "$tap_dir/tree"
tar -c -C "$tap_dir/tree" . >/home/someone/tree.tar
chmod 755 /var/run/cdi
need as_user podman import --change 'ENTRYPOINT ["/bin/echo","it runs"]' tree.tar app:1
is "a rootless container runs" "$(as_user podman run --rm --cgroups=disabled --network none app:1 2>/dev/null)" "it runs"
not_ok "but not with a volume" sh -c "cd /home/someone; env -i PATH=$PATH HOME=/home/someone \
	XDG_RUNTIME_DIR=/run/user/1000 setpriv --reuid 1000 --regid 1000 --clear-groups timeout 90 podman run --rm \
	--cgroups=disabled --network none --device container-crypt/volume=vol app:1 | grep -q 'it runs'"
ok "nothing is left behind" unbound
