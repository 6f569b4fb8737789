/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "replay.h"

#define TICK	100000000ULL	/* ns, as the collector's own */

/* What the model may ask of the host, and the capture answers: an executable or the path of a cgroup. */
struct fact_key {
	uint64_t id;		/* start of the process, or id of the cgroup */
	uint32_t number;	/* its pid, or the hierarchy */
	uint32_t kind;		/* enum document_kind */
};

struct replay_fact {
	UT_hash_handle hh;
	struct fact_key key;
	char *path;
};

enum { FACTS = 65536 };

/* ---- answers that wait ---- */

static void fact_remove(struct replay *replay, struct replay_fact *fact)
{
	HASH_DEL(replay->facts, fact);
	free(fact->path);
	free(fact);
}

static struct replay_fact *fact_find(const struct replay *replay, const struct fact_key *key)
{
	struct replay_fact *fact;

	HASH_FIND(hh, replay->facts, key, sizeof(*key), fact);
	return fact;
}

/* A later answer takes the place of one that was not asked for; beyond the bound the oldest goes. */
static void fact_add(struct replay *replay, const struct fact_key *key, const char *path)
{
	struct replay_fact *fact = fact_find(replay, key);

	if (!fact && HASH_COUNT(replay->facts) >= FACTS)
		fact = replay->facts;
	if (fact)
		fact_remove(replay, fact);
	fact = calloc(1, sizeof(*fact));
	if (!fact)
		return;
	fact->key = *key;
	fact->path = strdup(path);
	HASH_ADD(hh, replay->facts, key, sizeof(fact->key), fact);
	if (!TABLE_INSERTED(fact, hh)) {
		free(fact->path);
		free(fact);
	}
}

/* Each answer serves once, as it did when the capture was made. */
static int fact_take(struct replay *replay, const struct fact_key *key, char *path, size_t size)
{
	struct replay_fact *fact = fact_find(replay, key);
	int result = -ENOENT;

	if (!fact)
		return result;
	if (fact->path && strlen(fact->path) < size) {
		strcpy(path, fact->path);
		result = 0;
	}
	fact_remove(replay, fact);
	return result;
}

static int cgroup_path(void *context, uint32_t hierarchy, uint64_t id, int pid, char *path, size_t size)
{
	struct fact_key key = { .id = id, .number = hierarchy, .kind = DOCUMENT_CGROUP };

	(void)pid;
	return fact_take(context, &key, path, size);
}

static int executable_path(void *context, int pid, uint64_t start_boottime, char *path, size_t size)
{
	struct fact_key key = { .id = start_boottime, .number = (uint32_t)pid, .kind = DOCUMENT_EXECUTABLE };

	return fact_take(context, &key, path, size);
}

/* ---- beginning and end ---- */

int replay_new(struct replay **replay, uint64_t begun, uint64_t idle_age)
{
	struct model_config config = {
		.idle_age = idle_age, .cgroup_path = cgroup_path, .executable_path = executable_path,
		.start_time = begun,
	};
	struct replay *new = calloc(1, sizeof(*new));

	if (!new)
		return -ENOMEM;
	config.path_context = new;
	new->begun = begun;
	if (model_new(&config, &new->model)) {
		free(new);
		return -ENOMEM;
	}
	*replay = new;
	return 0;
}

void replay_free(struct replay *replay)
{
	struct replay_fact *fact, *next;

	if (!replay)
		return;
	HASH_ITER(hh, replay->facts, fact, next)
		fact_remove(replay, fact);
	model_free(replay->model);
	free(replay);
}

/* ---- time ---- */

static uint64_t wall_of(const struct replay *replay)
{
	uint64_t wall = hadal_clock_from_monotonic(&replay->model->clock, replay->now);

	return wall ? wall : replay->begun;
}

static void end_interval(struct replay *replay, bool all)
{
	uint64_t wall = wall_of(replay);

	replay->interval_since = replay->now;
	model_interval(replay->model, replay->now, wall, all);
	if (replay->interval)
		replay->interval(replay->context, replay, wall);
	model_interval_done(replay->model, replay->now);
}

static bool ends_dump(const struct hadal_record *record)
{
	return record->type == HADAL_RECORD_DUMP_END &&
	       ((const struct hadal_record_dump *)record)->what & HADAL_DUMP_CONNECTIONS;
}

