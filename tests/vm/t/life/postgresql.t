#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# PostgreSQL, run as in its official image, on a volume under Docker: its first start makes the cluster; a restart, a server
# that is killed and the next version of the image find every row that was committed.
# vm: udev docker scsi=1 mem=3072 timeout=2700 long software=postgresql

. ./lib.sh
. ./bind-lib.sh
. ./software-lib.sh
plan 21

sql() { inside psql -U postgres -Atqc "$1"; }
serves() { [ "$(sql 'SELECT 1')" = 1 ]; }
fill() {
	sql 'CREATE TABLE filled AS SELECT generate_series(1, 2000) AS n' && sql CHECKPOINT &&
		sql 'CREATE TABLE records (n int PRIMARY KEY)'
}
data() { sql 'SELECT count(*), sum(n) FROM filled'; }
# A row is printed once it is committed, some forty at a time.
client() {
	local n

	for ((n = 1; n < 100000; n++)); do
		echo "INSERT INTO records VALUES ($n) RETURNING n, repeat('.', 100);"
	done | inside psql -U postgres -Atq
}
acknowledged() { sed -nE 's/^([0-9]+)\|\.{100}$/\1/p' "$tap_dir/client" | tail -n 1; }
kept() { sql "SELECT count(*) FROM records WHERE n <= $1"; }

need software_setup docker postgresql /var/lib/postgresql/data
lives PostgreSQL '2000|2001000' postgres:700 'automatic recovery in progress'
fails_as "PostgreSQL's image with another command gets no data" 125 'args' \
	docker run --rm --network none --device container-crypt/volume=vol postgresql:2 sleep 1000
fails_as "PostgreSQL's image with the device alone, its VOLUME in the way, is told how to be run" 125 'run it with -v vol:' \
	docker run --rm --network none --device container-crypt/volume=vol postgresql:2
