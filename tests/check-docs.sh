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

# Words after dmctl in lines that show a command; a program that knows them prints their help.
commands() {
	local words status=0

	[ -x $B/dmctl/dmctl ] || { echo "no dmctl"; return 1; }
	while read -r words; do
		# shellcheck disable=SC2086 # words
		$B/dmctl/dmctl $words --help >/dev/null 2>&1 || { echo "no such command: dmctl $words"; status=1; }
	done < <(shown_commands | sort -u)
	return $status
}

# Noun groups take two words, verbs one.
shown_commands() {
	local files=(README.md docs/*.md docs/*.scd)

	cat "${files[@]}" 2>/dev/null | sed -e 's/[*_`]//g' |
		grep -oE '(^[[:space:]]*([#$] )?(sudo )?)dmctl [a-z]+( [a-z]+)?' |
		sed -E 's/.*dmctl //' |
		awk '$1 ~ /^(volume|identity|keyd|audit|signer|lease|leases|completion)$/ {print; next}
		     {print $1}'
}
