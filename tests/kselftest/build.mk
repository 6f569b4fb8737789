# SPDX-License-Identifier: MIT
#
# The in-guest tests of the module: programs that speak KTAP, see harness.h.
# Names of programs are those of their main source.

KSELFTEST := tests/kselftest
# tests/kselftest/run runs them in this order.
KSELFTEST_PROGRAMS := \
	loads \
	exact_process \
	process_fields \
	exec_path \
	exact_tcp \
	tcp_failed \
	tcp_ending \
	tcp_lasting \
	owner \
	loss \
	governor \
	sessions \
	cgroup_records \
	udp \
	dns \
	sysfs \
	filters \
	cpus \
	abuse \
	hostile \
	probe_context \
	parameters \
	cycles
# Those that only tests/kselftest/check-debug runs, on kernels that watch.
KSELFTEST_DEBUG_PROGRAMS := stress faults irqs_off

KSELFTEST_COMMON := \
	cgroups \
	children \
	connector \
	datagrams \
	destroyed \
	diag \
	floods \
	flows \
	harness \
	host \
	lives \
	load \
	load_process \
	load_tcp \
	modules \
	netns \
	recorder \
	session \
	uring
KSELFTEST_BINARIES := $(patsubst %,$(O)/$(KSELFTEST)/%,$(KSELFTEST_PROGRAMS) $(KSELFTEST_DEBUG_PROGRAMS))
KSELFTEST_HELPER := $(O)/$(KSELFTEST)/kselftest-helper

$(KSELFTEST_BINARIES): %: %.o $(KSELFTEST_COMMON:%=$(O)/$(KSELFTEST)/%.o)
	$(call say,LD,$@)
	$(Q)$(CC) $(HADAL_LDFLAGS) $(LDFLAGS) -pthread -o $@ $^

# It also runs in an empty root; sanitizers cannot be linked statically.
$(KSELFTEST_HELPER): $(O)/$(KSELFTEST)/helper.o
	$(call say,LD,$@)
	$(Q)$(CC) $(HADAL_LDFLAGS) $(LDFLAGS) $(if $(SANFLAGS),,-static) -o $@ $^

KSELFTEST_LIST := $(O)/$(KSELFTEST)/programs

$(KSELFTEST_LIST): $(KSELFTEST)/build.mk
	$(Q)mkdir -p $(@D)
	$(Q)printf '%s\n' $(KSELFTEST_PROGRAMS) >$@

kselftest: $(KSELFTEST_BINARIES) $(KSELFTEST_HELPER) $(KSELFTEST_LIST)
.PHONY: kselftest

USER_TARGETS += $(KSELFTEST_BINARIES) $(KSELFTEST_HELPER) $(KSELFTEST_LIST)
