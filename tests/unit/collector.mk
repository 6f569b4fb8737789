# SPDX-License-Identifier: MIT
#
# Unit tests of hadald: each collector_NAME.c is a program.

UNIT_COLLECTOR := $(patsubst %.c,$(O)/%,$(wildcard tests/unit/collector_*.c))
COLLECTOR_TEST_OBJS := $(addprefix $(UNIT_DIR)/, records.o web_server.o)

UNIT_TESTS += $(UNIT_COLLECTOR)

$(UNIT_COLLECTOR:%=%.o): HADAL_CFLAGS += -Iuserspace/collector

$(UNIT_COLLECTOR): $(UNIT_DIR)/collector_%: $(UNIT_DIR)/collector_%.o $(COLLECTOR_TEST_OBJS) $(O)/hadald-core.a $(O)/libhadal.a
	$(call say,LD,$@)
	$(Q)$(CC) $(HADAL_LDFLAGS) $(LDFLAGS) -o $@ $^ -lcmocka $(HADALD_LIBS)
