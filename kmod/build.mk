# SPDX-License-Identifier: GPL-2.0-only
#
# The sources are staged per kernel, so that modules for several kernels are
# built side by side and the tree stays clean. Of several makes for the same
# kernel one builds, the others wait and find it done.

W ?= 1

KRELEASE = $(shell sed -n 's/.*UTS_RELEASE "\(.*\)"/\1/p' $(KDIR)/include/generated/utsrelease.h 2>/dev/null)
KSTAGE = build/kmod/$(KRELEASE)$(if $(filter y,$(HADAL_DEBUG)),-debug)

modules:
	$(Q)test -n "$(KRELEASE)" || { echo "make: KDIR=$(KDIR) is not the build tree of a kernel; install its headers, or name another with KDIR=" >&2; exit 1; }
	$(Q)mkdir -p $(KSTAGE)/kmod/compat $(KSTAGE)/include/uapi
	$(Q)cp -pu Kbuild VERSION $(KSTAGE)/
	$(Q)cp -pu kmod/*.[ch] kmod/compat.mk $(KSTAGE)/kmod/
	$(Q)cp -pu kmod/compat/*.c $(KSTAGE)/kmod/compat/
	$(Q)cp -pu include/uapi/*.h $(KSTAGE)/include/uapi/
	$(Q)flock $(KSTAGE).lock $(MAKE) --no-print-directory -C $(KDIR) M=$(CURDIR)/$(KSTAGE) HADAL_DEBUG=$(HADAL_DEBUG) W=$(W) $(if $(C),C=$(C)) KCFLAGS=-Werror modules

modules-if-possible:
	$(Q)if [ -e $(KDIR)/Makefile ]; then $(MAKE) --no-print-directory modules KDIR=$(KDIR); \
	else echo "no kernel headers at $(KDIR): hadal.ko not built (KDIR= names others)"; fi
