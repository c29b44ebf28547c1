#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The main job, shown: `make demo` runs this inside a throw-away guest with two SCSI disks, Docker,
# Podman and a local registry. Every command that is shown is the command that is run; the
# script stops with an error where something is not as the text says.
# vm: udev docker podman registry scsi=2 timeout=900

# shellcheck disable=SC2016 # commands are shown, then run, as text
set -eu
cd "$(mktemp -d /root/demo.XXXXXX)"
export COSIGN_PASSWORD='' COSIGN_EXPERIMENTAL=0
LUN=/dev/disk/by-id/scsi-0QEMU_QEMU_HARDDISK_lun0
IMAGE=localhost:5000/shop/db
steps=0

bold='' dim='' off=''
[ ! -t 1 ] || { bold=$'\e[1m' dim=$'\e[2m' off=$'\e[0m'; }

chapter() { steps=$((steps + 1)); printf '\n%s%d. %s%s\n' "$bold" $steps "$*" "$off"; }
tell() { printf '   %s\n' "$@"; }
die() {
	printf '\ndemo: %s\n' "$*" >&2
	[ ! -e agent.log ] || tail -n 5 agent.log >&2
	exit 1
}
show() { printf '   %s$ %s%s\n' "$dim" "$*" "$off"; }
indent() { sed 's/^/     /'; }

# run 'COMMAND': shows it, runs it, shows what it says; it must succeed
run() {
	show "$1"
	bash -c "$1" >out 2>&1 || { indent <out; die "that should have worked"; }
	indent <out
}

# refused 'COMMAND' 'WORDS': it must fail, and say why
refused() {
	show "$1"
	if bash -c "$1" >out 2>&1; then
		indent <out
		die "that should have been refused"
	fi
	# Docker wraps the reason in quotes of its own and ends it with its error class.
	grep -o 'container-crypt: .*' out | head -1 | sed 's/\\*"/"/g; s/: unknown\.$//' | indent
	grep -q -- "$2" out || { indent <out; die "refused, but the reason does not name '$2'"; }
}

wait_until() {
	local end=$((SECONDS + 60))

	until bash -c "$1" >/dev/null 2>&1; do
		[ $SECONDS -lt $end ] || die "waited in vain for: $1"
		sleep 0.2
	done
}

# An image in the local registry: one static busybox and the application, a shell script that appends a
# line to its log on /data at every start.
build_image() { # TAG APPLICATION
	local c

	mkdir -p tree/bin tree/data tree/etc tree/proc tree/sys tree/dev tree/tmp
	cp /bin/busybox tree/bin/
	for tool in sh cat echo sleep sync touch wc; do ln -sf busybox "tree/bin/$tool"; done
	printf '#!/bin/sh\n%s\n' "$2" >tree/app
	chmod 755 tree/app
	c=$(buildah from scratch)
	buildah copy -q "$c" tree / >/dev/null
	buildah config --entrypoint '["/app"]' --cmd '' --env PATH=/bin "$c"
	buildah commit -q "$c" "$IMAGE:$1" >/dev/null
	buildah rm "$c" >/dev/null
	buildah push -q --tls-verify=false --digestfile "digest-$1" "$IMAGE:$1"
	rm -rf tree
}

APP='touch /data/orders; echo "order $(wc -l </data/orders): 3 blue widgets for Ada" >>/data/orders
sync; cat /data/orders; exec sleep 1000'

printf '%scontainer-crypt: a LUN that only one signed container can read%s\n' "$bold" "$off"

chapter 'A host, and a LUN on a SAN'
run "lsblk -o NAME,SIZE,MODEL,SERIAL $(readlink -f $LUN)"
run "modprobe dm-container-crypt && dmsetup targets | grep container-crypt"
tell 'One command makes the key-encryption key, the key daemon'\''s database and the agent'\''s key:'
run 'dmctl init --realm demo'
if [ ! -d /run/systemd/system ]; then
	# The guest has no systemd: the two services, by hand.
	/usr/libexec/container-crypt/keyd serve >keyd.log 2>&1 &
	wait_until 'test -S /run/container-crypt/keyd.sock'
	dmctl agent >agent.log 2>&1 &
	wait_until 'test -S /run/container-crypt/agent.sock'
fi

chapter 'An image in a registry, and two people who may sign for it'
build_image v1 "$APP"
run "docker pull -q $IMAGE:v1"
run 'cosign generate-key-pair 2>&1'
run 'openssl genpkey -algorithm ed25519 -out ops.key && chmod 600 ops.key && openssl pkey -in ops.key -pubout -out ops.pub'
run 'dmctl signer add release cosign.pub'
run 'dmctl signer add ops ops.pub'

