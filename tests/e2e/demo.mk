# SPDX-License-Identifier: MIT
#
# make demo [ONCE=1] [KERNEL=6.1]: tests/e2e/demo with all it needs.

DEB_PACKAGES += python3

demo: deps
	$(Q)tests/e2e/demo $(if $(filter-out 0,$(ONCE)),--once) $(if $(KERNEL),--kernel $(KERNEL))
