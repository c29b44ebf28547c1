#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Fifty protected containers started and removed, ten volumes and up to five at a time: each one finds its data,
# none leaves a mapping, a mount, a key, a lease or a placeholder.
# vm: udev docker scsi=1 mem=3072 timeout=880 long

. ./lib.sh
. ./bind-lib.sh
plan 6

volumes=10 rounds=5 at_once=5
program='echo "$(cat /data/n 2>/dev/null)x" >/data/n; cat /data/n'

# one VOLUME ROUND: runs it; what it prints is one x a start
one() {
	docker run --rm --network none --device "container-crypt/volume=v$1" app:1 >"$tap_dir/out.$1.$2" 2>&1 ||
		echo "v$1, round $2: $(cat "$tap_dir/out.$1.$2")" >>"$tap_dir/failed"
}

need host_setup
need tiny_image docker app:1 /bin/sh -c "$program"
truncate -s 1G "$tap_dir/disk"
loop=$(losetup -f --show "$tap_dir/disk")
cleanup losetup -d "$loop"
need vgcreate -q -y vg "$loop"
cleanup vgremove -q -f vg
make() {
	lvcreate -q -y -n "v$1" -L 64M --wipesignatures n vg 3>&- && dmctl volume create "v$1" "/dev/vg/v$1" &&
		identity "v$1" docker app:1
}
for ((v = 0; v < volumes; v++)); do need make $v; done
agent_memory() { awk '/VmRSS/ {print $2}' "/proc/$agent_pid/status"; }
agent_files() { ls "/proc/$agent_pid/fd" | wc -l; }
one 0 warm && rm -f "$tap_dir/out.0.warm"
need wait_for 20 no_bindings
idle() { [ -z "$(the_worker)" ]; } # the last one asks the engine which containers are gone for good
need wait_for 30 idle
memory=$(agent_memory) files=$(agent_files)

touch "$tap_dir/failed"
for ((r = 1; r <= rounds; r++)); do
	for ((v = 0; v < volumes; v++)); do
		while [ "$(jobs -pr | wc -l)" -ge $((at_once + 2)) ]; do wait -n; done # keyd and the agent are jobs, too
		# the volume's last container may still be on its way out
		{ wait_for 60 test ! -e "$sock/bindings/v$v.json" && one $v $r; } &
	done
	wait_for 120 sh -c "[ \$(ls $tap_dir/out.*.$r | wc -l) = $volumes ]"
done
wait_for 120 no_bindings
is "no start of the storm failed" "$(cat "$tap_dir/failed")" ""
is "each container of the storm found what the one before had written" "$(cat "$tap_dir"/out.[1-9].$rounds | sort -u)" xxxxx
ok "the storm leaves nothing behind" wait_for 30 leaves_nothing
is "the storm leaves no lease" "$(dmctl lease ls --json | jq -c .leases)" "[]"
wait_for 30 idle
diag "the agent: $files files and $memory KiB before, $(agent_files) files and $(agent_memory) KiB after"
is "the agent has no more files open than before the storm" "$(agent_files)" "$files"
ok "the agent has no more memory than before the storm, within a megabyte" test "$(agent_memory)" -le $((memory + 1024))
