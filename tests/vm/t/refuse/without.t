#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# An image that says that it is run with a volume does not start without one, where the hook for all containers is set
# up: by a file in hooks.d under Podman, by a runtime that adds it under Docker. Others start as ever.
# vm: udev docker podman scsi=1 timeout=510 long

. ./lib.sh
. ./bind-lib.sh
plan 16

doc=/usr/share/doc/container-crypt
log=$tap_dir/agent.log
hooks="--hooks-dir /etc/containers/oci/hooks.d" # Debian reads /usr/share/containers/oci/hooks.d unasked

# labelled ENGINE: the image label:1, which is run with volume vol, and its program shows that it ran
labelled() {
	tiny_tree "$tap_dir/tree"
	tar -c -C "$tap_dir/tree" . | "$1" import --change "ENTRYPOINT $(jq -cn --arg a "$app" '["/bin/sh", "-c", $a]')" \
		--change 'LABEL io.container-crypt.volume=vol' - label:1
}
# without ENGINE [OPTION...]: a run without the volume fails, its program has not started, the reason is said
without() {
	local engine=$1 text

	shift
	! text=$($engine run --rm --network none "$@" label:1 2>&1) || return 1
	echo "$text"
	[[ $text != *"program runs"* ]] && tail -n 3 "$log" | grep -q 'the container was made without; run it with --device container-crypt/volume=vol'
}

need host_setup
need app_setup docker
need labelled docker
need install -m755 $doc/examples/container-crypt-runc /usr/local/sbin/container-crypt-runc
need sh -c 'jq ".runtimes.guarded.path = \"/usr/local/sbin/container-crypt-runc\"" /etc/docker/daemon.json >"$1" &&
	cp /etc/docker/daemon.json "$1.old" && cp "$1" /etc/docker/daemon.json' sh "$tap_dir/daemon.json"
cleanup cp "$tap_dir/daemon.json.old" /etc/docker/daemon.json
need pkill -HUP -x dockerd
need wait_for 20 sh -c 'docker info -f "{{json .Runtimes}}" | grep -q guarded'
ok "docker: without the hook for all containers nobody asks" docker run --rm --network none --entrypoint /bin/true label:1
ok "docker: an image that is run with a volume does not start without" without docker --runtime guarded
ok "docker: an image that is run with a volume does not start with a directory of the host's in the volume's place" without docker --runtime guarded -v /tmp:/data
ok "docker: another image starts as ever" docker run --rm --network none --runtime guarded --entrypoint /bin/true app:1
need identity vol docker label:1
ok "docker: an image that is run with a volume starts with it, under the hook for all containers" \
	docker run -d --name app --network none --runtime guarded --device container-crypt/volume=vol label:1
ok "docker: under the hook for all containers the program finds its volume" wait_for 20 started docker 1
need docker rm -f app
ok "docker: under the hook for all containers nothing is left" wait_for 20 leaves_nothing

need labelled podman
need tiny_image podman app:1 /bin/sh -c "$app"
ok "podman: without the hook for all containers nobody asks" podman run --rm --network none --entrypoint /bin/true label:1
need install -D -m644 -t /etc/containers/oci/hooks.d $doc/hooks.d/container-crypt-require.json
cleanup rm -rf /etc/containers/oci/hooks.d
ok "podman: an image that is run with a volume does not start without" without "podman $hooks"
ok "podman: another image starts as ever" podman $hooks run --rm --network none --entrypoint /bin/true app:1
tiny_tree "$tap_dir/bare"
not_ok "podman: a container of a root file system does not start" podman $hooks run --rm --network none --rootfs "$tap_dir/bare" /bin/true
ok "podman: what is missing is said of a container of a root file system" grep -q 'made from a root file system, and no label' "$log"
need identity vol podman label:1
ok "podman: an image that is run with a volume starts with it, under the hook for all containers" \
	podman $hooks run -d --name app --network none --device container-crypt/volume=vol label:1
ok "podman: under the hook for all containers the program finds its volume" wait_for 20 started podman 2
need podman rm -f -t 0 app
ok "podman: under the hook for all containers nothing is left" wait_for 20 leaves_nothing
stop "$agent_pid"
not_ok "without the agent the hook for all containers starts nothing" \
	podman $hooks run --rm --network none --entrypoint /bin/true app:1
need start_agent
