# SPDX-License-Identifier: MIT
#
# Manual pages that are pages of docs/ in another form. Those of programs stand beside their sources.

MANUALS := $(addprefix $(O)/man/, hadald.conf.5 hadal-capture.5 hadal-module.8)
USER_TARGETS += $(MANUALS)
INSTALL_TARGETS += install-manuals

$(O)/man/hadald.conf.5: docs/configuration.md
$(O)/man/hadald.conf.5: MANUAL = -v is='configuration of hadald' -v see='hadal(1) hadald(8)'
$(O)/man/hadal-capture.5: docs/capture.md
$(O)/man/hadal-capture.5: MANUAL = -v is='file with the records of a session' -v see='hadal(1) libhadal(3)'
$(O)/man/hadal-module.8: docs/operate.md
$(O)/man/hadal-module.8: MANUAL = -v part='The module' -v is='loading, trial, quarantine and switches of the kernel module' \
	-v see='hadal(1) hadald(8) hadald.conf(5)'

$(MANUALS): packaging/manual
	$(call say,MAN,$@)
	$(Q)mkdir -p $(@D)
	$(Q)awk -f packaging/manual -v name=$(basename $(@F)) -v section=$(subst .,,$(suffix $@)) $(MANUAL) $(filter %.md,$^) >$@

manuals: $(MANUALS)

install-manuals: $(MANUALS)
	$(call install-files,$(PREFIX)/share/man/man5,644,$(filter %.5,$(MANUALS)))
	$(call install-files,$(PREFIX)/share/man/man8,644,$(filter %.8,$(MANUALS)))

.PHONY: manuals install-manuals
