/* SPDX-License-Identifier: MIT */
/*
 * Workloads: what series are named after. One object for each (namespace,
 * name), and one for all that exceed the bound.
 */
#ifndef HADALD_WORKLOAD_H
#define HADALD_WORKLOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "counts.h"
#include "points_plan.h"
#include "table.h"
#include "usage.h"

enum {
	WORKLOAD_NAME_SIZE = 256,
	WORKLOAD_SIGNALS = 65,
	WORKLOAD_PORTS = 16,
	WORKLOAD_NAMES = 100,	/* peers with a name from DNS */
};

/* Where no source tells a name; the first is OpenTelemetry's. */
#define WORKLOAD_UNKNOWN	"unknown_service"
#define WORKLOAD_KERNEL		"kernel"
#define WORKLOAD_OTHER		"other"

struct workload_infos;	/* workload_info.h */
struct hadal_resource;	/* telemetry.h */

/* Ends of processes, since start_time of what holds them. */
struct exits {
	uint64_t success;		/* exit code 0 */
	uint64_t failure;		/* another exit code */
	uint64_t signal[WORKLOAD_SIGNALS];	/* ended by that signal */
	uint64_t oom_killed;
};

/* What a workload, or several, have to tell. */
struct workload_sums {
	struct exits exits;
	struct workload_usage usage;
	bool used;		/* usage is of containers */
};

struct workload {
	UT_hash_handle hh;
	char *key;		/* namespace, newline, name */
	char *namespace;	/* "" for none */
	char *name;
	char family[WORKLOAD_NAME_SIZE];	/* ECS task family; "" */
	struct exits exits;
	struct workload_usage *usage;	/* NULL: of no container yet */
	struct workload_infos *infos;	/* likewise */
	struct hadal_resource *resource;	/* in the batch that is being made */
	uint64_t start_time;	/* ns since the epoch, of exits and usage */
	uint64_t active_time;	/* ns since the epoch: when something was last added */
	bool ended;		/* to be shipped as ended and then removed */
	unsigned int references;	/* by edges */
	unsigned int edges;	/* of its own, without those to other */
	unsigned int named;	/* of these, to peers with a name from DNS */
	uint16_t odd_ports[WORKLOAD_PORTS];	/* of the ephemeral range, kept apart */
	unsigned int odd_port_count;

	enum points_state state;	/* folded: in the workload `other`; workload_points.h */
	bool late;		/* told, and not in this interval's batch */
	bool begun;		/* its series have been in a batch */
	bool others;		/* others add up in it */
	struct workload_sums *shipped;	/* what is shipped of it; NULL: all that it has */
	struct workload_sums *given;	/* its counters, as far as they are in shipped or in `other`; NULL: 0 */
	uint64_t shipped_since;	/* ns since the epoch: start of shipped */
	uint64_t size;		/* its shares of what all workloads use and exchange, added up */
	uint64_t cpu, memory;	/* ns and bytes, as points_decayed() */
	uint64_t cpu_weighed;	/* ns that are in cpu */
	uint64_t traffic;	/* sizes of its edges */
};

struct workloads {
	struct workload *table;
	struct workload *other;	/* NULL: there is none */
	uint64_t since;		/* ns since the epoch: when what new workloads count began */
	uint64_t planned;	/* ns since the epoch: when it was decided last who is told */
	unsigned int folded;	/* workloads that had no series of their own then */
	unsigned int limit;
	struct counts *counts;
};

void workloads_init(struct workloads *workloads, unsigned int limit, struct counts *counts);
void workloads_free(struct workloads *workloads);

/*
 * The workload of that name, made at first use (@now: ns since the epoch).
 * Never NULL unless memory is short; beyond the bound it is the one for all
 * others.
 */
struct workload *workload_get(struct workloads *workloads, const char *namespace, const char *name,
			      uint64_t now);

/* The one for all others. NULL: no memory. */
struct workload *workload_other(struct workloads *workloads, uint64_t now);

/* Forgets @workload, which no edge may refer to any more. */
void workload_remove(struct workloads *workloads, struct workload *workload);

/*
 * @port if it may name an edge of @workload, else 0. A port of the ephemeral
 * range (@low to @high) names one only while there are few such: services do
 * listen there (50051), and so does everything that binds port 0.
 */
uint16_t workload_port(struct workload *workload, uint16_t port, uint16_t low, uint16_t high,
		       struct counts *counts);

/* What its containers have used, made at first use; NULL: no memory. */
struct workload_usage *workload_usage(struct workload *workload);

/* What its containers are made of, likewise. */
struct workload_infos *workload_infos(struct workload *workload);

bool exits_empty(const struct exits *exits);
void exits_add(struct exits *to, const struct exits *from);

#endif
