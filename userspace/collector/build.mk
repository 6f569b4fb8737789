# SPDX-License-Identifier: MIT
#
# hadald. All of it but main.c is in hadald-core.a, which the unit tests link
# with too.

include userspace/collector/ship.mk

HADALD_PACKAGES := \
	inih \
	json-c \
	libcrypto \
	libcurl \
	libdeflate \
	libelf \
	libmnl \
	libprotobuf-c \
	libseccomp \
	libxxhash \
	zlib
HADALD_LIBS = $(shell pkg-config --libs $(HADALD_PACKAGES)) $(PROMETHEUS_LIBS) -lm -pthread

HADALD_CORE_OBJS := $(SHIP_OBJS) $(addprefix $(O)/userspace/collector/, \
	address.o \
	auth.o \
	auth_bearer.o \
	auth_sigv4.o \
	aws_chain.o \
	aws_credentials.o \
	aws_keeper.o \
	aws_scope.o \
	aws_secret.o \
	aws_sigv4.o \
	build.o \
	cgroup_files.o \
	cgroup_reader.o \
	cgroup_table.o \
	collector.o \
	collector_host.o \
	collector_interval.o \
	collector_lookups.o \
	collector_model.o \
	collector_notices.o \
	collector_query.o \
	collector_ship.o \
	collector_signals.o \
	collector_source.o \
	config.o \
	config_addresses.o \
	config_defaults.o \
	config_environment.o \
	config_files.o \
	config_filter.o \
	config_keys.o \
	config_module.o \
	config_otlp.o \
	config_peers.o \
	config_receivers.o \
	config_ship.o \
	config_sinks.o \
	config_token.o \
	config_values.o \
	connection_count.o \
	connection_pair.o \
	connection_table.o \
	connection_udp.o \
	container.o \
	counts.o \
	degraded_cgroups.o \
	degraded_processes.o \
	degraded_sockets.o \
	dns_names.o \
	docker.o \
	document.o \
	ecs.o \
	ecs_api.o \
	ecs_describe.o \
	edge_points.o \
	edge_table.o \
	errand.o \
	estimate.o \
	estimate_sink.o \
	event_queue.o \
	export.o \
	export_info.o \
	export_notice.o \
	export_processes.o \
	export_self.o \
	export_usage.o \
	flow_table.o \
	hook_test.o \
	host_usage.o \
	http.o \
	identity.o \
	imds.o \
	inet_diag.o \
	json_read.o \
	listener_table.o \
	log.o \
	lookup.o \
	model.o \
	model_tables.o \
	nat.o \
	net_spaces.o \
	notice.o \
	notify.o \
	owner.o \
	peers.o \
	points_plan.o \
	proc_connector.o \
	proc_scan.o \
	process_detail.o \
	process_stat.o \
	process_table.o \
	process_usage.o \
	procfs.o \
	program.o \
	program_reader.o \
	proxies.o \
	quarantine.o \
	query_protocol.o \
	query_server.o \
	readout.o \
	record_queue.o \
	redact.o \
	replay.o \
	self.o \
	socket_holders.o \
	source_choice.o \
	source_degraded.o \
	source_module.o \
	syscall_filter.o \
	token.o \
	usage.o \
	values.o \
	whole_file.o \
	workload.o \
	workload_info.o \
	workload_points.o \
	workload_sums.o \
)

USER_TARGETS += $(O)/hadald
INSTALL_TARGETS += install-hadald
DEB_PACKAGES += \
	libcurl4-openssl-dev \
	libelf-dev \
	libinih-dev \
	libjson-c-dev \
	libmnl-dev \
	libseccomp-dev \
	libssl-dev \
	uthash-dev

$(O)/hadald-core.a: $(HADALD_CORE_OBJS)
	$(call say,AR,$@)
	$(Q)rm -f $@
	$(Q)$(AR) rcs $@ $^

$(O)/hadald: $(O)/userspace/collector/main.o $(O)/hadald-core.a $(O)/libhadal.a
	$(call say,LD,$@)
	$(Q)$(CC) $(HADAL_LDFLAGS) $(LDFLAGS) -o $@ $^ $(HADALD_LIBS)

install-hadald: $(PROGRAMS)/hadald
	install -d $(DESTDIR)$(PREFIX)/sbin $(DESTDIR)/etc/hadal/hadald.d $(DESTDIR)$(PREFIX)/share/man/man8
	install -m 755 $(PROGRAMS)/hadald $(DESTDIR)$(PREFIX)/sbin/
	install -m 644 userspace/collector/hadald.8 $(DESTDIR)$(PREFIX)/share/man/man8/
	test -e $(DESTDIR)/etc/hadal/hadald.conf || \
		install -m 644 packaging/hadald.conf $(DESTDIR)/etc/hadal/hadald.conf

.PHONY: install-hadald
