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

# What is installed; PORTABLE=1: as packaging/portable.mk links it, for other distributions.
PROGRAMS := $(O)$(if $(PORTABLE),/portable)

ifneq ($(V),1)
Q := @
say = @printf '  %-8s %s\n' $(1) $(2)
else
Q :=
say =
endif

# What distributions harden with. It is here and not in the packages, so that what was tested is what is packaged.
ifeq ($(SANFLAGS),)
HARDEN_CFLAGS := -fstack-protector-strong -D_FORTIFY_SOURCE=2
HARDEN_LDFLAGS := -Wl,-z,relro,-z,now
endif

HADAL_CFLAGS := -std=gnu11 -O2 -g -fPIC -fvisibility=hidden -D_GNU_SOURCE -DHADAL_VERSION=\"$(VERSION)\" \
	-Wall -Wextra -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wshadow -Wpointer-arith -Werror \
	-Iinclude/uapi -Iuserspace/libhadal/include -I$(O) -ffile-prefix-map=$(CURDIR)=. $(HARDEN_CFLAGS) $(SANFLAGS)
HADAL_LDFLAGS := $(HARDEN_LDFLAGS) $(SANFLAGS)

USER_TARGETS :=
UNIT_TESTS :=
INSTALL_TARGETS :=
DEB_PACKAGES := build-essential pkg-config libcmocka-dev

all: user modules-if-possible

include $(sort $(wildcard kmod/build.mk userspace/*/build.mk tests/*/build.mk)) packaging/build.mk

user: $(USER_TARGETS)

# What is installed: without the programs of tests.
programs: $(CLI) $(O)/hadald $(LIBHADAL) $(LIBHADAL_SO)

$(O)/%.o: %.c
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(HADAL_CFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

-include $(shell find $(O) -name '*.d' 2>/dev/null)

# What has the version compiled in is built again when there is another, not when the file was merely touched.
VERSIONED := $(shell grep -rlw HADAL_VERSION --include='*.c' userspace tests/unit)

$(VERSIONED:%.c=$(O)/%.o): $(O)/VERSION

$(O)/VERSION: FORCE
	$(Q)mkdir -p $(@D)
	$(Q)echo $(VERSION) | cmp -s - $@ || echo $(VERSION) >$@

unit-tests: $(UNIT_TESTS)

check:
	$(Q)tests/check

check-whole:
	$(Q)HADAL_TEST_WHOLE=y HADAL_TEST_SHARE=1 tests/check

check-debug:
	$(Q)tests/check-debug

deps:
	$(Q)tests/install-packages $(sort $(DEB_PACKAGES))

print-%:
	@echo $($*)

install: $(INSTALL_TARGETS)

# What a host runs: all but the library and what programs are built with.
install-host: $(filter-out install-libhadal,$(INSTALL_TARGETS))

clean:
	rm -rf build/user build/san build/fuzz build/kmod build/aarch64

help:
	@echo 'make            user space, and the module where headers of KDIR are found'
	@echo 'make user       user space alone'
	@echo 'make modules    hadal.ko for the kernel whose build tree is KDIR, as build/kmod/RELEASE/hadal.ko'
	@echo 'make module-archive KERNEL=RELEASE  hadal.ko for that kernel as an archive of DKMS, for hosts that can not build (docs/install.md)'
	@echo 'make check      every test, from a fresh machine on; closes with N passed, N failed'
	@echo 'make check-whole  the same with the whole of large loads, and on both kernels what make check does on one'
	@echo 'make check-debug  the module on kernels with KASAN, lockdep, kmemleak, fault injection; KCSAN; PREEMPT_RT'
	@echo 'make check-image  an image built by Packer as AMIs are, booted, and seen to report (PREBUILT=y: with a module that comes built; docs/ami.md)'
	@echo 'make check-daemon  the ECS daemon task: its image built, its container run in a guest with Docker, rights taken away'
	@echo 'make check-units  the units under a real systemd in a guest: boot, trial, switches, quarantine, shutdown'
	@echo 'make bench-kernel  what the module adds, in instructions, beside an equal eBPF program (KERNELS="6.1 6.12")'
	@echo 'make bench-collector  what hadald does with a record: records a second, instructions, memory'
	@echo 'make bench-shipping  what shipping costs: bytes on the wire, CPU time and instructions of a point'
	@echo 'make fuzz       libFuzzer on the reader and on records, FUZZ_SECONDS=60 each'
	@echo 'make demo       the main job in a guest: containers, module, collector, receiver (ONCE=1: once)'
	@echo 'make chaos      containers started and killed for two minutes while they talk: is each connection told of its task?'
	@echo 'make deps       install what building and testing need from Debian packages (as root)'
	@echo 'make unit-tests  build the unit tests'
	@echo 'make install    into DESTDIR and PREFIX'
	@echo 'make deb        packages for Debian and Ubuntu, in build/deb'
	@echo 'make rpm        packages for Amazon Linux 2023, in build/rpm'
	@echo 'make check-packages  the packages installed, upgraded, removed in roots of Debian 12, 13 and one alike Amazon Linux, and in guests by the commands of README.md and docs/install.md (ROOTS=debian-12-host: that one)'
	@echo 'make dist       the sources that git has, as build/dist/hadal-VERSION.tar.gz'
	@echo 'make clean      remove what was built; the caches of guests stay in build/vm'
	@echo 'Variables: KDIR= kernel build tree, SAN=1 sanitizers (build/san), CROSS_COMPILE= prefix of a compiler for another architecture (build/ARCHITECTURE), V=1 show commands, W=0 fewer warnings of the module, HADAL_DEBUG=y assertions in it'

.PHONY: all user programs modules modules-if-possible check check-whole check-debug deps unit-tests install install-host clean help demo FORCE
.DELETE_ON_ERROR:
