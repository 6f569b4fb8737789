# SPDX-License-Identifier: MIT
#
# Prometheus and JSON lines: PROMETHEUS_OBJS are part of SHIP_OBJS, PROMETHEUS_LIBS
# of SHIP_LIBS (ship.mk).

PROMETHEUS_LIBS := -lsnappy -lmicrohttpd $(shell pkg-config --libs json-c)
PROMETHEUS_OBJS := $(addprefix $(O)/userspace/collector/, \
	decimal.o \
	histogram.o \
	json_lines.o \
	line_file.o \
	listen_address.o \
	prometheus_buckets.o \
	prometheus_labels.o \
	prometheus_names.o \
	prometheus_negotiate.o \
	prometheus_scrape.o \
	prometheus_text.o \
	prometheus_view.o \
	prometheus_write.o \
)

$(PROMETHEUS_OBJS): CFLAGS += $(shell pkg-config --cflags json-c)

DEB_PACKAGES += \
	libjson-c-dev \
	libmicrohttpd-dev \
	libsnappy-dev
