/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The one place that knows of differences between kernels: what compat/has.h
 * says is what the compiler found (compat.mk).
 */
#ifndef HADAL_COMPAT_H
#define HADAL_COMPAT_H

#include <linux/ftrace.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/version.h>
#include <trace/events/oom.h>
#include <trace/events/sched.h>
#include <trace/events/tcp.h>

#include "compat/has.h"

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 1, 0)
#error "hadal needs Linux 6.1 or newer"
#endif

#if !defined(CONFIG_64BIT) || !defined(CONFIG_IPV6) || !defined(CONFIG_TRACEPOINTS) || \
	!defined(CONFIG_DYNAMIC_FTRACE) || !defined(CONFIG_SECURITY_NETWORK) || \
	!defined(CONFIG_SOCK_CGROUP_DATA)
#error "hadal needs CONFIG_64BIT, IPV6=y, TRACEPOINTS, DYNAMIC_FTRACE, SECURITY_NETWORK, SOCK_CGROUP_DATA"
#endif

#ifdef HADAL_HAS_VM_FLAGS_MOD
#define hadal_vm_flags_mod(vma, set, clear) vm_flags_mod(vma, set, clear)
#else
static inline void hadal_vm_flags_mod(struct vm_area_struct *vma, vm_flags_t set, vm_flags_t clear)
{
	vma->vm_flags = (vma->vm_flags | set) & ~clear;
}
#endif

/*
 * Kernels that clear every local variable (CONFIG_INIT_STACK_ALL_ZERO) would do
 * so for a record, of which each byte is then set. Only where that is so: what
 * is left out here would tell user space what was on the stack.
 */
#if __has_attribute(__uninitialized__)
#define HADAL_ALL_SET __attribute__((__uninitialized__))
#else
#define HADAL_ALL_SET
#endif

/*
 * An argument of a traced function, from 0. x86 saves the argument registers
 * on every ftrace entry; arm64 of 6.1 does so only when all registers are asked
 * for.
 */
#if defined(HADAL_HAS_FTRACE_REGS_GET_ARGUMENT)
#define HADAL_FTRACE_SAVE 0
static __always_inline unsigned long hadal_ftrace_argument(struct ftrace_regs *fregs,
							   unsigned int n)
{
	return ftrace_regs_get_argument(fregs, n);
}
#elif defined(CONFIG_HAVE_DYNAMIC_FTRACE_WITH_ARGS)
#define HADAL_FTRACE_SAVE 0
static __always_inline unsigned long hadal_ftrace_argument(struct ftrace_regs *fregs,
							   unsigned int n)
{
	return regs_get_kernel_argument(&fregs->regs, n);
}
#else
#define HADAL_FTRACE_SAVE FTRACE_OPS_FL_SAVE_REGS
static __always_inline unsigned long hadal_ftrace_argument(struct ftrace_regs *fregs,
							   unsigned int n)
{
	return regs_get_kernel_argument(ftrace_get_regs(fregs), n);
}
#endif

/*
 * sched_process_exit tells since 6.16 whether the last thread of the process
 * ends. Stable kernels take changes back, so the prototype decides, not the
 * version.
 */
#define HADAL_EXIT_TELLS_GROUP_DEAD \
	__builtin_types_compatible_p(typeof(&check_trace_callback_type_sched_process_exit), \
				     void (*)(void (*)(void *, struct task_struct *, bool)))

/*
 * mark_victim tells the task and its user, or its pid alone: that has changed
 * between updates of one version.
 */
#define HADAL_OOM_TELLS_TASK \
	__builtin_types_compatible_p(typeof(&check_trace_callback_type_mark_victim), \
				     void (*)(void (*)(void *, struct task_struct *, uid_t)))

/*
 * tcp_send_reset tells since 6.10 why. Where the type of the reason is not, no
 * tracepoint has it.
 */
#if __has_include(<net/rstreason.h>)
#include <net/rstreason.h>
typedef enum sk_rst_reason hadal_reset_reason;
#else
typedef int hadal_reset_reason;
#endif

#define HADAL_RESET_TELLS_WHY \
	__builtin_types_compatible_p(typeof(&check_trace_callback_type_tcp_send_reset), \
				     void (*)(void (*)(void *, const struct sock *, \
						       const struct sk_buff *, \
						       const hadal_reset_reason)))

#endif /* HADAL_COMPAT_H */
