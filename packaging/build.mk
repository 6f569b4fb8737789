# SPDX-License-Identifier: MIT
INSTALL_TARGETS += install-udev

install-udev:
	install -d $(DESTDIR)$(PREFIX)/lib/udev/rules.d
	install -m 644 packaging/udev/60-hadal.rules $(DESTDIR)$(PREFIX)/lib/udev/rules.d/

.PHONY: install-udev
