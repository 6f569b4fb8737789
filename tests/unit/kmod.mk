# SPDX-License-Identifier: GPL-2.0-only
#
# The module's ring and its table of connections, compiled for user space as in a
# debug build, and once more for ThreadSanitizer.

UNIT_KMOD_CFLAGS := $(filter-out -Wconversion -fsanitize% -fno-sanitize% -DHADAL_VERSION%,$(HADAL_CFLAGS)) -DHADAL_DEBUG -Itests/unit -Ikmod
UNIT_KMOD := $(O)/tests/unit/kmod_ring $(O)/tests/unit/kmod_conn_table
UNIT_KMOD_TSAN := $(UNIT_KMOD:%=%_tsan)

$(UNIT_KMOD): UNIT_KMOD_SAN := $(SANFLAGS)
$(UNIT_KMOD_TSAN): UNIT_KMOD_SAN := -fsanitize=thread

UNIT_KMOD_RING := tests/unit/kmod_ring.c kmod/ring.c
UNIT_KMOD_CONN_TABLE := tests/unit/kmod_conn_table.c kmod/conn_table.c kmod/conn_identity.c

$(filter %/kmod_ring %/kmod_ring_tsan,$(UNIT_KMOD) $(UNIT_KMOD_TSAN)): $(UNIT_KMOD_RING)
$(filter %/kmod_conn_table %/kmod_conn_table_tsan,$(UNIT_KMOD) $(UNIT_KMOD_TSAN)): $(UNIT_KMOD_CONN_TABLE)

$(UNIT_KMOD) $(UNIT_KMOD_TSAN): $(wildcard kmod/*.h) tests/unit/kernel_shim.h include/uapi/hadal.h
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(UNIT_KMOD_CFLAGS) $(UNIT_KMOD_SAN) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.c,$^) -lcmocka -pthread

UNIT_TESTS += $(UNIT_KMOD) $(UNIT_KMOD_TSAN)
