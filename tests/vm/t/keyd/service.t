#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# keyd as a service: set up once, three confined processes, stops cleanly, dies whole, keeps what it promised.
# vm: shared timeout=300

. ./lib.sh
. ./keyd-lib.sh
plan 70

# ---- init and check ----

ok "init makes everything" keyd_init
is "the KEK is root's alone" "$(stat -c '%a %u %s' "$kd/kek")" "600 0 32"
is "the database's directory is root's alone" "$(stat -c '%a %u' "$kd/state")" "700 0"
is "the database is root's alone" "$(stat -c '%a %u' "$kd/state/keyd.db")" "600 0"
# shellcheck disable=SC2120 # fails_with gives it some
init_again() { "$keyd" init --state-dir "$kd/state" --kek "$kd/kek" --agent "$kd/agent.jwk" "$@"; }
before=$(sha256sum "$kd/kek" "$kd/state/keyd.db")
like "init again says there is nothing to do" "$(init_again)" 'nothing to do'
is "init again changes nothing" "$(sha256sum "$kd/kek" "$kd/state/keyd.db")" "$before"
fails_with 9 "realm is testing, not other" init_again --realm other
head -c 32 /dev/urandom >"$kd/kek2" && chmod 600 "$kd/kek2"
fails_with 9 "key-encryption key id" init_again --kek "$kd/kek2"
fails_with 8 "restore it" init_again --kek "$kd/lost"
not_ok "a lost KEK is not replaced by another" test -e "$kd/lost"
like "check finds all in order" "$(keyd_check)" 'unbroken: 2 rows'

# ---- what it refuses to start with ----

serve() { timeout 20 "$keyd" serve --socket "$sock" --state-dir "$kd/state" --kek "$kd/kek" "$@"; }
fails_with 2 "must be run as root" setpriv --reuid=65534 --clear-groups "$keyd" serve
chmod 640 "$kd/kek"
fails_with 2 "mode 0640" serve
chmod 600 "$kd/kek"
head -c 31 /dev/urandom >"$kd/short" && chmod 600 "$kd/short"
fails_with 10 "31 bytes" serve --kek "$kd/short"
fails_with 10 "the database's is" serve --kek "$kd/kek2"
fails_with 8 "keyd init" serve --kek "$kd/no-kek"
fails_with 8 "keyd init" serve --state-dir "$kd/nowhere"
chmod 755 "$kd/state"
fails_with 2 "mode 0700" serve
chmod 700 "$kd/state"
fails_with 1 "user nobody-here does not exist" serve --user nobody-here
fails_with 1 "must not be root" serve --user root
fails_with 1 "longer than" serve --socket "/$(printf 'x%.0s' {1..200})"
fails_with 1 "unknown verb" "$keyd" sreve
fails_with 1 "does not go with this verb" "$keyd" check --user x
fails_with 1 "keyd --help" serve --sokcet x
like "--help shows the verbs" "$("$keyd" --help)" 'keyd serve'
like "--version says one" "$("$keyd" --version)" '^keyd [0-9]'

# ---- the three processes ----

need tar -C /etc -cf "$tap_dir/users.tar" --ignore-failed-read passwd group shadow gshadow
cleanup tar -C /etc -xf "$tap_dir/users.tar"
need systemd-sysusers
need keyd_start
front=$(front_pid)
agents=$(agents_pid)
fact() { awk -v k="$2:" '$1 == k {print $2}' "/proc/$1/status"; }
caps() { for c in CapInh CapPrm CapEff CapBnd CapAmb; do fact "$1" $c; done | sort -u | xargs; }
core() { awk '/^Max core file size/ {print $5, $6}' "/proc/$1/limits"; }
for pid in "$front" "$agents"; do
	who=$(cat "/proc/$pid/comm")
	is "$who is a user of its own" "$(fact "$pid" Uid)" "$(id -u container-crypt)"
	is "$who is in no group of others" "$(sed -n 's/^Groups:\s*//p' "/proc/$pid/status")" ""
	is "$who is without any capability" "$(caps "$pid")" 0000000000000000
done
is "the custodian can lock memory and nothing else" "$(caps "$keyd_pid")" \
	"0000000000000000 0000000000004000"
