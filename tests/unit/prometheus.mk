# SPDX-License-Identifier: MIT
#
# Unit tests of what is for Prometheus: each prometheus_NAME.c is a program.

UNIT_PROMETHEUS := $(patsubst %.c,$(O)/%,$(wildcard tests/unit/prometheus_*.c))

UNIT_TESTS += $(UNIT_PROMETHEUS)

$(UNIT_PROMETHEUS:%=%.o): CFLAGS += -Iuserspace/collector

$(UNIT_PROMETHEUS): $(O)/tests/unit/%: $(O)/tests/unit/%.o $(O)/hadald-core.a $(O)/libhadal.a
	$(call say,LD,$@)
	$(Q)$(CC) $(HADAL_LDFLAGS) $(LDFLAGS) -o $@ $^ -lcmocka $(HADALD_LIBS)

# prometheus_write decodes by protobuf-c what is encoded by hand.
PROMETHEUS_PROTO := $(O)/proto/prometheus.pb-c

$(PROMETHEUS_PROTO).c: proto/prometheus.proto
	$(call say,PROTOC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)protoc-c --proto_path=proto --c_out=$(@D) $<

$(PROMETHEUS_PROTO).h: $(PROMETHEUS_PROTO).c ;

$(PROMETHEUS_PROTO).o: $(PROMETHEUS_PROTO).c
	$(call say,CC,$@)
	$(Q)$(CC) $(HADAL_CFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(UNIT_DIR)/prometheus_write.o $(PROMETHEUS_PROTO).o: CFLAGS += $(shell pkg-config --cflags libprotobuf-c)
$(UNIT_DIR)/prometheus_write.o: | $(PROMETHEUS_PROTO).h
$(UNIT_DIR)/prometheus_write: $(PROMETHEUS_PROTO).o
