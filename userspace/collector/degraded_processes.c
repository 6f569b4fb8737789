/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "degraded_processes.h"
#include "proc_scan.h"

enum { STRINGS_MAX = HADAL_CGROUP_PATH_MAX + 4096 };	/* path and arguments of an exec */

/* ---- the living ---- */

struct known_process *degraded_processes_find(const struct degraded_processes *processes, uint32_t tgid)
{
	struct known_process *known;

	HASH_FIND(hh, processes->table, &tgid, sizeof(tgid), known);
	return known;
}

static struct known_process *known_get(struct degraded_processes *processes, uint32_t tgid)
{
	struct known_process *known = degraded_processes_find(processes, tgid);

	if (known)
		return known;
	if (HASH_COUNT(processes->table) < processes->limit)
		known = calloc(1, sizeof(*known));
	if (!known) {
		count(processes->counts, COUNT_PROCESSES_FULL);
		return NULL;
	}
	known->tgid = tgid;
	HASH_ADD(hh, processes->table, tgid, sizeof(known->tgid), known);
	if (TABLE_INSERTED(known, hh))
		return known;
	free(known);
	return NULL;
}

static void known_remove(struct degraded_processes *processes, struct known_process *known, uint64_t now)
{
	net_spaces_leave(processes->spaces, known->process.net_ns, now);
	HASH_DEL(processes->table, known);
	free(known);
}

/* What was not read this time stays as it was. */
static void known_take(struct degraded_processes *processes, struct known_process *known,
		       const struct hadal_process *process, bool existed, uint64_t now)
{
	struct hadal_process before = known->process;

	known->process = *process;
	if (!process->net_ns)
		known->process.net_ns = before.net_ns;
	if (!process->pid_ns)
		known->process.pid_ns = before.pid_ns;
	if (!process->cgroup_id)
		known->process.cgroup_id = before.cgroup_id;
	known->process.flags |= HADAL_PROCESS_INDIRECT;
	if (known->process.net_ns == before.net_ns)
		return;
	net_spaces_join(processes->spaces, known->process.net_ns, (int)known->tgid, existed, now);
	net_spaces_leave(processes->spaces, before.net_ns, now);
}

/* ---- records ---- */

static struct hadal_record header_of(uint16_t type, uint64_t time)
{
	return (struct hadal_record){ .type = type, .record_class = HADAL_CLASS_PROCESS, .time = time };
}

static void tell(struct degraded_processes *processes, uint16_t type, const struct hadal_process *process,
		 uint64_t time)
{
	struct hadal_record_process record = { .header = header_of(type, time), .process = *process };

	record_queue_add(processes->queue, &record.header, sizeof(record));
}

static uint32_t count_arguments(const char *arguments, size_t length)
{
	uint32_t count = 0;

	for (size_t i = 0; i < length; i++)
		count += arguments[i] == '\0' || i + 1 == length;
	return count;
}

static void tell_exec(struct degraded_processes *processes, const struct hadal_process *process, uint64_t time)
{
	struct {
		struct hadal_record_process_exec record;
		char strings[STRINGS_MAX];
	} message = {
		.record = { .header = header_of(HADAL_RECORD_PROCESS_EXEC, time), .process = *process,
			    .old_tid = process->tgid, .strings_offset = sizeof(struct hadal_record_process_exec) },
	};
	size_t path, arguments, limit = processes->argv_max;
	char argv[4096];

	proc_scan_program((int)process->tgid, message.strings, HADAL_CGROUP_PATH_MAX, &path, argv,
			  limit < sizeof(argv) ? limit + 1 : sizeof(argv), &arguments);
	memcpy(message.strings + path, argv, arguments);
	message.record.path_len = (uint16_t)path;
	message.record.argv_len = (uint16_t)arguments;
	message.record.argc = count_arguments(argv, arguments);
	if (!limit || arguments >= limit)
		message.record.flags = HADAL_EXEC_ARGV_TRUNCATED;
	record_queue_add(processes->queue, &message.record.header, sizeof(message.record) + path + arguments);
}

static void tell_exit(struct degraded_processes *processes, struct known_process *known, uint64_t time)
{
	struct hadal_record_process_exit record = {
		.header = header_of(HADAL_RECORD_PROCESS_EXIT, time), .process = known->process,
		.exit_code = known->exit_code,
	};

	record_queue_add(processes->queue, &record.header, sizeof(record));
	known_remove(processes, known, time);
}

/* ---- events ---- */

/*
 * It was gone before it could be looked at. It is what its parent was, and began
 * when the kernel said so.
 */
static void assume(struct degraded_processes *processes, const struct proc_event_facts *event,
		   struct hadal_process *process)
{
	const struct known_process *parent = degraded_processes_find(processes, (uint32_t)event->parent_tgid);

	*process = (struct hadal_process){ 0 };
	if (parent)
		*process = parent->process;
	process->tgid = (uint32_t)event->tgid;
	process->parent_tgid = (uint32_t)event->parent_tgid;
	process->ns_tgid = 0;
	process->start_boottime = event->time + processes->boot_offset;
}

/* A child is where its parent is until it says otherwise, and it hardly can before it runs something. */
static void inherit(const struct degraded_processes *processes, struct hadal_process *process)
{
	const struct known_process *parent = degraded_processes_find(processes, process->parent_tgid);

	if (!parent)
		return;
	process->net_ns = parent->process.net_ns;
	process->pid_ns = parent->process.pid_ns;
	process->uid = parent->process.uid;
	process->gid = parent->process.gid;
}

/* Takes over what was found of it, and of its cgroup; until a walk has ended all may have been there before. NULL: no room. */
static struct known_process *meet(struct degraded_processes *processes, const struct proc_found *found, uint64_t now)
{
	struct known_process *known;

