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
#include "table.h"

enum {
	WORKLOAD_NAME_SIZE = 256,
	WORKLOAD_SIGNALS = 65,
	WORKLOAD_PORTS = 16,
};

/* Where no source tells a name; the first is OpenTelemetry's. */
#define WORKLOAD_UNKNOWN	"unknown_service"
#define WORKLOAD_KERNEL		"kernel"
#define WORKLOAD_OTHER		"other"

/* Ends of processes, since start_time of what holds them. */
struct exits {
	uint64_t success;		/* exit code 0 */
	uint64_t failure;		/* another exit code */
	uint64_t signal[WORKLOAD_SIGNALS];	/* ended by that signal */
	uint64_t oom_killed;
};

struct workload {
	UT_hash_handle hh;
	char *key;		/* namespace, newline, name */
	char *namespace;	/* "" for none */
	char *name;
	char family[WORKLOAD_NAME_SIZE];	/* ECS task family; "" */
	struct exits exits;
	uint64_t start_time;	/* ns since the epoch, of exits */
	uint64_t active_time;	/* ns since the epoch: when something was last added */
	bool ended;		/* to be shipped as ended and then removed */
	unsigned int references;	/* by edges */
	unsigned int edges;	/* of its own, without those to other */
	uint16_t odd_ports[WORKLOAD_PORTS];	/* of the ephemeral range, kept apart */
	unsigned int odd_port_count;
};

struct workloads {
	struct workload *table;
	struct workload *other;
	uint64_t since;		/* ns since the epoch: when what new workloads count began */
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

bool exits_empty(const struct exits *exits);
void exits_add(struct exits *to, const struct exits *from);

#endif
