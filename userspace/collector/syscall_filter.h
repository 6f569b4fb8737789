/* SPDX-License-Identifier: MIT */
/*
 * What hadald asks of the kernel once it runs, and nothing else: a seccomp
 * filter over all of its threads. docs/security.md says what it keeps from whom.
 */
#ifndef HADALD_SYSCALL_FILTER_H
#define HADALD_SYSCALL_FILTER_H

#include <stdbool.h>

enum syscall_filter {
	SYSCALL_FILTER_REFUSE,	/* what is not on the list fails with EPERM; what only an intruder calls kills */
	SYSCALL_FILTER_KILL,	/* all that is not on the list kills */
	SYSCALL_FILTER_OFF,
};

/**
 * syscall_filter_apply() - confine this process and all that its threads do, for good
 * @filter: how what is not on the list is answered
 * @files: it writes files after its start, as the spool does
 *
 * To be called when what needs more has been opened; it also gives up ever
 * gaining privileges by exec (no_new_privs). "Kills" is SIGSYS to the whole process.
 *
 * Return: 0; -ENOSYS and its like: the kernel has no such filters; -ENOMEM.
 */
int syscall_filter_apply(enum syscall_filter filter, bool files);

#endif
