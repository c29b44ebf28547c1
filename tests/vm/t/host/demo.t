#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What `make demo` shows is true: every step of it does what its text says.
# vm: udev docker podman registry scsi=2 timeout=900

. ./lib.sh
plan 2
ok "the demo runs to its end" bash ./demo.sh
ok "the demo leaves nothing behind" leaves_nothing
