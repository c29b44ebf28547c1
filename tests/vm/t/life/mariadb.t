#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# MariaDB, run as in its official image, on a volume under Docker: its first start makes the system tables; a restart, a
# server that is killed and the next version of the image find every row that was committed.
# vm: udev docker scsi=1 mem=3072 timeout=3600 long software=mariadb

. ./lib.sh
. ./bind-lib.sh
. ./software-lib.sh
plan 19

sql() { inside mariadb --user=root --skip-column-names --silent "$@"; }
serves() { [ "$(sql -e 'SELECT 1')" = 1 ]; }
fill() {
	sql -e 'CREATE DATABASE shop; USE shop; CREATE TABLE filled AS SELECT seq AS n FROM seq_1_to_2000;
		CREATE TABLE records (n int PRIMARY KEY)'
}
data() { sql -e 'SELECT COUNT(*), SUM(n) FROM shop.filled'; }
# The next statement is sent, and its row printed, once the one before is committed.
client() {
	local n

	for ((n = 1; n < 100000; n++)); do
		echo "INSERT INTO shop.records VALUES ($n); SELECT 'record', $n;"
	done | sql --unbuffered
}
acknowledged() { sed '$d' "$tap_dir/client" | sed -nE 's/^record\t([0-9]+)$/\1/p' | tail -n 1; }
kept() { sql -e "SELECT COUNT(*) FROM shop.records WHERE n <= $1"; }

need software_setup docker mariadb /var/lib/mysql
lives MariaDB $'2000\t2001000' mysql:755 'Starting crash recovery'
