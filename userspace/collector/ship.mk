# SPDX-License-Identifier: MIT
#
# Shipping: SHIP_OBJS go into hadald, with SHIP_LIBS. Included by every part that
# links them, hence the guard.

ifndef SHIP_OBJS

SHIP_PACKAGES := libcurl libprotobuf-c zlib
SHIP_LIBS = $(shell pkg-config --libs $(SHIP_PACKAGES)) -pthread
SHIP_PROTO := $(O)/proto/otlp.pb-c

SHIP_OBJS := $(SHIP_PROTO).o $(addprefix $(O)/userspace/collector/, \
	arena.o utf8.o telemetry.o otlp_messages.o otlp_encode.o otlp_response.o gzip.o \
	ship_policy.o ship_endpoint.o ship_config.o ship_queue.o ship_http.o ship.o)

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

DEB_PACKAGES += protobuf-c-compiler libprotobuf-c-dev libcurl4-openssl-dev zlib1g-dev

endif
