/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "container.h"

#define SECOND 1000000000ULL

enum {
	NOT_FOUND_ATTEMPTS = 3,		/* a runtime may be slow to know its newest */
	BACKOFF_DOUBLINGS = 8,		/* 256 s */
};

void containers_init(struct containers *containers, unsigned int limit, uint64_t wait, struct counts *counts)
{
	*containers = (struct containers){ .limit = limit, .wait = wait, .counts = counts, .usage = { .counts = counts } };
}

struct container *container_find(const struct containers *containers, const char *id)
{
	struct container *container;

	HASH_FIND_STR(containers->table, id, container);
	return container;
}

struct container *container_get(struct containers *containers, const char *id, uint64_t now)
{
	struct container *container = container_find(containers, id);

	if (container)
		return container;
	if (HASH_COUNT(containers->table) < containers->limit)
		container = calloc(1, sizeof(*container));
	if (!container) {
		count(containers->counts, COUNT_CONTAINERS_FULL);
		return NULL;
	}
	snprintf(container->id, sizeof(container->id), "%s", id);
	container->next_attempt = now;
	container->deadline = now + containers->wait;
	container->unused_since = now;
	HASH_ADD_STR(containers->table, id, container);
	if (!TABLE_INSERTED(container, hh)) {
		count(containers->counts, COUNT_CONTAINERS_FULL);
		free(container);
		return NULL;
	}
	return container;
}

static struct task *task_get(struct containers *containers, const char *id)
{
	struct task *task;

	HASH_FIND_STR(containers->tasks, id, task);
	if (task)
		return task;
	if (HASH_COUNT(containers->tasks) < containers->limit)
		task = calloc(1, sizeof(*task));
	if (!task) {
		count(containers->counts, COUNT_TASKS_FULL);
		return NULL;
	}
	snprintf(task->id, sizeof(task->id), "%s", id);
	HASH_ADD_STR(containers->tasks, id, task);
	if (!TABLE_INSERTED(task, hh)) {
		count(containers->counts, COUNT_TASKS_FULL);
		free(task);
		return NULL;
	}
	return task;
}

void container_in_task(struct containers *containers, struct container *container, const char *task_id)
{
	struct task *task;

	if (!*task_id || (container->task && strcmp(container->task->id, task_id) == 0))
		return;
	task = task_get(containers, task_id);
	if (!task)
		return;
	if (container->task)
		container->task->references--;
	container->task = task;
	task->references++;
}

bool container_has_ended(const struct container *container)
{
	return container->references == container->removed;
}

bool container_is_pause(const struct container *container)
{
	return strcmp(container->facts.name_in_task, "~internal~ecs~pause") == 0 ||
	       strcmp(container->executable, "pause") == 0;
}

bool container_pending(const struct container *container, uint64_t now)
{
	if (container->state == CONTAINER_KNOWN || now >= container->deadline)
		return false;
	return !container->task || !container->task->complete;
}

bool containers_next_request(struct containers *containers, uint64_t now, struct identity_request *request)
{
	struct container *container, *next;

	HASH_ITER(hh, containers->table, container, next) {
		if (container->state != CONTAINER_WANTED || now < container->next_attempt)
			continue;
		container->state = CONTAINER_ASKED;
		*request = (struct identity_request){ .pid = container->pid };
		strcpy(request->container_id, container->id);
		request->in_task = container->task != NULL;
		if (container->task)
			strcpy(request->task_id, container->task->id);
		request->task_known = container->task && container->task->complete;
		request->again = container->attempts > 0;
		return true;
	}
	return false;
}

static void ask_again(struct container *container, uint64_t now)
{
	unsigned int doublings = container->attempts < BACKOFF_DOUBLINGS ? container->attempts : BACKOFF_DOUBLINGS;

	container->state = CONTAINER_WANTED;
	container->next_attempt = now + (SECOND << doublings);
	container->attempts++;
}

void containers_unasked(struct containers *containers, const char *id, uint64_t now)
{
	struct container *container = container_find(containers, id);

	count(containers->counts, COUNT_LOOKUPS_FULL);
	if (container)
		ask_again(container, now);
}

