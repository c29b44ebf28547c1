#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The guest is what the other tests take it for: kernel 6.12, both engines, udev, named LUNs.
# vm: shared udev docker podman registry scsi=2 timeout=310

. ./lib.sh
. ./bind-lib.sh
plan 9
cleanup remove_images

like "the kernel is Debian 13's" "$(uname -r)" '^6\.12\.'
is "control groups are v2 and delegated" \
	"$(grep -ow -e memory -e io -e pids /sys/fs/cgroup/cgroup.subtree_control | sort | xargs)" \
	"io memory pids"
ok "LUN 0 has its by-id name" test -b "$(lun 0)"
is "LUN 1 is a SCSI disk of 256 MiB" "$(blockdev --getsize64 "$(lun 1)")" $((256 << 20))
is "docker is 26 with CDI" \
	"$(docker info --format '{{slice .ServerVersion 0 3}}{{if .CDISpecDirs}}cdi{{end}}')" 26.cdi
ok "docker makes an image" tiny_image docker tiny:1 /bin/echo
is "docker runs a container" "$(docker run --rm --network none tiny:1 hello)" hello
ok "podman makes an image" tiny_image podman tiny:1 /bin/echo
is "podman runs a container" "$(podman run --rm tiny:1 hello)" hello
