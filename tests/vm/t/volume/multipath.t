#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A LUN over iSCSI (LIO on the loopback, open-iscsi) with two paths under multipath: bound by the multipath
# device, goes on when a path fails, survives the loss of both for as long as multipath queues.
# vm: udev docker scsi=1 timeout=420 long

. ./lib.sh
. ./bind-lib.sh
plan 18

target=iqn.2026-01.org.example:lun
initiator=iqn.2026-01.org.example:guest

lio() {
	local cfg=/sys/kernel/config/target dir

	modprobe -a target_core_mod target_core_file iscsi_target_mod iscsi_tcp dm_multipath || return
	mountpoint -q /sys/kernel/config || mount -t configfs configfs /sys/kernel/config
	truncate -s 300M "$tap_dir/backing"
	mkdir -p $cfg/core/fileio_0/lun0 &&
		echo "fd_dev_name=$tap_dir/backing,fd_dev_size=$((300 << 20))" >$cfg/core/fileio_0/lun0/control &&
		echo 6001405c2b9e1f0a >$cfg/core/fileio_0/lun0/wwn/vpd_unit_serial &&
		echo 1 >$cfg/core/fileio_0/lun0/enable || return
	dir=$cfg/iscsi/$target/tpgt_1
	mkdir -p $dir/lun/lun_0 &&
		ln -s $cfg/core/fileio_0/lun0 $dir/lun/lun_0/port &&
		mkdir -p $dir/np/127.0.0.1:3260 $dir/np/127.0.0.2:3260 &&
		echo 0 >$dir/attrib/authentication &&
		echo 1 >$dir/attrib/generate_node_acls &&
		echo 0 >$dir/attrib/demo_mode_write_protect &&
		echo 1 >$dir/enable
}

login() {
	mkdir -p /etc/iscsi /run/lock/iscsi
	echo "InitiatorName=$initiator" >/etc/iscsi/initiatorname.iscsi
	iscsid
	for portal in 127.0.0.1 127.0.0.2; do
		iscsiadm -m node -o new -T $target -p $portal:3260,1 || return
		iscsiadm -m node -o update -T $target -p $portal:3260 \
			-n node.session.timeo.replacement_timeout -v 2
		iscsiadm -m node -T $target -p $portal:3260 --login || return
	done
	udevadm settle
}

paths() { lsscsi -t | awk -v t="$target" 'index($0, t) {print $NF}'; }
two_paths() { [ "$(paths | grep -c ^/dev/)" = 2 ]; }

multipath_up() {
	cat >/etc/multipath.conf <<-'END'
		defaults {
			find_multipaths yes
			user_friendly_names no
			polling_interval 1
			no_path_retry 60
		}
		blacklist {
			device {
				vendor "QEMU"
			}
		}
	END
	multipathd && wait_for 30 sh -c 'multipath -ll | grep -q LIO-ORG'
}
path_state() { echo "$2" >"/sys/block/${1#/dev/}/device/state"; }
failed_paths() { multipath -ll | grep -cE 'failed|faulty'; }

need host_setup
need tiny_image docker app:1 /bin/sh -c "$app"
need lio
cleanup iscsiadm -m node --logoutall=all
ok "iSCSI logs in over two portals" login
ok "two iSCSI sessions show two paths to the LUN" wait_for 20 two_paths
cleanup multipathd shutdown
ok "multipath joins the two paths" multipath_up
mapfile -t path < <(paths)
map=$(multipath -ll | awk '/LIO-ORG/ {print $1; exit}')
lun=/dev/mapper/$map
fails_with 5 "." dmctl volume create vol "${path[0]}"
ok "the multipath device takes a volume" dmctl volume create vol "$lun"
need identity vol docker app:1
ok "docker run starts a container on the multipath device" run_app docker app:1
ok "the program found its volume" wait_for 20 started docker 1
like "the volume is bound by the multipath device, found without being named" \
	"$(readlink -f "$(dmctl ps --json | jq -r '.bindings[0].device')")" "^/dev/dm-"

write() { in_app docker sh -c "echo $1 >>/data/lines; sync"; }
need write one
path_state "${path[0]}" offline
ok "with one path gone the container goes on writing" timeout 60 docker exec app sh -c 'echo two >>/data/lines; sync'
ok "multipath has marked a path that is gone" wait_for 20 sh -c 'multipath -ll | grep -qE "failed|faulty|offline"'
path_state "${path[1]}" offline
in_app docker sh -c 'echo three >>/data/lines; sync; echo done >>/data/lines' &
writer=$!
wait_for 10 sh -c '[ "$(multipath -ll | grep -cE "failed|faulty|offline")" = 2 ]'
ok "with both paths gone writes wait" kill -0 $writer
path_state "${path[0]}" running
path_state "${path[1]}" running
ok "writes that waited are written when the paths are back" wait "$writer"
is "nothing is lost over the paths' loss" "$(in_app docker cat /data/lines | tr '\n' ' ')" "one two three done "
unlike "the file system saw no error" "$(kernel_log)" "EXT4-fs error.*container-crypt-vol|Remounting filesystem read-only"
ok "docker restart succeeds" docker restart -t 0 app
ok "docker restart finds the data" wait_for 20 started docker 2
need docker rm -f app
ok "nothing is left when the container is removed" wait_for 20 leaves_nothing
ok "a path taken out for good is no matter to the next start" sh -c \
	"iscsiadm -m node -T $target -p 127.0.0.2:3260 --logout && docker run -d --name app --network none \
	--device container-crypt/volume=vol app:1"
