#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A neighbour keeps a file of the volume open after the container has ended: its key is wiped, the next start fails and
# says who it is, as does dmctl ps; when the neighbour ends the volume can be had again. With the gate's line look nobody
# comes by such a file, so the agent does without it here. Some process has a file open of a file system that does not
# answer: the key is wiped as soon, and the holder named.
# vm: shared udev docker scsi=1 timeout=410 long

. ./lib.sh
. ./bind-lib.sh
plan 12

# deaf.py DIR: mounts a file system there that answers nothing, and has its root open
cat >"$tap_dir/deaf.py" <<'END'
import ctypes, os, sys, time
fuse = os.open("/dev/fuse", os.O_RDWR)
options = b"fd=%d,rootmode=40000,user_id=0,group_id=0" % fuse
if ctypes.CDLL(None).mount(b"deaf", sys.argv[1].encode(), b"fuse", 0, options):
    sys.exit("no mount")
kept = os.open(sys.argv[1], os.O_PATH)
print("deaf", kept, flush=True)
time.sleep(1000)
END
modprobe fuse 2>/dev/null
need mkdir "$tap_dir/deaf"
python3 "$tap_dir/deaf.py" "$tap_dir/deaf" >"$tap_dir/deaf.out" &
deaf=$!
need wait_for 20 grep -q deaf "$tap_dir/deaf.out"
ok "the file system that does not answer does not answer" sh -c "timeout -s KILL 2 stat -L /proc/$deaf/fd/$(cut -d' ' -f2 "$tap_dir/deaf.out"); [ \$? = 137 ]"

agent_options='--without-gate look'
need host_setup
need app_setup docker
need run_app docker app:1
need wait_for 20 started docker 1
pid=$(docker inspect -f '{{.State.Pid}}' app)
need tiny_image docker spy:1 /bin/sh -c "exec 5</proc/$pid/root/data/log; exec sleep 1000"
need docker run -d --name spy --network none --privileged --pid host spy:1
spy=$(docker inspect -f '{{.State.Pid}}' spy) id=$(docker inspect -f '{{printf "%.12s" .Id}}' spy)
need wait_for 10 test -e "/proc/$spy/fd/5"
who="process $spy (sleep) of docker container $id has a file of it open"
need docker stop -t 0 app

wiped() { [[ $(dmsetup status container-crypt-vol) == *' container-crypt locked '* ]]; }
ok "the key of a held volume is wiped within 30 s, whatever else does not answer" wait_for 30 wiped
held() { dmctl ps --json | jq -e --arg who "$who" '.bindings[0] | .state == "removing" and (.heldBy | contains($who))'; }
ok "dmctl ps --json names who holds a volume whose container has ended" wait_for 60 held
like "dmctl ps says that it is held" "$(dmctl ps 2>/dev/null)" ' held '
like "dmctl ps names process, program and container" "$(dmctl ps 2>&1)" "volume vol is held: .*process $spy \\(sleep\\) of docker container $id"
like "the key of a held volume is wiped" "$(dmsetup status container-crypt-vol)" ' container-crypt locked '
text=$(docker start app 2>&1) && text="it starts"
like "the next start fails and names who holds the volume" "$text" "its key is wiped, but .*process $spy \\(sleep\\) of docker container $id"
is "a start that fails for a holder leaves the neighbour alive" "$(docker inspect -f '{{.State.Running}}' spy)" true
fails_with 5 "$spy \\(sleep\\) of docker container $id" dmctl unbind --force vol
need docker rm -f spy
kill "$deaf" && wait "$deaf" 2>/dev/null
need umount -l "$tap_dir/deaf"
ok "the volume is free when the neighbour has ended" wait_for 90 leaves_nothing
ok "the container starts again then" docker start app
ok "the container that starts again has its data" wait_for 20 started docker 2
