/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "process_detail.h"

enum { STAY = 2 };	/* times as many may stay as come in */

/* ---- what is counted ---- */

/* CPU time that is counted nowhere yet, in ns; it is taken. */
static uint64_t take_growth(const struct process_details *details, struct process *process)
{
	uint64_t growth;

	if (!process->sampled)
		return 0;
	if (!process->cpu_based && process->key.start_boottime < details->since)
		process->cpu_counted = process->cpu_time;
	process->cpu_based = true;
	/* By its last record it may have used less than by /proc, which rounds. */
	growth = process->cpu_time > process->cpu_counted ? process->cpu_time - process->cpu_counted : 0;
	process->cpu_counted += growth;
	return growth;
}

void process_detail_gone(struct process_details *details, struct process *process)
{
	if (!process->kernel)
		details->rest_cpu_time += take_growth(details, process);
	if (process->detail)
		process->detail->process = NULL;
	process->detail = NULL;
}

/* ---- who has series ---- */

static void detail_remove(struct process_details *details, struct process_detail *detail)
{
	if (detail->process)
		detail->process->detail = NULL;
	detail->workload->references--;
	DL_DELETE(details->list, detail);
	free(detail);
}

static void release_rest(struct process_details *details)
{
	if (details->other)
		details->other->references--;
	details->other = NULL;
}

void process_details_free(struct process_details *details)
{
	struct process_detail *detail, *next;

	DL_FOREACH_SAFE(details->list, detail, next)
		detail_remove(details, detail);
	release_rest(details);
	details->rest_ended = false;
}

/* What was told a last time, is forgotten, or is another program by now. */
static bool is_over(const struct process_detail *detail)
{
	return detail->last || !detail->process || strcmp(detail->executable, detail->process->executable);
}

static void detail_begin(struct process_details *details, struct process *process, struct workload *workload,
			 const struct detail_interval *interval)
{
	const struct container *container = owner_container(process->owner);
	struct process_detail *detail = calloc(1, sizeof(*detail));

	if (!detail)
		return;
	detail->process = process;
	detail->workload = workload;
	workload->references++;
	detail->tgid = process->key.tgid;
	strcpy(detail->executable, process->executable);
	if (container)
		strcpy(detail->container, container->id);
	detail->start_time = interval->since;
	process->detail = detail;
	DL_APPEND(details->list, detail);
}

/* ---- the interval ---- */

struct ranking {
	struct process **list;
	size_t count;
};

static int by_cpu(const void *a, const void *b)
{
	const struct process *left = *(struct process *const *)a, *right = *(struct process *const *)b;

	return left->cpu_growth < right->cpu_growth ? 1 : left->cpu_growth > right->cpu_growth ? -1 : 0;
}

static int by_memory(const void *a, const void *b)
{
	const struct process *left = *(struct process *const *)a, *right = *(struct process *const *)b;

	return left->memory < right->memory ? 1 : left->memory > right->memory ? -1 : 0;
}

/* Of all that are known to use something; those that lived in vain use nothing now. */
static bool rank(struct ranking *ranking, const struct process_details *details, struct process_table *table)
{
	*ranking = (struct ranking){ .list = calloc(HASH_COUNT(table->table) + 1, sizeof(struct process *)) };
	if (!ranking->list)
		return false;
	for (struct process *process = table->table; process; process = process->hh.next) {
		if (process->kernel || !process->sampled)
			continue;
		process->cpu_growth = take_growth(details, process);
		process->ranked = false;
		ranking->list[ranking->count++] = process;
	}
	return true;
}

/* One whose series end has its name in this batch once more. */
static bool has_series(const struct process_details *details, const struct process *process)
{
	const struct process_detail *detail;

	DL_FOREACH(details->list, detail) {
		if (detail->tgid == process->key.tgid)
			return true;
	}
	return false;
}

static void come_in(struct process_details *details, struct process *process, struct workloads *workloads,
		    const struct detail_interval *interval)
{
	struct workload *workload;

	if (process->dead || has_series(details, process) || owner_pending(process->owner, interval->now))
		return;
	workload = owner_workload(process->owner, workloads, interval->wall);
	if (workload)
		detail_begin(details, process, workload, interval);
}

static uint64_t use_of(const struct process *process, bool of_memory)
{
	return of_memory ? process->memory : process->cpu_growth;
}

static void choose(struct process_details *details, const struct ranking *ranking, bool of_memory,
		   struct workloads *workloads, const struct detail_interval *interval)
{
	qsort(ranking->list, ranking->count, sizeof(*ranking->list), of_memory ? by_memory : by_cpu);
	for (size_t i = 0; i < ranking->count && i < (size_t)STAY * interval->most; i++) {
		struct process *process = ranking->list[i];

		if (!use_of(process, of_memory))
			return;
		process->ranked = true;
		if (i < interval->most)
			come_in(details, process, workloads, interval);
	}
}

static void add_up(struct process_details *details, const struct ranking *ranking)
{
	details->rest_memory = 0;
	for (size_t i = 0; i < ranking->count; i++) {
		struct process *process = ranking->list[i];
		struct process_detail *detail = process->detail;

		if (detail && !detail->ended) {
			detail->cpu_time += process->cpu_growth;
			detail->memory = process->dead ? 0 : process->memory;
			detail->last = process->dead || !process->ranked;
		} else {
			details->rest_cpu_time += process->cpu_growth;
			details->rest_memory += process->dead ? 0 : process->memory;
		}
	}
}

static void tell_rest(struct process_details *details, struct workloads *workloads, uint64_t wall)
{
	if (!details->other) {
		details->other = workload_other(workloads, wall);
		if (!details->other)
			return;
		details->other->references++;
	}
	details->rest_ended = false;
	details->other->active_time = wall;
}

void process_details_interval(struct process_details *details, struct process_table *table,
			      struct workloads *workloads, const struct detail_interval *interval)
{
	struct process_detail *detail;
	struct ranking ranking;

	DL_FOREACH(details->list, detail)
		detail->ended = !interval->most || is_over(detail);
	if (!interval->most) {
		details->rest_ended = details->other;
		return;
	}
	if (!rank(&ranking, details, table))
		return;
	choose(details, &ranking, false, workloads, interval);
	choose(details, &ranking, true, workloads, interval);
	add_up(details, &ranking);
	tell_rest(details, workloads, interval->wall);
	free(ranking.list);
}

void process_details_told(struct process_details *details)
{
	struct process_detail *detail, *next;

	DL_FOREACH_SAFE(details->list, detail, next) {
		if (detail->ended)
			detail_remove(details, detail);
	}
	if (details->rest_ended)
		release_rest(details);
	details->rest_ended = false;
}
