# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# The static layer, read by check.sh: what can be said about the sources without running them.

layer_static() {
	check "sources are formatted (make fmt)" make -s format-check
	check "no line of C is longer than 100 columns" line_lengths
	check "a room includes itself and rooms below it" rooms
	check "no modules include each other in a circle" circles
	check "no helper shares its name with those of three other files" helper_names
	check "every file says its licence" spdx
	check "no unfinished marks" no_marks
	check "shell scripts pass shellcheck" scripts
	check "compile_commands.json is well formed" compile_commands
	check "a TAP test's name says its promise by itself" tap_names
	check "every test of the guest is in a folder, where check.sh finds it" tests_in_folders
	check "programs build without warnings" build all
	check "clang-tidy finds nothing" build tidy
	check "module builds without warnings in the guest's tree" tests/vm/build modules
	check "sparse finds nothing in the module" tests/vm/build check-sparse
	check "checkpatch --strict finds nothing in the module" checkpatch
}

tracked() { git ls-files -co --exclude-standard -- "$@"; }

spdx() {
	local file line want status=0

	while read -r file; do
		case $file in
		LICENSES/* | *.md | *.json | *.key | *.pub | *.pem | .gitignore | \
			tests/fuzz/corpus/* | tests/fixtures/* | tests/vm/packages | tests/vm/selftest/expected) continue ;;
		kmod/* | tests/vm/kmod/* | Kbuild | docs/*.rst) want='GPL-2.0-only$|GPL-2.0-only \*/$' ;;
		include/*) want='GPL-2.0-only WITH Linux-syscall-note' ;;
		*) want=Apache-2.0 ;;
		esac
		line=$(head -n 4 "$file" | grep -a SPDX-License-Identifier)
		[[ "$line" =~ $want ]] || { echo "$file: wants $want, has: $line"; status=1; }
	done < <(tracked)
	return $status
}

no_marks() {
	local mark='TO''DO|FIX''ME|XX''X'

	! tracked lib keyd dmctl kmod include tests docs packaging Makefile Kbuild .ci |
		grep -v '^tests/fuzz/corpus/' | xargs -d '\n' grep -nIwE "$mark" --
}

# What clang-format cannot break: comments. Strings may be longer, so that they can be searched for.
line_lengths() {
	local long

	long=$(tracked '*.c' '*.h' | while read -r file; do
		expand "$file" | grep -nHP --label="$file" '^.{101,}' | grep -vE '"|\\$'
	done)
	[ -z "$long" ] || { echo "$long"; return 1; }
}

# ROOT ROOM...: the rooms of a folder, the lowest first; what a room includes of a later one
upward() {
	local root=$1 above

	shift
	while [ $# -gt 1 ]; do
		above=$(IFS='|'; echo "${*:2}")
		grep -nE "^#include \"($above)/" "$root/$1"/*.[ch]
		shift
	done
}

# Rooms that do not know each other at all: the hook from the rest, keyd's front from what the
# custodian holds, and either program from the other.
apart() {
	grep -nE '^#include "[a-z]+/' dmctl/hook/*.[ch]
	grep -nE '^#include "((custodian|store)/|secret\.h|sqlite)' keyd/front/*.[ch]
	grep -nE '^#include "front/' keyd/{custodian,store}/*.[ch]
	grep -nE "^#include \"($(cd dmctl && printf '%s|' */ | tr -d /)x)/" keyd/*.[ch] keyd/*/*.[ch]
	grep -nE '^#include "(front|custodian|store)/' dmctl/*/*.[ch]
	grep -nE '^#include "([a-z]+/|(message|serve|init|confine|op)\.h)' lib/*.[ch]
	front_reads | grep -E '^(keyd/(custodian|store)/|lib/(secret|release)\.h)' | sed 's/^/keyd\/front reads /'
}

# Every header that the front sees, by whatever way.
front_reads() {
	gcc -MM -D_GNU_SOURCE -Ilib -Ikeyd keyd/front/*.c | tr -s ' \\' '\n' | sort -u
}

rooms() {
	local wrong

	wrong=$(
		upward dmctl host client engine container volume plugin bind agent state draft cli
		upward keyd store custodian
		grep -nE '^#include "container/' dmctl/volume/*.[ch]
		apart
	)
	[ -z "$wrong" ] || { echo "$wrong"; return 1; }
}

# A module is a pair of .c and .h. The kernel module is not looked at: its circle is the state machine
# of a bio.
circles() {
	local loops

	loops=$(
		tracked 'lib/*.[ch]' 'keyd/*.[ch]' 'dmctl/*.[ch]' |
			xargs -d '\n' grep -HE '^#include "[^"]+\.h"' |
			sed -E 's|^[a-z]+/(.*)\.[ch]:#include "(.*)\.h".*|\1 \2|' | awk '$1 != $2' |
			tsort 2>&1 >/dev/null
	)
	[ -z "$loops" ] || { echo "$loops"; return 1; }
}

compile_commands() { build compile_commands.json && python3 -m json.tool compile_commands.json; }

# A static function that is called like others elsewhere needs a prefix to be found by.
helper_names() {
	local shared

	shared=$(tracked 'lib/*.c' 'keyd/*.c' 'dmctl/*.c' |
		xargs grep -HoE '^static [a-zA-Z_0-9 *]*[ *][a-z_0-9]+\(' |
		sed -nE 's/^([^:]*):.*[ *]([a-z][a-z_0-9]*)\($/\2 \1/p' | sort -u |
		awk '{ n[$1]++; in_files[$1] = in_files[$1] " " $2 } END { for (f in n) if (n[f] > 3) print f ":" in_files[f] }')
	[ -z "$shared" ] || { echo "$shared"; return 1; }
}

# Off: variables that a function sets or reads by name, words meant to be split, optional arguments.
scripts() {
	tracked | while read -r file; do
		case $file in
		*.sh | *.t) echo "$file" ;;
		*) head -c 32 "$file" | grep -qaE '^#!.*\b(ba)?sh\b' && echo "$file" ;;
		esac
	done | xargs -d '\n' -P "$(nproc)" -n 8 shellcheck -x -S warning -P tests/vm -e SC2034,SC2046,SC2120,SC2154,SC2209
}

# A log shows the one that failed, not the line before it.
tap_names() {
	local words='and|nor|which|whose|so|but|then|it|its|they'

	! tracked tests/vm | grep '\.t$' |
		xargs grep -nE "^\s*(ok|not_ok|is|like|unlike|report \S+) \"(\S*: )?($words) "
}

tests_in_folders() {
	local stray

	stray=$(tracked 'tests/vm/t/*' | grep -vE '^tests/vm/t/[a-z]+/[a-z0-9-]+\.t$')
	[ -z "$stray" ] || { echo "$stray"; return 1; }
}

# The word lists come with checkpatch; it looks for its kernel tree otherwise.
checkpatch() {
	local scripts sources

	scripts=$(tests/vm/image)/checkpatch || return
	sources=$(tracked 'kmod/*.c' 'kmod/*.h' 'include/*.h')
	[ -n "$sources" ] || return 0
	# shellcheck disable=SC2086 # words
	perl "$scripts/checkpatch.pl" --no-tree --strict --terse --show-types --no-summary \
		--max-line-length=100 --file $sources
	set -- $?
	rm -f .checkpatch-camelcase.*
	return "$1"
}
