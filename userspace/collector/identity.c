/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "identity.h"
#include "table.h"

/*
 * The agent answers 40 requests a second for all that ask it; this thread
 * takes at most a quarter. Source: ECS_TASK_METADATA_RPS_LIMIT.
 */
#define SPACING_NS	100000000L

/* s; the first wait for the agent doubles up to the other. */
enum { INSTANCE_RETRY_FIRST = 1, INSTANCE_RETRY = 60 };

struct job {
	struct identity_request request;
	struct identity_answer answer;
	struct job *prev, *next;
};

struct identity {
	struct lookup_sources sources;
	struct http *http;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	int event;
	atomic_bool stop;
	struct job *requests, *answers;	/* under lock, like what follows */
	unsigned int waiting;		/* jobs in either list */
	struct instance_facts instance;
	bool instance_known, instance_pending;
	time_t instance_next, instance_wait;	/* s; the thread's own */
};

static time_t seconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

/* Waits for a request, and no longer than until the instance is to be asked about again. */
static struct job *next_job(struct identity *identity)
{
	struct timespec until;
	struct job *job;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += identity->instance_wait;
	pthread_mutex_lock(&identity->lock);
	if (!identity->requests && !atomic_load(&identity->stop))
		pthread_cond_timedwait(&identity->wake, &identity->lock, &until);
	job = identity->requests;
	if (job)
		DL_DELETE(identity->requests, job);
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

static void ask_for_instance(struct identity *identity)
{
	struct instance_facts facts;
	enum identity_result result = ecs_metadata(identity->http, identity->sources.ecs_introspection, &facts);

	pthread_mutex_lock(&identity->lock);
	if (result == IDENTITY_FOUND)
		identity->instance = facts;
	/* Before it has registered, the agent does not know where it is. */
	identity->instance_known = result == IDENTITY_FOUND && facts.region[0];
	identity->instance_pending = !identity->instance_known && result != IDENTITY_NOT_FOUND;
	pthread_mutex_unlock(&identity->lock);
}

static void learn_instance(struct identity *identity)
{
	time_t now = seconds_now();

	if (identity->instance_known || !*identity->sources.ecs_introspection || now < identity->instance_next)
		return;
	ask_for_instance(identity);
	identity->instance_next = now + identity->instance_wait;
	identity->instance_wait = identity->instance_wait < INSTANCE_RETRY / 2 ? 2 * identity->instance_wait
										: INSTANCE_RETRY;
}

static void *run(void *context)
{
	static const struct timespec spacing = { .tv_nsec = SPACING_NS };
	struct identity *identity = context;
	struct job *job;

	while (!atomic_load(&identity->stop)) {
		learn_instance(identity);
		job = next_job(identity);
		if (!job)
			continue;
		lookup(identity->http, &identity->sources, &job->request, &job->answer);
		give_answer(identity, job);
		nanosleep(&spacing, NULL);
	}
	return NULL;
}

static int start_thread(struct identity *identity)
{
	pthread_condattr_t attributes;
	sigset_t all, before;
	int result;

	pthread_mutex_init(&identity->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&identity->wake, &attributes);
	pthread_condattr_destroy(&attributes);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	result = pthread_create(&identity->thread, NULL, run, identity);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -result;
}

static void destroy(struct identity *identity)
{
	struct job *job, *next;

	DL_FOREACH_SAFE(identity->requests, job, next)
		free(job);
	DL_FOREACH_SAFE(identity->answers, job, next)
		free(job);
	http_free(identity->http);
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
	new->instance_pending = *sources->ecs_introspection;
	new->instance_wait = INSTANCE_RETRY_FIRST;
	new->http = http_new(&new->stop);
	new->event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (!new->http)
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
		DL_APPEND(identity->requests, job);
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

bool identity_instance(struct identity *identity, struct instance_facts *facts)
{
	bool known;

	pthread_mutex_lock(&identity->lock);
	*facts = identity->instance;
	known = identity->instance_known;
	pthread_mutex_unlock(&identity->lock);
	return known;
}

bool identity_instance_pending(struct identity *identity)
{
	bool pending;

	pthread_mutex_lock(&identity->lock);
	pending = identity->instance_pending;
	pthread_mutex_unlock(&identity->lock);
	return pending;
}
