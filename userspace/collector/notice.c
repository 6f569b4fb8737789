/* SPDX-License-Identifier: MIT */
/*
 * Sources: EC2 user guide, "Spot Instance interruption notices"; EC2 Auto Scaling user
 * guide, "Retrieve the target lifecycle state through instance metadata".
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "errand.h"
#include "imds.h"
#include "json_read.h"
#include "notice.h"

static const struct {
	const char *path, *name;
	int (*parse)(const char *text, size_t length, struct notice *notice);
} sources[NOTICE_SOURCES] = {
	[NOTICE_SPOT] = { "/latest/meta-data/spot/instance-action", "the spot market", notice_parse_spot },
	[NOTICE_AUTO_SCALING] = { "/latest/meta-data/autoscaling/target-lifecycle-state", "Auto Scaling",
				  notice_parse_lifecycle },
};

struct notices {
	const char *bases[2];
	struct errand *errand;
	int event;
	struct http *http;		/* the errand's own, with the next two; NULL: not made yet */
	struct imds_session session;
	unsigned int absent;		/* times in a row that no service was there */
	pthread_mutex_t lock;		/* of all that follows */
	struct notice told[NOTICE_SOURCES];	/* the last; action "": none */
	bool fresh[NOTICE_SOURCES];	/* not taken yet */
};

const char *notice_source_name(enum notice_source source)
{
	return sources[source].name;
}

bool notice_is_same(const struct notice *notice, const struct notice *other)
{
	return notice->source == other->source && strcmp(notice->action, other->action) == 0 &&
	       notice->time == other->time;
}

/* ---- documents ---- */

static bool is_ending(const char *action)
{
	static const char *const actions[] = { "terminate", "stop", "hibernate" };

	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
		if (strcmp(action, actions[i]) == 0)
			return true;
	}
	return false;
}

int notice_parse_spot(const char *text, size_t length, struct notice *notice)
{
	struct json_object *object = json_parse_object(text, length);

	*notice = (struct notice){ .source = NOTICE_SPOT };
	json_copy(object, "action", notice->action, sizeof(notice->action));
	notice->time = json_time(object, "time");
	json_object_put(object);
	if (is_ending(notice->action))
		return 0;
	*notice = (struct notice){ .source = NOTICE_SPOT };
	return -EINVAL;
}

int notice_parse_lifecycle(const char *text, size_t length, struct notice *notice)
{
	static const struct {
		const char *state, *action;
	} states[] = {
		{ "Terminated", "terminate" }, { "Warmed:Terminated", "terminate" }, { "Warmed:Stopped", "stop" },
		{ "Warmed:Hibernated", "hibernate" },
	};

	*notice = (struct notice){ .source = NOTICE_AUTO_SCALING };
	while (length && (text[length - 1] == '\n' || text[length - 1] == '\r'))
		length--;
	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
		if (strlen(states[i].state) != length || memcmp(text, states[i].state, length))
			continue;
		strcpy(notice->action, states[i].action);
		return 0;
	}
	return -EINVAL;
}

/* ---- looking ---- */

static void tell(struct notices *notices, const struct notice *notice)
{
	static const uint64_t one = 1;
	struct notice *told = &notices->told[notice->source];
	bool fresh;

	pthread_mutex_lock(&notices->lock);
	fresh = !notice_is_same(told, notice);
	if (fresh) {
		*told = *notice;
		notices->fresh[notice->source] = true;
	}
	pthread_mutex_unlock(&notices->lock);
	if (fresh && write(notices->event, &one, sizeof(one)) < 0)
		return;	/* the counter is at its top: who takes is woken anyhow */
}

static enum identity_result look(struct notices *notices, const char *base)
{
	enum identity_result result = IDENTITY_UNAVAILABLE;

	for (int i = 0; i < NOTICE_SOURCES && result != IDENTITY_NOT_FOUND; i++) {
		struct http_body body;
		struct notice notice;

		result = imds_session_get(notices->http, base, sources[i].path, &notices->session, &body);
		if (result == IDENTITY_FOUND && body.data && !sources[i].parse(body.data, body.length, &notice))
			tell(notices, &notice);
		http_body_free(&body);
	}
	return result;
}

static int64_t run(void *context, const atomic_bool *stop)
{
	struct notices *notices = context;
	enum identity_result result = IDENTITY_NOT_FOUND;

	if (!notices->http)
		notices->http = http_new(stop);
	if (!notices->http)
		return NOTICE_POLL;
	for (size_t i = 0; i < 2 && result == IDENTITY_NOT_FOUND; i++) {
		if (notices->bases[i] && *notices->bases[i])
			result = look(notices, notices->bases[i]);
	}
	/* One that has answered and is silent for a second has not gone: a notice may come in that time. */
	notices->absent = result == IDENTITY_NOT_FOUND && !notices->session.answered ? notices->absent + 1 : 0;
	return notices->absent ? errand_back_off(notices->absent, NOTICE_ABSENT, NOTICE_ABSENT_MAX) : NOTICE_POLL;
}

/* ---- life ---- */

int notices_start(const char *ipv4, const char *ipv6, struct notices **notices)
{
	struct notices *new = calloc(1, sizeof(*new));
	int result;

	if (!new)
		return -ENOMEM;
	new->bases[0] = ipv4;
	new->bases[1] = ipv6;
	new->event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (new->event < 0) {
		result = -errno;
		free(new);
		return result;
	}
	pthread_mutex_init(&new->lock, NULL);
	result = errand_start("hadald-notice", run, new, &new->errand);
	if (result)
		notices_stop(new);
	else
		*notices = new;
	return result;
}

void notices_stop(struct notices *notices)
{
	if (!notices)
		return;
	errand_stop(notices->errand);
	http_free(notices->http);
	pthread_mutex_destroy(&notices->lock);
	close(notices->event);
	free(notices);
}

int notices_fd(const struct notices *notices)
{
	return notices->event;
}

bool notices_take(struct notices *notices, struct notice *notice)
{
	uint64_t count;
	bool taken = false;

	if (!notices)
		return false;
	pthread_mutex_lock(&notices->lock);
	for (int i = 0; i < NOTICE_SOURCES && !taken; i++) {
		taken = notices->fresh[i];
		if (taken)
			*notice = notices->told[i];
		notices->fresh[i] = false;
	}
	if (!taken && read(notices->event, &count, sizeof(count)) < 0)
		count = 0;	/* nothing was written since */
	pthread_mutex_unlock(&notices->lock);
	return taken;
}
