/* SPDX-License-Identifier: MIT */
/*
 * One look-up of a container's identity, over all sources. It waits for
 * them: for a thread of its own.
 */
#ifndef HADALD_LOOKUP_H
#define HADALD_LOOKUP_H

#include "container.h"
#include "http.h"

/* Strings are borrowed; "" switches a source off. */
struct lookup_sources {
	const char *docker_socket;
	const char *ecs_introspection;
	const char *ecs_task_metadata;
};

void lookup(struct http *http, const struct lookup_sources *sources, const struct identity_request *request,
	    struct identity_answer *answer);

#endif
