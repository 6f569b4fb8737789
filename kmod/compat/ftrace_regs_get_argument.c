// SPDX-License-Identifier: GPL-2.0-only
/* From 6.2 on; before, pt_regs tell. */
#include <linux/ftrace.h>

static unsigned long __maybe_unused probe(struct ftrace_regs *regs)
{
	return ftrace_regs_get_argument(regs, 0);
}
