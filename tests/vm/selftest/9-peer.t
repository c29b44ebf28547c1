#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Two hosts that have a disk and a network in common.
# vm: peer udev scsi=1

. ./lib.sh
. ./peer-lib.sh
plan 4

need peer_start
peer 'greeting="good day"'
is "what the other host does is remembered there" "$(peer 'echo "$greeting"')" "good day"
peer 'exit_with() { return $1; }; exit_with 7'
is "a peer's status comes back" $? 7
echo "from the first" | dd of="$(lun 0)" conv=sync bs=512 oflag=direct status=none
is "the peer reads what this host writes to the disk" \
	"$(peer "dd if=$(lun 0) bs=512 count=1 iflag=direct status=none | head -n 1")" "from the first"
peer 'socat TCP-LISTEN:7000,bind=10.7.0.2 EXEC:hostname >/dev/null 2>&1 & wait_for 60 sh -c "ss -ltn | grep -q :7000"'
is "the peer answers on the network" "$(socat - TCP:10.7.0.2:7000,retry=30)" guest
