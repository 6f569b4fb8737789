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

# cli_help reads manual pages; cli_doctor_* and cli_support make certificates and look into archives.
DEB_PACKAGES += groff-base openssl tar

$(UNIT_LIBHADAL:%=%.o) $(UNIT_DIR)/memory_ring.o: HADAL_CFLAGS += -Iuserspace/libhadal

$(UNIT_LIBHADAL): $(UNIT_DIR)/libhadal_%: $(UNIT_DIR)/libhadal_%.o $(UNIT_DIR)/memory_ring.o $(O)/libhadal.a
	$(call say,LD,$@)
	$(Q)$(CC) $(HADAL_LDFLAGS) $(LDFLAGS) -o $@ $^ -lcmocka -lz -pthread

$(UNIT_CLI:%=%.o) $(UNIT_DIR)/host_fixture.o: HADAL_CFLAGS += -Iuserspace/cli -Iuserspace/collector -Iuserspace/libhadal

UNIT_CLI_PARTS := $(addprefix $(UNIT_DIR)/, host_fixture.o records.o web_server.o)

$(UNIT_CLI): $(UNIT_DIR)/cli_%: $(UNIT_DIR)/cli_%.o $(UNIT_CLI_PARTS) $(UNIT_CLI_OBJECTS) $(O)/hadald-core.a $(O)/libhadal.a
	$(call say,LD,$@)
	$(Q)$(CC) $(HADAL_LDFLAGS) $(LDFLAGS) -o $@ $^ -lcmocka $(CLI_LIBS)

# Its AWS, and its wall clock.
$(UNIT_DIR)/cli_module: $(UNIT_DIR)/web_server.o
$(UNIT_DIR)/cli_module: private HADAL_LDFLAGS += -Xlinker --wrap=time

# The kernel and systemd that it has.
$(UNIT_DIR)/cli_module_unload: private HADAL_LDFLAGS += $(foreach name,host_is_stopping module_decide module_find \
	module_insert module_installed module_loaded module_note_off module_remove module_trial_begin module_trial_end module_trial_failed \
	module_would_be_refused quarantine_look service_do service_is_active service_is_known,-Xlinker --wrap=$(name))

# It has one.
$(UNIT_DIR)/cli_module_service: private HADAL_LDFLAGS += -Xlinker --wrap=access

# The session that it has.
$(UNIT_DIR)/cli_stream: private HADAL_LDFLAGS += $(foreach name,query configure start request_dump next stop,\
	-Xlinker --wrap=hadal_session_$(name))

# The disk that it has.
$(UNIT_DIR)/cli_record_sync: private HADAL_LDFLAGS += -Xlinker --wrap=fdatasync

# How much memory it has.
$(UNIT_DIR)/cli_support: private HADAL_LDFLAGS += -Xlinker --wrap=gzdopen

# The device and the disk that it has.
$(UNIT_DIR)/cli_record: private HADAL_LDFLAGS += $(foreach name,session_open session_close capture_create,\
	-Xlinker --wrap=hadal_$(name))

# It runs the program.
$(UNIT_DIR)/cli_main: | $(O)/hadal

include $(sort $(filter-out tests/unit/build.mk,$(wildcard tests/unit/*.mk)))
