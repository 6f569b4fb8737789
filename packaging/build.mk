# SPDX-License-Identifier: MIT
#
# What make install adds to the programs: units, rules, users, documents; and the packages.
# Units and such are installed by directory: a file put there is in every package.

# systemd-analyze judges the units; dkms makes archives of modules.
DEB_PACKAGES += systemd dkms

UNITDIR ?= $(PREFIX)/lib/systemd/system
UDEVDIR ?= $(PREFIX)/lib/udev/rules.d
DOCDIR ?= $(PREFIX)/share/doc/hadal

INSTALL_TARGETS += install-system install-prebuilt install-docs

# install-files: directory mode files
install-files = $(if $(3),install -d $(DESTDIR)$(1) && install -m $(2) $(3) $(DESTDIR)$(1)/)

install-system:
	$(call install-files,$(UNITDIR),644,$(wildcard $(addprefix packaging/systemd/*., service socket path timer target)))
	$(call install-files,$(PREFIX)/share/hadal/systemd,644,$(wildcard packaging/systemd/*.conf))
	$(call install-files,$(PREFIX)/lib/sysusers.d,644,$(wildcard packaging/sysusers/*.conf))
	$(call install-files,$(PREFIX)/lib/tmpfiles.d,644,$(wildcard packaging/tmpfiles/*.conf))
	$(call install-files,$(PREFIX)/lib/sysctl.d,644,$(wildcard packaging/sysctl/*.conf))
	$(call install-files,$(UDEVDIR),644,$(wildcard packaging/udev/*.rules))

# For hosts that have no package hadal-dkms, since that takes a compiler.
install-prebuilt:
	$(call install-files,$(PREFIX)/share/hadal,644,VERSION)
	$(call install-files,$(PREFIX)/share/hadal/module,755,dkms/prebuilt)

install-docs:
	$(call install-files,$(DOCDIR),644,README.md $(wildcard docs/*))
	sed -i 's|](docs/|](|g' $(DESTDIR)$(DOCDIR)/README.md

# Not part of make install: DKMS builds in /usr/src for the machine itself. dkms/package
# and its like are what the scripts of the packages run; it copies the sources to where DKMS
# looks for them, so that they stay there as long as DKMS needs them.

install-dkms:
	$(call install-files,$(PREFIX)/share/hadal-dkms,644,VERSION)
	rm -rf $(DESTDIR)$(PREFIX)/share/hadal-dkms/src
	cp -rp "$$(dkms/sources $(O)/dkms)" $(DESTDIR)$(PREFIX)/share/hadal-dkms/src
	echo hadal-dkms >$(DESTDIR)$(PREFIX)/share/hadal-dkms/src/PACKAGED
	$(call install-files,$(PREFIX)/share/hadal-dkms/dkms,755,dkms/check dkms/package)
	$(call install-files,$(PREFIX)/share/hadal-dkms/dkms,644,dkms/functions dkms/dkms.conf)
	$(call install-files,$(UNITDIR),644,packaging/dkms/hadal-module-build.service)

# What prebuilt installs. KDIR is asked only if it was given: else it is of the kernel that runs.
module-archive:
	$(Q)dkms/archive '$(KERNEL)' $(if $(filter file,$(origin KDIR)),,'$(KDIR)')

.PHONY: install-system install-prebuilt install-docs install-dkms module-archive

include packaging/manuals.mk packaging/portable.mk packaging/packages.mk
