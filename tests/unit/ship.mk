# SPDX-License-Identifier: MIT
#
# Unit tests of shipping: each ship_NAME.c is a program.

include userspace/collector/ship.mk

UNIT_SHIP := $(patsubst %.c,$(O)/%,$(wildcard tests/unit/ship_*.c))

UNIT_TESTS += $(UNIT_SHIP)

$(UNIT_SHIP:%=%.o): CFLAGS += -Iuserspace/collector $(shell pkg-config --cflags $(SHIP_PACKAGES))
$(UNIT_SHIP:%=%.o): | $(SHIP_PROTO).h

$(UNIT_SHIP): $(O)/tests/unit/%: $(O)/tests/unit/%.o $(UNIT_DIR)/web_server.o $(SHIP_OBJS) $(O)/libhadal.a
	$(call say,LD,$@)
	$(Q)$(CC) $(HADAL_LDFLAGS) $(LDFLAGS) -o $@ $^ -lcmocka -lm $(SHIP_LIBS)
