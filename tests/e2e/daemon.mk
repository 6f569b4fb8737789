# SPDX-License-Identifier: MIT
#
# make check-daemon: the daemon task in a guest with Docker. Not part of make check, which
# looks at its definition on paper (tests/suites/16-cloud).

check-daemon: deps deb talker
	$(Q)tests/e2e/daemon/check

.PHONY: check-daemon
