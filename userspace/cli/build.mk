# SPDX-License-Identifier: MIT
#
# hadal, the command line.

CLI_DIR := userspace/cli
CLI := $(O)/hadal
CLI_OBJECTS := $(patsubst %.c,$(O)/%.o,$(wildcard $(CLI_DIR)/*.c))

DEB_PACKAGES += \
	libcurl4-openssl-dev \
	libelf-dev \
	libinih-dev \
	libjson-c-dev \
	libkmod-dev \
	liblzma-dev \
	libncurses-dev \
	libssl-dev \
	libxxhash-dev \
	libzstd-dev \
	uthash-dev \
	zlib1g-dev
USER_TARGETS += $(CLI)
INSTALL_TARGETS += install-cli

# The collector's model, what it learns of the host and its configuration, for record, replay and doctor; its protocol for who
# asks; its requests, for doctor. Not what it ships with else: the libraries of that are not among these, so that a use of it
# does not link.
$(CLI_OBJECTS): HADAL_CFLAGS += -Iuserspace/collector
CLI_PACKAGES := \
	inih \
	json-c \
	libcrypto \
	libcurl \
	libelf \
	libkmod \
	liblzma \
	libxxhash \
	libzstd \
	ncursesw \
	zlib
CLI_LIBS = $(shell pkg-config --libs $(CLI_PACKAGES)) -lm -pthread

$(CLI): $(CLI_OBJECTS) $(O)/hadald-core.a $(O)/libhadal.a
	$(call say,LD,$@)
	$(Q)$(CC) $(HADAL_LDFLAGS) $(LDFLAGS) -o $@ $^ $(CLI_LIBS)

install-cli: $(PROGRAMS)/hadal
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/man/man1 \
		$(DESTDIR)$(PREFIX)/share/bash-completion/completions
	install -m 755 $(PROGRAMS)/hadal $(DESTDIR)$(PREFIX)/bin/
	install -m 644 $(CLI_DIR)/hadal.1 $(DESTDIR)$(PREFIX)/share/man/man1/
	install -m 644 $(CLI_DIR)/hadal.bash-completion \
		$(DESTDIR)$(PREFIX)/share/bash-completion/completions/hadal

.PHONY: install-cli
