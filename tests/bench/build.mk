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
