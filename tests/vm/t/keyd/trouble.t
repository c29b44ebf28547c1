#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# keyd in trouble: a full disk, clients that misbehave, kill -9 at any moment, a database that was tampered with.
# vm: shared timeout=500

. ./lib.sh
. ./keyd-lib.sh
plan 44

mkdir -m 700 "$kd/state"
need mount -t tmpfs -o size=400k,mode=700 tmpfs "$kd/state"
cleanup umount "$kd/state"
need ready_world
release release >/dev/null
is "a key is released while there is room on the disk" "$(http)" 200
lease=$(jq -r .lease.id "$kd/answer")
give_back "$lease" >/dev/null

# ---- full disk ----

full() {
	dd if=/dev/zero of="$kd/state/filler" bs=512 2>/dev/null
	# room in the log's last page is used up by refusals
	for _ in $(seq 40); do
		release release >/dev/null
		[ "$(http)" != 500 ] || return 0
		give_back "$(jq -r '.lease.id' "$kd/answer")" >/dev/null
	done
	return 1
}
ok "on a full disk a release fails" full
is "the refusal on a full disk is keyd's fault, not the container's" "$(jq -r .error.code "$kd/answer")" internal
like "the refusal on a full disk says what is wrong" "$(jq -r .error.message "$kd/answer")" 'full|disk|readonly'
is "on a full disk no key leaves" "$(jq 'has("jwe")' "$kd/answer")" false
is "on a full disk nobody gets a lease" "$(api GET /v1/leases | jq -c .leases)" '[]'
volume more 0a000000-0000-4000-8000-000000000009 >/dev/null
is "on a full disk no volume can be made" "$(http)" 500
is "on a full disk keyd goes on answering" "$(api GET /healthz | jq -r .status)" ok
rm "$kd/state/filler"
release release >/dev/null
is "keyd releases again when there is room again" "$(http)" 200
ok "the audit log is unbroken after a full disk" keyd_check
# what follows is not about space
need mount -o remount,size=4m "$kd/state"

# ---- clients ----

raw() { timeout 20 socat -t 15 - "UNIX-CONNECT:$sock" | head -n 1 | tr -d '\r'; }
is "a bare line feed is refused" "$(printf 'GET /healthz HTTP/1.1\nHost: x\n\n\r\n\r\n' | raw)" \
	"HTTP/1.1 400 Bad Request"
is "a chunked body is refused" "$(printf 'POST /v1/challenge HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n' | raw)" \
	"HTTP/1.1 501 Error"
is "a huge head is refused" "$({ printf 'GET / HTTP/1.1\r\nHost: x\r\nA: '; head -c 20000 /dev/zero | tr '\0' a; } | raw)" \
	"HTTP/1.1 431 Request Header Fields Too Large"
is "a huge body is refused before it is sent" \
	"$(printf 'POST /v1/release HTTP/1.1\r\nHost: x\r\nContent-Length: 999999999\r\n\r\n' | raw)" \
	"HTTP/1.1 413 Content Too Large"
head -c 200000 /dev/zero | tr '\0' ' ' >"$kd/big"
is "a huge body is refused while it is sent" "$(curl -s --max-time 10 --unix-socket "$sock" -H 'Content-Type: application/json' \
	--data-binary @"$kd/big" -o /dev/null -w '%{http_code}' http://keyd/v1/release)" 413
api POST /v1/challenge >/dev/null
is "a POST without a body is refused" "$(http)" 400
is "something else than JSON is refused" "$(curl -s --max-time 10 --unix-socket "$sock" -d 'a=b' -o /dev/null \
	-w '%{http_code}' http://keyd/v1/challenge)" 415
api PUT /v1/volumes '{}' >/dev/null
is "an unknown method is refused" "$(refusal)" "405 usage method"
api GET /v1/nothing >/dev/null
is "an unknown path is refused" "$(refusal)" "404 not-found path"
is "two requests at once are answered in order" \
	"$(printf 'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /v1/nothing HTTP/1.1\r\nHost: x\r\n\r\n' |
		timeout 20 socat -t 5 - "UNIX-CONNECT:$sock" | grep -ao 'HTTP/1.1 [0-9]*' | cut -d' ' -f2 | xargs)" "200 404"
is "a request that does not end is ended" "$( (printf 'GET /healthz HTTP/1.1\r\nHo'; sleep 15) | raw)" \
	"HTTP/1.1 408 Request Timeout"
# More connections than keyd serves at a time: the idle ones make room.
for _ in $(seq 70); do (sleep 6 | timeout 20 socat - "UNIX-CONNECT:$sock" >/dev/null 2>&1) & done
sleep 1
is "idle connections do not lock others out" \
	"$(curl -s --max-time 20 --unix-socket "$sock" -o /dev/null -w '%{http_code}' http://keyd/healthz)" 200
# Without waiting for the answer.
front=$(front_pid)
for _ in $(seq 30); do
	printf 'GET /v1/audit HTTP/1.1\r\nHost: x\r\n\r\n' | socat -u - "UNIX-CONNECT:$sock"
done
is "peers that hang up before their answer do no harm" "$(api GET /healthz | jq -r .status) $(front_pid)" \
	"ok $front"
need keyd_stop

# ---- kill -9 ----

