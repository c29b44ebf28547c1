# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# For tests with real software: images built from Debian's packages (images/), each with an identity as a user comes by
# it, and the life of such a container. Use after bind-lib.sh; the file says `# vm: software=NAME`, and what is about
# NAME in functions:
#	serves		the server answers
#	fill		writes some data
#	data		prints it
#	client		writes records 1, 2, 3 ... one after the other; prints a line for each when the server has said that it is there
#	acknowledged	prints the number of the last record whose line the client has printed whole
#	kept N		prints how many of the records up to N are there

# software_setup ENGINE NAME POINT: the host, version 1 of NAME's image, which has its data at POINT, and a volume
software_setup() {
	local disk

	engine=$1 software=$2 point=$3
	host_setup || return 1
	mkdir "$tap_dir/software"
	for disk in /sys/block/vd*; do
		[ "$(cat "$disk/serial")" != software ] || mount -o ro "/dev/${disk##*/}" "$tap_dir/software" || return 1
	done
	cleanup umount "$tap_dir/software"
	[ "$engine" != podman ] || podman_plugin
	"$engine" import "$tap_dir/software/$software.tar" "debian-$software" && build 1 &&
		dmctl volume create vol "$(lun 0)" --lease 2m && wait_for 10 test -e /var/run/cdi/container-crypt-vol.json &&
		"$engine" volume create -d container-crypt vol
}

# build VERSION: the image of that version, another last layer on the same ones
build() {
	DOCKER_BUILDKIT=0 "$engine" build --network none --build-arg "VERSION=$1" -t "$software:$1" "images/$software"
}

# admit VERSION [JQ-FILTER]: its identity as a user comes by it: a container is tried out without the volume and
# measured, and what that shows is signed and added
admit() {
	local version=$1 filter=${2-.} status

	"$engine" run -d --name trial --network none "$software:$version" || return 1
	dmctl identity measure trial --engine "$engine" --predicate --volume vol --mount-point "$point" >"$tap_dir/measured"
	status=$?
	"$engine" rm -f -v trial
	[ $status = 0 ] && jq "$filter" "$tap_dir/measured" >"$tap_dir/predicate" || return 1
	dmctl identity sign --key "$tap_dir/ops.key" --predicate "$tap_dir/predicate" \
		--subject "$(subject "$engine" "$software:$version")" --name "test/$software" -o "$tap_dir/identity" &&
		dmctl identity add "$tap_dir/identity"
}

# serve VERSION: the container "app" on the volume, in the background
serve() {
	"$engine" run -d --name app --network none -v "vol:$point" --device container-crypt/volume=vol "$software:$1" ||
		{ last_refusal; return 1; }
}

# up: it serves; a first start under emulation takes minutes
up() { wait_for 500 serves || { "$engine" logs app; "$engine" inspect app; return 1; }; }

inside() { "$engine" exec -i app "$@"; }
said() { "$engine" logs app 2>&1 | grep -q "$1"; }
stopped() { [ "$("$engine" inspect -f '{{.State.Running}}' app)" = false ]; }

# unbound: nothing of the volume is left but its placeholder, which is there as long as the engine knows the volume
unbound() {
	no_bindings && ! dmsetup table --target container-crypt | grep -v '^No devices found' &&
		! grep ' /dev/mapper/' /proc/self/mountinfo && ! grep container-crypt /proc/keys
}

# crash: the server is killed as it is, and with it the container
crash() {
	kill -KILL "$("$engine" inspect -f '{{.State.Pid}}' app)" && wait_for 60 stopped && wait_for 60 unbound
}

# remove: the container goes, in good order, with everything of the volume
remove() { "$engine" stop -t 120 app && "$engine" rm -v app && wait_for 60 unbound; }

many_acknowledged() { [ "$(acknowledged)" -ge 100 ]; }
rows() { dmctl audit ls --json | jq "[.rows[] | select($1)] | length"; }
renewed_often() { [ "$(rows '.event == "renew"')" -ge 3 ]; }

# lives WHAT DATA OWNER [RECOVERED]: first start, restart, crash, upgrade, in 19 checks. DATA is what `data` prints,
# OWNER and mode what the root directory of the volume has in the container, RECOVERED what the server says after a crash.
lives() {
	local what=$1 filled=$2 last

	ok "what a user measures of $what's image can be signed and added" admit 1
	ok "$what's container is let in with what was measured of another one" serve 1
	ok "$what serves from a new volume at its first start" up
	is "$what has the volume at its mount point, its root directory as the image wants it" \
		"$(inside grep " $point ext4" /proc/mounts | cut -d' ' -f1) $(inside stat -c %U:%a "$point")" "/dev/mapper/container-crypt-vol $3"
	ok "$what takes data" fill
	is "$what reads back what it took" "$(data)" "$filled"

	ok "$what's container restarts" "$engine" restart -t 120 app
	ok "$what serves again after a restart" up
	is "$what has its data after a restart" "$(data)" "$filled"

	client >"$tap_dir/client" 2>/dev/null &
	need wait_for 400 many_acknowledged
	ok "nothing of the volume is left bound when $what was killed under load" crash
	last=$(acknowledged)
	diag "records acknowledged before the crash: $last"
	ok "$what's container starts after a crash" "$engine" start app
	ok "$what serves again after a crash${4:+, which had to be recovered from}" eval "up && said '${4-}'"
	is "$what has every record after a crash that was acknowledged before" "$(kept "$last")" "$last"
	is "$what has its older data after a crash" "$(data)" "$filled"

	need build 2
	ok "$what goes on while its next version is measured, signed and added" eval "admit 2 '.floor = 1' && serves"
	need remove
	ok "$what's next version starts on the same volume" eval 'serve 2 && up'
	is "$what's next version has the data of the one before" "$(inside cat /etc/version) $(data)" "2 $filled"
	ok "leases are renewed while $what runs" wait_for 200 renewed_often
	need remove
	is "nobody was refused in the life of $what" "$(rows '.outcome == "refuse"')" 0
}
