# SPDX-License-Identifier: MIT
#
# Shipping: SHIP_OBJS go into hadald, with SHIP_LIBS and libhadal. Included by every
# part that links them, hence the guard.

ifndef SHIP_OBJS

include userspace/collector/prometheus.mk

SHIP_PACKAGES := \
	libcurl \
	libdeflate \
	libprotobuf-c \
	libxxhash \
	zlib
SHIP_LIBS = $(shell pkg-config --libs $(SHIP_PACKAGES)) $(PROMETHEUS_LIBS) -lm -pthread
SHIP_PROTO := $(O)/proto/otlp.pb-c

SHIP_OBJS := $(SHIP_PROTO).o $(PROMETHEUS_OBJS) $(addprefix $(O)/userspace/collector/, \
	arena.o \
	attribute_key.o \
	batch_sets.o \
	batch_texts.o \
	buckets.o \
	gzip.o \
	otlp_encode.o \
	otlp_points.o \
	otlp_response.o \
	otlp_sets.o \
	series.o \
	ship.o \
	ship_config.o \
	ship_endpoint.o \
	ship_http.o \
	ship_policy.o \
	sink_account.o \
	sink_config.o \
	sink_http.o \
	sink_json_lines.o \
	sink_kinds.o \
	sink_life.o \
	sink_otlp.o \
	sink_place.o \
	sink_remote_write.o \
	sink_requests.o \
	sink_scrape.o \
	sink_state.o \
	sink_thread.o \
	spool.o \
	spool_batch.o \
	spool_form_read.o \
	spool_form_write.o \
	spool_read.o \
	spool_segment.o \
	telemetry.o \
	thread.o \
	utf8.o \
	wire.o \
)

$(SHIP_PROTO).c: proto/otlp.proto
	$(call say,PROTOC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)protoc-c --proto_path=proto --c_out=$(@D) $<

$(SHIP_PROTO).h: $(SHIP_PROTO).c ;

$(SHIP_PROTO).o: $(SHIP_PROTO).c
	$(call say,CC,$@)
	$(Q)$(CC) $(HADAL_CFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(SHIP_OBJS): CFLAGS += $(shell pkg-config --cflags $(SHIP_PACKAGES))
$(SHIP_OBJS): | $(SHIP_PROTO).h

DEB_PACKAGES += \
	libcurl4-openssl-dev \
	libdeflate-dev \
	libprotobuf-c-dev \
	libxxhash-dev \
	protobuf-c-compiler \
	uthash-dev \
	zlib1g-dev

endif
