#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# More options of docker run that make a container differ from its identity in one fact, as in refuse/docker.
# vm: shared udev docker scsi=1 timeout=710 long

. ./lib.sh
. ./bind-lib.sh
plan 15

# differs FACT [OPTION...]
differs() {
	local fact=$1

	shift
	ok "refused for $fact: ${*% app:1}" refused docker "$fact: " "$@"
}

need host_setup
need app_setup docker
differs args --network none --entrypoint /bin/sh app:1 -c 'cat /data/log'
differs user --network none --group-add 6 app:1
differs env --network none -e PATH=/data app:1
differs capabilities --network none --privileged app:1
differs settings --network none --ulimit core=1000000 app:1
differs devices --network none --device /dev/zero:/dev/urandom app:1
differs settings --network none --health-cmd id app:1
differs devices --network none --device-cgroup-rule 'b 8:0 rwm' app:1
differs privileged --network none --device-cgroup-rule 'a *:* rwm' app:1
differs mounts --network none -v /tmp:/data app:1
differs mounts --network none --tmpfs /scratch app:1
differs mounts --network none -v named:/named app:1
differs namespaces --network none --pid host app:1
# docker binds the host's /dev/shm for it, which is noticed first
differs mounts --network none --ipc host app:1
differs namespaces --network none --uts host app:1
