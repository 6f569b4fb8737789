# SPDX-License-Identifier: MIT
#
# hadald. All of it but main.c is in $(HADALD_CORE), which the unit tests link
# with too.

COLLECTOR_DIR := userspace/collector
HADALD := $(O)/hadald
HADALD_CORE := $(O)/hadald-core.a
HADALD_PACKAGES := libcurl json-c inih
HADALD_LIBS = $(shell pkg-config --libs $(HADALD_PACKAGES)) -lm -pthread

HADALD_CORE_OBJS := $(addprefix $(O)/$(COLLECTOR_DIR)/, \
	address.o counts.o histogram.o values.o \
	workload.o container.o cgroup_table.o owner.o process_table.o listener_table.o \
	flow_table.o peers.o connection_table.o edge_table.o event_queue.o model.o)

DEB_PACKAGES += uthash-dev libinih-dev libjson-c-dev libcurl4-openssl-dev

$(HADALD_CORE): $(HADALD_CORE_OBJS)
	$(call say,AR,$@)
	$(Q)rm -f $@
	$(Q)$(AR) rcs $@ $^
