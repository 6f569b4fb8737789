# SPDX-License-Identifier: MIT
#
# libhadal: $(LIBHADAL) is what programs of this tree link with.

LIBHADAL_DIR := userspace/libhadal
LIBHADAL_SONAME := libhadal.so.0
LIBHADAL_SO := $(O)/libhadal.so.$(VERSION)
LIBHADAL := $(O)/libhadal.a

LIBHADAL_OBJECTS := $(patsubst %.c,$(O)/%.o,$(wildcard $(LIBHADAL_DIR)/*.c))
LIBHADAL_HEADERS := $(wildcard $(LIBHADAL_DIR)/include/hadal/*.h)

DEB_PACKAGES += zlib1g-dev
USER_TARGETS += $(LIBHADAL) $(LIBHADAL_SO)
INSTALL_TARGETS += install-libhadal

$(LIBHADAL): $(LIBHADAL_OBJECTS)
	$(call say,AR,$@)
	$(Q)rm -f $@
	$(Q)$(AR) rcs $@ $^

$(LIBHADAL_SO): $(LIBHADAL_OBJECTS) $(LIBHADAL_DIR)/libhadal.map
	$(call say,LD,$@)
	$(Q)$(CC) $(HADAL_LDFLAGS) $(LDFLAGS) -shared -Wl,-soname,$(LIBHADAL_SONAME) \
		-Wl,--version-script=$(LIBHADAL_DIR)/libhadal.map -o $@ $(LIBHADAL_OBJECTS) -lz
	$(Q)ln -sf $(@F) $(O)/$(LIBHADAL_SONAME)
	$(Q)ln -sf $(@F) $(O)/libhadal.so

install-libhadal: $(LIBHADAL) $(LIBHADAL_SO)
	install -d $(DESTDIR)$(LIBDIR)/pkgconfig $(DESTDIR)$(PREFIX)/include/hadal $(DESTDIR)$(PREFIX)/share/man/man3
	install -m 644 $(LIBHADAL_HEADERS) $(DESTDIR)$(PREFIX)/include/hadal/
	install -m 644 $(LIBHADAL) $(DESTDIR)$(LIBDIR)/
	install -m 755 $(LIBHADAL_SO) $(DESTDIR)$(LIBDIR)/
	ln -sf $(notdir $(LIBHADAL_SO)) $(DESTDIR)$(LIBDIR)/$(LIBHADAL_SONAME)
	ln -sf $(LIBHADAL_SONAME) $(DESTDIR)$(LIBDIR)/libhadal.so
	sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(LIBDIR)|' -e 's|@VERSION@|$(VERSION)|' \
		$(LIBHADAL_DIR)/libhadal.pc.in >$(DESTDIR)$(LIBDIR)/pkgconfig/libhadal.pc
	install -m 644 $(LIBHADAL_DIR)/libhadal.3 $(DESTDIR)$(PREFIX)/share/man/man3/

.PHONY: install-libhadal
