# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# For tests that want two hosts ("# vm: peer"), after lib.sh. The other host has the same SCSI disks and services and is
# 10.7.0.2 on a network of the two (this one is 10.7.0.1). What it is told to do does not go over that network, which can
# thus be cut.

peer_port() {
	local p

	for p in /sys/class/virtio-ports/*; do
		[ "$(cat "$p/name")" = peer ] && echo "/dev/${p##*/}"
	done
}

# lan N: this host's end of the network
lan() {
	modprobe virtio_net && wait_for 60 test -e /sys/class/net/eth0 &&
		ip addr add "10.7.0.$1/24" dev eth0 && ip link set eth0 up
}

# peer_start: returns when the other host listens
peer_start() {
	local word

	lan 1 || return
	exec {peer}<>"$(peer_port)"
	read -r -t 400 word <&"$peer" && [ "$word" = ready ]
}

# peer COMMAND...: in the other host's shell, which goes on from command to command; what it prints, and its status.
# What is to go on there afterwards has to be put into the background, its output elsewhere.
peer() {
	local status text

	base64 -w0 <<<"$*" >&"$peer"
	echo >&"$peer"
	read -r -t 300 status text <&"$peer" || return 125
	base64 -d <<<"$text"
	return "$status"
}
