#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The kernel's last word.
. ./lib.sh
plan 2
ok "before the crash" true
echo c >/proc/sysrq-trigger
sleep 100
