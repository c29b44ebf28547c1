# SPDX-License-Identifier: Apache-2.0
#
# container-crypt: `make help` lists the targets. Objects go to $(B); the sources stay clean.

B ?= build
PREFIX ?= /usr
KVERSION ?= $(shell uname -r)
KDIR ?= /lib/modules/$(KVERSION)/build
V ?= 0
DEPS ?= tests/deps.sh

Q := $(if $(filter 1,$(V)),,@)
say = $(if $(Q),@printf '  %-7s %s\n' $(1) $(2:$(B)/%=%))

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

# ---- tools and flags ---------------------------------------------------------------------------

CC ?= gcc
CLANG ?= clang-19
PKGS := libcryptsetup devmapper jose jansson libevent libevent_openssl openssl libcurl sqlite3 \
	libkeyutils libseccomp libcap-ng libsystemd blkid mount yaml-0.1
PKG_CFLAGS = $(eval PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS)))$(PKG_CFLAGS)
PKG_LIBS = $(eval PKG_LIBS := -Wl,--as-needed $(shell pkg-config --libs $(PKGS)))$(PKG_LIBS)
FORTIFY = $(eval FORTIFY := $(if $(filter 1,$(shell test `$(CC) -dumpversion | cut -d. -f1` \
	-ge 12 && echo 1)),3,2))$(FORTIFY)

CPPFLAGS_ALL = -D_GNU_SOURCE -Iinclude -Ilib -Idmctl -Ikeyd $(PKG_CFLAGS) $(CPPFLAGS)
WARN := -std=gnu17 -Wall -Wextra -Wshadow -Wconversion -Werror
CFLAGS_ALL = $(WARN) -g -O2 -fPIE -fstack-protector-strong -fstack-clash-protection \
	-D_FORTIFY_SOURCE=$(FORTIFY) $(CFLAGS)
LDFLAGS_ALL = -pie -Wl,-z,relro,-z,now $(LDFLAGS)
CFLAGS_ASAN = $(WARN) -g -O1 -fno-omit-frame-pointer -fsanitize=address,undefined \
	-fno-sanitize-recover=undefined
CFLAGS_FUZZ = -std=gnu17 -g -O1 -fsanitize=fuzzer-no-link,address,undefined \
	-fno-sanitize-recover=undefined

# ---- what there is -----------------------------------------------------------------------------

