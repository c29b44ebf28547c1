#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A service on the Java virtual machine, on a volume under Docker: a restart, a virtual machine that is killed and the next
# version of the image find every line that was acknowledged.
# vm: udev docker scsi=1 mem=3072 timeout=2700 long software=java

. ./lib.sh
. ./bind-lib.sh
. ./software-lib.sh
plan 19

url=http://127.0.0.1:8080/
serves() { inside curl -sf -o /dev/null $url; }
fill() { inside curl -sf -d 'a line' $url; }
data() { inside curl -sf $url | head -n 1; }
# The answer is the number of lines; one is there before.
client() { inside curl -sf -d record "${url}[1-100000]"; }
acknowledged() { sed '$d' "$tap_dir/client" | tail -n 1; }
kept() { echo $((1 + $(inside curl -sf $url | head -n "$1" | grep -cx record))); }

need software_setup docker java /srv/data
lives 'the Java service' 'a line' app:700
