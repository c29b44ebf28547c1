# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# The docs layer, read by check.sh: manual pages are well formed, links lead somewhere, and no page
# names a command that does not exist.

layer_docs() {
	local page shell

	check "manual pages build" build man
	for page in $B/man/*; do
		[ -e "$page" ] && check "${page##*/} has no formatter warnings" formats "$page"
	done
	check "links between the documents lead somewhere" links
	check "every file that a page names exists" named_files
	check "every try in the threat model and in attacks.md names a test that is there" tests/tries
	check "every cosign command that signs in the documents uploads nothing" signs_privately
	check "every dmctl command in the documents exists" commands
	check "the schemas take what the programs take, and the Ansible role is well formed" tests/schemas
	check "what users read is in plain English (CONTRIBUTING.md, Words)" english
	check "docs/api.md has every operation of keyd and its event" operations
	for shell in bash zsh fish; do
		check "$shell completes every verb and option" completes "$shell"
	done
}

formats() {
	local warnings

	warnings=$(LC_ALL=C.UTF-8 MANWIDTH=80 man --warnings -l "$1" 2>&1 >/dev/null)
	[ -z "$warnings" ] || { echo "$warnings"; return 1; }
}

PAGES=(README.md CONTRIBUTING.md SECURITY.md CHANGELOG.md docs/*.md)

links() {
	local file target status=0

	for file in "${PAGES[@]}"; do
		while read -r target; do
			[ -e "$(dirname "$file")/$target" ] || { echo "$file: no $target"; status=1; }
		done < <(grep -oE '\]\([^)#: ]+[)#]' "$file" | sed 's/^..//; s/.$//')
	done
	return $status
}

# A command may go on in the next line.
signs_privately() {
	! sed -e ':a' -e '/\\$/N; s/\\\n//; ta' README.md docs/*.md docs/*.scd | grep -n '^ *cosign attest' |
		grep -vE -- '--tlog-upload=false|--signing-config'
}

# What is set as code and begins with one of our folders; a pattern must match something. The
# change log speaks of what was.
named_files() {
	local file name status=0

	for file in "${PAGES[@]}"; do
		[ "$file" != CHANGELOG.md ] || continue
		while read -r name; do
			compgen -G "$name" >/dev/null || [ -e "tests/vm/t/$name.t" ] || { echo "$file: no $name"; status=1; }
		done < <(grep -ohE '`(dmctl|docs|include|keyd|kmod|lib|packaging|tests)/[^` ]*`' "$file" |
			tr -d '`' | sort -u)
	done
	return $status
}

# What follows dmctl at the start of a shown line must be one of the verbs that its help lists.
commands() {
	local verbs words status=0

	verbs=$($B/dmctl/dmctl --help | sed -nE 's/^  ([a-z]+( [a-z-]+){0,2})  .*/\1/p')
	[ -n "$verbs" ] || { echo "dmctl --help lists no verbs"; return 1; }
	while read -r words; do
		grep -qxF -e "$words" -e "${words% *}" -e "${words% * *}" <<<"$verbs" ||
			{ echo "no such command: dmctl $words"; status=1; }
	done < <(shown_commands | sort -u)
	return $status
}

# The rows of the table in keyd/op.h; what is audited is in the list of events.
operations() {
	local method path event flags text status=0

	text=$(tr '\n' ' ' <docs/api.md)
	while IFS='|' read -r method path event flags; do
		grep -qE -e "$method ${path}[\`?]" <<<"$text" || { echo "no $method $path"; status=1; }
		[[ "$flags" != *OPF_AUDITED* ]] || grep -qF "\`$event\`" <<<"$text" ||
			{ echo "no event $event"; status=1; }
	done < <(sed 's/\\$//' keyd/op.h | tr '\n\t' '  ' | grep -oE '\bROW\([A-Z_]+, [^)]*\)' |
		sed -E 's/ROW\([^"]*"([^"]+)", *"([^"]+)", *"([^"]+)", *([^)]*)\)/\1|\2|\3|\4/')
	return $status
}

# Only what is set as code: between fences or indented.
shown_commands() {
	local file

	for file in "${PAGES[@]}" docs/*.scd; do
		awk '/^[[:space:]]*```/ { code = !code; next } code || /^(\t|    )/' "$file"
	done | sed -e 's/[*_`]//g' |
		grep -oE '^[[:space:]]*([#$] )?(sudo )?dmctl [a-z]+( [a-z-]+){0,2}' | sed -E 's/.*dmctl //'
}

# Strings of the programs, those that go on over several lines in one; pages; packaging.
user_texts() {
	tracked 'lib/*.[ch]' 'keyd/*.[ch]' 'dmctl/*.[ch]' | xargs -d '\n' perl -0777 -ne \
		's/"\s*\n\s*"//g; print map { "$ARGV: $_\n" } /"(?:[^"\\\n]|\\.)*"/g'
	tracked packaging '*.md' 'docs/*.scd' 'docs/*.rst' |
		xargs -d '\n' awk '/^```words/, /^```$/ { next } { print FILENAME ": " $0 }'
}

# No text may match an expression of the list in CONTRIBUTING.md; beside it is what to write.
english() {
	local texts list expression instead found status=0

	texts=$(user_texts)
	list=$(sed -n '/^```words/,/^```$/ { /^```/d; s/  \+/\t/; p }' CONTRIBUTING.md)
	[ -n "$texts" ] && [ -n "$list" ] || { echo "no texts, or no list"; return 1; }
	while IFS=$'\t' read -r expression instead; do
		found=$(grep -P -e "$expression" <<<"$texts")
		[ $? -le 1 ] || status=1
		[ -z "$found" ] || { echo "$found"; echo "... write: $instead"; status=1; }
	done <<<"$list"
	return $status
}

# completes SHELL: after each noun its verbs, after each verb the options that its help shows
completes() {
	local shell=$1 words got want status=0 PATH=$PWD/$B/dmctl:$PATH

	while read -ra words; do
		if [ ${#words[@]} = 2 ]; then
			got=$(tests/complete "$shell" dmctl "${words[0]}" '')
		else
			got=$(tests/complete "$shell" dmctl '')
		fi
		grep -qxF -e "${words[-1]}" <<<"$got" || { echo "$shell lacks ${words[*]}"; status=1; }
		want=$(dmctl "${words[@]}" --help | grep -oE '^  (-[a-z], )?--[a-z-]+' | sed 's/.*--/--/')
		[ -n "$want" ] || continue
		got=$(tests/complete "$shell" dmctl "${words[@]}" --)
		grep -vxF -e "$got" <<<"$want" && { echo "$shell lacks these of ${words[*]}"; status=1; }
	done < <(dmctl --help | sed -nE 's/^  ([a-z]+( [a-z-]+){0,2})  .*/\1/p')
	return $status
}
