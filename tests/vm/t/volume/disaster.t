#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What docs/disaster.md tells to type is typed here, as the page has it: keyd's machine is lost and comes back as another; a LUN
# is read with stock tools and a recovery key; the KEK is lost, and a new volume gets the data.
# vm: systemd udev docker scsi=2 timeout=600 long

. ./lib.sh
. ./bind-lib.sh
plan 23

page=../../docs/disaster.md
program='echo "start" >>/data/log; sync; exec sleep 1000'

# block NUMBER: the page's commands of that block, with this guest's names for devices and the image
block() {
	awk -v n="$1" '/^```sh/ { i++; next } /^```/ { in_code = 0; if (i == n) exit; next } i == n' "$page" |
		sed -e "s,/dev/disk/by-id/scsi-36001405old,$(lun 0),; s,/dev/disk/by-id/scsi-36001405new,$(lun 1)," \
			-e 's,registry.example/shop/db:v1,app:1,'
}
typed() {
	local commands

	commands=$(block "$1")
	[ -n "$commands" ] && (cd "$tap_dir" && bash -exc "$commands")
}
runs() { [ "$(docker exec db cat /data/log | grep -c start)" = "$1" ]; }
# lost: the machine is gone, with all that was on it; its LUNs are not
lost() {
	docker rm -f db
	systemctl stop container-crypt-agent container-crypt-keyd
	forget_host
}

need systemd-sysusers
need modprobe dm-container-crypt
need dmctl init --name oldhost
need openssl genpkey -algorithm ed25519 -out "$tap_dir/ops.key"
need chmod 600 "$tap_dir/ops.key"
need openssl pkey -in "$tap_dir/ops.key" -pubout -out "$tap_dir/cosign.pub"
need dmctl signer add release "$tap_dir/cosign.pub"
need dmctl volume create pgdata "$(lun 0)"
need systemctl restart docker # as after a boot that found everything set up
cleanup docker rm -f db
need tiny_image docker app:1 /bin/sh -c "$program"
need identity pgdata docker app:1
need docker run -d --name db --network none --device container-crypt/volume=pgdata app:1
need wait_for 20 runs 1

ok "a recovery key is made" typed 1
ok "what is to be kept is kept" typed 2
is "what is kept is its owner's only" "$(find "$tap_dir/keep" "$tap_dir/safe" -type f -perm /077 | wc -l)" 0
is "nothing of the state is a secret" "$(grep -cE '"(key|d|k)"' "$tap_dir/keep/state.json")" 0
not_ok "a copy of the database does not hold the exported key" grep -qF "$(cut -c1-40 "$tap_dir/keep/pgdata.jwe")" \
	"$tap_dir/keep/keyd.db"

# ---- keyd's machine is lost --------------------------------------------------------------------------
need docker rm -f db
need wait_for 20 leaves_nothing
need rm -r "$tap_dir/keep" "$tap_dir/safe"
need typed 2
lost
ok "what was kept is put back on another machine" typed 3
not_ok "keyd says that it is not the database that was served last" /usr/libexec/container-crypt/keyd check
ok "the database is taken as it is when nobody else can have a key" typed 4
ok "the new machine runs the container: keyd, agent, volume" typed 5
ok "the program finds the data of before the loss" wait_for 20 runs 2
like "the old host is no longer believed" "$(dmctl agents ls --json | jq -c '[.agents[].name]')" '^\["newhost"\]$'
need docker rm -f db
need wait_for 20 leaves_nothing

# ---- stock tools ---------------------------------------------------------------------------------------
ok "the exported key is decrypted with the recovery key" typed 6
is "the exported key is that of two AES-256 keys" "$(stat -c %s "$tap_dir/pgdata.key")" 64
need dd if=/dev/zero of="$(lun 0)" bs=1M count=1 conv=fsync status=none
not_ok "a LUN whose header is damaged is not opened" typed 7
ok "the header is put back by cryptsetup" typed 8
need rm -rf "$tap_dir/rescue"
ok "cryptsetup and mount read the volume" typed 7
is "the data is what the program wrote" "$(grep -c start "$tap_dir/rescue/log")" 2

# ---- the KEK is lost -----------------------------------------------------------------------------------
need rm /etc/container-crypt/kek
ok "a keyd that runs still gives out keys when the file of the KEK is lost" dmctl volume key export \
	--to-recipient "$tap_dir/recovery.pub.jwk" -o "$tap_dir/late.jwe" pgdata
not_ok "a keyd that has ended does not start without it" systemctl restart container-crypt-keyd
ok "what was exported is copied into a new volume, and the container runs with it" typed 9
ok "the program finds in the new volume the data of the old one" wait_for 20 runs 3
ok "nothing of the rescue is left open" sh -c '! dmsetup ls | grep -q rescue'
need docker rm -f db
ok "nothing is left at the end" wait_for 20 leaves_nothing
