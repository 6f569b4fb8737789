# SPDX-License-Identifier: MIT
#
# make check-units: the units under a real systemd, in a guest. Not part of make check,
# which looks at them on paper (tests/suites/17-service).

check-units: user
	$(Q)tests/vm/make 6.12 modules
	$(Q)tests/vm/run --kernel 6.12 --image systemd --timeout 1800 -- tests/lifecycle/units

.PHONY: check-units
