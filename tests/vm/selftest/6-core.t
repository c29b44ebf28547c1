#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A program of the test crashes.
. ./lib.sh
plan 1
ok "a shell is killed by a signal" sh -c 'sh -c "kill -SEGV \$\$"; true'
