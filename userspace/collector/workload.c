/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "workload.h"
#include "workload_info.h"

#define OTHER_KEY	"\n" WORKLOAD_OTHER

void workloads_init(struct workloads *workloads, unsigned int limit, struct counts *counts)
{
	*workloads = (struct workloads){ .limit = limit, .counts = counts };
}

static void workload_free(struct workload *workload)
{
	if (!workload)
		return;
	free(workload->key);
	free(workload->namespace);
	free(workload->name);
	free(workload->usage);
	free(workload->infos);
	free(workload->shipped);
	free(workload->given);
	free(workload);
}

/* @key: namespace, newline, name */
static struct workload *workload_new(const char *key, uint64_t since, uint64_t now)
{
	struct workload *workload = calloc(1, sizeof(*workload));
	const char *newline = strchr(key, '\n');

	if (!workload)
		return NULL;
	workload->key = strdup(key);
	workload->namespace = strndup(key, (size_t)(newline - key));
	workload->name = strdup(newline + 1);
	workload->start_time = since;
	workload->active_time = now;
	if (workload->key && workload->namespace && workload->name)
		return workload;
	workload_free(workload);
	return NULL;
}

static struct workload *workload_insert(struct workloads *workloads, const char *key, uint64_t now)
{
	struct workload *workload = workload_new(key, workloads->since, now);

	if (!workload)
		return NULL;
	HASH_ADD_KEYPTR(hh, workloads->table, workload->key, strlen(workload->key), workload);
	if (!TABLE_INSERTED(workload, hh)) {
		workload_free(workload);
		return NULL;
	}
	if (strcmp(key, OTHER_KEY) == 0)
		workloads->other = workload;
	return workload;
}

struct workload *workload_other(struct workloads *workloads, uint64_t now)
{
	return workloads->other ? workloads->other : workload_insert(workloads, OTHER_KEY, now);
}

static struct workload *one_too_many(struct workloads *workloads, uint64_t now)
{
	count(workloads->counts, COUNT_WORKLOADS_FULL);
	return workload_other(workloads, now);
}

/* Returns the end. */
static char *add_name(char *to, const char *name)
{
	const size_t length = strnlen(name, WORKLOAD_NAME_SIZE - 2);

	memcpy(to, name, length);
	return to + length;
}

struct workload *workload_get(struct workloads *workloads, const char *namespace, const char *name,
			      uint64_t now)
{
	char key[2 * WORKLOAD_NAME_SIZE], *end;
	struct workload *workload;

	end = add_name(key, namespace);
	*end++ = '\n';
	*add_name(end, name) = '\0';
	HASH_FIND_STR(workloads->table, key, workload);
	if (workload)
		return workload;
	if (HASH_COUNT(workloads->table) >= workloads->limit)
		return one_too_many(workloads, now);
	workload = workload_insert(workloads, key, now);
	return workload ? workload : one_too_many(workloads, now);
}

void workload_remove(struct workloads *workloads, struct workload *workload)
{
	if (workload == workloads->other)
		workloads->other = NULL;
	HASH_DEL(workloads->table, workload);
	workload_free(workload);
}

void workloads_free(struct workloads *workloads)
{
	struct workload *workload, *next;

	HASH_ITER(hh, workloads->table, workload, next)
		workload_remove(workloads, workload);
}

uint16_t workload_port(struct workload *workload, uint16_t port, uint16_t low, uint16_t high,
		       struct counts *counts)
{
	if (port < low || port > high)
		return port;
	for (unsigned int i = 0; i < workload->odd_port_count; i++) {
		if (workload->odd_ports[i] == port)
			return port;
	}
	if (workload->odd_port_count == WORKLOAD_PORTS) {
		count(counts, COUNT_PORTS_FULL);
		return 0;
	}
	workload->odd_ports[workload->odd_port_count++] = port;
	return port;
}

struct workload_usage *workload_usage(struct workload *workload)
{
	if (!workload->usage)
		workload->usage = calloc(1, sizeof(*workload->usage));
	return workload->usage;
}

struct workload_infos *workload_infos(struct workload *workload)
{
	if (!workload->infos)
		workload->infos = calloc(1, sizeof(*workload->infos));
	return workload->infos;
}

bool exits_empty(const struct exits *exits)
{
	static const struct exits empty;

	return memcmp(exits, &empty, sizeof(empty)) == 0;
}

void exits_add(struct exits *to, const struct exits *from)
{
	to->success += from->success;
	to->failure += from->failure;
	to->oom_killed += from->oom_killed;
	for (unsigned int i = 0; i < WORKLOAD_SIGNALS; i++)
		to->signal[i] += from->signal[i];
}
