# SPDX-License-Identifier: GPL-2.0-only
#
# The module's ring, compiled for user space, and once more for ThreadSanitizer.

UNIT_KMOD_SOURCES := tests/unit/kmod_ring.c kmod/ring.c
UNIT_KMOD_CFLAGS := $(filter-out -Wconversion -fsanitize% -fno-sanitize% -DHADAL_VERSION%,$(HADAL_CFLAGS)) -Itests/unit -Ikmod
UNIT_KMOD := $(O)/tests/unit/kmod_ring
UNIT_KMOD_TSAN := $(O)/tests/unit/kmod_ring_tsan

$(UNIT_KMOD): UNIT_KMOD_SAN := $(SANFLAGS)
$(UNIT_KMOD_TSAN): UNIT_KMOD_SAN := -fsanitize=thread

$(UNIT_KMOD) $(UNIT_KMOD_TSAN): $(UNIT_KMOD_SOURCES) kmod/ring.h tests/unit/kernel_shim.h include/uapi/hadal.h
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(UNIT_KMOD_CFLAGS) $(UNIT_KMOD_SAN) $(CFLAGS) $(LDFLAGS) -o $@ $(UNIT_KMOD_SOURCES) -lcmocka -pthread

UNIT_TESTS += $(UNIT_KMOD) $(UNIT_KMOD_TSAN)
