#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Never ends, and leaves a process behind that ignores signals.
# vm: timeout=5
. ./lib.sh
plan 2
ok "before the hang" true
trap '' TERM INT
setsid sleep 1000 &
sleep 1000
