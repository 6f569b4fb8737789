# SPDX-License-Identifier: MIT
DEB_PACKAGES += $(shell tests/vm/deps --list)