	degraded_cgroups_meet(processes->cgroups, found->process.cgroup_id, found->cgroup_path, now);
	known = known_get(processes, found->process.tgid);
	if (!known)
		return NULL;
	known_take(processes, known, &found->process, !processes->walked, now);
	known->walk = processes->walk;
	return known;
}

static void forked(struct degraded_processes *processes, const struct proc_event_facts *event, uint64_t now)
{
	struct known_process *known = degraded_processes_find(processes, (uint32_t)event->tgid);
	struct proc_found found;

	/* Its end was lost: ids are not used twice at a time. */
	if (known)
		known_remove(processes, known, now);
	if (proc_scan(event->tgid, PROC_SCAN_BRIEF, &found))
		assume(processes, event, &found.process);
	else
		inherit(processes, &found.process);
	known = meet(processes, &found, now);
	if (known)
		tell(processes, HADAL_RECORD_PROCESS_FORK, &known->process, event->time);
}

static void execed(struct degraded_processes *processes, const struct proc_event_facts *event, uint64_t now)
{
	struct known_process *known;
	struct proc_found found;

	if (proc_scan(event->tgid, PROC_SCAN_ALL, &found))
		return;	/* it is gone: what it ran stays unknown */
	known = meet(processes, &found, now);
	if (!known)
		return;
	known->ending = false;
	tell_exec(processes, &known->process, event->time);
}

/*
 * Whether threads of it go on without the first, or one of them has taken the first's
 * place, as a thread that executes a program does.
 */
static bool goes_on(const struct known_process *known)
{
	struct proc_found found;

	return proc_scan((int)known->tgid, PROC_SCAN_BRIEF, &found) == 0 && (!found.zombie || found.threads > 1) &&
	       found.process.start_boottime == known->process.start_boottime;
}

static void exited(struct degraded_processes *processes, const struct proc_event_facts *event)
{
	struct known_process *known = degraded_processes_find(processes, (uint32_t)event->tgid);

	if (!known)
		return;
	if (event->kind == PROC_EXITED)
		known->exit_code = event->exit_code;
	else if (!known->ending)
		return;
	known->ending = goes_on(known);
	if (!known->ending)
		tell_exit(processes, known, event->time);
}

/* Each CPU numbers what it says: a gap is exactly what was lost, of which not all was of use. */
static void watch_sequence(struct degraded_processes *processes, const struct proc_event_facts *event)
{
	uint32_t missing;

	if (event->cpu >= PROC_CPUS)
		return;
	missing = event->sequence - processes->next_sequence[event->cpu];
	if (processes->sequenced[event->cpu] && missing && missing <= INT32_MAX)
		record_queue_lost(processes->queue, HADAL_CLASS_PROCESS, missing);
	processes->sequenced[event->cpu] = true;
	processes->next_sequence[event->cpu] = event->sequence + 1;
}

void degraded_processes_event(struct degraded_processes *processes, const struct proc_event_facts *event,
			      uint64_t now)
{
	watch_sequence(processes, event);
	switch (event->kind) {
	case PROC_FORKED:
		forked(processes, event, now);
		break;
	case PROC_EXECED:
		execed(processes, event, now);
		break;
	case PROC_EXITED:
	case PROC_THREAD_EXITED:
		exited(processes, event);
		break;
	case PROC_OTHER:
		break;
	}
}

/* ---- all there are ---- */

void degraded_processes_walk(struct degraded_processes *processes)
{
	if (processes->walking)
		closedir(processes->walking);
	processes->walking = opendir("/proc");
	processes->walk++;
	processes->found = 0;
}

static void existing(struct degraded_processes *processes, int pid, uint64_t now)
{
	struct known_process *known;
	struct proc_found found;

	if (proc_scan(pid, PROC_SCAN_ALL, &found) || (found.zombie && found.threads <= 1))
		return;
	known = meet(processes, &found, now);
	if (!known)
		return;
	processes->found++;
	tell(processes, HADAL_RECORD_PROCESS_EXISTING, &known->process, now);
}

static void forget_gone(struct degraded_processes *processes, uint64_t now)
{
	struct known_process *known, *next;

	HASH_ITER(hh, processes->table, known, next) {
		if (known->walk != processes->walk)
			known_remove(processes, known, now);
	}
}

bool degraded_processes_step(struct degraded_processes *processes, unsigned int count, uint64_t now)
{
	int pid;

	if (!processes->walking)
		return false;
	while (count--) {
		pid = proc_scan_next(processes->walking);
		if (pid) {
			existing(processes, pid, now);
			continue;
		}
		closedir(processes->walking);
		processes->walking = NULL;
		processes->walked = true;
		forget_gone(processes, now);
		return false;
	}
	return true;
}

void degraded_processes_place(struct degraded_processes *processes)
{
	struct known_process *known;
	struct net_space *space;

	for (space = processes->spaces->table; space; space = space->hh.next) {
		space->mixed = false;
		if (space->processes)
			space->cgroup_id = 0;
	}
	for (known = processes->table; known; known = known->hh.next) {
		space = net_spaces_find(processes->spaces, known->process.net_ns);
		if (!space || !known->process.cgroup_id)
			continue;
		space->mixed |= space->cgroup_id && space->cgroup_id != known->process.cgroup_id;
		space->cgroup_id = known->process.cgroup_id;
	}
	for (space = processes->spaces->table; space; space = space->hh.next) {
		if (space->mixed)
			space->cgroup_id = 0;
	}
}

void degraded_processes_free(struct degraded_processes *processes)
{
	struct known_process *known, *next;

	HASH_ITER(hh, processes->table, known, next)
		known_remove(processes, known, 0);
	if (processes->walking)
		closedir(processes->walking);
	processes->walking = NULL;
}
