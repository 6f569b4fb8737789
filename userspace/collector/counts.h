/* SPDX-License-Identifier: MIT */
/*
 * What the collector could not do or could not know. Each bound and each doubt
 * of the model has a counter here; they are shipped as
 * hadal.collector.incident, by kind.
 */
#ifndef HADALD_COUNTS_H
#define HADALD_COUNTS_H

#include <stdint.h>

enum count {
	/* a table was full, or memory was short: the thing was not kept */
	COUNT_PROCESSES_FULL,
	COUNT_CGROUPS_FULL,
	COUNT_CONTAINERS_FULL,
	COUNT_TASKS_FULL,
	COUNT_OWNERS_FULL,
	COUNT_LISTENERS_FULL,
	COUNT_CONNECTIONS_FULL,
	COUNT_PAIRS_FULL,
	COUNT_FLOWS_FULL,
	COUNT_WORKLOADS_FULL,
	COUNT_EDGES_HOST_FULL,
	COUNT_EDGES_WORKLOAD_FULL,
	COUNT_POINTS_FOLDED,
	COUNT_PORTS_FULL,
	COUNT_ERRORS_FULL,
	COUNT_EVENTS_FULL,
	COUNT_NAMES_FULL,
	COUNT_NAMES_WORKLOAD_FULL,
	COUNT_INFOS_FULL,
	COUNT_NAT_LOOKUPS_FULL,
	COUNT_LOOKUPS_FULL,
	COUNT_NAMESPACES_FULL,
	COUNT_SOCKETS_FULL,
	COUNT_SAMPLES_FULL,
	COUNT_QUERIES_REFUSED,
	COUNT_QUERIES_LATE,

	/* something stayed unknown */
	COUNT_OPEN_NOT_SEEN,
	COUNT_BASELINE_MISSING,
	COUNT_CLOSE_NOT_SEEN,
	COUNT_DUMP_INCOMPLETE,
	COUNT_ACCEPT_TOO_LATE,
	COUNT_OWNER_UNKNOWN,
	COUNT_CGROUP_UNKNOWN,
	COUNT_IDENTITY_LATE,
	COUNT_COUNTER_WENT_BACK,
	COUNT_RECORD_UNKNOWN,
	COUNT_USAGE_BAD,
	COUNT_USAGE_MISSED,
	COUNT_NOTICES_LOST,
	COUNT_EXECUTABLE_MISSED,
	COUNT_NAME_AMBIGUOUS,
	COUNT_ANSWER_BAD,
	COUNT_NAT_UNANSWERED,
	COUNTS,
};

struct counts {
	uint64_t value[COUNTS];
};

static inline void count(struct counts *counts, enum count what)
{
	counts->value[what]++;
}

/* "processes_full", ... Static. */
const char *count_name(enum count what);

#endif
