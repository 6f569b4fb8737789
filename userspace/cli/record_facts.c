/* SPDX-License-Identifier: MIT */
#include "record_facts.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <hadal/cgroup.h>

#include "clock.h"
#include "config.h"
#include "document.h"
#include "identity.h"
#include "model.h"
#include "procfs.h"

#define SECOND		1000000000ULL
#define TICK		(SECOND / 10)
#define INTERVAL	(10 * SECOND)
#define ANSWER_TIME	(5 * SECOND)	/* what is not known by then is left out */

struct record_facts {
	struct hadal_capture_writer *writer;
	struct model *model;
	struct identity *identity;
	struct document_host host;	/* as it was written last */
	uint64_t next_tick, next_interval;	/* ns, CLOCK_MONOTONIC */
	unsigned int asked;		/* and not answered yet */
	int failure;			/* -errno of writing */
};

/* ---- documents ---- */

static void write_document(struct record_facts *facts, const struct document *document)
{
	char *text = document_write(document);
	int result = text ? hadal_capture_add_document(facts->writer, text, strlen(text)) : -ENOMEM;

	free(text);
	if (!facts->failure)
		facts->failure = result;
}

static int find_cgroup_path(void *context, uint32_t hierarchy, uint64_t id, int pid, char *path, size_t size)
{
	struct document document = { .kind = DOCUMENT_CGROUP };
	int result = hadal_cgroup_path(hierarchy, id, pid, path, size);

	if (result)
		return result;
	document.cgroup.hierarchy = hierarchy;
	document.cgroup.id = id;
	snprintf(document.cgroup.path, sizeof(document.cgroup.path), "%s", path);
	write_document(context, &document);
	return 0;
}

static int find_executable(void *context, int pid, uint64_t start_boottime, char *path, size_t size)
{
	struct document document = { .kind = DOCUMENT_EXECUTABLE };
	int result = procfs_executable(pid, start_boottime, path, size);

	if (result)
		return result;
	document.executable.tgid = (uint32_t)pid;
	document.executable.start_boottime = start_boottime;
	snprintf(document.executable.path, sizeof(document.executable.path), "%s", path);
	write_document(context, &document);
	return 0;
}

/* Tasks know the zone that the instance is in. */
static void learn_zone(const struct model *model, char *zone, size_t size)
{
	const struct task *task;

	for (task = model->containers.tasks; task && !*zone; task = task->hh.next)
		snprintf(zone, size, "%s", task->facts.zone);
}

static void describe_host(struct record_facts *facts, struct document_host *host)
{
	uint16_t low = 0, high = 0;
	struct instance_facts instance;

	memset(host, 0, sizeof(*host));
	machine_id(host->id);
	if (gethostname(host->name, sizeof(host->name) - 1))
		host->name[0] = '\0';
	if (identity_instance(facts->identity, &instance)) {
		snprintf(host->cloud_account, sizeof(host->cloud_account), "%s", instance.account);
		snprintf(host->cloud_region, sizeof(host->cloud_region), "%s", instance.region);
	}
	learn_zone(facts->model, host->cloud_zone, sizeof(host->cloud_zone));
	procfs_ephemeral_ports(&low, &high);
	host->ephemeral_low = low;
	host->ephemeral_high = high;
	host->net_ns = procfs_net_ns();
	host->address_count = interface_addresses(host->addresses, PEERS_HOST_ADDRESSES);
}

static void write_host_if_new(struct record_facts *facts)
{
	struct document document;

	memset(&document, 0, sizeof(document));
	document.kind = DOCUMENT_HOST;
	describe_host(facts, &document.host);
	if (memcmp(&document.host, &facts->host, sizeof(facts->host)) == 0)
		return;
	facts->host = document.host;
	write_document(facts, &document);
}

static void write_configuration(struct record_facts *facts, const struct config *config)
{
	struct document document;
	struct document_configuration *to = &document.configuration;

	memset(&document, 0, sizeof(document));
	document.kind = DOCUMENT_CONFIGURATION;
	_Static_assert(sizeof(to->networks) == sizeof(config->networks) &&
		       sizeof(to->balancers) == sizeof(config->balancers), "what can be configured fits");
	memcpy(to->networks, config->networks, sizeof(to->networks));
	to->network_count = config->network_count;
	memcpy(to->balancers, config->balancers, sizeof(to->balancers));
	to->balancer_count = config->balancer_count;
	memcpy(to->proxies, config->proxies, sizeof(to->proxies));
	to->proxy_count = config->proxy_count;
	memcpy(to->proxy_executables, config->proxy_executables, sizeof(to->proxy_executables));
	to->proxy_executable_count = config->proxy_executable_count;
	write_document(facts, &document);
}

