/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "condition.h"
#include "identity.h"
#include "imds.h"
#include "table.h"
#include "thread.h"

/*
 * The agent answers 40 requests a second for all that ask it; this thread
 * takes at most a quarter. Source: ECS_TASK_METADATA_RPS_LIMIT.
 */
#define SPACING_NS	100000000L

/* Of so many look-ups, while both wait, one is of a container that was asked about before. */
enum { AGAIN_EACH = 4 };

/*
 * s; the first wait doubles up to one of the others. An agent may come at any
 * time; a host that is no instance of EC2 does not become one.
 */
enum { INSTANCE_RETRY_FIRST = 1, AGENT_RETRY = 60, EC2_RETRY = 3600 };

/* s; to find that EC2 is not there may take as long as IMDS_TIMEOUT twice, and containers wait meanwhile. */
enum { EC2_ABSENT = 60 };

/* Who is asked what this instance is, until he has told. */
struct teller {
	struct instance_facts facts;	/* under lock, with the next two */
	bool known, pending;		/* pending: it is there, and may tell soon */
	time_t next, wait, absent, longest;	/* s; the thread's own. absent: the least wait for who is not there */
};

struct job {
	struct identity_request request;
	struct identity_answer answer;
	struct job *prev, *next;
};

struct identity {
	struct lookup_sources sources;
	struct http *http;
	struct ecs_api *api;	/* NULL: off */
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	int event;
	atomic_bool stop;
	struct job *first, *again, *answers;	/* under lock, like what follows; first and again are requests */
	unsigned int waiting;		/* jobs in all lists */
	unsigned int turn;		/* of those that were taken while both waited */
	struct teller agent, ec2;
};

static uint64_t milliseconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static time_t seconds_now(void)
{
	return (time_t)(milliseconds_now() / 1000);
}

/*
 * Where a source is slow, what was not answered comes again and again. Who was never asked about goes first: else
 * containers that have just begun would wait behind those that nobody can tell of. But not always: else where
 * containers begin as fast as can be asked, whom a source has failed once would stay unknown.
 */
static struct job *take_request(struct identity *identity)
{
	bool again = identity->again && (!identity->first || ++identity->turn % AGAIN_EACH == 0);
	struct job **list = again ? &identity->again : &identity->first;
	struct job *job = *list;

	if (job)
		DL_DELETE(*list, job);
	return job;
}

/* When somebody is to be asked again, ms. */
static uint64_t next_turn(const struct identity *identity)
{
	time_t agent = identity->agent.known ? AGENT_RETRY : identity->agent.wait;
	time_t ec2 = identity->ec2.known ? AGENT_RETRY : identity->ec2.wait;
	uint64_t instance = milliseconds_now() + (uint64_t)(agent < ec2 ? agent : ec2) * 1000;
	uint64_t api = identity->api ? ecs_api_due(identity->api) : UINT64_MAX;

	return api < instance ? api : instance;
}

/* Waits for a request, and no longer than until something else is to be asked for. */
static struct job *next_job(struct identity *identity)
{
	uint64_t turn = next_turn(identity);
	struct timespec until = { .tv_sec = (time_t)(turn / 1000), .tv_nsec = (long)(turn % 1000) * 1000000 };
	struct job *job;

	pthread_mutex_lock(&identity->lock);
	if (!identity->first && !identity->again && !atomic_load(&identity->stop))
		pthread_cond_timedwait(&identity->wake, &identity->lock, &until);
	job = take_request(identity);
	pthread_mutex_unlock(&identity->lock);
	return job;
}

static void give_answer(struct identity *identity, struct job *job)
{
	static const uint64_t one = 1;

	pthread_mutex_lock(&identity->lock);
	DL_APPEND(identity->answers, job);
	pthread_mutex_unlock(&identity->lock);
	if (write(identity->event, &one, sizeof(one)) < 0)
		return;	/* the counter is at its top: the reader is woken anyhow */
}

static bool has(const char *source)
{
	return source && *source;
}

/* Before it has registered, the agent does not know where it is. */
static enum identity_result ask_agent(struct identity *identity, struct instance_facts *facts)
{
	if (!has(identity->sources.ecs_introspection))
		return IDENTITY_NOT_FOUND;
	return ecs_metadata(identity->http, identity->sources.ecs_introspection, facts);
}

/* By IPv4, and where nobody is there by IPv6. */
static enum identity_result ask_ec2(struct identity *identity, struct instance_facts *facts)
{
	const struct lookup_sources *sources = &identity->sources;
	enum identity_result result = IDENTITY_NOT_FOUND;

	if (has(sources->ec2_metadata))
		result = imds_instance(identity->http, sources->ec2_metadata, facts);
	if (result == IDENTITY_NOT_FOUND && has(sources->ec2_metadata_ipv6))
		result = imds_instance(identity->http, sources->ec2_metadata_ipv6, facts);
	return result;
}

static void learn_from(struct identity *identity, struct teller *teller,
		       enum identity_result (*ask)(struct identity *identity, struct instance_facts *facts))
{
	time_t now = seconds_now();
	enum identity_result result;
	struct instance_facts facts;

	if (teller->known || now < teller->next)
		return;
	result = ask(identity, &facts);
	pthread_mutex_lock(&identity->lock);
	if (result == IDENTITY_FOUND)
		teller->facts = facts;
	teller->known = result == IDENTITY_FOUND && facts.region[0];
	teller->pending = !teller->known && result != IDENTITY_NOT_FOUND;
	pthread_mutex_unlock(&identity->lock);
	if (result == IDENTITY_NOT_FOUND && teller->wait < teller->absent)
		teller->wait = teller->absent;
	teller->next = now + teller->wait;
	teller->wait = teller->wait < teller->longest / 2 ? 2 * teller->wait : teller->longest;
}

