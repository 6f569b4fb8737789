# SPDX-License-Identifier: MIT
#
# What tests/suites/30-ship and 32-spool run: the driver, built with sanitizers too, the
# independent decoder's package, and a real receiver.

include userspace/collector/ship.mk

SHIP_DRIVER := $(O)/tests/e2e/ship/driver

$(O)/tests/e2e/ship/driver.o: CFLAGS += -Iuserspace/collector $(shell pkg-config --cflags json-c)

$(SHIP_DRIVER): $(SHIP_DRIVER).o $(SHIP_OBJS) $(O)/libhadal.a
	$(call say,LD,$@)
	$(Q)$(CC) $(HADAL_LDFLAGS) $(LDFLAGS) -o $@ $^ $(SHIP_LIBS) $(shell pkg-config --libs json-c)

ship-driver: $(SHIP_DRIVER)
.PHONY: ship-driver

DEB_PACKAGES += libjson-c-dev openssl ca-certificates
# Where they came another way, Debian's would be in their way.
DEB_PACKAGES += $(if $(shell command -v node 2>/dev/null),,nodejs) $(if $(shell command -v npm 2>/dev/null),,npm)
# 31-aws has signatures verified.
DEB_PACKAGES += python3 python3-botocore
