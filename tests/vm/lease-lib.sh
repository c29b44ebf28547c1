# shellcheck shell=bash disable=SC2154
# SPDX-License-Identifier: Apache-2.0
#
# For the tests of leases, after lib.sh and bind-lib.sh: a container that writes all the time and says when it cannot.

# Appends a number to /data/count again and again and goes on where the file ends; prints it when it is on the disk, or
# FAILED.
writer='i=$(cat /data/count 2>/dev/null | wc -l); while :; do i=$((i + 1)); if { echo $i >>/data/count && sync; } 2>/dev/null; then echo $i; else echo FAILED; fi; sleep 0.1; done'

engine=docker # of the container "app"

# writer_setup ENGINE [TERMS...]: volume vol on LUN 0 with these terms, image app:1 with the writer, its identity
writer_setup() {
	engine=$1
	shift
	dmctl volume create vol "$(lun 0)" "$@" && wait_for 10 test -e /var/run/cdi/container-crypt-vol.json &&
		tiny_image "$engine" app:1 /bin/sh -c "$writer" && identity vol "$engine" app:1
}

ps_lease() { dmctl ps --json | jq -r ".bindings[0].lease.$1"; }
lease_is() { [ "$(ps_lease state)" = "$1" ]; }
kernel() { dmsetup status container-crypt-vol | grep -q " container-crypt $1 "; }
locks() { dmsetup status container-crypt-vol | grep -o 'locks:[0-9]*'; }

# count: how far the writer is, through its own view; what it wrote is in the page cache. Not from its control group, which may
# be frozen.
# Without an access time, which is a write: that would wait with the container's for the key.
count() {
	local last

	last=$(as_agent dd if="/proc/$($engine inspect -f '{{.State.Pid}}' app)/root/data/count" iflag=noatime bs=64k \
		status=none 2>/dev/null | tail -n 1)
	echo "${last:-0}"
}
counts_on() {
	local was

	was=$(count)
	wait_for 20 more_than "$was"
}
more_than() { [ "$(count)" -gt "$1" ]; }
failed_writes() { $engine logs app 2>/dev/null | grep -c FAILED; }

# writes_to_lun: how many writes the disk has completed
writes_to_lun() { awk '{ print $5 }' "/sys/class/block/$(basename "$(readlink -f "$(lun 0)")")/stat"; }

renewals() { dmctl audit ls --json | jq '[.rows[] | select(.event == "renew" and .outcome == "allow")] | length'; }
renewed() { [ "$(renewals)" -ge "$1" ]; }

container_is() { [ "$($engine inspect -f '{{.State.Status}}' app)" = "$1" ]; }

# acknowledged: the last number of which the container knows that it is on the disk
acknowledged() { $engine logs app 2>/dev/null | grep -v FAILED | tail -n 1; }
# unbroken: the file, read by a container made for that, holds 1, 2, 3 … at least up to $1
unbroken() {
	$engine run -d --name again --network none --device container-crypt/volume=vol app:1 || return
	$engine exec again cat /data/count >"$tap_dir/numbers"
	$engine rm -f again || return
	awk '$1 != NR { print "line " NR " is " $1; exit 1 }' "$tap_dir/numbers" && [ "$(wc -l <"$tap_dir/numbers")" -ge "$1" ]
}
