# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# The docs layer, read by check.sh: manual pages are well formed, links lead somewhere, and no page
# names a command that does not exist.

layer_docs() {
	local page

	check "manual pages build" build man
	for page in $B/man/*; do
		[ -e "$page" ] && check "${page##*/} has no formatter warnings" formats "$page"
	done
	check "links between the documents lead somewhere" links
	check "every dmctl command in the documents exists" commands
}

formats() {
	local warnings

	warnings=$(LC_ALL=C.UTF-8 MANWIDTH=80 man --warnings -l "$1" 2>&1 >/dev/null)
	[ -z "$warnings" ] || { echo "$warnings"; return 1; }
}

links() {
	local file target status=0

	for file in README.md docs/*.md; do
		[ -e "$file" ] || continue
		while read -r target; do
			[ -e "$(dirname "$file")/$target" ] || { echo "$file: no $target"; status=1; }
		done < <(grep -oE '\]\([^)#: ]+' "$file" | cut -c3-)
	done
	return $status
}

# What follows dmctl at the start of a shown line must be one of the verbs that its help lists.
commands() {
	local verbs words status=0

	verbs=$($B/dmctl/dmctl --help | sed -nE 's/^  ([a-z]+( [a-z]+)?)  .*/\1/p')
	[ -n "$verbs" ] || { echo "dmctl --help lists no verbs"; return 1; }
	while read -r words; do
		grep -qxF -e "$words" -e "${words% *}" <<<"$verbs" ||
			{ echo "no such command: dmctl $words"; status=1; }
	done < <(shown_commands | sort -u)
	return $status
}

# Only what is set as code: between fences or indented.
shown_commands() {
	local file

	for file in README.md docs/*.md docs/*.scd; do
		awk '/^[[:space:]]*```/ { code = !code; next } code || /^(\t|    )/' "$file"
	done | sed -e 's/[*_`]//g' |
		grep -oE '^[[:space:]]*([#$] )?(sudo )?dmctl [a-z]+( [a-z]+)?' | sed -E 's/.*dmctl //'
}
