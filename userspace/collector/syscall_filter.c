/* SPDX-License-Identifier: MIT */
/*
 * The list is what hadald and its libraries were seen to call, by subject, with
 * their older and newer forms: which of them libc takes is its own affair. An
 * argument is looked at where one system call has a harmless and a dangerous use.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <linux/sockios.h>
#include <seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <hadal/hadal.h>

#include "syscall_filter.h"

enum {
	WRITES = O_WRONLY | O_CREAT | O_TRUNC | O_APPEND,
	NAMESPACES = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID |
		     CLONE_NEWNET,
};

/* Whatever their arguments are. */
static const int allowed[] = {
	/* files, read */
	SCMP_SYS(read), SCMP_SYS(readv), SCMP_SYS(pread64), SCMP_SYS(preadv), SCMP_SYS(lseek), SCMP_SYS(_llseek),
	SCMP_SYS(close), SCMP_SYS(close_range), SCMP_SYS(fcntl), SCMP_SYS(dup), SCMP_SYS(dup3),
	SCMP_SYS(stat), SCMP_SYS(lstat), SCMP_SYS(fstat), SCMP_SYS(newfstatat), SCMP_SYS(statx), SCMP_SYS(statfs),
	SCMP_SYS(fstatfs), SCMP_SYS(access), SCMP_SYS(faccessat), SCMP_SYS(faccessat2), SCMP_SYS(readlink),
	SCMP_SYS(readlinkat), SCMP_SYS(getcwd), SCMP_SYS(getdents64), SCMP_SYS(open_by_handle_at), SCMP_SYS(fadvise64),
	/* a container's environment (procfs_environment()) */
	SCMP_SYS(process_vm_readv),
	/* what is open already: standard error, sockets, the ends of pipes and events */
	SCMP_SYS(write), SCMP_SYS(writev),
	/* the socket of queries, at the end */
	SCMP_SYS(unlink), SCMP_SYS(unlinkat),
	/* sockets */
	SCMP_SYS(connect), SCMP_SYS(bind), SCMP_SYS(accept), SCMP_SYS(accept4), SCMP_SYS(listen), SCMP_SYS(shutdown),
	SCMP_SYS(getsockname), SCMP_SYS(getpeername), SCMP_SYS(getsockopt), SCMP_SYS(setsockopt), SCMP_SYS(sendto),
	SCMP_SYS(recvfrom), SCMP_SYS(sendmsg), SCMP_SYS(recvmsg), SCMP_SYS(sendmmsg), SCMP_SYS(recvmmsg),
	/* waiting */
	SCMP_SYS(epoll_create1), SCMP_SYS(epoll_ctl), SCMP_SYS(epoll_wait), SCMP_SYS(epoll_pwait),
	SCMP_SYS(epoll_pwait2), SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(select), SCMP_SYS(pselect6),
	SCMP_SYS(eventfd2), SCMP_SYS(signalfd4), SCMP_SYS(timerfd_create), SCMP_SYS(timerfd_settime), SCMP_SYS(pipe),
	SCMP_SYS(pipe2), SCMP_SYS(nanosleep), SCMP_SYS(clock_nanosleep), SCMP_SYS(restart_syscall), SCMP_SYS(pause),
	/* time and chance */
	SCMP_SYS(clock_gettime), SCMP_SYS(clock_getres), SCMP_SYS(gettimeofday), SCMP_SYS(time), SCMP_SYS(getrandom),
	/* memory */
	SCMP_SYS(brk), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise), SCMP_SYS(membarrier),
	/* threads */
	SCMP_SYS(futex), SCMP_SYS(set_robust_list), SCMP_SYS(get_robust_list), SCMP_SYS(rseq),
	SCMP_SYS(set_tid_address), SCMP_SYS(sched_yield), SCMP_SYS(sched_getaffinity), SCMP_SYS(sched_getparam),
	SCMP_SYS(sched_getscheduler), SCMP_SYS(getcpu), SCMP_SYS(arch_prctl), SCMP_SYS(exit), SCMP_SYS(exit_group),
	/* signals that come */
	SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn), SCMP_SYS(rt_sigtimedwait),
	SCMP_SYS(sigaltstack),
	/* who one is, and where */
	SCMP_SYS(getpid), SCMP_SYS(gettid), SCMP_SYS(getppid), SCMP_SYS(getuid), SCMP_SYS(geteuid), SCMP_SYS(getgid),
	SCMP_SYS(getegid), SCMP_SYS(getgroups), SCMP_SYS(uname), SCMP_SYS(sysinfo), SCMP_SYS(getrusage),
	SCMP_SYS(times), SCMP_SYS(getrlimit),
};

