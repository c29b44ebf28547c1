#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Installs what building and testing need on Debian 12 or 13, as `make deps`. Asks apt only when
# something lacks. One LLVM version for both releases, so that formatting does not differ.

set -eu

packages="
	build-essential ccache pkg-config git python3 python3-jsonschema python3-yaml perl man-db scdoc shellcheck spin zsh fish
	clang-19 clang-format-19 clang-tidy-19 libclang-rt-19-dev
	mmdebstrap arch-test uidmap debian-archive-keyring e2fsprogs xz-utils tar util-linux kmod
	libcryptsetup-dev libdevmapper-dev libjose-dev libjansson-dev libevent-dev libssl-dev
	libcurl4-openssl-dev libsqlite3-dev libkeyutils-dev libseccomp-dev libcap-ng-dev
	libsystemd-dev libblkid-dev libmount-dev libcmocka-dev
"

missing() {
	for package in $packages; do
		dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' ||
			printf '%s ' "$package"
	done
}

as_root() {
	if [ "$(id -u)" = 0 ]; then "$@"; else sudo -- "$@"; fi
}

# apt LOG ARGUMENTS...: quiet unless it fails; waits for another apt on this machine
apt() {
	log=$1
	shift
	as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=600 "$@" \
		>"$log" 2>&1 && return
	tail -n 20 "$log" >&2
	return 1
}

if ! command -v dpkg-query >/dev/null; then
	echo "deps: this is no Debian; install the equivalents of:" $packages >&2
	exit 1
fi
wanted=$(missing)
[ -n "$wanted" ] || exit 0
printf '  DEPS    %s\n' "$wanted"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# The lists may be fresh enough; if not, fetch them and try once more.
# shellcheck disable=SC2086 # words
apt "$log" install --no-install-recommends $wanted 2>/dev/null || {
	apt "$log" update
	apt "$log" install --no-install-recommends $wanted
}
[ -z "$(missing)" ] || { echo "deps: still missing: $(missing)" >&2; exit 1; }
