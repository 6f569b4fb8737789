# SPDX-License-Identifier: MIT
#
# What tests/collector/flood has run.

FLOOD_LOAD := $(O)/tests/collector/load
USER_TARGETS += $(FLOOD_LOAD)

$(FLOOD_LOAD): $(O)/tests/collector/load.o
	$(call say,LD,$@)
	$(Q)$(CC) $(HADAL_LDFLAGS) $(LDFLAGS) -o $@ $^
