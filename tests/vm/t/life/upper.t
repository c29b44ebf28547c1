#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What is in a container's writable layer when it is started again: what it left there when it ended, and nothing that
# somebody put there meanwhile; or nothing at all, or anything, as the identity says. Docker and Podman.
# vm: udev docker podman scsi=1 timeout=1800 long

. ./lib.sh
. ./bind-lib.sh
plan 44

# writes to its own root file system, too, as programs do
writes='echo run >>/log-of-app; echo "start $$" >>/data/log; sync; exec sleep 1000'

runs() { started "$engine" "$1"; }
ended() { wait_for 20 leaves_nothing; }
# how a start ends: Podman does not say why
start_text() { "$engine" start app 2>&1 || last_refusal; }
app_id() { "$engine" inspect -f '{{.Id}}' app; }
mark() { cat "/var/lib/container-crypt/agent/bound/$engine-$(app_id)"; }
remembered() { [[ $(mark) == *'"end":"sha256:'* ]]; }
again() {
	"$engine" rm -f -t 0 app >/dev/null 2>&1 || "$engine" rm -f app
	ended && rm -f "$tap_dir/log"
}
create() { "$engine" create --name app --network none --device container-crypt/volume=vol "$@"; }

for_engine() {
	engine=$1
	need tiny_image "$engine" app:1 /bin/sh -c "$writes"
	need identity vol "$engine" app:1

	ok "$engine: a container that writes to its own files starts" run_app "$engine" app:1
	need wait_for 20 runs $((starts += 1))
	ok "$engine: a container that writes to its own files ends" "$engine" stop -t 0 app
	need ended
	ok "$engine: what it left is remembered" wait_for 10 remembered
	is "$engine: what it left is remembered for root alone" "$(stat -c '%a %U' "/var/lib/container-crypt/agent/bound/$engine-$(app_id)")" "600 root"
	ok "$engine: a container starts again on what it left" "$engine" start app
	need wait_for 20 runs $((starts += 1))
	ok "$engine: a container that started again can be killed" "$engine" kill app
	need ended
	ok "$engine: a killed container starts again on what it left" "$engine" start app
	need wait_for 20 runs $((starts += 1))
	need "$engine" kill app
	need ended

	echo evil >"$tap_dir/evil"
	need "$engine" cp "$tap_dir/evil" app:/bin/evil
	like "$engine: with a file that was copied in while it was stopped it does not start" "$(start_text)" \
		'rootfs: .*changed since the container ended'
	ok "$engine: a start refused for a copied file leaves nothing of the volume" ended
	like "$engine: with a file that was copied in it does not start at the second try either" "$(start_text)" 'rootfs: .*changed since the container ended'

	need identity vol "$engine" app:1 '.upper = "any"'
	ok "$engine: upper: any takes it" "$engine" start app
	need wait_for 20 runs $((starts += 1))
	need "$engine" kill app
	need ended
	need identity vol "$engine" app:1 '.upper = "clean"'
	like "$engine: upper: clean does not even take what the program wrote" "$(start_text)" \
		'rootfs: .*unchanged at each start'
	need again
	need identity vol "$engine" app:1

	# the first start fails after the hook: no program has run, so there is nothing that it could have left
	need create --entrypoint /bin/none app:1
	need identity vol "$engine" app:1 '.process = {args: ["/bin/none"]}'
	not_ok "$engine: a program that is not there does not start" "$engine" start app
	need ended
	printf '#!/bin/sh\ncat /data/log\n' >"$tap_dir/none" && chmod 755 "$tap_dir/none"
	need "$engine" cp "$tap_dir/none" app:/bin/none
	like "$engine: a program that is copied in after a failed first start does not start" "$(start_text)" 'rootfs: .*"/bin/none"'
	need again
	need identity vol "$engine" app:1

	# at once, while the layer is still read: into a directory that the walk comes to last
	need tiny_image "$engine" app:2 /bin/sh -c "busybox mkdir -p /zzz; dd if=/dev/zero of=/big bs=1M count=300; $writes"
	need identity vol "$engine" app:2
	ok "$engine: a container with a layer of 300 MB starts" run_app "$engine" app:2
	need wait_for 120 runs $((starts += 1))
	need "$engine" kill app
	need "$engine" cp "$tap_dir/evil" app:/zzz/evil
	like "$engine: with a file that was copied in at once after it was killed it does not start" "$(start_text)" \
		'rootfs: .*(changed since|found changed already)'
	need again
	need identity vol "$engine" app:1

	# nobody saw the end
	ok "$engine: a container starts whose end nobody will see" run_app "$engine" app:1
	need wait_for 20 runs $((starts += 1))
	stop "$agent_pid" KILL
	need "$engine" kill app
	need wait_for 20 sh -c "[ \"\$($engine inspect -f '{{.State.Status}}' app)\" = exited ]"
	need start_agent
	need ended
	like "$engine: a container whose end nobody saw does not start again, and what to do is said" "$(start_text)" \
		'did not see.*create it again, or sign .*upper.*any'
	need identity vol "$engine" app:1 '.upper = "any"'
	ok "$engine: upper: any lets it go on, as after a power cut" "$engine" start app
	need wait_for 20 runs $((starts += 1))
	need again
	need identity vol "$engine" app:1
}

need host_setup
need dmctl volume create vol "$(lun 0)"
need wait_for 10 test -e /var/run/cdi/container-crypt-vol.json
starts=0
for_engine docker
for_engine podman

# the agent was restarted in between, and was there at the end
need identity vol podman app:1
need run_app podman app:1
need wait_for 20 runs $((starts += 1))
stop "$agent_pid" KILL
need start_agent
need wait_for 30 sh -c '[ "$(dmctl ps --json | jq -r ".bindings[0].state")" = bound ]'
need podman kill app
need ended
ok "what a container left is remembered by the agent that came after" podman start app
need wait_for 20 runs $((starts += 1))
need again

# a container with ids of its own: what is hidden of the image is found there, too
need podman create --name app --network none --uidmap 0:100000:65536 --gidmap 0:100000:65536 \
	--device container-crypt/volume=vol app:1
layer=$(podman inspect -f '{{.GraphDriver.Data.UpperDir}}' app)
need sh -c "mkdir -p $layer/etc && chown 100000:100000 $layer/etc && setfattr -n trusted.overlay.opaque -v y $layer/etc"
like "with ids of its own: an opaque directory over the image's is found" "$(start_text)" 'rootfs: .*"/etc"'
need podman rm app
need podman create --name app --network none --uidmap 0:100000:65536 --gidmap 0:100000:65536 \
	--device container-crypt/volume=vol app:1
layer=$(podman inspect -f '{{.GraphDriver.Data.UpperDir}}' app)
need sh -c "mkdir -p $layer/bin && chown 100000:100000 $layer/bin && mknod $layer/bin/busybox c 0 0"
like "with ids of its own: a whiteout is found" "$(start_text)" 'rootfs: .*"/bin/busybox"'
need podman rm app
ok "with ids of its own a container starts" run_app podman --uidmap 0:100000:65536 --gidmap 0:100000:65536 app:1
need wait_for 20 runs $((starts += 1))
need podman kill app
need ended
ok "with ids of its own a container starts again on what it left" podman start app
need wait_for 20 runs $((starts += 1))
need again
is "every lease was returned" "$(dmctl lease ls --json | jq -c .leases)" "[]"
