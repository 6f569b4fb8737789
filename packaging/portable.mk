# SPDX-License-Identifier: MIT
#
# The programs for Amazon Linux 2023, of the same objects: what it does not carry, or under
# another name or with other symbol versions, is linked statically. packaging/gate judges.

PORTABLE_DIR := $(O)/portable
PORTABLE_STATIC := deflate inih ncursesw protobuf-c tinfo xxhash
PORTABLE_CURL := $(PORTABLE_DIR)/libcurl.so

# portable-libs: linker options
portable-libs = $(foreach option,$(1),$(if $(filter $(PORTABLE_STATIC:%=-l%),$(option)),\
	$(option:-l%=-l:lib%.a),$(if $(filter -lcurl,$(option)),$(PORTABLE_CURL),$(option))))

# Debian gives libcurl's symbols a version of its own, which nobody else's libcurl has: what is
# linked with it cannot be installed there. So programs are linked with the names alone.
$(PORTABLE_CURL): $(O)/hadald-core.a $(CLI_OBJECTS)
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)nm -u $^ 2>/dev/null | sed -nE 's/^ *U (curl_\w+)$$/void \1(void);\nvoid \1(void) {}/p' | sort -u | \
		$(CC) -shared -nostdlib -Wl,-soname,libcurl.so.4 -x c -o $@ -

$(PORTABLE_DIR)/hadal: $(CLI_OBJECTS) $(O)/hadald-core.a $(O)/libhadal.a | $(PORTABLE_CURL)
	$(call say,LD,$@)
	$(Q)$(CC) $(HADAL_LDFLAGS) $(LDFLAGS) -o $@ $^ $(call portable-libs,$(CLI_LIBS))

$(PORTABLE_DIR)/hadald: $(O)/userspace/collector/main.o $(O)/hadald-core.a $(O)/libhadal.a | $(PORTABLE_CURL)
	$(call say,LD,$@)
	$(Q)$(CC) $(HADAL_LDFLAGS) $(LDFLAGS) -o $@ $^ $(call portable-libs,$(HADALD_LIBS))

portable: $(PORTABLE_DIR)/hadal $(PORTABLE_DIR)/hadald
.PHONY: portable

# The licenses of what is linked statically ask to be told.
PORTABLE_COPYRIGHTS := $(wildcard $(patsubst %,/usr/share/doc/%/copyright, \
	libdeflate-dev libinih-dev libncurses-dev libprotobuf-c-dev libxxhash-dev))

install-licenses:
	$(Q)test $(words $(PORTABLE_COPYRIGHTS)) -eq 5 || { echo "make: a library's copyright is not in /usr/share/doc" >&2; exit 1; }
	$(call install-files,$(PREFIX)/share/licenses/hadal,644,LICENSES/MIT.txt)
	for file in $(PORTABLE_COPYRIGHTS); do echo "---- $$file"; cat $$file; done >$(DESTDIR)$(PREFIX)/share/licenses/hadal/LIBRARIES
.PHONY: install-licenses
