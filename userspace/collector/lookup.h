/* SPDX-License-Identifier: MIT */
/*
 * One look-up of a container's identity, over all sources. It waits for
 * them: for a thread of its own.
 */
#ifndef HADALD_LOOKUP_H
#define HADALD_LOOKUP_H

#include "container.h"
#include "ecs.h"
#include "ecs_api.h"
#include "http.h"

/* Where they are unless a configuration says otherwise. */
#define LOOKUP_DOCKER_SOCKET		"/var/run/docker.sock"
#define LOOKUP_ECS_INTROSPECTION	"http://127.0.0.1:51678"
#define LOOKUP_ECS_TASK_METADATA	"http://127.0.0.1:51679"

/* Strings are borrowed; "" switches a source off. */
struct lookup_sources {
	const char *docker_socket;
	const char *ecs_introspection;
	const char *ecs_task_metadata;
	const char *ec2_metadata, *ec2_metadata_ipv6;	/* of the instance; NULL too: off */
	struct ecs_api_config ecs_api;
};

/* Asks all but the ECS API. */
void lookup(struct http *http, const struct lookup_sources *sources, const struct identity_request *request,
	    struct identity_answer *answer);

/*
 * What the ECS API says of a task of which @answer, of lookup(), has no service, or that it is to be asked: then
 * the task is UNAVAILABLE. @instance: what is known of it. @now: ms, CLOCK_MONOTONIC.
 */
void lookup_by_api(struct ecs_api *api, const struct instance_facts *instance, const struct identity_request *request,
		   uint64_t now, struct identity_answer *answer);

#endif
