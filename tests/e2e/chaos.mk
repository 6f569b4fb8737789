# SPDX-License-Identifier: MIT
#
# make chaos [KERNEL=6.1] [SECONDS=120]: tests/e2e/chaos with all it needs.

chaos: deps
	$(Q)tests/e2e/chaos $(if $(KERNEL),--kernel $(KERNEL)) $(if $(SECONDS),--seconds $(SECONDS))
.PHONY: chaos
