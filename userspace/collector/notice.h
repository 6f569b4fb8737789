/* SPDX-License-Identifier: MIT */
/*
 * Notice that this instance of EC2 is about to end: the interruption of a spot
 * instance, two minutes before, or that Auto Scaling takes it away.
 */
#ifndef HADALD_NOTICE_H
#define HADALD_NOTICE_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

enum notice_source {
	NOTICE_SPOT,
	NOTICE_AUTO_SCALING,
	NOTICE_SOURCES,
};

enum {
	NOTICE_POLL = 5000,		/* ms between two looks: what AWS advises for spot instances */
	NOTICE_ABSENT = 60000,		/* ms, where no metadata service is; it doubles */
	NOTICE_ABSENT_MAX = 3600000,
	NOTICE_ACTION_SIZE = 32,
};

struct notice {
	enum notice_source source;
	char action[NOTICE_ACTION_SIZE];	/* "terminate", "stop", "hibernate" */
	time_t time;				/* s since 1970, of when it begins; 0: not told */
};

/**
 * notice_parse_spot() - read spot/instance-action
 *
 * Return: 0; -EINVAL: it is none, or of an action that ends nothing.
 */
int notice_parse_spot(const char *text, size_t length, struct notice *notice);

/**
 * notice_parse_lifecycle() - read autoscaling/target-lifecycle-state
 *
 * Return: 0; -EINVAL: it is none, or of a state in which the instance runs on.
 */
int notice_parse_lifecycle(const char *text, size_t length, struct notice *notice);

/* Whether both say the same of this instance's end. */
bool notice_is_same(const struct notice *notice, const struct notice *other);

struct notices;

/**
 * notices_start() - begin to look for notices, by a thread of its own
 * @ipv4: such as IMDS_IPV4
 * @ipv6: asked where nobody is at the first; both are borrowed until notices_stop(), NULL or "": not there
 *
 * Return: 0; -ENOMEM; -EAGAIN: no thread; or another -errno: no event.
 */
int notices_start(const char *ipv4, const char *ipv6, struct notices **notices);

/* Readable while there is something to take. */
int notices_fd(const struct notices *notices);

/* Takes the next: each once in the life of @notices. False: there is none now. @notices may be NULL. */
bool notices_take(struct notices *notices, struct notice *notice);

/* For people, static: "the spot market", "Auto Scaling". */
const char *notice_source_name(enum notice_source source);

/* @notices may be NULL. */
void notices_stop(struct notices *notices);

#endif
