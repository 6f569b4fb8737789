# SPDX-License-Identifier: GPL-2.0-only
#
# What a kernel has is asked of the compiler, not told by its version: stable and
# vendors' kernels take changes back. A file in kmod/compat that compiles, with the
# flags of the module itself, defines HADAL_HAS_ and its name in has.h.
# headers.c comes first and must: a broken header tree would otherwise pass for a
# kernel that has nothing.
#
# Kbuild includes this also where it only cleans or links: so these are rules, and
# whoever asks is the build of an object.

compat-probes := vm_flags_mod ftrace_regs_get_argument

# Warnings (W=1, -Werror) are not what is asked; a function that is not there is.
compat-cc = $(CC) $(filter-out -Wp$(comma)-MMD%,$(c_flags)) \
	-Wno-error -Werror=implicit-function-declaration -fsyntax-only

filechk_hadal_has = \
	$(compat-cc) $(src)/kmod/compat/headers.c; \
	for probe in $(compat-probes); do \
		! $(compat-cc) $(src)/kmod/compat/$$probe.c 2>/dev/null || \
			echo "\#define HADAL_HAS_$$(echo $$probe | tr a-z A-Z) 1"; \
	done

$(obj)/kmod/compat/has.h: part-of-module := y
$(obj)/kmod/compat/has.h: FORCE
	$(call filechk,hadal_has)

$(addprefix $(obj)/,$(hadal-y)): $(obj)/kmod/compat/has.h

targets += kmod/compat/has.h
clean-files += kmod/compat/has.h
