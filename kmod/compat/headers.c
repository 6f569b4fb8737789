// SPDX-License-Identifier: GPL-2.0-only
/* Compiles on every kernel: what the other probes use, and no more. */
#include <linux/ftrace.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <net/tcp.h>
#include <trace/events/sched.h>

static bool __maybe_unused headers(struct vm_area_struct *vma, struct ftrace_regs *regs)
{
	return (vma->vm_flags & VM_READ) && ftrace_get_regs(regs);
}
