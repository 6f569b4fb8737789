# SPDX-License-Identifier: MIT
#
# What tests/suites/16-cloud looks at samples with; promtool is in prometheus, node is
# wanted by tests/e2e/ship.mk.
DEB_PACKAGES += packer prometheus shellcheck
