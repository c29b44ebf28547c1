#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# check.sh LAYER...: runs layers of the tests (static unit model fuzz docs harness vm kernels newest debug), shows
# their progress and closes with "N passed, N failed[, N skipped]". Exit status 1 when anything
# failed.
# CC_LONG=1 adds what takes longer than a merge should wait for.

set -uo pipefail
cd "$(dirname "$0")/.." || exit
export B=build
unset MAKEFLAGS MFLAGS MAKELEVEL
[ -z "${CC_LONG-}" ] || export CC_LEFT=fail
passed=0 failed=0 skipped=0 failures=()
mkdir -p $B/check

# What compilers made and what clang-tidy found clean is kept from one check to the next, by the
# contents of all that was read for it.
kept=${CC_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/container-crypt}
export CC="ccache gcc" CLANG="ccache clang-19" CCACHE_DIR=$kept/ccache CCACHE_NOHASHDIR=1 TIDY_KEPT=$kept/tidy
[ ! -d "$TIDY_KEPT" ] || find "$TIDY_KEPT" -type f -mtime +30 -delete

say() { printf '  %-7s %s\n' "$1" "$2"; }
pass() { passed=$((passed + ${2:-1})); say ok "$1"; }
skip() { skipped=$((skipped + 1)); say SKIP "$1"; }

# fail NAME [LOG]: with its errors and the end of the log
fail() {
	failed=$((failed + 1))
	failures+=("$1")
	say FAILED "$1"
	[ -z "${2-}" ] || { grep -aE '(error|warning):|\*\*\*' "$2" | head -n 10; tail -n 40 "$2"; } | sed 's/^/          /'
}

# check NAME COMMAND...: passes when the command does
check() {
	local name=$1 log=$B/check/log

	shift
	if "$@" >$log 2>&1; then
		pass "$name"
	else
		fail "$name" $log
		return 1
	fi
}

build() { make --no-print-directory -k -j"$(nproc)" "$@"; }

# shellcheck source=tests/check-static.sh
. tests/check-static.sh
# shellcheck source=tests/check-docs.sh
. tests/check-docs.sh

# every_one COMMAND NAME...: one after the other, as many at a time as there are processors
every_one() {
	local command=$1

	shift
	printf '%s\n' "$@" | xargs -d '\n' -P "$(nproc)" -n 1 bash -c "$command \"\$1\" || true" "$command"
}

# unit_one NAME: leaves NAME.log and NAME.status
unit_one() {
	CMOCKA_MESSAGE_OUTPUT=TAP timeout 120 "$B/tests/unit/$1" >"$B/check/$1.log" 2>&1 </dev/null
	echo $? >"$B/check/$1.status"
}

# One cmocka program each, with address and undefined-behaviour sanitizers.
layer_unit() {
	local names name whole=1
	local -x CC_KEEP_IDENTITIES=$B/check/identities

	rm -rf $B/check/identities && mkdir -p $B/check/identities
	build unit-build >/dev/null 2>&1 || whole= # who failed is seen below
	names=$(cd tests/unit && ls test_*.c | sed 's/\.c$//')
	export -f unit_one
	rm -f $B/check/test_*.status
	# shellcheck disable=SC2086 # words
	every_one unit_one $names
	for name in $names; do
		if [ -z "$whole" ] && ! build $B/tests/unit/"$name" >$B/check/log 2>&1; then
			fail "$name: does not build" $B/check/log
		else
			count_tap "$name" "$(cat "$B/check/$name.status")" "$B/check/$name.log"
		fi
	done
	check "the schema takes every identity of the unit tests" tests/schemas $B/check/identities
}

# count_tap NAME STATUS LOG
count_tap() {
	local good bad skips

	skips=$(grep -ciE '^(not )?ok .*# skip' "$3")
	good=$(($(grep -c '^ok ' "$3") - $(grep -ciE '^ok .*# skip' "$3")))
	bad=$(($(grep -c '^not ok ' "$3") - $(grep -ciE '^not ok .*# skip' "$3")))
	skipped=$((skipped + skips))
	passed=$((passed + good))
	if [ "$bad" -gt 0 ] || [ "$2" != 0 ] || [ $((good + skips)) = 0 ]; then
		fail "$1: $good passed, $bad failed, exit status $2" "$3"
		[ "$bad" -gt 1 ] && failed=$((failed + bad - 1))
	else
		say ok "$1: $good passed${skips#0}"
	fi
}

