#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Says that it leaves nothing behind, and leaves a mount, a cgroup and a loop device.
# vm: shared timeout=30
echo 1..1
mkdir -p /mnt/left /sys/fs/cgroup/left
mount -t tmpfs left /mnt/left
truncate -s 1M /mnt/left/file
losetup -f /mnt/left/file
echo "ok 1 - before the end"