/* A capture without snapshots has intervals too. */
static void pass_time(struct replay *replay, const struct hadal_record *record)
{
	uint64_t since = replay->now - replay->interval_since;

	if (replay->now >= replay->next_tick) {
		model_tick(replay->model, replay->now);
		replay->next_tick = replay->now + TICK;
	}
	if (since >= 2 * REPLAY_INTERVAL || (since >= REPLAY_INTERVAL && ends_dump(record)))
		end_interval(replay, false);
}

/* ---- what a capture has ---- */

static void add_lost(struct replay *replay, const struct hadal_record *record)
{
	const struct hadal_record_lost *lost = (const void *)record;

	if (record->type != HADAL_RECORD_LOST)
		return;
	for (unsigned int i = 0; i < HADAL_CLASS_SLOTS; i++)
		replay->lost[i] += lost->count[i];
}

void replay_record(struct replay *replay, const struct hadal_record *record)
{
	if (!replay->records++)
		replay->interval_since = record->time;
	if (record->time > replay->now)
		replay->now = record->time;
	add_lost(replay, record);
	model_record(replay->model, record);
	pass_time(replay, record);
}

static void take_host(struct replay *replay, const struct document_host *host)
{
	replay->host = *host;
	peers_set_host(&replay->model->peers, host->addresses, host->address_count, host->net_ns);
	if (host->ephemeral_high)
		model_set_ephemeral_ports(replay->model, (uint16_t)host->ephemeral_low,
					  (uint16_t)host->ephemeral_high);
}

static void take_executable(struct replay *replay, const struct document_executable *executable)
{
	struct fact_key key = {
		.id = executable->start_boottime, .number = executable->tgid, .kind = DOCUMENT_EXECUTABLE,
	};

	fact_add(replay, &key, executable->path);
}

static void take_cgroup(struct replay *replay, const struct document_cgroup *cgroup)
{
	struct fact_key key = { .id = cgroup->id, .number = cgroup->hierarchy, .kind = DOCUMENT_CGROUP };

	fact_add(replay, &key, cgroup->path);
}

static void take_configuration(struct replay *replay, const struct document_configuration *configuration)
{
	struct model *model = replay->model;

	replay->configured = true;
	peers_set_networks(&model->peers, configuration->networks, configuration->network_count);
	peers_set_balancers(&model->peers, configuration->balancers, configuration->balancer_count);
	proxies_set_kinds(&model->proxies, configuration->proxies, configuration->proxy_count,
			  configuration->proxy_executables, configuration->proxy_executable_count);
}

static void take_document(struct replay *replay, const struct document *document)
{
	switch (document->kind) {
	case DOCUMENT_HOST:
		take_host(replay, &document->host);
		break;
	case DOCUMENT_CONTAINER:
		containers_answer(&replay->model->containers, &document->container, replay->now);
		break;
	case DOCUMENT_EXECUTABLE:
		take_executable(replay, &document->executable);
		break;
	case DOCUMENT_CGROUP:
		take_cgroup(replay, &document->cgroup);
		break;
	case DOCUMENT_CONFIGURATION:
		take_configuration(replay, &document->configuration);
		break;
	case DOCUMENT_UNKNOWN:
		replay->documents_unknown++;
		break;
	}
}

/* What was named by one configuration is not to be mixed with what is by another. */
static int check_place(const struct replay *replay, const struct document *document, char *why)
{
	if (document->kind != DOCUMENT_CONFIGURATION || (!replay->records && !replay->configured))
		return 0;
	snprintf(why, DOCUMENT_ERROR_SIZE, "configuration: it is not the only one, or not in front of all records");
	return -EINVAL;
}

int replay_document(struct replay *replay, struct hadal_text text)
{
	char why[DOCUMENT_ERROR_SIZE];
	struct document document;

	replay->documents++;
	if (document_read(text.data, text.length, &document, why) || check_place(replay, &document, why)) {
		snprintf(replay->error, sizeof(replay->error), "document %" PRIu64 " of the capture: %s",
			 replay->documents, why);
		return -EINVAL;
	}
	take_document(replay, &document);
	return 0;
}

void replay_finish(struct replay *replay)
{
	end_interval(replay, true);
}

int replay_capture(struct replay *replay, struct hadal_capture_reader *capture)
{
	const struct hadal_record *record;
	struct hadal_text document;
	int item, result = 0;

	while (!result && (item = hadal_capture_next(capture, &record, &document)) != HADAL_CAPTURE_END) {
		if (item == HADAL_CAPTURE_RECORD)
			replay_record(replay, record);
		else
			result = item < 0 ? item : replay_document(replay, document);
	}
	replay_finish(replay);
	return result;
}
