#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Mount options of a volume, given when it is created and by a container: they are in force inside, under Docker and
# Podman, on ext4 and xfs; none gives back what another or the identity takes away, all others are refused.
# vm: shared udev docker podman scsi=1 timeout=710 long

. ./lib.sh
. ./bind-lib.sh
plan 47

# options ENGINE: those the container "app" has its volume mounted with
options() { in_app "$1" cat /proc/self/mountinfo | awk '$5 == "/data" {o = $6} END {print o}'; }
run() { # ENGINE VOLUME [OPTIONS]: the container "app", OPTIONS in its -v
	"$1" run -d --name app --network none -v "$2:/data${3+:$3}" --device container-crypt/volume="$2" "${image[$1]}"
}
gone() { docker rm -f app; podman rm -f -t 0 app; wait_for 20 no_bindings; }
no_program() { in_app "$1" sh -c 'cp /bin/busybox /data/b; /data/b true' 2>&1; }
create() { # ENGINE VOLUME OPTIONS [OPTION...]
	local engine=$1 volume=$2 o=$3

	shift 3
	"$engine" volume create -d container-crypt -o o="$o" "$@" "$volume"
}

need host_setup
podman_plugin
declare -A image=([docker]=app:1 [podman]=docker.io/library/app:1)
need tiny_image docker app:1 /bin/sh -c "$app"
need sh -c 'docker save app:1 | podman load'
truncate -s 400M "$tap_dir/file"
loop=$(losetup -f --show "$tap_dir/file")
cleanup losetup -d "$loop"

# what is no option of a volume
for o in suid dev data=journal uid=0 discard ro,bogus; do
	fails_with 1 "mount option \"(${o##*,})\"" create docker ext4 $o -o device="$(lun 0)"
done
fails_with 125 'mount option "dev": a volume is always mounted nosuid and nodev' \
	create podman ext4 dev -o device="$(lun 0)"
not_ok "refused options made no volume" dmctl volume inspect ext4

for fs in ext4 xfs; do
	device=$(lun 0)
	[ $fs = ext4 ] || device=$loop
	ok "$fs: docker volume create with options" create docker $fs nodiratime,noexec,noatime \
		-o device="$device" -o fs=$fs
	is "$fs: docker volume inspect shows the options" "$(docker volume inspect -f '{{.Status.options}}' $fs)" \
		noexec,noatime,nodiratime
	need identity $fs docker app:1
	need run docker $fs
	is "$fs: the options hold in a container of Docker" "$(options docker)" rw,nosuid,nodev,noexec,noatime,nodiratime
	like "$fs: the kernel acts on the options" "$(no_program docker)" "Permission denied"
	need gone
	need run docker $fs ro
	is "$fs: the options hold with the container's own ro, too" "$(options docker)" ro,nosuid,nodev,noexec,noatime,nodiratime
	need gone
	ok "$fs: podman volume create takes the same options" create podman $fs noatime,noexec,nodiratime
	need run podman $fs
	is "$fs: the options hold in a container of Podman" "$(options podman)" rw,nosuid,nodev,noexec,noatime,nodiratime
	need gone
	need run podman $fs rw,exec
	is "$fs: a container of Podman cannot take the options back" "$(options podman)" rw,nosuid,nodev,noexec,noatime,nodiratime
	need gone
	fails_with 125 "has other mount options on this host already: o=noexec,noatime,nodiratime" \
		create podman other ro -o name=$fs
	need podman volume rm $fs
	need docker volume rm $fs
	is "$fs: the engines forget the options with the volume" "$(docker volume inspect -f '{{.Status.options}}' $fs)" ""
	ok "$fs: the engines take other options, by another name" create docker strict ro,strictatime -o name=$fs
	need docker run -d --name app --network none --device container-crypt/volume=$fs app:1
	is "$fs: the options hold with the device alone, too" "$(options docker)" ro,nosuid,nodev
	need gone
	need docker volume rm strict
done

# as keyd's record says, on every host and by whatever name
fails_with 1 'there is no mount option "discard" for a volume' dmctl volume set ext4 --mount-options discard
need dmctl volume set ext4 --mount-options noexec,nodiratime
need docker volume create -d container-crypt -o o=ro ext4 # the volume is known: the engine drops the option
is "of a volume dmctl made, docker volume inspect shows what dmctl volume set" \
	"$(docker volume inspect -f '{{.Status.options}}' ext4)" noexec,nodiratime
need run docker ext4
is "options that dmctl volume set hold in a container of Docker" "$(options docker)" rw,nosuid,nodev,noexec,nodiratime,relatime
need gone
ok "options given to Podman come on top of those that dmctl volume set" create podman stricter exec,noatime,nosymfollow -o name=ext4
need podman run -d --name app --network none -v stricter:/data --device container-crypt/volume=ext4 "${image[podman]}"
is "options given to Podman take nothing back of those that dmctl volume set" "$(options podman)" rw,nosuid,nodev,noexec,noatime,nodiratime,nosymfollow
need gone
need podman volume rm stricter
need dmctl volume set ext4 --mount-options defaults
is "dmctl volume set takes the options away again" "$(dmctl --json volume inspect ext4 | jq -r .mountOptions)" ""

# what the identity and the host's records forbid
need identity ext4 docker app:1 '.readOnly = true'
ok "docker volume create takes the option rw" create docker writable rw -o name=ext4
need run docker ext4 rw
like "the option rw does not get round a readOnly identity" "$(options docker)" "^ro,"
need gone
need docker volume rm writable
need identity ext4 docker app:1
need create podman ext4 defaults
not_ok "a container of Podman that wants setuid programs is refused" run podman ext4 suid
like "the agent says why a container that wants setuid programs is refused" "$(cat "$tap_dir/agent.log")" \
	'volume ext4: option "suid" of its mount: a volume is always mounted nosuid and nodev'
need gone
not_ok "a container of Podman that wants an overlay over the volume is refused" run podman ext4 O
need gone
need run podman ext4
is "without options a container of Podman has the volume mounted as ever" "$(options podman)" rw,nosuid,nodev,relatime
need gone
echo '{"volume":"ext4","created":"2026-11-23T00:00:00Z","options":"suid"}' \
	>/var/lib/container-crypt/agent/volumes/other.json
not_ok "nothing starts while a record of options is damaged, as it may take something away" run podman ext4
like "the agent says which record of options is damaged" "$(cat "$tap_dir/agent.log")" \
	"hook, volume ext4: .*other.json is damaged; remove it and create"
need rm /var/lib/container-crypt/agent/volumes/other.json
need gone
need podman volume rm ext4
ok "nothing is left when the volumes are removed" leaves_nothing
