#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# model.sh DIRECTORY MODEL [DEFINE...]: checks MODEL.pml's whole state space; exit status 0 when nothing is wrong, 1
# when something is, 2 when that could not be found out. Works in DIRECTORY. The models say what each DEFINE does.

set -eu
dir=$1/$2 model=$(cd "$(dirname "$0")" && pwd)/$2.pml defines=
shift 2
compress=
for define; do
	dir=$dir-$define defines="$defines -D$define"
	[ "$define" != FAILOVER ] || compress=-DCOLLAPSE # 80 million states
done
rm -rf "$dir"
mkdir -p "$dir"
cd "$dir"
# shellcheck disable=SC2086 # words
spin $defines -a "$model" >spin.log 2>&1 || { cat spin.log; exit 2; }
# shellcheck disable=SC2086 # none or one
gcc -O2 -w -DSAFETY -DNOFAIR $compress -DMEMLIM=6000 -o pan pan.c
./pan -m6000000 >pan.log 2>&1 || { cat pan.log; exit 2; }
grep -E 'errors:|assertion violated|max search depth|states, stored' pan.log
! grep -qE 'max search depth too small|out of memory|reached -DMEMLIM' pan.log || exit 2
grep -q 'errors: 0$' pan.log