static void look_up(struct identity *identity, struct job *job)
{
	struct instance_facts instance;

	lookup(identity->http, &identity->sources, &job->request, &job->answer);
	if (!identity->api)
		return;
	identity_instance(identity, &instance);
	lookup_by_api(identity->api, &instance, &job->request, milliseconds_now(), &job->answer);
}

static void *run(void *context)
{
	static const struct timespec spacing = { .tv_nsec = SPACING_NS };
	struct identity *identity = context;
	struct job *job;

	while (!atomic_load(&identity->stop)) {
		learn_from(identity, &identity->agent, ask_agent);
		learn_from(identity, &identity->ec2, ask_ec2);
		if (identity->api)
			ecs_api_turn(identity->api, milliseconds_now());
		job = next_job(identity);
		if (!job)
			continue;
		look_up(identity, job);
		give_answer(identity, job);
		nanosleep(&spacing, NULL);
	}
	return NULL;
}

static int start_thread(struct identity *identity)
{
	pthread_mutex_init(&identity->lock, NULL);
	condition_init(&identity->wake);
	return thread_start(&identity->thread, run, identity);
}

static void destroy(struct identity *identity)
{
	struct job *job, *next;

	DL_FOREACH_SAFE(identity->first, job, next)
		free(job);
	DL_FOREACH_SAFE(identity->again, job, next)
		free(job);
	DL_FOREACH_SAFE(identity->answers, job, next)
		free(job);
	http_free(identity->http);
	ecs_api_free(identity->api);
	if (identity->event >= 0)
		close(identity->event);
	free(identity);
}

int identity_start(const struct lookup_sources *sources, struct identity **identity)
{
	struct identity *new = calloc(1, sizeof(*new));
	int result;

	if (!new)
		return -ENOMEM;
	new->sources = *sources;
	new->agent = (struct teller){ .pending = has(sources->ecs_introspection), .wait = INSTANCE_RETRY_FIRST,
				      .longest = AGENT_RETRY };
	new->ec2 = (struct teller){ .pending = has(sources->ec2_metadata) || has(sources->ec2_metadata_ipv6),
				    .wait = INSTANCE_RETRY_FIRST, .absent = EC2_ABSENT, .longest = EC2_RETRY };
	new->http = http_new(&new->stop);
	new->event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (sources->ecs_api.on)
		new->api = ecs_api_new(&sources->ecs_api, &new->stop);
	if (!new->http || (sources->ecs_api.on && !new->api))
		result = -ENOMEM;
	else if (new->event < 0)
		result = -errno;
	else
		result = start_thread(new);
	if (result)
		destroy(new);
	else
		*identity = new;
	return result;
}

void identity_stop(struct identity *identity)
{
	if (!identity)
		return;
	pthread_mutex_lock(&identity->lock);
	atomic_store(&identity->stop, true);
	pthread_cond_signal(&identity->wake);
	pthread_mutex_unlock(&identity->lock);
	pthread_join(identity->thread, NULL);
	pthread_mutex_destroy(&identity->lock);
	pthread_cond_destroy(&identity->wake);
	destroy(identity);
}

int identity_fd(const struct identity *identity)
{
	return identity->event;
}

int identity_ask(struct identity *identity, const struct identity_request *request)
{
	struct job *job = calloc(1, sizeof(*job));
	int result = 0;

	if (!job)
		return -ENOBUFS;
	job->request = *request;
	pthread_mutex_lock(&identity->lock);
	if (identity->waiting < IDENTITY_QUEUE) {
		identity->waiting++;
		if (request->again)
			DL_APPEND(identity->again, job);
		else
			DL_APPEND(identity->first, job);
		pthread_cond_signal(&identity->wake);
	} else {
		result = -ENOBUFS;
	}
	pthread_mutex_unlock(&identity->lock);
	if (result)
		free(job);
	return result;
}

bool identity_take(struct identity *identity, struct identity_answer *answer)
{
	struct job *job;
	uint64_t value;

	pthread_mutex_lock(&identity->lock);
	job = identity->answers;
	if (job) {
		DL_DELETE(identity->answers, job);
		identity->waiting--;
	} else if (read(identity->event, &value, sizeof(value)) < 0) {
		value = 0;	/* nothing was written since */
	}
	pthread_mutex_unlock(&identity->lock);
	if (!job)
		return false;
	*answer = job->answer;
	free(job);
	return true;
}

/* Both tell the same of what both tell. */
static void merge(struct instance_facts *facts, const struct instance_facts *more)
{
	if (!facts->account[0])
		memcpy(facts->account, more->account, sizeof(facts->account));
	if (!facts->region[0])
		memcpy(facts->region, more->region, sizeof(facts->region));
	memcpy(facts->instance, more->instance, sizeof(facts->instance));
	memcpy(facts->zone, more->zone, sizeof(facts->zone));
	memcpy(facts->type, more->type, sizeof(facts->type));
	memcpy(facts->image, more->image, sizeof(facts->image));
}

bool identity_instance(struct identity *identity, struct instance_facts *facts)
{
	bool known;

	pthread_mutex_lock(&identity->lock);
	*facts = identity->agent.facts;
	merge(facts, &identity->ec2.facts);
	known = identity->agent.known || identity->ec2.known;
	pthread_mutex_unlock(&identity->lock);
	return known;
}

bool identity_instance_pending(struct identity *identity)
{
	bool pending;

	pthread_mutex_lock(&identity->lock);
	pending = identity->ec2.pending || (identity->agent.pending && !identity->ec2.known);
	pthread_mutex_unlock(&identity->lock);
	return pending;
}
