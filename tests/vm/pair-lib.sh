# shellcheck shell=bash disable=SC2154
# SPDX-License-Identifier: Apache-2.0
#
# For tests of two real hosts that want one volume, after lib.sh, bind-lib.sh, lease-lib.sh and peer-lib.sh. keyd runs
# on this one, host1; host2 reaches it over the network of the two.

# pair_setup TERMS...: both hosts with an agent, volume vol, the writer's image app:1 on both, its identity
pair_setup() {
	peer_start && peer '. ./bind-lib.sh; . ./lease-lib.sh; . ./pair-lib.sh' || return 1
	host_setup --name host1 || return 1
	cleanup peer_log
	forward TCP-LISTEN:7000,bind=10.7.0.1 UNIX-CONNECT:$sock/keyd.sock
	peer other_setup || return 1
	peer cat /etc/container-crypt/agent.jwk >"$tap_dir/host2.jwk"
	dmctl agents enroll host2 "$tap_dir/host2.jwk" && peer start_agent || return 1
	writer_setup docker "$@" || return 1
	image_to_peer
}

# image_to_peer: app:1, and waits until the agent there knows the volume
image_to_peer() {
	docker save app:1 >"$tap_dir/image"
	forward TCP-LISTEN:7001,bind=10.7.0.1 OPEN:"$tap_dir/image",rdonly
	peer 'socat -u TCP:10.7.0.1:7001,retry=10 - | docker load' && peer wait_for 30 test -e /var/run/cdi/container-crypt-vol.json
}

# forward FROM TO: for every connection
forward() {
	socat "$1,fork,reuseaddr" "$2" >>"$tap_dir/socat.log" 2>&1 &
	cleanup kill $!
}

# other_setup: host2 but for its agent, which keyd does not know yet
other_setup() {
	modprobe dm-container-crypt
	dmctl init --realm test --name host2 >"$tap_dir/init" 2>&1 || return 1
	keyd_pid=
	cleanup kill_daemons
	forward UNIX-LISTEN:$sock/keyd.sock TCP:10.7.0.1:7000,connect-timeout=5
	wait_for 10 test -S $sock/keyd.sock
}

peer_log() { [ $tap_failed = 0 ] || peer 'uniq "$tap_dir/agent.log" | tail -n 100; docker ps -a; leaves_nothing; dmesg | tail -n 30; ps -eo pid,stat,wchan:20,args | grep -v "\]$"' | sed 's/^/# host2: /' >&3; }

# lan_down, lan_up: the network of the two
lan_down() { ip link set eth0 down; }
lan_up() { ip link set eth0 up; }

# on N COMMAND...: on host N
on() {
	local host=$1

	shift
	if [ "$host" = 1 ]; then "$@"; else peer "$@"; fi
}

key_state() { dmsetup status container-crypt-vol 2>/dev/null | cut -d' ' -f4,10; } # "active locks:3"

# both_active: the kernels of both hosts have the key at one moment
both_active() {
	local before between after

	before=$(key_state)
	[[ $before == active* ]] || return 1
	between=$(peer key_state)
	after=$(key_state)
	[[ $between == active* && $after == "$before" ]] && echo "host1 $before, host2 $between"
}