/* What it takes to write files, where they are named by a directory that is open. */
static const int writing[] = {
	SCMP_SYS(open), SCMP_SYS(openat), SCMP_SYS(pwrite64), SCMP_SYS(pwritev), SCMP_SYS(pwritev2),
	SCMP_SYS(ftruncate), SCMP_SYS(fsync), SCMP_SYS(fdatasync), SCMP_SYS(flock), SCMP_SYS(mkdir), SCMP_SYS(mkdirat),
	SCMP_SYS(rename), SCMP_SYS(renameat), SCMP_SYS(renameat2),
};

/*
 * No library that hadald loads has a use for these, and no later version of one
 * will: who calls them has taken hadald over. It must not get a second try.
 */
static const int deadly[] = {
	SCMP_SYS(execve), SCMP_SYS(execveat), SCMP_SYS(ptrace), SCMP_SYS(process_vm_writev), SCMP_SYS(pidfd_getfd),
	SCMP_SYS(init_module), SCMP_SYS(finit_module),
	SCMP_SYS(delete_module), SCMP_SYS(kexec_load), SCMP_SYS(kexec_file_load), SCMP_SYS(bpf),
	SCMP_SYS(perf_event_open), SCMP_SYS(userfaultfd), SCMP_SYS(io_uring_setup), SCMP_SYS(mount),
	SCMP_SYS(umount2), SCMP_SYS(move_mount), SCMP_SYS(open_tree), SCMP_SYS(fsopen), SCMP_SYS(pivot_root),
	SCMP_SYS(chroot), SCMP_SYS(unshare), SCMP_SYS(capset), SCMP_SYS(setuid), SCMP_SYS(setgid),
	SCMP_SYS(setreuid), SCMP_SYS(setresuid), SCMP_SYS(setgroups), SCMP_SYS(add_key), SCMP_SYS(keyctl),
	SCMP_SYS(request_key), SCMP_SYS(reboot), SCMP_SYS(swapon), SCMP_SYS(acct), SCMP_SYS(personality),
};

/* Allows @call where its argument @index has none of the bits of @mask. */
static int without_bits(scmp_filter_ctx filter, int call, unsigned int index, uint64_t mask)
{
	return seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 1, SCMP_CMP64(index, SCMP_CMP_MASKED_EQ, mask, 0));
}

static struct scmp_arg_cmp equals(unsigned int index, uint64_t value)
{
	return (struct scmp_arg_cmp){ .arg = index, .op = SCMP_CMP_EQ, .datum_a = value };
}

/* Allows @call where its argument @index is @value. */
static int with_value(scmp_filter_ctx filter, int call, unsigned int index, uint32_t value)
{
	return seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 1, equals(index, value));
}

/* After its start hadald makes and writes no file, unless it has a spool; the module's device is opened for both. */
static int add_opens(scmp_filter_ctx filter)
{
	int result = without_bits(filter, SCMP_SYS(open), 1, WRITES);

	return result ? result : without_bits(filter, SCMP_SYS(openat), 2, WRITES);
}

/* Memory is written or run. dlopen() of libc's modules for names maps, and protects nothing anew to run. */
static int add_memory(scmp_filter_ctx filter)
{
	int result = without_bits(filter, SCMP_SYS(mprotect), 2, PROT_EXEC);

	if (!result)
		result = without_bits(filter, SCMP_SYS(mmap), 2, PROT_EXEC);
	if (!result)
		result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
					  SCMP_CMP64(2, SCMP_CMP_MASKED_EQ, PROT_WRITE | PROT_EXEC, PROT_EXEC));
	return result;
}

