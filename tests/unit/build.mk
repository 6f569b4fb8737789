# SPDX-License-Identifier: MIT
#
# Unit tests: programs with cmocka. Each libhadal_*.c and cli_*.c here is
# one; other parts add theirs in a NAME.mk of their own.

UNIT_DIR := $(O)/tests/unit

UNIT_LIBHADAL := $(patsubst %.c,$(O)/%,$(wildcard tests/unit/libhadal_*.c))

# cli_*.c: linked with all of the command line but its main().
UNIT_CLI := $(patsubst %.c,$(O)/%,$(wildcard tests/unit/cli_*.c))
UNIT_CLI_OBJECTS := $(patsubst %.c,$(O)/%.o,$(filter-out %/main.c,$(wildcard userspace/cli/*.c)))

UNIT_TESTS += $(UNIT_LIBHADAL) $(UNIT_CLI)

$(UNIT_LIBHADAL:%=%.o) $(UNIT_DIR)/memory_ring.o: HADAL_CFLAGS += -Iuserspace/libhadal

$(UNIT_LIBHADAL): $(UNIT_DIR)/libhadal_%: $(UNIT_DIR)/libhadal_%.o $(UNIT_DIR)/memory_ring.o $(O)/libhadal.a
	$(call say,LD,$@)
	$(Q)$(CC) $(HADAL_LDFLAGS) $(LDFLAGS) -o $@ $^ -lcmocka -lz -pthread

$(UNIT_CLI:%=%.o): HADAL_CFLAGS += -Iuserspace/cli -Iuserspace/libhadal

$(UNIT_CLI): $(UNIT_DIR)/cli_%: $(UNIT_DIR)/cli_%.o $(UNIT_CLI_OBJECTS) $(O)/libhadal.a
	$(call say,LD,$@)
	$(Q)$(CC) $(HADAL_LDFLAGS) $(LDFLAGS) -o $@ $^ -lcmocka -ljson-c -lz

include $(sort $(filter-out tests/unit/build.mk,$(wildcard tests/unit/*.mk)))