# fuzz_one SECONDS NAME: leaves NAME.log, and NAME.ok when nothing was found
fuzz_one() {
	local corpus=tests/fuzz/corpus/${2#fuzz_} log=$B/check/$2.log

	rm -f "$B/check/$2.ok"
	[ -d "$corpus" ] || corpus=
	mkdir -p "$B/fuzz-found/$2" "$B/fuzz-corpus/$2"
	"$B/tests/fuzz/$2" -timeout=10 -rss_limit_mb=2048 -max_total_time="$1" -print_final_stats=1 \
		-artifact_prefix="$B/fuzz-found/$2/" "$B/fuzz-corpus/$2" $corpus >"$log" 2>&1 &&
		touch "$B/check/$2.ok"
}

# A bounded run of each fuzz target over its corpus and beyond.
layer_fuzz() {
	local names name seconds=${CC_LONG:+120} whole=1

	seconds=${seconds:-4}
	build fuzz-build >/dev/null 2>&1 || whole= # who failed is seen below
	names=$(cd tests/fuzz && ls fuzz_*.c | sed 's/\.c$//')
	export -f fuzz_one
	# shellcheck disable=SC2086 # words
	every_one "fuzz_one $seconds" $names
	for name in $names; do
		if [ -z "$whole" ] && ! build $B/tests/fuzz/"$name" >$B/check/log 2>&1; then
			fail "$name: does not build" $B/check/log
		elif [ -e $B/check/"$name".ok ]; then
			pass "$name, $seconds s"
		else
			fail "$name, $seconds s" $B/check/"$name".log
		fi
	done
}

# The lease protocol and the rekey, all of their states; and that the checks are some: broken in these ways they fail.
# Each line: what model.sh is to exit with, the model and its DEFINEs, the name of the check.
models() {
	local way

	echo "0;lease;one keyd, two hosts: never two holders, no late write"
	for way in AGENT_FROM_ANSWER MESSAGE_FROM_NOW NO_SLACK REBOOT_FORGETS REVOKE_FREES RESUME_ANY SLOW_SAN; do
		echo "1;lease $way;the model of one keyd notices $way"
	done
	echo "0;instances;several keyds without a common clock: never two holders"
	for way in FOREIGN_CLOCK CLOCK_BEFORE_READ EPOCH_IGNORED SHORTENED SLEWED; do
		echo "1;instances $way;the model of several keyds notices $way"
	done
	echo "0;rekey;a rekey loses no sector, whenever power or the key goes"
	for way in NO_PREFLUSH ONE_HEADER NO_DRAIN HOME_FIRST EARLY_UNPARK ERROR_UNPARK RETRY_HEADER NO_RESTATE \
		STALE_KEY TRUST_MEMORY CLEAR_UNTOLD; do
		echo "1;rekey $way;the model of the rekey notices $way"
	done
	[ -n "${CC_LONG-}" ] || return
	echo "1;instances FAILOVER;the model of several keyds notices FAILOVER"
	echo "0;instances FAILOVER QUARANTINE;a lost commit and a quarantine: never two holders"
	echo "0;instances FAILOVER QUARANTINE RENEW_IN_QUARANTINE;a lost commit and a quarantine with renewals: never two holders"
}

# model_one LINE: a line of models; leaves the model's log and its exit status
model_one() {
	local way=${1#*;} log

	way=${way%%;*} log=$B/check/model-${way// /-}
	# shellcheck disable=SC2086 # words
	tests/model/model.sh $B/model $way >"$log.log" 2>&1
	echo $? >"$log.status"
}

layer_model() {
	local want way name log lines

	mapfile -t lines < <(models)
	export -f model_one
	every_one model_one "${lines[@]}"
	while IFS=';' read -r want way name; do
		log=$B/check/model-${way// /-}
		check "$name" [ "$(cat "$log.status")" = "$want" ] || tail -n 5 "$log.log"
	done < <(models)
}

guest_builds() { check "the project builds in the guest's tree" tests/vm/build; }

# The guest's harness itself: each kind of trouble must be seen and named. Its guests wait most of the
# time for what hangs, so that they may run beside other layers; not all of them at once, as the second
# host of two has to come up in time.
begin_harness() {
	local log=$B/check/harness.log

	: >$log
	guest_builds || return
	(
		tests/vm/run --no-build --split tests/vm/selftest/[89]-*.t >$log 2>&1
		CC_LEFT=fail tests/vm/run --no-build tests/vm/selftest/[1-7ab]-*.t >>$log 2>&1
	) &
	harness=$!
}
harness=

layer_harness() {
	local log=$B/check/harness.log expected before=$failed

	[ -n "$harness" ] || begin_harness
	wait $harness
	while read -r expected; do
		check "harness: $expected" grep -qE -- "$expected" $log
	done <tests/vm/selftest/expected
	[ $failed = $before ] || sed 's/^/          /' $log
	check "harness: a group that does not run fails the run" python3 tests/vm/selftest/lost.py
	check "harness: files share a guest by what they need" python3 tests/vm/selftest/groups.py
}

# vm_files FOLDER|'*': test files, those that take long only when asked for
vm_files() {
	local f

	# shellcheck disable=SC2231 # a pattern
	for f in tests/vm/t/$1/*.t; do
		[ -z "${CC_LONG-}" ] && grep -qE '^# vm:.*\blong\b' "$f" || echo "$f"
	done
}

# run_vm WHAT ARGUMENT...: tests/vm/run; its output is left for count_vm
run_vm() {
	local log=$B/check/$1.log

	shift
	tests/vm/run --split "$@" 2>&1 | tee "$log" | sed -u 's/^\([0-9]* passed, .*\)/  VM      \1/'
}

# count_vm WHAT: by the last line
count_vm() {
	local what=$1 log=$B/check/$1.log last

	last=$(grep -E '^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$' "$log" | tail -n 1)
	if [ -z "$last" ]; then
		fail "$what: the virtual machine's tests did not run"
		return
	fi
	# shellcheck disable=SC2086 # words
	set -- $last
	passed=$((passed + $1))
	failed=$((failed + $3))
	skipped=$((skipped + $5))
	[ "$3" = 0 ] || failures+=("$what: $3, see above")
}

# Real kernel, real engines: every TAP file, in as few guests as their headers allow.
layer_vm() {
	local files

	mapfile -t files < <(vm_files '*')
	run_vm vm "${files[@]}"
	count_vm vm
}

# kmod_builds KERNEL: all that is compiled for it
kmod_builds() {
	check "module builds without warnings on kernel $1" tests/vm/build --kernel "$1"
}

# kmod_on KERNEL FILE...: the module built for another kernel, and these files there
kmod_on() {
	local kernel=$1

	shift
	if kmod_builds "$kernel"; then
		run_vm "kernel-$kernel" --no-build --kernel "$kernel" "$@"
		count_vm "kernel-$kernel"
	fi
}

# The oldest and the newest kernel that the module promises to work on: its part of the suite, or,
# where time is short, the files marked for that.
layer_kernels() {
	local files kernel kernels=(6.1 7.2) built=()

	mapfile -t files < <(vm_files kmod)
	[ -n "${CC_LONG-}" ] ||
		mapfile -t files < <(grep -lE '^# vm:.*\bkernels\b' "${files[@]}")
	guest_builds || return
	# both at the same time: there are few guests for each
	for kernel in "${kernels[@]}"; do
		kmod_builds "$kernel" || continue
		built+=("$kernel")
		run_vm "kernel-$kernel" --no-build --kernel "$kernel" "${files[@]}" &
	done
	wait
	for kernel in "${built[@]}"; do
		count_vm "kernel-$kernel"
	done
}

# The engines, their runtimes and the kernel of the newest Debian: the files marked for that.
layer_newest() {
	local files

	check "the project builds in the newest guest's tree" tests/vm/build --suite sid || return
	mapfile -t files < <(grep -lE '^# vm:.*\bnewest\b' tests/vm/t/*/*.t)
	run_vm newest --no-build --suite sid "${files[@]}"
	count_vm newest
}

# Kernels that look for memory errors, undefined behaviour, wrong locking, leaks and data races.
layer_debug() {
	local files

	guest_builds || return
	mapfile -t files < <(vm_files kmod)
	kmod_on debug "${files[@]}" tests/vm/debug/*.t
	kmod_on kcsan "${files[@]}"
}

for layer in "$@"; do
	echo "== $layer"
	start=$SECONDS
	"layer_$layer"
	say TIME "$layer took $((SECONDS - start)) s"
	[[ $layer != static || " $* " != *" harness "* ]] || begin_harness
done
for f in "${failures[@]}"; do
	say FAILED "$f"
done
echo "$passed passed, $failed failed$([ $skipped = 0 ] || echo ", $skipped skipped")"
[ $failed = 0 ]
