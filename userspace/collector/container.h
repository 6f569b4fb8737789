/* SPDX-License-Identifier: MIT */
/*
 * Containers and ECS tasks, and how far their identity is known. Who asks the
 * sources (identity.h) takes requests from here and brings answers back.
 */
#ifndef HADALD_CONTAINER_H
#define HADALD_CONTAINER_H

#include <hadal/cgroup.h>
#include <stdbool.h>
#include <stdint.h>

#include "address.h"
#include "counts.h"
#include "table.h"
#include "usage.h"

enum {
	FACT_SIZE = 256,
	CONTAINER_ADDRESSES = 8,
	CONTAINER_PORTS = 32,
};

struct published_port {
	struct address host;	/* unspecified: all of the host's */
	uint16_t host_port;
	uint16_t port;		/* in the container */
	bool udp;		/* else of TCP */
};

/* What a source says of a task; "" where it says nothing. */
struct task_facts {
	char arn[FACT_SIZE];
	char family[FACT_SIZE];
	char revision[32];
	char cluster[FACT_SIZE];	/* name, never ARN */
	char service[FACT_SIZE];
	char zone[64];
	struct address addresses[CONTAINER_ADDRESSES];	/* of its own interface, in mode awsvpc; all its containers have it */
	unsigned int address_count;
};

/* What a source says of a container. */
struct container_facts {
	char name[FACT_SIZE];
	char name_in_task[FACT_SIZE];	/* as its task definition calls it */
	char image[FACT_SIZE];
	struct address addresses[CONTAINER_ADDRESSES];	/* its own alone */
	unsigned int address_count;
	struct published_port ports[CONTAINER_PORTS];
	unsigned int port_count;
	bool host_network;
	char endpoint[FACT_SIZE];	/* its id at the task metadata endpoint */
	struct task_facts task;
};

enum identity_result {
	IDENTITY_FOUND,
	IDENTITY_NOT_FOUND,	/* the source answered: there is no such thing */
	IDENTITY_UNAVAILABLE,	/* no source answered */
};

struct identity_request {
	char container_id[HADAL_CONTAINER_ID_SIZE];
	int pid;		/* a process in it; 0: none known */
	bool in_task;		/* its cgroup says that it belongs to an ECS task, */
	char task_id[HADAL_TASK_ID_SIZE];	/* this one; else "" */
	bool task_known;	/* no need to ask for its task */
	bool again;		/* it was asked before, in vain */
};

struct identity_answer {
	char container_id[HADAL_CONTAINER_ID_SIZE];
	enum identity_result container;
	enum identity_result task;	/* NOT_FOUND: it belongs to none, or no more will be known of it */
	bool full;			/* too much waits for the ECS API: it could not be asked */
	struct container_facts facts;
};

struct task {
	UT_hash_handle hh;
	char id[HADAL_TASK_ID_SIZE];
	struct task_facts facts;
	bool complete;		/* whether it has a service has been answered */
	unsigned int references;	/* by containers */
	struct usage_source *usage;	/* of its cgroup; NULL: none known */
	bool added_up;		/* in this interval */
};

enum container_state {
	CONTAINER_WANTED,	/* to be asked for at next_attempt */
	CONTAINER_ASKED,
	CONTAINER_KNOWN,	/* nothing more to ask */
};

struct container {
	UT_hash_handle hh;
	char id[HADAL_CONTAINER_ID_SIZE];
	struct task *task;	/* NULL: none known */
	struct container_facts facts;
	enum container_state state;
	bool named;		/* facts came from a source */
	unsigned int attempts;
	uint64_t next_attempt;	/* ns, CLOCK_MONOTONIC, as all times here */
	uint64_t deadline;	/* until then what it did waits for its identity */
	uint64_t unused_since;
	unsigned int references;	/* by cgroups */
	unsigned int removed;	/* of these, cgroups that were removed */
	int pid;		/* the process that stands for it: of what it runs the first, else any seen in it; 0 */
	bool has_init;		/* process 1 of a pid namespace was seen in it: the namespace is its own */
	uint32_t net_ns;	/* inode number; 0: not seen */
	char executable[FACT_SIZE];	/* base name of the first seen in it; "" */
	struct usage_source *usage;	/* of its cgroup; NULL: none known */
	const char *proxy;	/* what it is called as a proxy, see proxies.h; NULL: it is none */
	struct container *application;	/* beside which it stands, as of proxies_index(); NULL */
	uint16_t served_port;	/* at which it reaches that; 0: not seen */
	bool serves_ports;	/* several */
	uint64_t port_deadline;	/* until then what reached it waits for that port; 0: nobody has reached it */
};

struct containers {
	struct container *table;
	struct task *tasks;
	struct counts *counts;
	struct usage_reader usage;
	unsigned int limit;
	uint64_t wait;		/* ns from first sight to the deadline */
};

void containers_init(struct containers *containers, unsigned int limit, uint64_t wait, struct counts *counts);
void containers_free(struct containers *containers);

/* The container of that id, made at first use; NULL beyond the bound. */
struct container *container_get(struct containers *containers, const char *id, uint64_t now);
struct container *container_find(const struct containers *containers, const char *id);

/* Notes that @container belongs to the task of that id ("" is ignored). */
void container_in_task(struct containers *containers, struct container *container, const char *task_id);

/* Whether its cgroups were all removed. */
bool container_has_ended(const struct container *container);

/* Whether it but holds the network namespace of an ECS task, and runs nothing else. */
bool container_is_pause(const struct container *container);

/* Whether its identity may still come before its deadline. */
bool container_pending(const struct container *container, uint64_t now);

/*
 * Fills @request for a container that is due to be asked for, which then
 * counts as asked. Returns false when none is due.
 */
bool containers_next_request(struct containers *containers, uint64_t now, struct identity_request *request);

/* Takes back a request that could not be passed on: it is due again later. */
void containers_unasked(struct containers *containers, const char *id, uint64_t now);

/* Who was asked will not answer any more: all that were asked about are due again at once. */
void containers_unanswered(struct containers *containers, uint64_t now);
void containers_answer(struct containers *containers, const struct identity_answer *answer, uint64_t now);

/* Adds to @to what @from says; what that leaves out stays as it was. */
void task_learn(struct task_facts *to, const struct task_facts *from);

/* Drops containers unused for @age ns, and tasks without containers. */
void containers_sweep(struct containers *containers, uint64_t now, uint64_t age);

/* The name in "arn:aws:ecs:REGION:ACCOUNT:cluster/NAME", or @text itself. */
const char *cluster_name(const char *text);

/* Whether @id may be that of a task: hexadecimal digits, or a UUID. */
bool is_task_id(const char *id);

/* Copies the task id of a task ARN, its last part; "" if it is none: any image may carry the label that says it. */
void task_id_of_arn(const char *arn, char id[HADAL_TASK_ID_SIZE]);

#endif
