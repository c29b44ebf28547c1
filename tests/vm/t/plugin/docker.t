#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The Docker volume plugin: docker volume create makes a volume on a LUN, docker run -v with the device
# has its data at the mount point, without the device a read-only file that says what to do.
# vm: shared udev docker scsi=2 timeout=710 newest

. ./lib.sh
. ./bind-lib.sh
plan 44

plugin=/run/docker/plugins/container-crypt.sock
call() { # CALL [BODY]
	curl -sS --max-time 20 --unix-socket $plugin -X POST ${2+-d "$2"} -w ' %{http_code}' \
		"http://plugin.moby.localhost/$1"
}
in_image() { docker run --rm --network none "$@"; }

need host_setup
need tiny_image docker app:1 /bin/sh -c "$app"
ok "the agent serves the plugin's socket" test -S $plugin
is "the plugin's socket is for root only" "$(stat -c %a%u $plugin)" 6000

# the protocol itself
is "Plugin.Activate says that it is a volume driver" "$(call Plugin.Activate)" '{"Implements":["VolumeDriver"]} 200'
is "VolumeDriver.Capabilities says that volumes are the host's" "$(call VolumeDriver.Capabilities)" '{"Capabilities":{"Scope":"local"}} 200'
is "VolumeDriver.List takes an empty body" "$(call VolumeDriver.List)" '{"Volumes":[]} 200'
like "VolumeDriver.Get of no volume is an error" "$(call VolumeDriver.Get '{"Name":"none"}')" '"Err":".*none.* 500$'
like "VolumeDriver.Mount of no volume is an error" "$(call VolumeDriver.Mount '{"Name":"none","ID":"x"}')" '"Err":".* 500$'
is "VolumeDriver.Remove of no volume succeeds" "$(call VolumeDriver.Remove '{"Name":"none"}')" '{} 200'
like "a volume's name with a slash is an error" "$(call VolumeDriver.Get '{"Name":"../x"}')" 'not a name of a volume.* 500$'
like "a body that is not JSON is an error" "$(call VolumeDriver.Get '<x>')" '"Err":".* 500$'
like "an unknown call is an error" "$(call VolumeDriver.Format '{}')" ' 404$'
like "a body of 100 kB is an error" "$(head -c 100000 /dev/zero | tr '\0' x | call VolumeDriver.Get @-)" ' 413$'

# create
fails_with 1 "keyd has no volume pgdata; create it with -o device=" \
	docker volume create -d container-crypt pgdata
fails_with 1 'no option "size": device=' \
	docker volume create -d container-crypt -o size=1G pgdata
need mkfs.ext4 -q -F "$(lun 1)"
fails_with 1 "ext4" docker volume create -d container-crypt -o device="$(lun 1)" pgdata
need wipefs -qa "$(lun 1)"
jq -n --arg d "$(image_id docker app:1)" \
	'{volume: "pgdata", mountPoint: "/data", serial: 1, image: {configDigest: $d}}' >"$tap_dir/p.json"
need dmctl identity sign --key "$tap_dir/ops.key" --predicate "$tap_dir/p.json" \
	--subject "$(image_id docker app:1)" --name test/app -o "$tap_dir/i.dsse"
ok "docker volume create makes the volume" docker volume create -d container-crypt \
	-o device="$(lun 0)" -o identity="$tap_dir/i.dsse" pgdata
is "keyd has the volume that docker volume create made" "$(dmctl volume inspect pgdata --json | jq -r .state)" ready
is "the volume that docker volume create made has its identity" "$(dmctl volume inspect pgdata --json | jq -r .identity.signer)" ops
ok "the volume that docker volume create made has its device at once" test -e /var/run/cdi/container-crypt-pgdata.json
is "a Create that is repeated is success" "$(call VolumeDriver.Create "$(jq -cn --arg d "$(lun 0)" \
	--arg i "$tap_dir/i.dsse" '{Name: "pgdata", Opts: {device: $d, identity: $i}}')")" '{} 200'
fails_with 1 "lun1" docker volume create -d container-crypt -o device="$(lun 1)" -o name=pgdata other
like "docker volume ls shows it" "$(docker volume ls --format '{{.Driver}} {{.Name}}')" \
	"container-crypt pgdata"
is "docker volume inspect says what it is" \
	"$(docker volume inspect -f '{{.Status.state}} {{.Status.fs}}' pgdata)" "ready ext4"

# without the device
is "without the device the container sees the placeholder only" \
	"$(in_image -v pgdata:/data --entrypoint /bin/ls app:1 /data)" README.container-crypt
like "the placeholder says what to do" "$(in_image -v pgdata:/data --entrypoint /bin/cat app:1 \
	/data/README.container-crypt)" "docker run -v NAME:/data --device container-crypt/volume=pgdata"
not_ok "the placeholder takes no data" in_image -v pgdata:/data --entrypoint /bin/touch app:1 /data/x

# with it
ok "docker run -v with the device starts a container" docker run -d --name app --network none -v pgdata:/data \
	--device container-crypt/volume=pgdata app:1
ok "the program of docker run -v found its volume" wait_for 10 started docker 1
is "the volume lies over the placeholder" \
	"$(in_app docker grep ' /data ' /proc/mounts | cut -d' ' -f1,3 | tr '\n' ' ')" \
	"container-crypt tmpfs /dev/mapper/container-crypt-pgdata ext4 "
ok "a restart finds the data again" docker restart -t 0 app
ok "the program started twice on the same data" wait_for 20 started docker 2
fails_with 1 "in use" docker volume rm pgdata
need dmctl unbind pgdata
is "dmctl unbind uncovers the placeholder" "$(in_app docker ls /data)" README.container-crypt
need docker rm -f app
need wait_for 20 no_bindings
ok "docker run -v with :ro starts a container" docker run -d --name app --network none -v pgdata:/data:ro \
	--device container-crypt/volume=pgdata app:1
like "docker run -v with :ro mounts the volume read-only" "$(in_app docker grep ' /data ext4' /proc/mounts)" " ext4 ro,nosuid,nodev"
need docker rm -f app
need wait_for 20 no_bindings
refuse() { # REASON OPTION...
	local reason=$1 text

	shift
	text=$(docker run --rm --network none --device container-crypt/volume=pgdata "$@" 2>&1) && return 1
	echo "$text"
	[[ $text == *"container-crypt: $reason"* ]]
}
ok "a container with the placeholder elsewhere is refused" refuse mounts -v pgdata:/mnt app:1
ok "a container with another volume in the placeholder's place is refused" refuse mounts -v "$tap_dir:/data" app:1

# names
ok "a volume made by dmctl is found by its name" sh -c "dmctl volume create second '$(lun 1)' &&
	docker volume inspect second"
ok "a name of the engine's own stands for one of keyd's" \
	docker volume create -d container-crypt -o name=second Shop_db
is "a name of the engine's own has its placeholder" "$(in_image -v Shop_db:/data --entrypoint /bin/ls app:1 /data)" \
	README.container-crypt

ok "docker volume rm removes the engine's volumes" docker volume rm pgdata Shop_db
is "docker volume rm leaves the data" "$(dmctl volume inspect pgdata --json | jq -r .state)" ready
docker volume rm second >/dev/null 2>&1
ok "nothing is left when the engine's volumes are removed" leaves_nothing
stop "$agent_pid"
not_ok "the socket goes with the agent" test -e $plugin
