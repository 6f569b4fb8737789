# SPDX-License-Identifier: MIT
#
# make deb, make rpm, make dist.

DEB_PACKAGES += cpio debhelper dpkg-dev git lintian rpm rpmlint shellcheck

# What the deb is built with; debhelper brings what its virtual packages stand for.
DEB_PACKAGES += $(shell sed -nE '/^Build-Depends:/,/^$$/ { /^ (debhelper|dh)-/d; s/^ ([a-z0-9.+-]+).*/\1/p }' packaging/debian/control)

DIST := build/dist/hadal-$(VERSION).tar.gz

dist:
	$(Q)git rev-parse --git-dir >/dev/null 2>&1 || { echo "make: dist is made of what git has, and this tree is without" >&2; exit 1; }
	$(Q)mkdir -p $(@D) $(dir $(DIST))
	$(Q)git archive --prefix=hadal-$(VERSION)/ -o $(DIST) HEAD
	$(call say,TAR,$(DIST))

# ---- deb ----

DEB_STAGE := build/deb/hadal-$(VERSION)

deb: programs
	$(Q)rm -rf build/deb
	$(Q)packaging/stage $(DEB_STAGE)
	$(Q)cp -r packaging/debian $(DEB_STAGE)/debian
	$(Q)cd $(DEB_STAGE) && dpkg-buildpackage -b -nc -us -uc
	$(Q)rm -rf $(DEB_STAGE)
	$(Q)mkdir build/deb/debug && mv build/deb/*-dbgsym_* build/deb/*.buildinfo build/deb/*.changes build/deb/debug/
	$(Q)ls build/deb/*.deb

.PHONY: dist deb

# ---- rpm ----

RPM_TOP := $(CURDIR)/build/rpm/top
RPM_STAGE := build/rpm/hadal-$(VERSION)

# The payload as Amazon Linux's own, and twice the same from the same.
RPM_DEFINES = --define '_topdir $(RPM_TOP)' --define '_rpmdir build/rpm' --define '_build_name_fmt %%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm' \
	--define 'hadal_built $(CURDIR)/build' \
	--define '_libdir /usr/lib64' --define '_docdir /usr/share/doc' --define '_buildhost reproducible' \
	--define 'use_source_date_epoch_as_buildtime 1' --define 'clamp_mtime_to_source_date_epoch 1' \
	--define '_binary_payload w19.zstdio'

rpm: programs portable
	$(Q)packaging/gate packaging/amazon-linux-2023.libraries $(O)/portable/hadal $(O)/portable/hadald $(LIBHADAL_SO)
	$(Q)rm -rf build/rpm
	$(Q)mkdir -p $(RPM_TOP)/SOURCES
	$(Q)packaging/stage $(RPM_STAGE)
	$(Q)tar -C build/rpm --exclude=hadal-$(VERSION)/build -czf $(RPM_TOP)/SOURCES/hadal-$(VERSION).tar.gz hadal-$(VERSION)
	$(Q)SOURCE_DATE_EPOCH=$(shell git log -1 --format=%ct 2>/dev/null || date -r VERSION +%s) rpmbuild -bb $(RPM_DEFINES) packaging/hadal.spec
	$(Q)rm -rf $(RPM_TOP) $(RPM_STAGE)
	$(Q)ls build/rpm/*.rpm

.PHONY: rpm

check-packages: deps
	$(Q)tests/packages/roots $(ROOTS)
.PHONY: check-packages
