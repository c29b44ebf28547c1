#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# nginx, begun by root as in its official image, on a volume under Podman: what is put there by WebDAV is served after a
# restart, after it was killed and by the next version of the image.
# vm: udev podman scsi=1 mem=3072 timeout=2700 long software=nginx

. ./lib.sh
. ./bind-lib.sh
. ./software-lib.sh
plan 19

url=http://127.0.0.1/
serves() { inside curl -s -o /dev/null $url; }
fill() { inside curl -sf -X PUT --data-binary 'a page' "${url}filled/page"; }
data() { inside curl -sf "${url}filled/page"; }
# one after the other over one connection
client() { inside curl -sf -X PUT --data-binary 'a record' -w '%{http_code} %{url_effective}\n' "${url}records/[1-100000]"; }
acknowledged() { sed '$d' "$tap_dir/client" | sed -nE 's,^20[0-9] .*/([0-9]+)$,\1,p' | tail -n 1; }
kept() { inside curl -sf "${url}records/[1-$1]" | grep -o 'a record' | wc -l; }

need software_setup podman nginx /srv/www
lives nginx 'a page' www-data:750
