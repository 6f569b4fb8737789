/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "process_detail.h"
#include "process_table.h"
#include "proxies.h"

#define SECOND 1000000000ULL

void process_table_init(struct process_table *table, unsigned int limit, struct owners *owners,
			struct cgroups *cgroups, executable_path_fn path, void *path_context,
			struct counts *counts)
{
	*table = (struct process_table){ .limit = limit, .owners = owners, .cgroups = cgroups, .path = path,
					 .path_context = path_context, .counts = counts };
	programs_init(&table->programs, counts);
}

struct process *process_find(const struct process_table *table, uint32_t tgid, uint64_t start_boottime)
{
	struct process_key key = { .start_boottime = start_boottime, .tgid = tgid };
	struct process *process;

	HASH_FIND(hh, table->table, &key, sizeof(key), process);
	return process;
}

struct process *process_find_living(const struct process_table *table, uint32_t tgid)
{
	struct process *process;

	HASH_FIND(hh_tgid, table->by_tgid, &tgid, sizeof(tgid), process);
	return process;
}

static void process_die(struct process_table *table, struct process *process, uint64_t now)
{
	if (process->dead)
		return;
	process->dead = true;
	process->died = now;
	HASH_DELETE(hh_tgid, table->by_tgid, process);
	DL_APPEND(table->dead, process);
}

/* Of one that can't be found by its key any more. */
static void process_forget(struct process_table *table, struct process *process)
{
	if (table->details)
		process_detail_gone(table->details, process);
	if (process->dead)
		DL_DELETE(table->dead, process);
	else
		HASH_DELETE(hh_tgid, table->by_tgid, process);
	program_leave(&table->programs, process);
	owner_put(table->owners, process->owner);
	pool_put(&table->pool, process);
}

static void process_remove(struct process_table *table, struct process *process)
{
	HASH_DELETE(hh, table->table, process);
	process_forget(table, process);
}

/* When the table is full the longest dead makes room. */
static bool make_room(struct process_table *table)
{
	if (HASH_COUNT(table->table) < table->limit)
		return true;
	if (!table->dead)
		return false;
	process_remove(table, table->dead);
	table->evicted++;
	return true;
}

static struct process *process_new(struct process_table *table, const struct hadal_process *from, uint64_t now)
{
	struct process *process, *namesake = process_find_living(table, from->tgid);

	/* Its exit was lost: ids are not used twice at a time. */
	if (namesake)
		process_die(table, namesake, now);
	if (!make_room(table))
		return NULL;
	process = pool_get(&table->pool, sizeof(*process));
	if (!process)
		return NULL;
	process->key = (struct process_key){ .start_boottime = from->start_boottime, .tgid = from->tgid };
	HASH_ADD(hh, table->table, key, sizeof(process->key), process);
	if (!TABLE_INSERTED(process, hh)) {
		pool_put(&table->pool, process);
		return NULL;
	}
	HASH_ADD(hh_tgid, table->by_tgid, key.tgid, sizeof(process->key.tgid), process);
	if (TABLE_INSERTED(process, hh_tgid))
		return process;
	HASH_DELETE(hh, table->table, process);
	pool_put(&table->pool, process);
	return NULL;
}

/* The module tells to the ns when a process began, /proc to the clock tick. */
static bool began_alike(const struct process *process, const struct hadal_process *from)
{
	uint64_t tick = SECOND / (uint64_t)sysconf(_SC_CLK_TCK);

	return (process->indirect || from->flags & HADAL_PROCESS_INDIRECT) &&
	       process->key.start_boottime / tick == from->start_boottime / tick;
}

/*
 * The module came, or went: who lives is told by another start, and goes on with what it has used. Taken for
 * another it would be counted anew. NULL: it is none of them.
 */
static struct process *process_retold(struct process_table *table, const struct hadal_process *from)
{
	struct process *process = process_find_living(table, from->tgid);

	if (!process || !began_alike(process, from))
		return NULL;
	HASH_DELETE(hh, table->table, process);
	process->key.start_boottime = from->start_boottime;
	HASH_ADD(hh, table->table, key, sizeof(process->key), process);
	if (TABLE_INSERTED(process, hh))
		return process;
	process_forget(table, process);
	return NULL;
}

