# SPDX-License-Identifier: MIT
#
# Unit tests of hadald: each collector_NAME.c is a program.

UNIT_COLLECTOR := $(patsubst %.c,$(O)/%,$(wildcard tests/unit/collector_*.c))
COLLECTOR_TEST_OBJS := $(addprefix $(UNIT_DIR)/, model_fixture.o records.o series_receiver.o web_server.o)

UNIT_TESTS += $(UNIT_COLLECTOR)

# collector_ecs_api has signatures checked by check_signature.py.
DEB_PACKAGES += python3

$(UNIT_COLLECTOR:%=%.o) $(UNIT_DIR)/model_fixture.o $(UNIT_DIR)/series_receiver.o: HADAL_CFLAGS += -Iuserspace/collector

$(UNIT_COLLECTOR): $(UNIT_DIR)/collector_%: $(UNIT_DIR)/collector_%.o $(COLLECTOR_TEST_OBJS) $(O)/hadald-core.a $(O)/libhadal.a
	$(call say,LD,$@)
	$(Q)$(CC) $(HADAL_LDFLAGS) $(LDFLAGS) -o $@ $^ -lcmocka $(HADALD_LIBS)

# It decodes what is shipped.
$(UNIT_DIR)/collector_fields.o: CFLAGS += $(shell pkg-config --cflags $(SHIP_PACKAGES))
$(UNIT_DIR)/collector_fields.o: | $(SHIP_PROTO).h

# The module that it has, and its clock.
$(UNIT_DIR)/collector_hook_test: private HADAL_LDFLAGS += $(foreach name,clock_gettime small_file_at \
	$(addprefix hadal_session_,close configure next open query start stats),-Xlinker --wrap=$(name))
