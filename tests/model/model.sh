#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# model.sh DIRECTORY [MUTATION]: checks the lease protocol's whole state space; exit status 0 when nothing is wrong.
# Works in DIRECTORY. With a MUTATION (see lease.pml) something must be wrong.

set -eu
model=$(cd "$(dirname "$0")" && pwd)/lease.pml
dir=$1/${2-protocol}
rm -rf "$dir"
mkdir -p "$dir"
cd "$dir"
spin ${2:+-D"$2"} -a "$model" >spin.log 2>&1 || { cat spin.log; exit 2; }
gcc -O2 -w -DSAFETY -DNOFAIR -DMEMLIM=2000 -o pan pan.c
./pan -m100000 >pan.log 2>&1 || { cat pan.log; exit 2; }
grep -E 'errors:|assertion violated|max search depth|states, stored' pan.log
! grep -q 'max search depth too small' pan.log || exit 2
grep -q 'errors: 0$' pan.log
