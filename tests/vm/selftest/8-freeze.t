#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Nothing runs in the guest any more: its init is stopped, the test does not end.
# vm: silence=15
. ./lib.sh
plan 2
ok "before the freeze" true
for process in $(pgrep -f /opt/container-crypt/init); do
	[ "$process" = 1 ] || [ "$process" = $PPID ] || kill -STOP "$process"
done
sleep 1000
