# SPDX-License-Identifier: MIT
#
# Unit tests of hadald: each collector_NAME.c is a program.

UNIT_COLLECTOR := $(addprefix $(UNIT_DIR)/, collector_model)
COLLECTOR_RECORDS := $(UNIT_DIR)/records.o

UNIT_TESTS += $(UNIT_COLLECTOR)

$(UNIT_COLLECTOR:%=%.o) $(COLLECTOR_RECORDS): HADAL_CFLAGS += -Iuserspace/collector

$(UNIT_COLLECTOR): $(UNIT_DIR)/collector_%: $(UNIT_DIR)/collector_%.o $(COLLECTOR_RECORDS) $(O)/hadald-core.a $(O)/libhadal.a
	$(call say,LD,$@)
	$(Q)$(CC) $(HADAL_LDFLAGS) $(LDFLAGS) -o $@ $(filter %.o %.a,$^) -lcmocka $(HADALD_LIBS)
