# SPDX-License-Identifier: MIT
#
# hadald. All of it but main.c is in hadald-core.a, which the unit tests link
# with too.

include userspace/collector/ship.mk

HADALD_PACKAGES := libcurl json-c inih libprotobuf-c zlib
HADALD_LIBS = $(shell pkg-config --libs $(HADALD_PACKAGES)) -lm -pthread

HADALD_CORE_OBJS := $(addprefix $(O)/userspace/collector/, \
	address.o counts.o histogram.o values.o \
	workload.o container.o cgroup_table.o owner.o process_table.o listener_table.o \
	flow_table.o peers.o connection_table.o edge_table.o event_queue.o model.o \
	http.o json_read.o docker.o ecs.o lookup.o identity.o procfs.o \
	config.o export.o log.o notify.o collector.o) $(SHIP_OBJS)

USER_TARGETS += $(O)/hadald
INSTALL_TARGETS += install-hadald
DEB_PACKAGES += uthash-dev libinih-dev libjson-c-dev libcurl4-openssl-dev

$(O)/hadald-core.a: $(HADALD_CORE_OBJS)
	$(call say,AR,$@)
	$(Q)rm -f $@
	$(Q)$(AR) rcs $@ $^

$(O)/hadald: $(O)/userspace/collector/main.o $(O)/hadald-core.a $(O)/libhadal.a
	$(call say,LD,$@)
	$(Q)$(CC) $(HADAL_LDFLAGS) $(LDFLAGS) -o $@ $^ $(HADALD_LIBS)

install-hadald: $(O)/hadald
	install -d $(DESTDIR)$(PREFIX)/sbin $(DESTDIR)/etc/hadal $(DESTDIR)$(PREFIX)/lib/systemd/system \
		$(DESTDIR)$(PREFIX)/share/man/man8
	install -m 755 $(O)/hadald $(DESTDIR)$(PREFIX)/sbin/
	install -m 644 userspace/collector/hadald.8 $(DESTDIR)$(PREFIX)/share/man/man8/
	install -m 644 packaging/systemd/hadald.service $(DESTDIR)$(PREFIX)/lib/systemd/system/
	test -e $(DESTDIR)/etc/hadal/hadald.conf || \
		install -m 644 packaging/hadald.conf $(DESTDIR)/etc/hadal/hadald.conf

.PHONY: install-hadald
