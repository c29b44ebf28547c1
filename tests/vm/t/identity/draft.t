#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# dmctl identity draft of a Compose file and of a .container file: the smallest predicate of what was not started
# yet lets exactly that in when the engine starts the file.
# vm: systemd udev docker podman scsi=1 timeout=900 long

. ./lib.sh
. ./bind-lib.sh
plan 20

units=/etc/containers/systemd
file=$tap_dir/shop/compose.yaml

if ! docker compose version >/dev/null 2>&1; then compose() { docker-compose "$@"; }; else compose() { docker compose "$@"; }; fi
up() { compose -f "$file" up -d; }
down() { compose -f "$file" down -t 0 -v; }

# draft FILE [OPTION...]
draft() {
	local from=$1

	shift
	dmctl identity draft --from "$from" --volume vol --mount-point /data "$@"
}

# sign_draft ENGINE FILE [OPTION...]: signs what was drafted, and registers it
sign_draft() {
	local engine=$1

	shift
	draft "$@" >"$tap_dir/draft.json" &&
		dmctl identity sign --key "$tap_dir/ops.key" --predicate "$tap_dir/draft.json" \
			--subject "$(subject "$engine" app:1)" --name test/app -o "$tap_dir/draft.dsse" &&
		dmctl identity add "$tap_dir/draft.dsse"
}

forget_units() {
	systemctl stop db
	rm -rf $units/db.container
	systemctl daemon-reload
}

start_unit() {
	systemctl daemon-reload
	systemctl start db || { journalctl -u db -u container-crypt-agent -n 20 --no-pager; last_refusal; return 1; }
}

need systemd-sysusers
need modprobe dm-container-crypt
need dmctl init
need openssl genpkey -algorithm ed25519 -out "$tap_dir/ops.key"
need chmod 600 "$tap_dir/ops.key"
need openssl pkey -in "$tap_dir/ops.key" -pubout -out "$tap_dir/ops.pub"
need dmctl signer add ops "$tap_dir/ops.pub"
cleanup remove_containers
cleanup forget_units

# ---- Compose -------------------------------------------------------------------------------------

mkdir -p "$tap_dir/shop/conf"
echo secret >"$tap_dir/shop/pw.txt"
echo 'LEVEL=7' >"$tap_dir/shop/.vars"
cat >"$file" <<'END'
x-common: &common
  image: app:1
  network_mode: none
services:
  db:
    <<: *common
    container_name: app
    environment: {MODE: serve, LEVEL: "${LEVEL}"}
    entrypoint: /bin/sh
    command: -c 'echo "start $$$$" >>/data/log; exec sleep 1000'
    user: "0:0"
    working_dir: /tmp
    cap_add: [NET_ADMIN]
    cap_drop: [MKNOD]
    read_only: true
    tmpfs: /scratch:size=1m
    ulimits: {core: -1, nofile: {soft: 1024, hard: 2048}}
    healthcheck: {test: [CMD, "true"], interval: 1h}
    secrets: [pw]
    volumes: ["vol:/data", "./conf:/conf:ro", "cache:/cache"]
    deploy:
      resources:
        reservations:
          devices:
            - driver: cdi
              device_ids: ["container-crypt/volume=vol"]
              capabilities: [container-crypt]
  other:
    <<: *common
    privileged: true
secrets:
  pw: {file: ./pw.txt}
volumes:
  vol: {name: vol, driver: container-crypt}
  cache:
END
fails_as "an image that is not there yet is named with what to do" 8 'docker has no image app:1; .*docker pull' \
	draft "$file#db" --env-file "$tap_dir/shop/.vars"
need app_setup docker
fails_as "a variable that is not given is named" 10 'services.db: environment: variable LEVEL is not known.*--env-file' draft "$file#db"
fails_as "one of several services has to be chosen" 10 'FILE#SERVICE' draft "$file"
fails_as "what a file does not tell is refused by its name" 10 'services.other: privileged: .*--from CONTAINER' draft "$file#other"
fails_as "a file that is not there is named" 8 'nothing.yaml' draft "$tap_dir/nothing.yaml"
fails_as "a Compose file is read as Docker starts it" 1 'as docker would start it' draft "$file#db" --engine podman
ok "a predicate drafted from a service can be signed and registered" sign_draft docker "$file#db" --env-file "$tap_dir/shop/.vars"
is "the draft names what the file says and the image does not" \
	"$(jq -c '[(.process | keys), [.process.env[].name], [.mounts[].destination], .settings]' "$tap_dir/draft.json")" \
	'[["args","capabilities","cwd","env","user"],["MODE","LEVEL"],["/conf","/cache","/scratch","/run/secrets/pw"],["healthcheck=[\"CMD\",\"true\"]","process.rlimits RLIMIT_CORE=unlimited"]]'
export LEVEL=7
ok "docker compose up starts the service with its volume" up
ok "the program of the service has found the volume" wait_for 20 docker exec app grep -q start /data/log
is "a check of the draft against the container finds nothing" "$(dmctl identity check "$tap_dir/draft.json" app >/dev/null; echo $?)" 0
need down
need wait_for 20 leaves_nothing
need sed -i 's/cap_add: .*/cap_add: [NET_ADMIN, SYS_ADMIN]/' "$file"
fails_as "a capability more than was drafted is refused by name" 1 'capabilities: identity wants at most' up
need down
need wait_for 20 leaves_nothing

# ---- Quadlet -------------------------------------------------------------------------------------

docker image rm app:1 >/dev/null
need tiny_image podman app:1 /bin/sh -c "$app"
mkdir -p $units
cat >$units/db.container <<'END'
[Container]
Image=localhost/app:1
ContainerName=%p
Network=none
AddDevice=container-crypt/volume=vol
Exec=-c \
	'echo "start $$$$" >>/data/log; exec sleep 1000'
Entrypoint=/bin/sh
Environment=MODE=serve "NAME=two words"
AddCapability=CAP_NET_ADMIN
Tmpfs=/scratch
Volume=/etc/containers:/conf:ro
Volume=cache:/cache
Sysctl=net.core.somaxconn=1024
Ulimit=memlock=-1:-1
[Service]
Restart=no
END
ok "a predicate drafted from a .container file can be signed and registered" sign_draft podman $units/db.container
is "the draft names what the .container file says" \
	"$(jq -c '[[.process.env[].name], [.mounts[].destination], .settings]' "$tap_dir/draft.json")" \
	'[["MODE","NAME"],["/conf","/cache","/scratch"],["linux.sysctl net.core.somaxconn=1024"]]'
ok "the service that Podman makes of the file starts with the volume" start_unit
ok "the program of that service has found the volume" wait_for 20 podman exec db grep -q start /data/log
need systemctl stop db
need wait_for 20 leaves_nothing
need sed -i 's/somaxconn=1024/somaxconn=512/' $units/db.container
not_ok "a setting that is another than was drafted is refused" start_unit
like "the refusal names that setting" "$(last_refusal)" 'settings: .*somaxconn=512'
need sed -i 's/^Exec=.*/Exec=%i \\/' $units/db.container
fails_as "what systemd would put in is refused by its name" 10 'Exec: .*place of %i' draft $units/db.container
mkdir -p $units/db.container.d
fails_as "a drop-in that would be read as well is refused" 10 'db.container.d would be read as well' draft $units/db.container
rmdir $units/db.container.d
