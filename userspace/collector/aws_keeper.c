/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws_keeper.h"
#include "clock.h"
#include "errand.h"
#include "kept_texts.h"
#include "log.h"

enum {
	LOOK_AGAIN = 60000,	/* ms, as clocks may be set */
	SAME_CLOCK = 4,		/* s between a service's Date and its answer's arrival */
};

struct aws_keeper {
	struct aws_credential_sources sources;
	struct kept_texts texts;	/* of these */
	struct errand *errand;
	pthread_mutex_t lock;	/* of all that follows */
	struct aws_credentials credentials;
	uint64_t number;	/* of them; 0: there were none yet */
	uint64_t got;		/* ms, CLOCK_MONOTONIC */
	time_t early;		/* s: so long before they end others are got */
	uint64_t keep;		/* ms that they are kept, where their end is not known */
	bool refused;
	uint64_t replaced;	/* ms, CLOCK_MONOTONIC: when refused ones were replaced last; 0: never */
	unsigned int failures;	/* to get any, in a row */
	int64_t clock_offset;	/* s that AWS's clock is ahead */
	char error[AWS_ERROR_SIZE];
};

static time_t now_at_aws(const struct aws_keeper *keeper)
{
	return time(NULL) + keeper->clock_offset;
}

/* ms until others are to be got. */
static uint64_t due_in(const struct aws_keeper *keeper)
{
	const struct aws_credentials *kept = &keeper->credentials;
	uint64_t age = now_ms() - keeper->got, least = kept->expires ? AWS_RETRY_FIRST : keeper->keep;
	time_t left = kept->expires - now_at_aws(keeper);

	if (!keeper->number || keeper->refused || keeper->failures)
		return 0;
	if (kept->expires && left > keeper->early)
		return (uint64_t)(left - keeper->early) * 1000;
	return age < least ? least - age : 0;
}

static time_t choose_early(time_t left)
{
	time_t early = (time_t)errand_between(AWS_RENEW_BEFORE, AWS_RENEW_BEFORE + AWS_RENEW_SPREAD);

	return early < left / 2 ? early : left / 2;
}

/* Those that seem to have ended may not have: it may be the clock. The service knows, and then so does the keeper. */
static void take(struct aws_keeper *keeper, const struct aws_credentials *found)
{
	time_t left = found->expires - now_at_aws(keeper);

	keeper->credentials = *found;
	keeper->number++;
	keeper->got = now_ms();
	keeper->keep = found->expires ? AWS_RETRY_MAX : AWS_KEEP_UNKNOWN * 1000;
	if (left <= 0)
		keeper->credentials.expires = 0;
	keeper->early = choose_early(left);
	keeper->refused = false;
	strcpy(keeper->error, "those that were got have ended");
	if (keeper->failures)
		log_line(LOG_PRIORITY_INFO, "AWS's credentials: there are some again");
	keeper->failures = 0;
}

/* Each kind of failure once, until it goes well again. */
static void note_failure(struct aws_keeper *keeper, const char *error)
{
	if (!keeper->failures++ || strcmp(keeper->error, error))
		log_line(LOG_PRIORITY_WARNING, "AWS's credentials: %s", error);
	snprintf(keeper->error, sizeof(keeper->error), "%s", error);
}

static bool renew(struct aws_keeper *keeper, const atomic_bool *stop)
{
	struct http *http = http_new(stop);
	struct aws_credentials found;
	char error[AWS_ERROR_SIZE] = "no memory";
	int result = http ? aws_get_credentials(http, &keeper->sources, &found, error) : -ENOMEM;

	http_free(http);
	if (atomic_load(stop))
		return true;
	pthread_mutex_lock(&keeper->lock);
	if (result)
		note_failure(keeper, error);
	else
		take(keeper, &found);
	pthread_mutex_unlock(&keeper->lock);
	if (!result)
		aws_wipe_credentials(&found);
	return !result;
}

