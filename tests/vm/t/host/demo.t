#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What `make demo` shows is true: every step of it does what its text says.
# vm: shared udev docker podman registry scsi=2 timeout=900

. ./lib.sh
. ./bind-lib.sh
plan 2
cleanup forget_host
cleanup remove_images
ok "the demo runs to its end" bash ./demo.sh
ok "the demo leaves nothing behind" leaves_nothing
