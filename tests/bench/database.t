#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What a database and fio in a container get from one of our volumes, from dm-crypt as it comes and with the options that
# suit it best, and from the LUN itself: a PostgreSQL on each, and each round measures all in turn, so that what else the
# host does meets all of them alike.
# vm: udev docker scsi=4 mem=3072 timeout=5400 long software=postgresql

. ../bench/lib.sh
. ./bind-lib.sh
. ./software-lib.sh
plan 2

devices="plain crypt crypt-best ours"
rounds=${ROUNDS-5}
data=/var/lib/postgresql/data

# host_fs NAME DEVICE: mounted where its container gets it from
host_fs() {
	mkfs.ext4 -q -b 4096 -m 0 "$2" && mkdir "$tap_dir/$1" && mount "$2" "$tap_dir/$1" && rmdir "$tap_dir/$1/lost+found"
}

# crypt NAME LUN [OPTION...]: dm-crypt over all of it
crypt() { crypt_create "$1" "$(readlink -f "$2")" "$(random_key 64)" "${@:3}" && host_fs "$1" "/dev/mapper/$1"; }

# image: version 1 with fio, which is the guest's own and has its libraries beside it
image() {
	mkdir -p "$tap_dir/context/fio"
	ldd /usr/bin/fio | grep -oE '/[^ ]+' | xargs cp -L -t "$tap_dir/context/fio" /usr/bin/fio || return
	cat >"$tap_dir/context/Dockerfile" <<-'END'
		FROM postgresql:1
		COPY fio /opt/fio
	END
	DOCKER_BUILDKIT=0 docker build --network none -t bench:1 "$tap_dir/context" && software=bench && admit 1
}

# begin DEVICE: a server on it
begin() {
	local where=(-v "$tap_dir/$1:$data")

	[ "$1" != ours ] || where=(-v "vol:$data" --device container-crypt/volume=vol)
	docker run -d --name "$1" --network none "${where[@]}" bench:1 &&
		wait_for 500 docker exec "$1" psql -U postgres -c 'SELECT 1' &&
		docker exec "$1" pgbench -U postgres -q -i -s 1 postgres
}
all_begin() { for device in $devices; do begin $device || return; done; }

# tps DEVICE: transactions a second of two clients
tps() {
	docker exec "$1" pgbench -U postgres -n -c 2 -t 150 postgres 2>/dev/null | sed -nE 's/^tps = ([0-9.]+).*/\1/p'
}

# iops DEVICE: random reads and writes of 4 KiB, each write synced
iops() {
	docker exec -u postgres "$1" sh -c "mkdir -p $data/fio && cd /opt/fio && exec ./ld-linux-x86-64.so.2 \
		--library-path . ./fio --name=mix --directory=$data/fio --rw=randrw --bs=4k --size=8m --fsync=1 --runtime=8 \
		--time_based --output-format=json" |
		jq '.jobs[0] | .read.iops + .write.iops'
}

# measure: one round
measure() {
	local device what value

	for what in tps iops; do
		for device in $devices; do
			value=$($what "$device") && [ "$value" ] || return
			bench_result measure=database device="$device" what=$what round="$round" value="$value"
		done
	done
}

need software_setup docker postgresql $data
need host_fs plain "$(lun 1)"
cleanup umount "$tap_dir/plain"
need crypt crypt "$(lun 2)"
cleanup umount "$tap_dir/crypt"
need crypt crypt-best "$(lun 3)" sector_size:4096 no_read_workqueue no_write_workqueue submit_from_crypt_cpus
cleanup umount "$tap_dir/crypt-best"
cleanup docker rm -f $devices # before what they have mounted goes
need image
ok "a PostgreSQL serves from each device" all_begin
for ((round = 1; round <= rounds; round++)); do
	measure || break
done
is "every device was measured in every round" "$round" $((rounds + 1))