churn() {
	while :; do
		release release >/dev/null 2>&1
		give_back "$(jq -r .lease.id "$kd/answer" 2>/dev/null)" >/dev/null 2>&1
		volume churn 0a000000-0000-4000-8000-00000000000a >/dev/null 2>&1
	done
}
rows() { sqlite3 -readonly "$kd/state/keyd.db" 'SELECT count(*) FROM audit'; }
more_than() { [ "$(rows)" -gt "$1" ]; }
# round VICTIM: kills it in the middle of something; what is on the disk must be in order
round() {
	local churning before

	keyd_start || return
	before=$(rows)
	churn &
	churning=$!
	wait_for 60 more_than $((before + 2)) || diag "round $1: no progress"
	sleep "0.$((RANDOM % 1000))"
	kill -KILL "$([ "$1" = front ] && front_pid || echo "$keyd_pid")"
	wait "$keyd_pid" 2>/dev/null
	kill "$churning"
	wait "$churning" 2>/dev/null
	keyd_check >"$kd/check" 2>&1 || { diag "$(cat "$kd/check")"; return 1; }
	more_than "$before"
}
rounds=0
for victim in front custodian front custodian front custodian; do
	round $victim || break
	rounds=$((rounds + 1))
done
is "kill -9 of either process at any moment breaks nothing" $rounds 6
is "no fence was given out twice" "$(sqlite3 "$kd/state/keyd.db" "SELECT count(*) - count(DISTINCT f) FROM
	(SELECT substr(detail, instr(detail, 'fence ')) AS f, substr(detail, instr(detail, 'lease '), 42) AS l
	 FROM audit WHERE event = 'release' AND outcome = 'allow' GROUP BY l)")" 0

# ---- a database that was written to ----

sql() { sqlite3 "$kd/state/keyd.db" "$1"; }
need keyd_start
api GET /v1/leases | jq -r '.leases[].id' | while read -r id; do give_back "$id"; done >/dev/null
volume other 0a000000-0000-4000-8000-000000000002 >/dev/null
good=$(sql "SELECT hex(wrapped) FROM volume WHERE name = 'pgdata'")
sql "UPDATE volume SET ready = 0 WHERE name = 'pgdata'"
release format >/dev/null
is "a row that keyd did not write counts for nothing" "$(refusal)" "500 internal row"
is "a listing goes on without it, and names it" "$(api GET /v1/volumes | jq -c '[any(.volumes[]; .name == "other"), .badRows]')" \
	'[true,["volume pgdata"]]'
fails_with 10 "volume pgdata" keyd_check
ok "check without the key cannot tell" keyd_check --without-kek
sql "UPDATE volume SET ready = 1 WHERE name = 'pgdata'"
keyd_edit "UPDATE volume SET wrapped = (SELECT wrapped FROM volume WHERE name = 'other') WHERE name = 'pgdata'"
release release >/dev/null
is "another volume's wrapped key does not open" "$(refusal)" "500 internal wrapped-key"
keyd_edit "UPDATE volume SET wrapped = x'$good', generation = 2 WHERE name = 'pgdata'"
release release >/dev/null
is "a wrapped key of another generation does not open" "$(refusal)" "500 internal wrapped-key"
keyd_edit "UPDATE volume SET generation = 1 WHERE name = 'pgdata'"
release release >/dev/null
is "a wrapped key that is put back opens" "$(http)" 200
signer_new mallory
forged=$(identity 9 | dsse mallory | xxd -p | tr -d '\n')
keyd_edit "UPDATE identity SET envelope = x'$forged'"
release release >/dev/null
is "a forged identity in the database does not decide" "$(refusal)" "403 refused signature"
identity_add ci 4 >/dev/null
is "old rows of the audit log can be removed beside a keyd that serves" "$("$keyd" prune --before 2000-01-01 \
	--state-dir "$kd/state" --kek "$kd/kek")" "nothing to do"
like "all but the last may go" "$("$keyd" prune --before "$(date -u -d '2 days' +%F)" \
	--state-dir "$kd/state" --kek "$kd/kek")" '^[0-9]+ rows of the audit log removed'
ok "the rest of the log is verified as before" keyd_check
release release >/dev/null
is "keyd goes on after that" "$(http)" 200
fails_with 1 "--before" "$keyd" prune
fails_with 1 "2026-11-22" "$keyd" prune --before yesterday
sql "DROP TRIGGER audit_no_delete; DELETE FROM audit WHERE seq = (SELECT max(seq) FROM audit)"
release release >/dev/null
is "an audit log that was cut stops releases" "$(refusal)" "500 internal audit"
need keyd_stop
sql "DROP TRIGGER audit_no_update; UPDATE audit SET outcome = 'error' WHERE seq = (SELECT min(seq) FROM audit)"
fails_with 10 "row [0-9]* was changed" keyd_check
rows=$(sql 'SELECT count(*) FROM sqlite_schema')
version=$(sql "PRAGMA user_version")
sql "PRAGMA user_version = 99"
fails_with 10 "schema 99" keyd_check
sql "PRAGMA user_version = $version"
ok "the tests of a tampered database read the right one" test "$rows" -gt 8
printf 'not a database at all' >"$kd/state/keyd.db"
rm -f "$kd/state/keyd.db-wal" "$kd/state/keyd.db-shm"
fails_with 11 "not a database" keyd_check
