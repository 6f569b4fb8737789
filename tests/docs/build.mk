# SPDX-License-Identifier: MIT
#
# What tests/docs/check runs.
DEB_PACKAGES += groff-base jq python3 socat systemd