/*
 * Threads of this process, not processes nor namespaces. clone3() has its flags
 * behind a pointer: libc takes "not there" for an answer and calls clone().
 */
static int add_threads(scmp_filter_ctx filter)
{
	int result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
				      SCMP_CMP64(0, SCMP_CMP_MASKED_EQ, CLONE_THREAD | NAMESPACES, CLONE_THREAD));

	return result ? result : seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
}

static int add_sockets(scmp_filter_ctx filter)
{
	static const uint32_t families[] = { AF_UNIX, AF_INET, AF_INET6, AF_NETLINK };
	int result = 0;

	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]) && !result; i++)
		result = with_value(filter, SCMP_SYS(socket), 0, families[i]);
	return result ? result : with_value(filter, SCMP_SYS(socketpair), 0, AF_UNIX);
}

/* The module's sixteen; of all others these few, and with them no terminal is typed into. */
static int add_ioctls(scmp_filter_ctx filter)
{
	static const uint32_t requests[] = { FIONBIO, FIONREAD, TCGETS, SIOCGIFINDEX, SIOCGIFNAME };
	int result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
				      SCMP_CMP64(1, SCMP_CMP_MASKED_EQ, 0xfffffff0, HADAL_IOC_QUERY & ~0xfU));

	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]) && !result; i++)
		result = with_value(filter, SCMP_SYS(ioctl), 1, requests[i]);
	return result;
}

/* Without the module: a thread asks in the network namespace of a container for its sockets, and ends. */
static int add_namespaces(scmp_filter_ctx filter)
{
	return with_value(filter, SCMP_SYS(setns), 1, CLONE_NEWNET);
}

/* Its own name, limits to be read, and a signal to itself, as abort() sends. */
static int add_process(scmp_filter_ctx filter)
{
	int result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 2, equals(0, 0),
				      equals(2, 0));

	if (!result)
		result = with_value(filter, SCMP_SYS(prctl), 0, PR_SET_NAME);
	return result ? result : with_value(filter, SCMP_SYS(tgkill), 0, (uint32_t)getpid());
}

static int add_list(scmp_filter_ctx filter, const int *calls, size_t count, uint32_t action)
{
	int result = 0;

	for (size_t i = 0; i < count && !result; i++)
		result = seccomp_rule_add(filter, action, calls[i], 0);
	return result;
}

static int build(scmp_filter_ctx filter, enum syscall_filter how, bool files)
{
	static int (*const parts[])(scmp_filter_ctx filter) = {
		add_opens, add_memory, add_threads, add_sockets, add_ioctls, add_namespaces, add_process,
	};
	int result = add_list(filter, allowed, sizeof(allowed) / sizeof(allowed[0]), SCMP_ACT_ALLOW);

	if (!result && files)
		result = add_list(filter, writing, sizeof(writing) / sizeof(writing[0]), SCMP_ACT_ALLOW);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]) && !result; i++)
		result = parts[i](filter);
	if (!result && how == SYSCALL_FILTER_REFUSE)	/* else it is what happens anyhow */
		result = add_list(filter, deadly, sizeof(deadly) / sizeof(deadly[0]), SCMP_ACT_KILL_PROCESS);
	if (!result)
		result = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
	return result;
}

int syscall_filter_apply(enum syscall_filter how, bool files)
{
	scmp_filter_ctx filter;
	int result;

	if (how == SYSCALL_FILTER_OFF)
		return 0;
	filter = seccomp_init(how == SYSCALL_FILTER_KILL ? SCMP_ACT_KILL_PROCESS : SCMP_ACT_ERRNO(EPERM));
	if (!filter)
		return -ENOMEM;
	result = build(filter, how, files);
	if (!result)
		result = seccomp_load(filter);
	seccomp_release(filter);
	return result;
}
