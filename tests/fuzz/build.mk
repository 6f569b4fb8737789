# SPDX-License-Identifier: MIT
#
# libFuzzer targets: fuzz_NAME.c, started from seeds/NAME. They are built with
# FUZZ=1 (build/fuzz: clang, address and undefined behaviour sanitizers).

DEB_PACKAGES += clang-14 libclang-rt-14-dev

FUZZ_NAMES := records reader capture dns
FUZZ_TARGETS := $(FUZZ_NAMES:%=$(O)/tests/fuzz/fuzz_%)
FUZZ_SEEDS := $(O)/seeds
FUZZ_MAKER := $(O)/tests/fuzz/seeds
FUZZ_SECONDS ?= 60

$(FUZZ_TARGETS:%=%.o) $(FUZZ_MAKER).o: HADAL_CFLAGS += -Itests/unit -Iuserspace/libhadal -Iuserspace/cli

$(O)/tests/fuzz/fuzz_records: $(O)/userspace/cli/event_json.o $(O)/userspace/cli/event_line.o
$(O)/tests/fuzz/fuzz_reader: $(O)/tests/unit/memory_ring.o

$(FUZZ_TARGETS): %: %.o $(O)/libhadal.a
	$(call say,LD,$@)
	$(Q)$(CC) $(HADAL_LDFLAGS) -fsanitize=fuzzer $(LDFLAGS) -o $@ $^ -ljson-c -lcmocka -lz

$(FUZZ_MAKER): $(FUZZ_MAKER).o $(O)/tests/unit/records.o $(O)/libhadal.a
	$(call say,LD,$@)
	$(Q)$(CC) $(HADAL_LDFLAGS) $(LDFLAGS) -o $@ $^ -lz

$(FUZZ_SEEDS): $(FUZZ_MAKER)
	$(Q)rm -rf $@ && mkdir -p $@ && $< $@

# What was found is kept in build/fuzz/corpus and gone on from.
ifeq ($(FUZZ),1)
fuzz-targets: $(FUZZ_TARGETS) $(FUZZ_SEEDS)

fuzz: fuzz-targets
	$(Q)for name in $(FUZZ_NAMES); do mkdir -p $(O)/corpus/$$name && \
		$(O)/tests/fuzz/fuzz_$$name -max_total_time=$(FUZZ_SECONDS) -max_len=65536 -print_final_stats=1 \
			-artifact_prefix=$(O)/ $(O)/corpus/$$name $(FUZZ_SEEDS)/$$name || exit; done
else
fuzz-targets fuzz:
	$(Q)$(MAKE) --no-print-directory FUZZ=1 $@
endif
.PHONY: fuzz fuzz-targets
