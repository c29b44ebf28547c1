#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The other host of a test that wants two: does what the first says, until it hangs up.
# vm: timeout=1800

. ./lib.sh
. ./peer-lib.sh
plan 1

need lan 2
exec {port}<>"$(peer_port)"
echo ready >&"$port"
while read -r line <&"$port"; do
	eval "$(base64 -d <<<"$line")" </dev/null >"$tap_dir/peer" 2>&1
	echo "$? $(base64 -w0 "$tap_dir/peer")" >&"$port"
done
ok "the other host served to the end" true
