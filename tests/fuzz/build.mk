# SPDX-License-Identifier: MIT
#
# libFuzzer targets: fuzz_NAME.c, started from build/fuzz/seeds/NAME. They are built with
# FUZZ=1 (build/fuzz: clang, address and undefined behaviour sanitizers).

DEB_PACKAGES += clang-14 libclang-rt-14-dev

FUZZ_NAMES := \
	answer \
	aws \
	batch \
	build \
	capture \
	config \
	dns \
	docker \
	document \
	ecs \
	imds \
	module \
	netlink \
	procfs \
	query \
	reader \
	records \
	redact \
	scrape \
	segment \
	state \
	usage
FUZZ_TARGETS := $(FUZZ_NAMES:%=$(O)/tests/fuzz/fuzz_%)
FUZZ_SEEDS := $(O)/seeds
FUZZ_MAKER := $(O)/tests/fuzz/seeds
FUZZ_SECONDS ?= 60

$(FUZZ_TARGETS:%=%.o) $(FUZZ_MAKER).o $(addprefix $(O)/tests/fuzz/, module_seeds.o spool_seeds.o): HADAL_CFLAGS += -Itests/unit -Iuserspace/libhadal -Iuserspace/cli \
	-Iuserspace/collector

$(O)/tests/fuzz/fuzz_records: $(addprefix $(O)/userspace/cli/, event_json.o event_line.o print.o)
$(O)/tests/fuzz/fuzz_module: $(addprefix $(O)/userspace/cli/, decompress.o module_file.o)
$(O)/tests/fuzz/fuzz_module: HADALD_LIBS += $(CLI_LIBS)
$(O)/tests/fuzz/fuzz_reader: $(O)/tests/unit/memory_ring.o

$(O)/tests/fuzz/fuzz_batch.o: | $(SHIP_PROTO).h

$(FUZZ_TARGETS): %: %.o $(O)/hadald-core.a $(O)/libhadal.a
	$(call say,LD,$@)
	$(Q)$(CC) $(HADAL_LDFLAGS) -fsanitize=fuzzer $(LDFLAGS) -o $@ $(filter-out %.a,$^) \
		$(O)/hadald-core.a $(O)/libhadal.a -lcmocka $(HADALD_LIBS)

$(FUZZ_MAKER): $(FUZZ_MAKER).o $(addprefix $(O)/tests/fuzz/, module_seeds.o spool_seeds.o) $(O)/tests/unit/records.o $(O)/hadald-core.a $(O)/libhadal.a
	$(call say,LD,$@)
	$(Q)$(CC) $(HADAL_LDFLAGS) $(LDFLAGS) -o $@ $^ $(HADALD_LIBS) $(CLI_LIBS)

# What has a form of its own is made, what is text is kept in corpus/NAME.
$(FUZZ_SEEDS): $(FUZZ_MAKER) $(wildcard tests/fuzz/corpus/*/*)
	$(Q)rm -rf $@ && mkdir -p $@ && $< $@ && cp -r tests/fuzz/corpus/. $@

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