void containers_unanswered(struct containers *containers, uint64_t now)
{
	struct container *container, *next;

	HASH_ITER(hh, containers->table, container, next) {
		if (container->state != CONTAINER_ASKED)
			continue;
		container->state = CONTAINER_WANTED;
		container->next_attempt = now;
	}
}

#define TAKE(to, from)                            \
	do {                                      \
		if (*(from))                      \
			memcpy(to, from, sizeof(to)); \
	} while (0)

void task_learn(struct task_facts *to, const struct task_facts *from)
{
	TAKE(to->arn, from->arn);
	TAKE(to->family, from->family);
	TAKE(to->revision, from->revision);
	TAKE(to->cluster, from->cluster);
	TAKE(to->service, from->service);
	TAKE(to->zone, from->zone);
	if (!from->address_count)
		return;
	memcpy(to->addresses, from->addresses, sizeof(to->addresses));
	to->address_count = from->address_count;
}

static void learn_task(struct containers *containers, struct container *container,
		       const struct identity_answer *answer)
{
	char task_id[HADAL_TASK_ID_SIZE];

	task_id_of_arn(answer->facts.task.arn, task_id);
	container_in_task(containers, container, task_id);
	if (!container->task)
		return;
	task_learn(&container->task->facts, &answer->facts.task);
	if (answer->task == IDENTITY_FOUND)
		container->task->complete = true;
}

/* Whether there is nothing more to be learnt by asking again. */
static bool answered(const struct container *container, const struct identity_answer *answer)
{
	if (container->task && container->task->complete)
		return true;
	if (answer->container == IDENTITY_FOUND)
		return answer->task == IDENTITY_NOT_FOUND;
	return !container->task && answer->container == IDENTITY_NOT_FOUND && container->attempts >= NOT_FOUND_ATTEMPTS;
}

void containers_answer(struct containers *containers, const struct identity_answer *answer, uint64_t now)
{
	struct container *container = container_find(containers, answer->container_id);

	if (answer->full)
		count(containers->counts, COUNT_LOOKUPS_FULL);
	if (!container)
		return;
	if (answer->container == IDENTITY_FOUND) {
		container->facts = answer->facts;
		container->named = true;
	}
	if (answer->container == IDENTITY_FOUND || answer->task == IDENTITY_FOUND)
		learn_task(containers, container, answer);
	if (answered(container, answer))
		container->state = CONTAINER_KNOWN;
	else
		ask_again(container, now);
}

static void container_remove(struct containers *containers, struct container *container)
{
	if (container->task)
		container->task->references--;
	HASH_DEL(containers->table, container);
	usage_free(container->usage);
	free(container);
}

void containers_sweep(struct containers *containers, uint64_t now, uint64_t age)
{
	struct container *container, *next;
	struct task *task, *next_task;

	HASH_ITER(hh, containers->table, container, next) {
		if (container->references)
			container->unused_since = now;
		else if (now - container->unused_since >= age)
			container_remove(containers, container);
	}
	HASH_ITER(hh, containers->tasks, task, next_task) {
		if (task->references)
			continue;
		HASH_DEL(containers->tasks, task);
		usage_free(task->usage);
		free(task);
	}
}

void containers_free(struct containers *containers)
{
	struct container *container, *next;

	HASH_ITER(hh, containers->table, container, next)
		container_remove(containers, container);
	containers_sweep(containers, 0, 0);
}

const char *cluster_name(const char *text)
{
	const char *slash = strrchr(text, '/');

	return strncmp(text, "arn:", 4) == 0 && slash ? slash + 1 : text;
}

bool is_task_id(const char *id)
{
	size_t length = strspn(id, "0123456789abcdef-");

	return length && length < HADAL_TASK_ID_SIZE && !id[length];
}

void task_id_of_arn(const char *arn, char id[HADAL_TASK_ID_SIZE])
{
	const char *slash = strrchr(arn, '/');

	id[0] = '\0';
	if (slash && is_task_id(slash + 1))
		strcpy(id, slash + 1);
}