chapter 'A volume on the LUN; its key is made by keyd and never leaves it unasked'
run "dmctl volume create pgdata $LUN"
run "blkid $LUN"

chapter 'The identity: what the container must be. Signed with cosign'
cat >identity.json <<END
{ "volume": "pgdata", "mountPoint": "/data", "serial": 1,
  "image": { "configDigest": "$(docker image inspect -f '{{.Id}}' $IMAGE:v1)" } }
END
run 'cat identity.json'
tell 'What it does not say (entrypoint, user, mounts, capabilities ...) must be what the image says, or the safe value.'
run "cosign attest --key cosign.key --type urn:container-crypt:identity:v1 --predicate identity.json \
--tlog-upload=false --allow-http-registry -y $IMAGE@$(cat digest-v1) 2>&1 | tail -1"
run "cosign download attestation --allow-http-registry $IMAGE@$(cat digest-v1) >identity.dsse"
run 'dmctl identity add identity.dsse'

chapter 'docker run: the hook attests, keyd releases, the application starts with its data'
DB="docker run -d --name db --network none --device container-crypt/volume=pgdata"
run "$DB $IMAGE:v1"
wait_until 'docker logs db | grep -q order'
run 'docker logs db'
run 'dmctl ps'

chapter 'The host does not see the plaintext'
tell 'Inside the container:'
run 'docker exec db cat /proc/mounts | grep /data'
tell 'On the host, nothing of it is mounted:'
show 'grep -c container-crypt /proc/self/mountinfo'
n=$(grep -c container-crypt /proc/self/mountinfo || true)
echo "     $n"
[ "$n" = 0 ] || die 'the volume is in the mount table of the host'
tell 'And the raw LUN is ciphertext:'
run "dd if=$LUN bs=1M skip=32 count=1 status=none | xxd | head -3"
show "grep -c 'blue widgets' $LUN"
n=$(grep -a -c 'blue widgets' $LUN || true)
echo "     $n"
[ "$n" = 0 ] || die 'plaintext on the LUN'

chapter 'A restart reads the data back'
run 'docker restart -t 0 db'
wait_until '[ "$(docker logs db | grep -c order)" -ge 3 ]'
run 'docker exec db cat /data/orders'
run 'docker rm -f db'
wait_until '[ "$(dmctl ps --json | jq ".bindings | length")" = 0 ]'

chapter 'The same volume under Podman, the identity now signed by dmctl'
sed -i 's/"serial": 1/"serial": 2/' identity.json
run "dmctl identity sign --key ops.key --predicate identity.json --subject $(cat digest-v1) --name $IMAGE -o identity2.dsse"
run 'dmctl identity verify --pubkey ops.pub identity2.dsse'
run 'dmctl identity add identity2.dsse'
run "podman run -d --name db --network none --device container-crypt/volume=pgdata $IMAGE:v1"
wait_until 'podman logs db | grep -q "order 2"'
run 'podman logs db'
run 'podman rm -f -t 0 db'
wait_until '[ "$(dmctl ps --json | jq ".bindings | length")" = 0 ]'

chapter 'Refused: same name, same tag, another image behind it'
build_image v2 'cat /data/orders | wc -l; echo "stolen"; sleep 1000'
run "docker pull -q $IMAGE:v2 && docker tag $IMAGE:v2 $IMAGE:v1"
refused "docker run --rm --name db --network none --device container-crypt/volume=pgdata $IMAGE:v1" 'image'
docker rmi -f "$IMAGE:v1" "$IMAGE:v2" >/dev/null 2>&1
docker pull -q "$IMAGE:v1" >/dev/null

chapter 'Refused: the right image with another entrypoint'
refused "docker run --rm --network none --device container-crypt/volume=pgdata --entrypoint /bin/sh $IMAGE:v1 -c 'cat /data/orders'" 'args'

chapter 'Refused: the right image with an extra bind mount'
refused "docker run --rm --network none --device container-crypt/volume=pgdata -v /tmp:/exfil $IMAGE:v1" 'mounts'

chapter 'Every decision is in the audit chain'
run 'dmctl audit ls'
run 'dmctl audit verify'
run 'dmctl ps'

printf '\n%sDone: %d steps, each as it should be.%s\n' "$bold" $steps "$off"