static void set_executable(struct process *process, const char *path, size_t length)
{
	const char *slash = memrchr(path, '/', length);

	if (slash) {
		length -= (size_t)(slash + 1 - path);
		path = slash + 1;
	}
	length = strnlen(path, length < sizeof(process->executable) ? length : sizeof(process->executable) - 1);
	memcpy(process->executable, path, length);
	process->executable[length] = '\0';
}

/* A process that was there before, by its file, else by its name. */
static void find_executable(struct process_table *table, struct process *process, const struct hadal_process *from)
{
	char path[4096];

	if (!(from->flags & HADAL_PROCESS_KERNEL) && table->path &&
	    !table->path(table->path_context, (int)from->tgid, from->start_boottime, path, sizeof(path)))
		set_executable(process, path, strlen(path));
	else if (!process->executable[0])
		set_executable(process, from->comm, strlen(from->comm));
}

static void name_by_exec(struct process *process, const struct hadal_record_process_exec *exec)
{
	struct hadal_text path = hadal_exec_path(exec);

	if (path.length)
		set_executable(process, path.data, path.length);
	else
		set_executable(process, exec->process.comm, strlen(exec->process.comm));
}

static void name_process(struct process_table *table, struct process *process, const struct hadal_record *record)
{
	const struct hadal_process *from = hadal_record_process(record);
	const struct process *parent = NULL;

	if (record->type == HADAL_RECORD_PROCESS_EXEC) {
		name_by_exec(process, (const struct hadal_record_process_exec *)record);
		return;
	}
	if (record->type == HADAL_RECORD_PROCESS_FORK && !(from->flags & HADAL_PROCESS_SIBLING))
		parent = process_find_living(table, from->parent_tgid);
	if (parent && !process->executable[0])
		memcpy(process->executable, parent->executable, sizeof(process->executable));
	else if (record->type == HADAL_RECORD_PROCESS_EXISTING || !process->executable[0])
		find_executable(table, process, from);
}

static bool tells_program(const struct hadal_record *record)
{
	return record->type == HADAL_RECORD_PROCESS_EXEC || record->type == HADAL_RECORD_PROCESS_EXISTING;
}

/* One that is told again may have come to run something else meanwhile: records were lost. */
static void note_program(struct process_table *table, struct process *process, const struct hadal_record *record)
{
	const struct hadal_process *from = hadal_record_process(record);
	const struct process *parent;

	if (from->flags & HADAL_PROCESS_KERNEL)
		return;
	if (tells_program(record)) {
		program_start(&table->programs, process);
		return;
	}
	if (record->type != HADAL_RECORD_PROCESS_FORK)
		return;
	parent = from->flags & HADAL_PROCESS_SIBLING ? NULL : process_find_living(table, from->parent_tgid);
	/*
	 * By CLONE_PARENT one gets the parent of who forked it, who may run something
	 * else. Where records are not the module's no flag tells; but it has the name of
	 * who forked it: with another it asks for itself.
	 */
	if (parent && strncmp(parent->comm, from->comm, sizeof(parent->comm)) == 0)
		program_share(process, parent);
	if (!process->program)
		program_start(&table->programs, process);
}

static bool is_in(const struct process *process, const struct container *container)
{
	return process && owner_container(process->owner) == container;
}

/*
 * Who is seen first in a container that begins is the runtime's, and gone in a moment. What is asked of
 * its process is to be asked of what it runs: its init, or, where pids are the host's, who first ran a program.
 */
static bool stands_for(const struct process_table *table, const struct process *process,
		       const struct container *container)
{
	const struct process *first = process_find_living(table, (uint32_t)container->pid);

	if (!is_in(first, container))
		return true;
	return process->ns_tgid == 1 && first->ns_tgid != 1;
}

/* A container is named, where nothing names it better, by what ran in it first. */
static void note_container(const struct process_table *table, struct process *process, struct cgroup *cgroup,
			   const struct hadal_record *record)
{
	struct container *container = cgroup ? cgroup->container : NULL;

	if (!container || record->type == HADAL_RECORD_PROCESS_EXIT)
		return;
	if (!container->pid || (tells_program(record) && stands_for(table, process, container)))
		container->pid = (int)process->key.tgid;
	if (record->type == HADAL_RECORD_PROCESS_FORK)
		return;
	container->net_ns = process->net_ns;
	if (table->proxies)
		proxies_note(table->proxies, container, process->executable);
	if (process->ns_tgid == 1)
		container->has_init = true;
	if (!container->executable[0])
		memcpy(container->executable, process->executable, sizeof(process->executable));
}