/* ---- containers ---- */

static void take_answers(struct record_facts *facts)
{
	struct document document = { .kind = DOCUMENT_CONTAINER };
	uint64_t now = clock_ns(CLOCK_MONOTONIC);

	while (identity_take(facts->identity, &document.container)) {
		facts->asked--;
		containers_answer(&facts->model->containers, &document.container, now);
		/* A source that did not answer has told nothing. */
		if (document.container.container != IDENTITY_UNAVAILABLE ||
		    document.container.task != IDENTITY_UNAVAILABLE)
			write_document(facts, &document);
	}
}

static void ask(struct record_facts *facts)
{
	uint64_t now = clock_ns(CLOCK_MONOTONIC);
	struct identity_request request;

	while (containers_next_request(&facts->model->containers, now, &request)) {
		if (identity_ask(facts->identity, &request)) {
			containers_unasked(&facts->model->containers, request.container_id, now);
			return;
		}
		facts->asked++;
	}
}

/* ---- the recording ---- */

static int open_model(struct record_facts *facts)
{
	struct model_config config = {
		.cgroup_path = find_cgroup_path, .executable_path = find_executable, .path_context = facts,
	};

	return model_new(&config, &facts->model);
}

static int start(struct record_facts *facts, const struct config *config)
{
	static const struct lookup_sources sources = {
		.docker_socket = LOOKUP_DOCKER_SOCKET,
		.ecs_introspection = LOOKUP_ECS_INTROSPECTION,
		.ecs_task_metadata = LOOKUP_ECS_TASK_METADATA,
	};
	int result = open_model(facts);

	if (!result)
		result = identity_start(&sources, &facts->identity);
	if (result)
		return result;
	facts->next_interval = clock_ns(CLOCK_MONOTONIC) + INTERVAL;
	write_configuration(facts, config);
	write_host_if_new(facts);
	return facts->failure;
}

int record_facts_new(struct record_facts **facts, struct hadal_capture_writer *writer, const struct config *config)
{
	struct record_facts *new = calloc(1, sizeof(*new));
	int result;

	if (!new)
		return -ENOMEM;
	new->writer = writer;
	result = start(new, config);
	if (result)
		record_facts_free(new);
	else
		*facts = new;
	return result;
}

void record_facts_free(struct record_facts *facts)
{
	if (!facts)
		return;
	identity_stop(facts->identity);
	model_free(facts->model);
	free(facts);
}

int record_facts_take(struct record_facts *facts, const struct hadal_record *record)
{
	model_record(facts->model, record);
	return facts->failure;
}

/* Nobody reads what adds up here: an interval empties the tables, and asks again what is not known. */
static void end_interval(struct record_facts *facts, uint64_t now)
{
	facts->next_interval = now + INTERVAL;
	write_host_if_new(facts);
	model_interval(facts->model, now, clock_ns(CLOCK_REALTIME), true);
	model_interval_done(facts->model, now);
}

int record_facts_step(struct record_facts *facts)
{
	uint64_t now = clock_ns(CLOCK_MONOTONIC);

	if (now >= facts->next_tick) {
		facts->next_tick = now + TICK;
		model_tick(facts->model, now);
		take_answers(facts);
		ask(facts);
	}
	if (now >= facts->next_interval)
		end_interval(facts, now);
	return facts->failure;
}

static bool is_waited_for(const struct record_facts *facts)
{
	const struct container *container;

	if (facts->asked)
		return true;
	for (container = facts->model->containers.table; container; container = container->hh.next) {
		if (container->state == CONTAINER_WANTED && !container->attempts)
			return true;
	}
	return false;
}

int record_facts_finish(struct record_facts *facts)
{
	struct pollfd answers = { .fd = identity_fd(facts->identity), .events = POLLIN };
	uint64_t limit = clock_ns(CLOCK_MONOTONIC) + ANSWER_TIME;

	ask(facts);
	while (is_waited_for(facts) && !facts->failure && clock_ns(CLOCK_MONOTONIC) < limit) {
		if (poll(&answers, 1, 100) < 0 && errno != EINTR)
			return -errno;
		take_answers(facts);
		ask(facts);
	}
	write_host_if_new(facts);
	return facts->failure;
}

unsigned int record_facts_unnamed(const struct record_facts *facts)
{
	const struct container *container;
	unsigned int count = 0;

	for (container = facts->model->containers.table; container; container = container->hh.next)
		count += !container->named && !(container->task && container->task->complete);
	return count;
}
