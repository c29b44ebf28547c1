#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What `make demo` shows is true: every step of it does what its text says.
# vm: shared udev docker podman registry scsi=2 timeout=1200

. ./lib.sh
. ./bind-lib.sh
plan 2

# end_daemons: those that demo.sh has started
no_daemons() { ! pgrep -x 'dmctl|keyd'; }
end_daemons() { pkill -x 'dmctl|keyd'; wait_for 20 no_daemons; }

cleanup forget_host
cleanup end_daemons
cleanup remove_images
cleanup remove_containers
ok "the demo runs to its end" bash ./demo.sh
ok "the demo leaves nothing behind" leaves_nothing
