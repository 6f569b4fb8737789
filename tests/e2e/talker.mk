# SPDX-License-Identifier: MIT
#
# What tests/e2e/modes and tests/e2e/chaos have talk: static, since it runs in
# containers that hold nothing else.

TALKER := $(O)/tests/e2e/talker/talker

$(TALKER): $(patsubst %.c,$(O)/%.o,$(wildcard tests/e2e/talker/*.c))
	$(call say,LD,$@)
	$(Q)$(CC) $(HADAL_LDFLAGS) $(LDFLAGS) -static -o $@ $^ -pthread

talker: $(TALKER)
.PHONY: talker
