#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Must not meet what the file before it has left: its guest is another one.
# vm: shared timeout=30
echo 1..1
if mountpoint -q /mnt/left || [ -e /sys/fs/cgroup/left ]; then
	echo "not ok 1 - the guest is clean"
else
	echo "ok 1 - the guest is clean"
fi