LIB := $(wildcard lib/*.c)
KEYD := $(wildcard keyd/*.c keyd/*/*.c)
DMCTL := $(filter-out dmctl/hook/%,$(wildcard dmctl/*/*.c))
HOOK := $(wildcard dmctl/hook/*.c)
UNIT := $(wildcard tests/unit/test_*.c)
FUZZ := $(wildcard tests/fuzz/fuzz_*.c)
FORMATTED := $(wildcard $(foreach d,lib keyd $(wildcard keyd/* dmctl/*) tests/unit tests/fuzz tests/vm/src tests/bench,$d/*.c $d/*.h))
TIDY := $(patsubst %.c,$(B)/tidy/%.ok,$(LIB) $(KEYD) $(DMCTL) $(HOOK))
MAN := $(patsubst docs/%.scd,$(B)/man/%,$(wildcard docs/*.scd))
PROGRAMS := $(if $(KEYD),$(B)/keyd/keyd) $(if $(DMCTL),$(B)/dmctl/dmctl) \
	$(if $(HOOK),$(B)/dmctl/container-crypt-hook)
UNIT_BIN := $(UNIT:%.c=$(B)/%)
FUZZ_BIN := $(FUZZ:%.c=$(B)/%)

.PHONY: help all modules modules_install install deps check check-long check-debug static unit model fuzz docs \
	harness vm kernels newest debug demo bench fmt clean vm-build format-check tidy check-sparse man \
	unit-build fuzz-build install-guest compile_commands.json

help:
	@echo 'make                 the programs and, where kernel headers are installed, the module'
	@echo 'make demo            the whole idea at work, in a throw-away virtual machine'
	@echo 'make check           what a merge needs: about 40 minutes on two processors'
	@echo 'make check-long      those that take longer, too'
	@echo 'make check-debug     the module on kernels with KASAN, lockdep ..., and with KCSAN'
	@echo 'make install         DESTDIR= PREFIX=/usr; modules_install for the kernel module'
	@echo 'make deps            install what building and testing need (Debian 12, 13)'
	@echo 'make static|unit|model|fuzz|docs|harness|vm|kernels|newest   one layer of check'
	@echo 'make vm TESTS=FILE.t...         these tests in the virtual machine'
	@echo 'make modules         the kernel module, for KDIR=$(KDIR)'
	@echo 'make bench fmt clean compile_commands.json'
	@echo 'V=1 shows the commands, B=DIR builds elsewhere'

all: $(PROGRAMS) $(MAN) $(if $(wildcard $(KDIR)/Makefile),modules)

# ---- userspace ---------------------------------------------------------------------------------

OBJ = $(patsubst %.c,$(B)/$(1)%.o,$(2))
cc = $(call say,CC,$@)
ld = $(call say,LD,$@)

$(B)/%.o: %.c Makefile | $(B)/deps
	$(cc)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<

$(B)/lib/libcc.a: $(call OBJ,,$(LIB))
	$(call say,AR,$@)
	$(Q)rm -f $@ && ar rcs $@ $^

$(B)/keyd/keyd: $(call OBJ,,$(KEYD)) $(B)/lib/libcc.a
	$(ld)
	$(Q)$(CC) $(CFLAGS_ALL) $(LDFLAGS_ALL) -o $@ $^ $(PKG_LIBS)

$(B)/dmctl/dmctl: $(call OBJ,,$(DMCTL)) $(B)/lib/libcc.a
	$(ld)
	$(Q)$(CC) $(CFLAGS_ALL) $(LDFLAGS_ALL) -o $@ $^ $(PKG_LIBS)

# The hook runs in front of every container start, with the container's runtime as its parent:
# static, so that neither the environment nor a library on the host changes what it does.
$(B)/dmctl/container-crypt-hook: $(call OBJ,,$(HOOK))
	$(ld)
	$(Q)$(CC) $(CFLAGS_ALL) $(LDFLAGS) -static-pie -Wl,-z,relro,-z,now -o $@ $^

man: $(MAN)

$(B)/man/%: docs/%.scd
	$(call say,MAN,$@)
	$(Q)mkdir -p $(@D)
	$(Q)scdoc <$< >$@

# ---- kernel module -----------------------------------------------------------------------------

# Kbuild writes beside its sources, so it gets a copy: one source tree serves several kernels.
KB := $(abspath $(B))/kbuild-$(KVERSION)
kcopy = mkdir -p $(KB) && cp -pRu --parents Kbuild kmod include $(if $(TEST_MODULES),tests/vm/kmod) $(KB)/
kbuild = $(MAKE) --no-print-directory -C $(KDIR) M=$(KB)

modules:
	$(Q)$(kcopy)
	$(Q)+$(kbuild) W=1 KCFLAGS=-Werror modules

modules_install: modules
	$(Q)for m in $$(find $(KB) -name "*.ko" 2>/dev/null); do \
		install -Dm644 $$m $(DESTDIR)/lib/modules/$(KVERSION)/updates/$${m##*/} || exit; done
	$(if $(DESTDIR),,$(Q)depmod $(KVERSION))

# ---- installation ------------------------------------------------------------------------------

LIBEXEC = $(DESTDIR)$(PREFIX)/libexec/container-crypt
put = install -D $(2) -t $(DESTDIR)$(PREFIX)/$(1)

install: $(PROGRAMS) $(MAN)
	$(if $(DMCTL),$(Q)$(call put,sbin,-m755 $(B)/dmctl/dmctl))
	$(if $(KEYD),$(Q)install -Dm755 -t $(LIBEXEC) $(B)/keyd/keyd)
	$(if $(HOOK),$(Q)install -Dm755 -t $(LIBEXEC) $(B)/dmctl/container-crypt-hook)
	$(Q)install -Dm755 -t $(LIBEXEC) packaging/libexec/docker-restart
	$(Q)for m in $(MAN); do $(call put,share/man/man$${m##*.},-m644 $$m) || exit; done
	$(Q)for u in $(wildcard packaging/*.service packaging/*.socket packaging/systemd/*); do \
		$(call put,lib/systemd/system,-m644 $$u) || exit; done
	$(Q)for u in $(wildcard packaging/sysusers.d/*.conf); do \
		$(call put,lib/sysusers.d,-m644 $$u) || exit; done
	$(Q)for c in $(wildcard packaging/completions/dmctl); do \
		$(call put,share/bash-completion/completions,-m644 $$c) || exit; done
	$(Q)$(call put,share/zsh/site-functions,-m644 packaging/completions/_dmctl)
	$(Q)$(call put,share/fish/vendor_completions.d,-m644 packaging/completions/dmctl.fish)
	$(Q)for d in cdi hooks.d containers.conf.d examples; do \
		$(call put,share/doc/container-crypt/$$d,-m644 packaging/$$d/*) || exit; done
	$(Q)$(call put,share/container-crypt/schema,-m644 packaging/schema/*)
	$(Q)for f in $$(find packaging/ansible -type f -printf '%P\n'); do \
		install -Dm644 packaging/ansible/$$f $(DESTDIR)$(PREFIX)/share/container-crypt/ansible/$$f || exit; done

# ---- tests -------------------------------------------------------------------------------------

# One test program a file: test_keyd_x.c sees keyd's objects, test_dmctl_x.c dmctl's, the rest
# only lib/. The same for fuzz targets. By way of archives: most of the work of linking a hundred
# instrumented objects is the debug information of those that nothing calls.
part = $(if $(findstring _keyd_,$(2)),$(B)/$(1)/keyd.a) $(if $(findstring _dmctl_,$(2)),$(B)/$(1)/dmctl.a) $(B)/$(1)/lib.a

# archives VARIANT: lib.a, keyd.a and dmctl.a of its objects
define archives
$(B)/$(1)/lib.a: $(call OBJ,$(1)/,$(LIB))
$(B)/$(1)/keyd.a: $(call OBJ,$(1)/,$(filter-out keyd/main.c,$(KEYD)))
$(B)/$(1)/dmctl.a: $(call OBJ,$(1)/,$(filter-out dmctl/cli/main.c,$(DMCTL)))
$(B)/$(1)/lib.a $(B)/$(1)/keyd.a $(B)/$(1)/dmctl.a:
	$$(call say,AR,$$@)
	$$(Q)rm -f $$@ && ar rcs $$@ $$^
endef
$(eval $(call archives,asan))
$(eval $(call archives,fuzz))

$(B)/asan/%.o: %.c Makefile | $(B)/deps
	$(cc)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS_ALL) -I. $(CFLAGS_ASAN) -MMD -MP -c -o $@ $<

$(B)/fuzz/%.o: %.c Makefile | $(B)/deps
	$(cc)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(CPPFLAGS_ALL) -I. $(CFLAGS_FUZZ) -MMD -MP -c -o $@ $<

.SECONDEXPANSION:
$(UNIT_BIN): $(B)/tests/unit/%: $(B)/asan/tests/unit/%.o $$(call part,asan,$$@)
	$(ld)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_ASAN) -o $@ $^ $(PKG_LIBS) -lcmocka

$(FUZZ_BIN): $(B)/tests/fuzz/%: $(B)/fuzz/tests/fuzz/%.o $$(call part,fuzz,$$@)
	$(ld)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(CFLAGS_FUZZ) -fsanitize=fuzzer -o $@ $^ $(PKG_LIBS)

# Goes into the test guest, for the race of many hosts.
$(B)/tests/vm/leaserace: $(call OBJ,,tests/vm/src/leaserace.c $(filter-out dmctl/cli/main.c,$(DMCTL))) $(B)/lib/libcc.a
	$(ld)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_ALL) $(LDFLAGS_ALL) -o $@ $^ $(PKG_LIBS)

# Not in any package either: what tests/bench/keyd measures keyd with.
$(B)/tests/bench/keyd_load: $(call OBJ,,$(wildcard tests/bench/keyd_load*.c) $(filter-out keyd/main.c,$(KEYD))) $(B)/lib/libcc.a
	$(ld)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_ALL) $(LDFLAGS_ALL) -o $@ $^ $(PKG_LIBS) -lm

# So does this: it changes keyd's database as keyd itself would.
$(B)/tests/vm/keydtool: $(call OBJ,,tests/vm/src/keydtool.c $(filter-out keyd/main.c,$(KEYD))) $(B)/lib/libcc.a
	$(ld)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_ALL) $(LDFLAGS_ALL) -o $@ $^ $(PKG_LIBS)

install-guest: $(B)/tests/vm/leaserace $(B)/tests/vm/keydtool
	$(Q)install -Dm755 -t $(LIBEXEC) $^

unit-build: $(UNIT_BIN)
fuzz-build: $(FUZZ_BIN)

# For tests/check-static.sh. A header's change looks at everything again: seldom and safe.
format-check:
	$(Q)$(if $(FORMATTED),clang-format-19 --dry-run -Werror $(FORMATTED))

# For clangd and whatever else asks how a file of userspace is compiled.
compile_commands.json:
	$(Q)for f in $(LIB) $(KEYD) $(DMCTL) $(HOOK) $(UNIT) $(FUZZ); do \
		printf '{"directory": "%s", "file": "%s", "command": "cc %s -c %s"},\n' \
			'$(CURDIR)' $$f '$(CPPFLAGS_ALL) -I. $(WARN)' $$f; \
	done | sed '1s/^/[/; $$s/,$$/]/' >$@

tidy: $(TIDY)

$(B)/tidy/%.ok: %.c .clang-tidy $(filter %.h,$(FORMATTED)) | $(B)/deps
	$(call say,TIDY,$<)
	$(Q)tests/tidy $< -std=gnu17 $(CPPFLAGS_ALL)
	$(Q)mkdir -p $(@D) && touch $@

# Run inside the guest's tree. Only what sparse says about our own files counts.
check-sparse: modules
	$(Q)find $(KB) -name '*.o' -path '*/kmod/*' -delete
	$(Q)+$(kbuild) C=2 modules 2>&1 | tee $(KB)/sparse.log >/dev/null
	$(Q)! grep -E '(kmod|include)/[^ ]*: (warning|error)' $(KB)/sparse.log

deps $(B)/deps: tests/deps.sh
	$(Q)$(DEPS)
	$(Q)mkdir -p $(B) && touch $(B)/deps

static unit model fuzz docs harness kernels newest debug: $(B)/deps
	$(Q)tests/check.sh $@

vm: $(B)/deps
	$(Q)$(if $(TESTS),tests/vm/run $(TESTS),tests/check.sh vm)

vm-build: $(B)/deps
	$(Q)tests/vm/build

check: $(B)/deps
	$(Q)tests/check.sh static unit model fuzz docs harness vm kernels

check-long: $(B)/deps
	$(Q)CC_LONG=1 tests/check.sh static unit model fuzz docs harness vm kernels newest debug

check-debug: $(B)/deps
	$(Q)tests/check.sh debug

demo: $(B)/deps
	$(Q)tests/vm/run --demo tests/vm/demo.sh

bench: $(B)/deps
	$(Q)tests/bench/run
	$(Q)tests/bench/keyd

fmt:
	$(Q)clang-format-19 -i $(FORMATTED)

clean:
	$(Q)rm -rf $(B)

-include $(shell find $(B) -name '*.d' -not -path '*/vm/*' 2>/dev/null)
