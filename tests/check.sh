#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# check.sh LAYER...: runs layers of the tests (static unit model fuzz docs harness vm kernels debug), shows
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

say() { printf '  %-7s %s\n' "$1" "$2"; }
pass() { passed=$((passed + ${2:-1})); say ok "$1"; }
skip() { skipped=$((skipped + 1)); say SKIP "$1"; }

# fail NAME [LOG]: with the end of the log
fail() {
	failed=$((failed + 1))
	failures+=("$1")
	say FAILED "$1"
	[ -z "${2-}" ] || tail -n 40 "$2" | sed 's/^/          /'
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

# One cmocka program each, with address and undefined-behaviour sanitizers.
layer_unit() {
	local source name log
	local -x CC_KEEP_IDENTITIES=$B/check/identities

	rm -rf $B/check/identities && mkdir -p $B/check/identities
	build unit-build >/dev/null 2>&1 # all at once; who failed is seen below
	for source in tests/unit/test_*.c; do
		[ -e "$source" ] || return
		name=$(basename "$source" .c)
		log=$B/check/$name.log
		if ! build $B/tests/unit/"$name" >"$log" 2>&1; then
			fail "$name: does not build" "$log"
			continue
		fi
		CMOCKA_MESSAGE_OUTPUT=TAP timeout 120 $B/tests/unit/"$name" >"$log" 2>&1 </dev/null
		count_tap "$name" $? "$log"
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

# A bounded run of each fuzz target over its corpus and beyond, as many at a time as there are processors.
layer_fuzz() {
	local names seconds=${CC_LONG:+120} name

	seconds=${seconds:-6}
	build fuzz-build >/dev/null 2>&1 # all at once; what does not build is seen below
	names=$(cd tests/fuzz && ls fuzz_*.c | sed 's/\.c$//')
	export -f fuzz_one
	xargs -P "$(nproc)" -n 1 bash -c "fuzz_one $seconds \"\$1\" || true" fuzz <<<"$names"
	for name in $names; do
		if ! build $B/tests/fuzz/"$name" >$B/check/log 2>&1; then
			fail "$name: does not build" $B/check/log
		elif [ -e $B/check/"$name".ok ]; then
			pass "$name, $seconds s"
		else
			fail "$name, $seconds s" $B/check/"$name".log
		fi
	done
}

# The lease protocol, all of its states; and that the checks are some: broken in these ways they fail.
layer_model() {
	local way

	check "one keyd, two hosts: never two holders, no late write" tests/model/model.sh $B/model lease
	for way in AGENT_FROM_ANSWER MESSAGE_FROM_NOW NO_SLACK REBOOT_FORGETS REVOKE_FREES RESUME_ANY SLOW_SAN; do
		check "the model of one keyd notices $way" model_fails lease "$way"
	done
	check "several keyds without a common clock: never two holders" tests/model/model.sh $B/model instances
	for way in FOREIGN_CLOCK CLOCK_BEFORE_READ EPOCH_IGNORED SHORTENED SLEWED; do
		check "the model of several keyds notices $way" model_fails instances "$way"
	done
	[ -n "${CC_LONG-}" ] || return
	check "the model of several keyds notices FAILOVER" model_fails instances FAILOVER
	check "a lost commit and a quarantine: never two holders" \
		tests/model/model.sh $B/model instances FAILOVER QUARANTINE
	check "a lost commit and a quarantine with renewals: never two holders" \
		tests/model/model.sh $B/model instances FAILOVER QUARANTINE RENEW_IN_QUARANTINE
}

# model_fails MODEL DEFINE
model_fails() {
	tests/model/model.sh $B/model "$@"
	[ $? = 1 ]
}

guest_builds() { check "the project builds in the guest's tree" tests/vm/build; }

# The guest's harness itself: each kind of trouble must be seen and named. Its guests wait most of the
# time for what hangs, so that they may run beside other layers.
begin_harness() {
	local log=$B/check/harness.log

	: >$log
	guest_builds || return
	(
		CC_LEFT=fail tests/vm/run --no-build tests/vm/selftest/[1-7ab]-*.t >$log 2>&1 &
		tests/vm/run --no-build --split tests/vm/selftest/[89]-*.t >$log.split 2>&1
		wait
		cat $log.split >>$log
	) &
	harness=$!
}
harness=

layer_harness() {
	local log=$B/check/harness.log expected

	[ -n "$harness" ] || begin_harness
	wait $harness
	while read -r expected; do
		check "harness: $expected" grep -qE -- "$expected" $log
	done <tests/vm/selftest/expected
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
