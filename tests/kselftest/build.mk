# SPDX-License-Identifier: MIT
#
# The in-guest tests of the module: programs that speak KTAP, see harness.h.
# Names of programs are those of their main source.

KSELFTEST := tests/kselftest
KSELFTEST_PROGRAMS := loads exact_process process_fields exact_tcp

KSELFTEST_COMMON := harness session recorder host netns children load load_process load_tcp \
	lives connector destroyed cgroups flows
KSELFTEST_BINARIES := $(KSELFTEST_PROGRAMS:%=$(O)/$(KSELFTEST)/%)
KSELFTEST_HELPER := $(O)/$(KSELFTEST)/kselftest-helper

$(KSELFTEST_BINARIES): %: %.o $(KSELFTEST_COMMON:%=$(O)/$(KSELFTEST)/%.o)
	$(call say,LD,$@)
	$(Q)$(CC) $(HADAL_LDFLAGS) $(LDFLAGS) -pthread -o $@ $^

# It also runs in an empty root; sanitizers cannot be linked statically.
$(KSELFTEST_HELPER): $(O)/$(KSELFTEST)/helper.o
	$(call say,LD,$@)
	$(Q)$(CC) $(HADAL_LDFLAGS) $(LDFLAGS) $(if $(SANFLAGS),,-static) -o $@ $^

kselftest: $(KSELFTEST_BINARIES) $(KSELFTEST_HELPER)
.PHONY: kselftest

USER_TARGETS += $(KSELFTEST_BINARIES) $(KSELFTEST_HELPER)
