# SPDX-License-Identifier: MIT
#
# make bench-kernel [KERNELS="6.1 6.12"]: what the module adds, in instructions,
# beside an eBPF program that records the same. tests/bench/kernel/run.

BENCH_KERNEL := tests/bench/kernel
BENCH_BUILD := build/bench
BENCH_GUEST := $(BENCH_BUILD)/guest
BENCH_LIFE := $(BENCH_BUILD)/life
BENCH_OBJECTS := $(patsubst %,$(BENCH_BUILD)/%.o,guest loads subject_hadal subject_ebpf)

# The kernel whose types the program is written against; it finds them anew on each (CO-RE).
BENCH_TYPES := 6.12

$(BENCH_BUILD)/vmlinux.h:
	$(call say,BTF,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(BENCH_KERNEL)/btf $(BENCH_TYPES) $(@D)/vmlinux.btf
	$(Q)bpftool btf dump file $(@D)/vmlinux.btf format c >$@

$(BENCH_BUILD)/equal.bpf.o: $(BENCH_KERNEL)/equal.bpf.c $(BENCH_BUILD)/vmlinux.h include/uapi/hadal.h
	$(call say,BPF,$@)
	$(Q)clang -O2 -g -target bpf -mcpu=v3 -D__TARGET_ARCH_x86 -Wall -Werror -I$(BENCH_BUILD) -Iinclude/uapi \
		-idirafter /usr/include/$(shell $(CC) -print-multiarch) -c -o $@ $<

$(BENCH_BUILD)/equal.skel.h: $(BENCH_BUILD)/equal.bpf.o
	$(Q)bpftool gen skeleton $< name equal >$@

$(BENCH_BUILD)/subject_ebpf.o: $(BENCH_BUILD)/equal.skel.h

$(BENCH_BUILD)/%.o: $(BENCH_KERNEL)/%.c
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(filter-out -Wconversion -Wshadow,$(HADAL_CFLAGS)) -I$(BENCH_BUILD) $(CFLAGS) -MMD -MP -c -o $@ $<

-include $(wildcard $(BENCH_BUILD)/*.d)

$(BENCH_GUEST): $(BENCH_OBJECTS) $(O)/libhadal.a
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ -l:libbpf.a -lelf -lz

$(BENCH_LIFE): $(BENCH_KERNEL)/life.c
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(HADAL_CFLAGS) -static -o $@ $<

bench-kernel-programs: $(BENCH_GUEST) $(BENCH_LIFE)

bench-kernel: deps
	$(Q)$(BENCH_KERNEL)/run $(KERNELS)

.PHONY: bench-kernel bench-kernel-programs

DEB_PACKAGES += bpftool clang libbpf-dev libelf-dev zlib1g-dev zstd

# make bench-collector: what a record costs hadald, on this machine. tests/bench/collector/run.

BENCH_COLLECTOR := $(addprefix $(O)/tests/bench/collector/, generate pipeline sample flood)

$(BENCH_COLLECTOR:%=%.o): HADAL_CFLAGS += -Iuserspace/collector -Iuserspace/libhadal -Itests/unit

$(BENCH_COLLECTOR): %: %.o $(addprefix $(O)/tests/unit/, records.o memory_ring.o) $(O)/hadald-core.a $(O)/libhadal.a
	$(call say,LD,$@)
	$(Q)$(CC) $(HADAL_LDFLAGS) $(LDFLAGS) -o $@ $^ -lcmocka $(HADALD_LIBS)

bench-collector-programs: $(BENCH_COLLECTOR)

bench-collector: deps
	$(Q)$(MAKE) --no-print-directory bench-collector-programs
	$(Q)tests/bench/collector/run

.PHONY: bench-collector bench-collector-programs

# make bench-shipping: what a point costs hadald from the model to a request. tests/bench/shipping/run.

BENCH_SHIPPING := $(O)/tests/bench/shipping/way

$(BENCH_SHIPPING).o: HADAL_CFLAGS += -Iuserspace/collector -Iuserspace/libhadal

$(BENCH_SHIPPING): $(BENCH_SHIPPING).o $(O)/hadald-core.a $(O)/libhadal.a
	$(call say,LD,$@)
	$(Q)$(CC) $(HADAL_LDFLAGS) $(LDFLAGS) -o $@ $^ $(HADALD_LIBS)

bench-shipping-programs: $(BENCH_SHIPPING) $(O)/tests/bench/collector/generate

bench-shipping: deps
	$(Q)$(MAKE) --no-print-directory bench-shipping-programs
	$(Q)tests/bench/shipping/run

.PHONY: bench-shipping bench-shipping-programs

DEB_PACKAGES += valgrind
