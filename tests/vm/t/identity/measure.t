#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# dmctl identity measure: a predicate pinned to a container that was tried out, once signed, admits containers
# that are the same and no other.
# vm: shared udev docker scsi=1 timeout=510 long newest

. ./lib.sh
. ./bind-lib.sh
plan 19

need host_setup
need app_setup docker
mkdir "$tap_dir/conf"

# An application that needs more than the safe values.
need docker create --name odd --network none --cap-drop ALL --cap-add CHOWN --read-only --user 1000:1000 \
	--workdir /tmp -e MODE=serve -v "$tap_dir/conf:/conf:ro" --entrypoint /bin/sleep app:1 900
need docker start odd
m=$(dmctl identity measure odd)
is "measure names the container's program" "$(jq -c .config.args <<<"$m")" '["/bin/sleep","900"]'
is "measure names the container's image by config digest" "$(jq -r .image.id <<<"$m")" "$(image_id docker app:1)"
is "measure names the container's user" "$(jq -c '[.config.user.uid,.config.user.gid]' <<<"$m")" '[1000,1000]'
fails_with 8 'nosuch' dmctl identity measure nosuch
p=$(dmctl identity measure odd --predicate --volume vol --mount-point /data 2>"$tap_dir/err")
is "the predicate takes the next serial" "$(jq .serial <<<"$p")" 2
is "the predicate pins arguments, directory and capabilities" \
	"$(jq -c '[.process.args,.process.cwd,.process.capabilities]' <<<"$p")" \
	'[["/bin/sleep","900"],"/tmp",["CAP_CHOWN"]]'
is "the predicate pins environment, mounts and the read-only root" \
	"$(jq -c '[[.process.env[].name],.process.env[-1].value,[.mounts[].destination],.readonlyRootfs]' <<<"$p")" \
	'[["PATH","MODE"],"serve",["/conf"],true]'
like "measure says what the predicate does not pin" "$(cat "$tap_dir/err")" "but for the engine's own seccomp filter"
is "--serial sets the predicate's serial" "$(dmctl identity measure odd --predicate --volume vol --mount-point /data --serial 9 2>/dev/null |
	jq .serial)" 9
d=$(dmctl identity draft --from odd --volume vol --mount-point /data 2>/dev/null)
is "the smallest predicate names what the image and the engine do not say, and no more" \
	"$(jq -c '[(.process | keys), [.process.env[].name], .process.env[0].value, [.mounts[].destination], .readonlyRootfs]' <<<"$d")" \
	'[["args","cwd","env","user"],["MODE"],null,["/conf"],null]'
echo "$d" >"$tap_dir/draft.json"
ok "under the smallest predicate the container would be let in" dmctl identity check "$tap_dir/draft.json" odd
fails_with 1 'from' dmctl identity draft --volume vol --mount-point /data
docker rm -f odd >/dev/null

echo "$p" >"$tap_dir/predicate.json"
need dmctl identity sign --key "$tap_dir/ops.key" --predicate "$tap_dir/predicate.json" \
	--subject "$(subject docker app:1)" --name test/app -o "$tap_dir/pinned.dsse"
ok "a measured predicate can be signed and registered" dmctl identity add "$tap_dir/pinned.dsse"

# odd_with MODE CAPABILITY ARGUMENT: starts such a container with the volume
odd_with() {
	docker run -d --name app --network none --device container-crypt/volume=vol --cap-drop ALL \
		--cap-add "$2" --read-only --user 1000:1000 --workdir /tmp -e "MODE=$1" \
		-v "$tap_dir/conf:/conf:ro" --entrypoint /bin/sleep app:1 "$3"
}
ok "a container equal to the measured one gets the volume" odd_with serve CHOWN 900
ok "a container equal to the measured one has the volume mounted" in_app docker grep -q ' /data ' /proc/mounts
need docker rm -f app
need wait_for 20 leaves_nothing
fails_with 125 'env' odd_with steal CHOWN 900
docker rm -f app >/dev/null 2>&1
fails_with 125 'capabilities' odd_with serve NET_ADMIN 900
docker rm -f app >/dev/null 2>&1
fails_with 125 'args' odd_with serve CHOWN 901
docker rm -f app >/dev/null 2>&1
ok "containers that differ from the measured one leave nothing behind" leaves_nothing