for pid in "$front" "$agents" "$keyd_pid"; do
	who=$(cat "/proc/$pid/comm")
	is "seccomp filters $who" "$(fact "$pid" Seccomp)" 2
	is "$who gets no new privileges" "$(fact "$pid" NoNewPrivs)" 1
	is "$who leaves no core file" "$(core "$pid")" "0 0"
	is "$who's environment and command line are not readable for others" \
		"$(stat -c %u "/proc/$pid/environ")" 0
done
ok "the custodian's memory is locked" test "$(fact "$keyd_pid" VmLck)" -gt 1000
files() { readlink "/proc/$1/fd/"* | grep -vE '^(socket|anon_inode|pipe):|^/dev/null$' | sort -u | xargs; }
is "the fronts have no file open but their log" "$(files "$front") $(files "$agents")" "$kd/log $kd/log"
is "the custodian has no file open but log, database and its directory, mark and key generation" \
	"$(files "$keyd_pid")" \
	"$kd/log $kd/state $kd/state-anchor/generation $kd/state-anchor/mark $kd/state/keyd.db $kd/state/keyd.db-shm $kd/state/keyd.db-wal"
is "the sockets are root's alone" "$(stat -c '%a %u' "$sock" "$agents_sock" | xargs) $(stat -c %a "$kd/run")" "600 0 600 0 711"
is "agents are served on theirs" "$(curl -s --max-time 20 --unix-socket "$agents_sock" http://keyd/healthz | jq -r .realm)" testing
is "nobody administers keyd on the agents' socket" "$(curl -s --max-time 20 --unix-socket "$agents_sock" -X DELETE \
	http://keyd/v1/agents/host1 | jq -r '"\(.error.code) \(.error.fact)"')" "permission plane"
not_ok "another user cannot connect" setpriv --reuid=65534 --clear-groups \
	curl -sf --max-time 5 --unix-socket "$sock" http://keyd/healthz
chmod 666 "$sock"
chmod 755 "$tap_dir" "$kd"
not_ok "another user cannot connect where the socket's mode would let him" setpriv --reuid=65534 --clear-groups \
	curl -sf --max-time 5 --unix-socket "$sock" http://keyd/healthz
ok "the connection of another user is logged" grep -q "peer is not root" "$kd/log"
chmod 600 "$sock"
fails_with 5 "another keyd serves" serve
ok "check works beside a running keyd" keyd_check

# ---- stop, death, restart ----

ok "SIGTERM stops it cleanly" keyd_stop
not_ok "SIGTERM leaves no socket" ls "$sock" "$agents_sock"
need keyd_start
front=$(front_pid)
signer_new ci
signer_add ci >/dev/null
kill -KILL "$front"
keyd_end
is "a killed front ends keyd with an error" $? 11
ok "a keyd whose front was killed says so" grep -q "front of the administrators was killed by signal 9" "$kd/log"
need keyd_start
kill -KILL "$(agents_pid)"
keyd_end
is "a killed front of the agents ends keyd with an error, too" $? 11
need keyd_start
is "what was enrolled is still there after a crash" "$(api GET /v1/signers | jq -r '.signers[].name')" ci
front=$(front_pid)
agents=$(agents_pid)
kill -KILL "$keyd_pid"
wait "$keyd_pid" 2>/dev/null
ok "a killed custodian takes the front with it" wait_for 10 test ! -e "/proc/$front"
ok "a killed custodian takes the agents' front with it" wait_for 10 test ! -e "/proc/$agents"
ok "the sockets it left are no obstacle to a new start" keyd_start
kill -SYS "$(front_pid)"
keyd_end
is "a front that seccomp killed ends keyd, too" $? 11

# ---- without its user ----

need keyd_start --user nobody
is "the front runs as the user that was named" "$(fact "$(front_pid)" Uid)" "$(id -u nobody)"
ok "SIGINT stops keyd, too" sh -c "kill -INT $keyd_pid"
keyd_end
is "SIGINT stops keyd cleanly" $? 0
like "the audit log is unbroken after all stops and crashes" "$(keyd_check)" 'unbroken: 3 rows'