/*
 * Somebody outside forked it and moved it in (or forked it into the cgroup), as
 * is done for a container's health command and for `docker exec`. So is its
 * first process: which that is, is known where it has a pid namespace of its own.
 */
static void note_entry(const struct process_table *table, struct process *process, const struct cgroup *cgroup,
		       const struct hadal_record *record, uint64_t cgroup_before)
{
	const struct hadal_process *from = hadal_record_process(record);
	const struct process *parent = NULL;

	if (!cgroup || !cgroup->container || !cgroup->container->has_init || process->ns_tgid <= 1)
		return;
	if (record->type == HADAL_RECORD_PROCESS_FORK)
		parent = process_find_living(table, from->parent_tgid);
	else if (record->type != HADAL_RECORD_PROCESS_EXEC)
		return;
	if (parent) {
		process->entered = parent->entered;
		cgroup_before = parent->cgroup_id;
	}
	if (cgroup_before && cgroup_before != process->cgroup_id)
		process->entered = true;
}

static void own_process(struct process_table *table, struct process *process, const struct hadal_record *record)
{
	const struct hadal_process *from = hadal_record_process(record);
	int pid = record->type == HADAL_RECORD_PROCESS_EXIT ? 0 : (int)from->tgid;
	uint64_t cgroup_before = process->cgroup_id;
	struct cgroup *cgroup;
	struct owner *owner;

	if (!from->cgroup_id && process->owner)
		return;
	cgroup = cgroup_get(table->cgroups, from->cgroup_hierarchy, from->cgroup_id, pid, record->time);
	owner = owner_get(table->owners, cgroup, process->executable);
	owner_put(table->owners, process->owner);
	process->owner = owner;
	process->cgroup_id = from->cgroup_id;
	process->cgroup_hierarchy = from->cgroup_hierarchy;
	note_entry(table, process, cgroup, record, cgroup_before);
	note_container(table, process, cgroup, record);
}

static void process_exit(struct process_table *table, struct process *process,
			 const struct hadal_record_process_exit *record)
{
	process->exit_code = record->exit_code;
	process->exit_known = true;
	process->cpu_time = record->cpu_time;
	process->memory = 0;
	process->sampled = true;
	process_die(table, process, record->header.time);
}

struct process *process_record(struct process_table *table, const struct hadal_record *record)
{
	const struct hadal_process *from = hadal_record_process(record);
	struct process *process = process_find(table, from->tgid, from->start_boottime);

	if (!process)
		process = process_retold(table, from);
	if (!process)
		process = process_new(table, from, record->time);
	if (!process) {
		count(table->counts, COUNT_PROCESSES_FULL);
		return NULL;
	}
	if (from->ns_tgid)
		process->ns_tgid = from->ns_tgid;
	if (from->net_ns)
		process->net_ns = from->net_ns;
	process->seen = record->time;
	process->parent_tgid = from->parent_tgid;
	process->uid = from->uid;
	process->kernel = from->flags & HADAL_PROCESS_KERNEL;
	process->indirect = from->flags & HADAL_PROCESS_INDIRECT;
	memcpy(process->comm, from->comm, sizeof(process->comm));
	name_process(table, process, record);
	note_program(table, process, record);
	own_process(table, process, record);
	if (record->type == HADAL_RECORD_PROCESS_EXIT)
		process_exit(table, process, (const struct hadal_record_process_exit *)record);
	return process;
}

void process_table_resync(struct process_table *table, uint64_t since, uint64_t now)
{
	struct process *process, *next;

	HASH_ITER(hh_tgid, table->by_tgid, process, next) {
		if (process->seen < since)
			process_die(table, process, now);
	}
}

void process_table_sweep(struct process_table *table, uint64_t now, uint64_t age)
{
	while (table->dead && now > table->dead->died && now - table->dead->died >= age)
		process_remove(table, table->dead);
}

void process_table_free(struct process_table *table)
{
	struct process *process, *next;

	programs_free(&table->programs);
	HASH_ITER(hh, table->table, process, next)
		process_remove(table, process);
	pool_clear(&table->pool);
}
