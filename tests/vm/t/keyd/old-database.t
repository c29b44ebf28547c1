#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# keyd's own backup beside a serving keyd, and what happens when it is put back: a quarantine, or `keyd accept`.
# vm: shared timeout=200

. ./lib.sh
. ./keyd-lib.sh
plan 17

status_of() { "$@" >"$kd/out" 2>&1; echo $?; }
copy=$kd/copy.db
put_back() { rm -f "$kd"/state/keyd.db-* && cp "$copy" "$kd/state/keyd.db"; }

need ready_world
is "a backup is made while keyd is serving" "$(status_of "$keyd" backup --state-dir "$kd/state" "$copy")" 0
is "a backup is for root only" "$(stat -c %a "$copy")" 600
is "a backup needs no file beside it" "$(find "$kd" -name 'copy*' | wc -l)" 1
is "a backup replaces nothing" "$(status_of "$keyd" backup --state-dir "$kd/state" "$copy")" 9
release release >/dev/null
is "keyd goes on serving after a backup" "$(http)" 200
is "accept wants a keyd that is stopped" \
	"$(status_of "$keyd" accept --state-dir "$kd/state" --kek "$kd/kek" --yes)" 5
need keyd_stop
is "the database that was served last needs no accepting" \
	"$(status_of "$keyd" accept --state-dir "$kd/state" --kek "$kd/kek" --yes)" 0

need put_back
is "check says that the database is an older one" "$(status_of keyd_check)" 10
like "check says what follows" "$(cat "$kd/out")" 'older.*quarantine'
need keyd_start
release release >/dev/null
is "nobody gets a volume from an older database" "$(refusal)" "409 busy quarantine"
is "no key leaves an older database" "$(jq 'has("jwe")' "$kd/answer")" false
is "healthz says so" "$(api GET /healthz | jq -r .status)" quarantine
like "the metrics say so" "$(api GET /metrics)" 'container_crypt_quarantine_seconds [1-9]'
ok "the log says so" grep -q "quarantine: the database is not the one" "$kd/log"
need keyd_stop
is "accept does nothing without --yes" "$(status_of "$keyd" accept --state-dir "$kd/state" --kek "$kd/kek")" 1
is "an older database can be accepted" \
	"$(status_of "$keyd" accept --state-dir "$kd/state" --kek "$kd/kek" --yes)" 0
need keyd_start
release release >/dev/null
is "what was accepted is served" "$(http)" 200
