/* SPDX-License-Identifier: MIT */
/*
 * A model of the collector that is fed records, for the tests of what it makes of them: a host
 * with services web and api, a database in a container of Docker's, a unit and a shell.
 */
#ifndef MODEL_FIXTURE_H
#define MODEL_FIXTURE_H

#include <stdbool.h>
#include <stdint.h>

#include "model.h"
#include "records.h"

#define START	(1000 * SECOND)		/* of the monotonic clock, when the world opens */
#define EPOCH	(1700000000 * SECOND)	/* of the wall clock then */

#define TASK_WEB	"11111111111111111111111111111111"
#define TASK_API	"22222222222222222222222222222222"
#define ID_WEB		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define ID_API		"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define ID_DB		"cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"

enum { CGROUP_WEB = 101, CGROUP_API, CGROUP_DB, CGROUP_NGINX, CGROUP_SESSION, CGROUP_IN_WEB, CGROUP_GONE };
enum { NS_HOST = 4026531840U, NS_WEB = 4026532001U, NS_API, NS_DB };

/* The host that the records come from. */
extern const struct actor web, api, db, nginx, shell;

/* By id; CGROUP_GONE has none. */
extern const char *const cgroup_paths[];

struct world {
	struct model *model;
	struct recorder recorder;
	unsigned int intervals;
	bool cgroups_hidden;	/* their paths can't be asked for */
};

/* @from: NULL for the defaults. */
void world_open(struct world *world, const struct model_config *from);
void world_close(struct world *world);
uint64_t wall_at(const struct world *world);

/* 10 s later. @all: the last one, that waits for no names. */
void interval_with(struct world *world, bool all);
void interval(struct world *world);
/* Each is shipped. */
void intervals(struct world *world, unsigned int times);

/* What Docker and the agent say of a container; @task and @address may be NULL. */
void answer(struct world *world, const char *id, const char *name, const char *task, const char *family,
	    const char *service, const char *address);
void start_services(struct world *world);
void answer_all(struct world *world);
/* A world whose services live and have names. */
void world_open_named(struct world *world, const struct model_config *from);

/* NULL if there is none; the_ ones fail then. */
const struct edge *find_edge_of(const struct world *world, uint8_t transport, const char *name, uint8_t role,
				const char *peer, uint16_t port);
const struct edge *the_edge(const struct world *world, const char *name, uint8_t role, const char *peer,
			    uint16_t port);
const struct edge *the_udp_edge(const struct world *world, const char *name, uint8_t role, const char *peer,
				uint16_t port);
const struct workload *find_workload(const struct world *world, const char *namespace, const char *name);
void expect_traffic(const struct edge *edge, uint64_t opened, uint64_t acked, uint64_t received);
uint64_t counted(const struct world *world, enum count what);

/* One graceful connection between two containers. */
struct talk {
	struct end client, server;
};

struct talk talk_begin(struct world *world, uint64_t number, const struct actor *from, const struct actor *to,
		       const char *from_address, const char *to_address);
void talk_transfer(struct talk *talk, uint64_t up, uint64_t down);
void talk_end(struct world *world, struct talk *talk);
void web_calls_api(struct world *world, uint64_t number, uint64_t up, uint64_t down);
/* One to somebody elsewhere. */
void client_of(struct world *world, uint64_t id, const struct actor *actor, const char *peer);

void cgroup_told(struct world *world, uint16_t type, uint64_t id);

#endif
