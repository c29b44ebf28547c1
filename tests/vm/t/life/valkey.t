#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Valkey (Redis), run as in its official image, on a volume under Podman: a restart, a server that is killed and the next
# version of the image find every key that was acknowledged.
# vm: udev podman scsi=1 mem=3072 timeout=2700 long software=valkey

. ./lib.sh
. ./bind-lib.sh
. ./software-lib.sh
plan 19

cli() { inside valkey-cli -s /tmp/valkey.sock "$@"; }
serves() { [ "$(cli PING)" = PONG ]; }
fill() { seq -f 'LPUSH filled %g' 200 | cli | tail -n 1 | grep -x 200; }
data() { cli EVAL 'local sum = 0; for _, n in ipairs(redis.call("LRANGE", "filled", 0, -1)) do sum = sum + n end; return sum' 0; }
# The answer is the number of records.
client() { seq -f 'RPUSH records %g' 100000 | cli; }
acknowledged() { sed '$d' "$tap_dir/client" | tail -n 1; } # the last line may be half
kept() { cli LRANGE records 0 $(($1 - 1)) | diff - <(seq "$1") >/dev/null && echo "$1"; }

need software_setup podman valkey /data
lives Valkey 20100 valkey:755
