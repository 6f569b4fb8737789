# SPDX-License-Identifier: MIT
check-image:
	$(Q)tests/image/run $(if $(PREBUILT),--prebuilt)

.PHONY: check-image
