// SPDX-License-Identifier: MIT
#include "lives.h"

#include <stdlib.h>

#include "harness.h"

static int compare_pids(const void *a, const void *b)
{
	const struct process_life *x = *(struct process_life *const *)a;
	const struct process_life *y = *(struct process_life *const *)b;

	return x->pid < y->pid ? -1 : x->pid > y->pid;
}

static void take(struct process_life *life, const struct hadal_record *record)
{
	switch (record->type) {
	case HADAL_RECORD_PROCESS_FORK:
		life->forks++;
		life->fork = (const void *)record;
		break;
	case HADAL_RECORD_PROCESS_EXEC:
		life->execs++;
		life->exec = (const void *)record;
		break;
	case HADAL_RECORD_PROCESS_OOM:
		life->ooms++;
		life->oom = (const void *)record;
		break;
	case HADAL_RECORD_PROCESS_EXIT:
		life->exits++;
		life->exit = (const void *)record;
		break;
	}
}

static void take_all(const struct recorder *recorder, struct process_life **sorted, size_t count)
{
	size_t i;

	for (i = 0; i < recorder->count; i++) {
		const struct hadal_process *process = record_process(recorder->records[i]);
		struct process_life key, *wanted = &key, **found;

		if (!process)
			continue;
		key.pid = (pid_t)process->tgid;
		found = bsearch(&wanted, sorted, count, sizeof(*sorted), compare_pids);
		if (found)
			take(*found, recorder->records[i]);
	}
}

void lives_gather(const struct recorder *recorder, const struct process_done *processes,
		  size_t count, struct process_life *lives)
{
	struct process_life **sorted = calloc(count, sizeof(*sorted));
	size_t i;

	ASSERT_TRUE(sorted != NULL);
	for (i = 0; i < count; i++) {
		lives[i] = (struct process_life){ .pid = processes[i].pid };
		sorted[i] = &lives[i];
	}
	qsort(sorted, count, sizeof(*sorted), compare_pids);
	take_all(recorder, sorted, count);
	free(sorted);
}

struct process_life life_of(const struct recorder *recorder, pid_t pid)
{
	const struct process_done process = { .pid = pid };
	struct process_life life;

	lives_gather(recorder, &process, 1, &life);
	return life;
}
