# SPDX-License-Identifier: MIT
#
# hadal, the command line.

CLI_DIR := userspace/cli
CLI := $(O)/hadal
CLI_OBJECTS := $(patsubst %.c,$(O)/%.o,$(wildcard $(CLI_DIR)/*.c))

DEB_PACKAGES += libjson-c-dev uthash-dev zlib1g-dev
USER_TARGETS += $(CLI)
INSTALL_TARGETS += install-cli

$(CLI): $(CLI_OBJECTS) $(O)/libhadal.a
	$(call say,LD,$@)
	$(Q)$(CC) $(HADAL_LDFLAGS) $(LDFLAGS) -o $@ $^ -ljson-c -lz

install-cli: $(CLI)
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/man/man1 \
		$(DESTDIR)$(PREFIX)/share/bash-completion/completions
	install -m 755 $(CLI) $(DESTDIR)$(PREFIX)/bin/
	install -m 644 $(CLI_DIR)/hadal.1 $(DESTDIR)$(PREFIX)/share/man/man1/
	install -m 644 $(CLI_DIR)/hadal.bash-completion \
		$(DESTDIR)$(PREFIX)/share/bash-completion/completions/hadal

.PHONY: install-cli
