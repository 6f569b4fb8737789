/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

#include "clock.h"
#include "condition.h"
#include "errand.h"
#include "ship_policy.h"
#include "thread.h"

struct errand {
	const char *name;
	errand_fn run;
	void *context;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	atomic_bool stop;
	bool asked;	/* under lock */
};

static void wait_for(struct errand *errand, int64_t milliseconds)
{
	uint64_t until = now_ns() + (uint64_t)milliseconds * 1000000;
	struct timespec time = { .tv_sec = (time_t)(until / 1000000000), .tv_nsec = (long)(until % 1000000000) };
	int result = 0;

	pthread_mutex_lock(&errand->lock);
	while (!errand->asked && !atomic_load(&errand->stop) && result != ETIMEDOUT) {
		if (milliseconds == ERRAND_NEVER)
			pthread_cond_wait(&errand->wake, &errand->lock);
		else
			result = pthread_cond_timedwait(&errand->wake, &errand->lock, &time);
	}
	errand->asked = false;
	pthread_mutex_unlock(&errand->lock);
}

static void *work(void *context)
{
	struct errand *errand = context;

	pthread_setname_np(pthread_self(), errand->name);
	while (!atomic_load(&errand->stop))
		wait_for(errand, errand->run(errand->context, &errand->stop));
	return NULL;
}

static int start_thread(struct errand *errand)
{
	pthread_mutex_init(&errand->lock, NULL);
	condition_init(&errand->wake);
	return thread_start(&errand->thread, work, errand);
}

static void free_errand(struct errand *errand)
{
	pthread_mutex_destroy(&errand->lock);
	pthread_cond_destroy(&errand->wake);
	free(errand);
}

int errand_start(const char *name, errand_fn run, void *context, struct errand **errand)
{
	struct errand *new = calloc(1, sizeof(*new));
	int result;

	if (!new)
		return -ENOMEM;
	*new = (struct errand){ .name = name, .run = run, .context = context };
	*errand = new;
	result = start_thread(new);
	if (!result)
		return 0;
	free_errand(new);
	*errand = NULL;
	return result;
}

void errand_ask(struct errand *errand)
{
	pthread_mutex_lock(&errand->lock);
	errand->asked = true;
	pthread_cond_signal(&errand->wake);
	pthread_mutex_unlock(&errand->lock);
}

void errand_stop(struct errand *errand)
{
	if (!errand)
		return;
	pthread_mutex_lock(&errand->lock);
	atomic_store(&errand->stop, true);
	pthread_cond_signal(&errand->wake);
	pthread_mutex_unlock(&errand->lock);
	pthread_join(errand->thread, NULL);
	free_errand(errand);
}

static uint32_t random_number(void)
{
	uint32_t number = 0;

	if (getrandom(&number, sizeof(number), 0) != sizeof(number))
		number = UINT32_MAX / 2;
	return number;
}

uint64_t errand_between(uint64_t least, uint64_t most)
{
	return least + random_number() % (most - least + 1);
}

int64_t errand_back_off(unsigned int failures, uint64_t first, uint64_t most)
{
	return hadal_backoff_ms((unsigned int)first, (unsigned int)most, failures, random_number());
}
