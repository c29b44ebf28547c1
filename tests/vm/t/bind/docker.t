#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# docker run --device container-crypt/volume=NAME: the volume is there before the program's first
# instruction, only in that container, and ciphertext on the LUN; it outlives the container.
# vm: shared udev docker scsi=1 timeout=410 newest

. ./lib.sh
. ./bind-lib.sh
plan 18

need host_setup
need app_setup docker
ok "docker run with the device starts the container" run_app docker app:1
ok "the program finds the volume at its start" wait_for 10 started docker 1
is "the volume is mounted in the container, nosuid and nodev" \
	"$(in_app docker grep ' /data ' /proc/mounts | cut -d' ' -f2-4 | cut -d, -f1-3)" \
	"/data ext4 rw,nosuid,nodev"
unlike "no mount table of the host has it" "$(cat /proc/self/mountinfo)" "container-crypt"
unlike "PID 1's mount table does not have the volume" "$(cat /proc/1/mountinfo)" "container-crypt"
like "the mapping of a bound volume is active" "$(dmsetup status container-crypt-vol)" " container-crypt active "
like "only the container's cgroup may read through it" "$(dmsetup status container-crypt-vol)" \
	" gate:$(stat -c %i "/sys/fs/cgroup/docker/$(docker inspect -f '{{.Id}}' app)") "
not_ok "root on the host reads no plaintext from the mapped device" \
	dd if=/dev/mapper/container-crypt-vol of=/dev/null bs=4096 count=1 iflag=direct
is "dmctl ps shows volume, engine, container and mount point of the binding" "$(dmctl ps --json |
	jq -r '.bindings[] | [.volume, .engine, .containerName, .mountPoint, .state] | join(" ")')" \
	"vol docker app /data bound"
need in_app docker sh -c 'echo "three blue widgets" >/data/secret; sync'
not_ok "the LUN holds ciphertext" grep -a -q "three blue widgets" "$(lun 0)"
ok "docker restart binds the volume again" docker restart -t 0 app
ok "after a restart the program starts on the data of its first start" wait_for 20 started docker 2
is "data survives a restart of the container" "$(in_app docker cat /data/secret)" "three blue widgets"
ok "binding a bound container again changes nothing" dmctl bind vol app
need docker rm -f app
ok "the volume is unbound when the container ends" wait_for 20 leaves_nothing
is "the lease is returned when the container ends" "$(dmctl lease ls --json | jq -c '.leases')" "[]"
ok "another container of the image gets the volume" run_app docker app:1
ok "another container of the image appends to the data of the first" wait_for 10 started docker 3