static int64_t run(void *context, const atomic_bool *stop)
{
	struct aws_keeper *keeper = context;
	uint64_t due;

	pthread_mutex_lock(&keeper->lock);
	due = due_in(keeper);
	pthread_mutex_unlock(&keeper->lock);
	if (due)
		return due < LOOK_AGAIN ? (int64_t)due : LOOK_AGAIN;
	if (!renew(keeper, stop))
		return errand_back_off(keeper->failures, AWS_RETRY_FIRST, AWS_RETRY_MAX);
	return 0;
}

static void free_keeper(struct aws_keeper *keeper)
{
	kept_texts_free(&keeper->texts);
	free(keeper);
}

static bool keep_sources(struct aws_keeper *keeper, const struct aws_credential_sources *sources)
{
	struct aws_credential_sources *kept = &keeper->sources;

	*kept = *sources;
	return kept_text(&keeper->texts, &kept->ec2_metadata) && kept_text(&keeper->texts, &kept->ec2_metadata_ipv6) &&
	       kept_text(&keeper->texts, &kept->task);
}

int aws_keeper_start(const struct aws_credential_sources *sources, struct aws_keeper **keeper)
{
	struct aws_keeper *new = calloc(1, sizeof(*new));
	int result;

	if (!new)
		return -ENOMEM;
	if (!keep_sources(new, sources)) {
		free_keeper(new);
		return -ENOMEM;
	}
	strcpy(new->error, "none have been got yet");
	pthread_mutex_init(&new->lock, NULL);
	result = errand_start("hadald-aws", run, new, &new->errand);
	if (result) {
		pthread_mutex_destroy(&new->lock);
		free_keeper(new);
		return result;
	}
	*keeper = new;
	return 0;
}

void aws_keeper_stop(struct aws_keeper *keeper)
{
	if (!keeper)
		return;
	errand_stop(keeper->errand);
	aws_wipe_credentials(&keeper->credentials);
	pthread_mutex_destroy(&keeper->lock);
	free_keeper(keeper);
}

uint64_t aws_keeper_get(struct aws_keeper *keeper, struct aws_credentials *credentials, char error[AWS_ERROR_SIZE])
{
	const struct aws_credentials *kept = &keeper->credentials;
	uint64_t number = 0;

	pthread_mutex_lock(&keeper->lock);
	if (keeper->number && (!kept->expires || kept->expires > now_at_aws(keeper))) {
		*credentials = *kept;
		number = keeper->number;
	} else {
		snprintf(error, AWS_ERROR_SIZE, "%s", keeper->error);
	}
	pthread_mutex_unlock(&keeper->lock);
	return number;
}

void aws_keeper_refused(struct aws_keeper *keeper, uint64_t number)
{
	uint64_t now = now_ms();
	bool ask;

	pthread_mutex_lock(&keeper->lock);
	ask = number == keeper->number && !keeper->refused &&
	      (!keeper->replaced || now - keeper->replaced >= AWS_RENEW_SPACING);
	keeper->refused |= ask;
	if (ask)
		keeper->replaced = now;
	pthread_mutex_unlock(&keeper->lock);
	if (ask)
		errand_ask(keeper->errand);
}

time_t aws_keeper_now(struct aws_keeper *keeper)
{
	time_t now;

	pthread_mutex_lock(&keeper->lock);
	now = now_at_aws(keeper);
	pthread_mutex_unlock(&keeper->lock);
	return now;
}

static bool is_same(int64_t offset, int64_t other)
{
	return offset - other <= SAME_CLOCK && other - offset <= SAME_CLOCK;
}

static void tell_clock(int64_t offset)
{
	if (is_same(offset, 0))
		log_line(LOG_PRIORITY_INFO, "this host's clock is right again, as AWS has it");
	else
		log_line(LOG_PRIORITY_WARNING, "this host's clock is %lld s %s AWS's: requests are signed by AWS's",
			 (long long)(offset < 0 ? -offset : offset), offset < 0 ? "ahead of" : "behind");
}

bool aws_keeper_set_clock(struct aws_keeper *keeper, time_t date)
{
	int64_t offset = date - time(NULL);
	bool other;

	pthread_mutex_lock(&keeper->lock);
	other = !is_same(offset, keeper->clock_offset);
	if (other)
		keeper->clock_offset = offset;
	pthread_mutex_unlock(&keeper->lock);
	if (other)
		tell_clock(offset);
	return other;
}
