# SPDX-License-Identifier: MIT
#
# `make help` lists the targets. Each part adds itself in a build.mk of its
# own to: USER_TARGETS (files to build), UNIT_TESTS (programs that make check
# runs), INSTALL_TARGETS, DEB_PACKAGES (what it needs from Debian).

VERSION := $(shell cat VERSION)
PREFIX ?= /usr
LIBDIR ?= $(PREFIX)/lib
DESTDIR ?=

KDIR ?= /lib/modules/$(shell uname -r)/build

ifeq ($(FUZZ),1)
O := build/fuzz
CC := clang-14
SANFLAGS := -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
else ifeq ($(SAN),1)
O := build/san
SANFLAGS := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
else ifneq ($(CROSS_COMPILE),)
O := build/$(firstword $(subst -, ,$(notdir $(CROSS_COMPILE))))
CC := $(CROSS_COMPILE)gcc
SANFLAGS :=
else
O := build/user
SANFLAGS :=
endif

ifneq ($(V),1)
Q := @
say = @printf '  %-8s %s\n' $(1) $(2)
else
Q :=
say =
endif

HADAL_CFLAGS := -std=gnu11 -O2 -g -fPIC -fvisibility=hidden -D_GNU_SOURCE -DHADAL_VERSION=\"$(VERSION)\" \
	-Wall -Wextra -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wshadow -Wpointer-arith -Werror \
	-Iinclude/uapi -Iuserspace/libhadal/include -I$(O) $(SANFLAGS)
HADAL_LDFLAGS := $(SANFLAGS)

USER_TARGETS :=
UNIT_TESTS :=
INSTALL_TARGETS :=
DEB_PACKAGES := build-essential pkg-config libcmocka-dev

all: user modules-if-possible

include $(sort $(wildcard kmod/build.mk userspace/*/build.mk tests/*/build.mk packaging/build.mk))

user: $(USER_TARGETS)

$(O)/%.o: %.c
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(HADAL_CFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

-include $(shell find $(O) -name '*.d' 2>/dev/null)

unit-tests: $(UNIT_TESTS)

check:
	$(Q)tests/check

check-debug:
	$(Q)tests/check-debug

deps:
	$(Q)tests/install-packages $(sort $(DEB_PACKAGES))

print-%:
	@echo $($*)

install: $(INSTALL_TARGETS)

clean:
	rm -rf build/user build/san build/fuzz build/kmod build/aarch64

help:
	@echo 'make            user space, and the module where headers of KDIR are found'
	@echo 'make user       user space alone'
	@echo 'make modules    hadal.ko for the kernel whose build tree is KDIR, as build/kmod/RELEASE/hadal.ko'
	@echo 'make check      every test, from a fresh machine on; closes with N passed, N failed'
	@echo 'make check-debug  the module on kernels with KASAN, lockdep, kmemleak, fault injection; KCSAN; PREEMPT_RT'
	@echo 'make bench-kernel  what the module adds, in instructions, beside an equal eBPF program (KERNELS="6.1 6.12")'
	@echo 'make fuzz       libFuzzer on the reader and on records, FUZZ_SECONDS=60 each'
	@echo 'make demo       the main job in a guest: containers, module, collector, receiver (ONCE=1: once)'
	@echo 'make deps       install what building and testing need from Debian packages (as root)'
	@echo 'make unit-tests build the unit tests'
	@echo 'make install    into DESTDIR and PREFIX'
	@echo 'make clean      remove what was built; the caches of guests stay in build/vm'
	@echo 'Variables: KDIR= kernel build tree, SAN=1 sanitizers (build/san), CROSS_COMPILE= prefix of a compiler for another architecture (build/ARCHITECTURE), V=1 show commands, W=0 fewer warnings of the module, HADAL_DEBUG=y assertions in it'

.PHONY: all user modules modules-if-possible check check-debug deps unit-tests install clean help demo
.DELETE_ON_ERROR:
