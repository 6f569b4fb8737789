# SPDX-License-Identifier: MIT
#
# Unit tests: programs with cmocka. Each libhadal_*.c here is one, linked with
# the static library; other parts add theirs in a NAME.mk of their own.

UNIT_DIR := $(O)/tests/unit

UNIT_LIBHADAL := $(patsubst %.c,$(O)/%,$(wildcard tests/unit/libhadal_*.c))

UNIT_TESTS += $(UNIT_LIBHADAL)

$(UNIT_LIBHADAL:%=%.o) $(UNIT_DIR)/memory_ring.o: HADAL_CFLAGS += -Iuserspace/libhadal

$(UNIT_LIBHADAL): $(UNIT_DIR)/libhadal_%: $(UNIT_DIR)/libhadal_%.o $(UNIT_DIR)/memory_ring.o $(O)/libhadal.a
	$(call say,LD,$@)
	$(Q)$(CC) $(HADAL_LDFLAGS) $(LDFLAGS) -o $@ $^ -lcmocka -pthread

include $(sort $(filter-out tests/unit/build.mk,$(wildcard tests/unit/*.mk)))
