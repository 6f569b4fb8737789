# SPDX-License-Identifier: MIT
#
# What tests/suites/31-prometheus runs: the driver, built with sanitizers too, and
# real servers.

PROMETHEUS_DRIVER := $(O)/tests/e2e/prometheus/driver

$(PROMETHEUS_DRIVER).o: CFLAGS += -Iuserspace/collector

$(PROMETHEUS_DRIVER): $(PROMETHEUS_DRIVER).o $(O)/hadald-core.a $(O)/libhadal.a
	$(call say,LD,$@)
	$(Q)$(CC) $(HADAL_LDFLAGS) $(LDFLAGS) -o $@ $^ $(HADALD_LIBS)

prometheus-driver: $(PROMETHEUS_DRIVER)
.PHONY: prometheus-driver

DEB_PACKAGES += prometheus python3 python3-prometheus-client
