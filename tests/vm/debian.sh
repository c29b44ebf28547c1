# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# What the recipes of the guest's image and kernels share: where they are cached and how a Debian
# tree comes into being. Read by `image` and `kernel`.

cache=${CC_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/container-crypt}

say() { printf '  %-7s %s\n' "$1" "$2" >&2; }

as_root() {
	if [ "$(id -u)" = 0 ]; then "$@"; else sudo -- "$@"; fi
}

# debian_source [OPTION...]: the first of apt's sources that is the Debian archive, by what its lists say
debian_source() {
	# shellcheck disable=SC2016 # apt expands it
	apt-get "$@" indextargets --format '$(ORIGIN)/$(LABEL)/$(COMPONENT) $(REPO_URI)' 'Created-By: Packages' |
		awk '$1 == "Debian/Debian/main" && $2 !~ /^cdrom:/ { print $2; exit }'
}

# debian_mirror: where Debian's packages come from: $CC_MIRROR, or this machine's own source of them. Lists
# that were never fetched, or thrown away, are fetched for the question only.
debian_mirror() {
	local found=${CC_MIRROR-} lists

	[ -n "$found" ] || found=$(debian_source 2>/dev/null)
	if [ -z "$found" ]; then
		lists=$(mktemp -d)
		apt-get -qq -o Dir::State::lists="$lists" -o APT::Sandbox::User= update >&2
		found=$(debian_source -o Dir::State::lists="$lists")
		rm -rf "$lists"
	fi
	[ -n "$found" ] || { say FAILED "no Debian archive among apt's sources; set CC_MIRROR to one"; return 1; }
	echo "$found"
}

# bootstrap SUITE DIR PACKAGES LOG [OPTION...]: a Debian tree without manuals and translations.
# PACKAGES are words; an initramfs is never made.
bootstrap() {
	local suite=$1 target=$2 packages log=$4 mirror

	mirror=$(debian_mirror) || return
	packages=$(tr -s ' \n' ',' <<<"$3" | sed 's/^,//; s/,$//')
	shift 4
	if ! as_root env INITRD=No SOURCE_DATE_EPOCH=1735689600 mmdebstrap --mode=root \
		--variant=apt --include="$packages" "$@" \
		--dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
		--dpkgopt='path-exclude=/usr/share/locale/*' \
		--dpkgopt='path-exclude=/usr/share/info/*' --dpkgopt=force-unsafe-io \
		"$suite" "$target" "deb $mirror $suite main" >"$log" 2>&1; then
		tail -n 20 "$log" >&2
		say FAILED "mmdebstrap, whole log in $log"
		return 1
	fi
}

# cached DIR LOCK FUNCTION: FUNCTION DIR fills the directory unless that was done before. One
# builder at a time; what was interrupted is started again.
cached() {
	local dir=$1 lock=$cache/$2 fill=$3

	mkdir -p "$cache"
	exec 9>"$lock"
	flock -n 9 || { say WAIT "for another build of $dir"; flock 9; }
	if [ ! -e "$dir/done" ]; then
		as_root rm -rf --one-file-system "$dir"
		mkdir "$dir"
		"$fill" "$dir"
		touch "$dir/done"
	fi
	touch "$dir"
}

# prune PREFIX: trees of other recipes that nobody has used for a week
prune() {
	local d

	for d in "$cache/$1"*; do
		if [ -z "$(find "$d" -maxdepth 0 -mtime -7)" ]; then
			say PRUNE "$d"
			as_root rm -rf --one-file-system "$d"
		fi
	done
}
