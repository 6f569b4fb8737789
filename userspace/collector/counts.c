/* SPDX-License-Identifier: MIT */
#include "counts.h"

static const char *const names[COUNTS] = {
	[COUNT_PROCESSES_FULL] = "processes_full",
	[COUNT_CGROUPS_FULL] = "cgroups_full",
	[COUNT_CONTAINERS_FULL] = "containers_full",
	[COUNT_TASKS_FULL] = "tasks_full",
	[COUNT_OWNERS_FULL] = "owners_full",
	[COUNT_LISTENERS_FULL] = "listeners_full",
	[COUNT_CONNECTIONS_FULL] = "connections_full",
	[COUNT_PAIRS_FULL] = "pairs_full",
	[COUNT_FLOWS_FULL] = "flows_full",
	[COUNT_WORKLOADS_FULL] = "workloads_full",
	[COUNT_EDGES_HOST_FULL] = "edges_host_full",
	[COUNT_EDGES_WORKLOAD_FULL] = "edges_workload_full",
	[COUNT_POINTS_FOLDED] = "points_folded",
	[COUNT_PORTS_FULL] = "ports_full",
	[COUNT_ERRORS_FULL] = "errors_full",
	[COUNT_EVENTS_FULL] = "events_full",
	[COUNT_NAMES_FULL] = "names_full",
	[COUNT_NAMES_WORKLOAD_FULL] = "names_workload_full",
	[COUNT_INFOS_FULL] = "infos_full",
	[COUNT_NAT_LOOKUPS_FULL] = "nat_lookups_full",
	[COUNT_LOOKUPS_FULL] = "lookups_full",
	[COUNT_NAMESPACES_FULL] = "namespaces_full",
	[COUNT_SOCKETS_FULL] = "sockets_full",
	[COUNT_SAMPLES_FULL] = "samples_full",
	[COUNT_QUERIES_REFUSED] = "queries_refused",
	[COUNT_QUERIES_LATE] = "queries_late",
	[COUNT_OPEN_NOT_SEEN] = "open_not_seen",
	[COUNT_BASELINE_MISSING] = "baseline_missing",
	[COUNT_CLOSE_NOT_SEEN] = "close_not_seen",
	[COUNT_DUMP_INCOMPLETE] = "dump_incomplete",
	[COUNT_ACCEPT_TOO_LATE] = "accept_too_late",
	[COUNT_OWNER_UNKNOWN] = "owner_unknown",
	[COUNT_CGROUP_UNKNOWN] = "cgroup_unknown",
	[COUNT_IDENTITY_LATE] = "identity_late",
	[COUNT_COUNTER_WENT_BACK] = "counter_went_back",
	[COUNT_RECORD_UNKNOWN] = "record_unknown",
	[COUNT_USAGE_BAD] = "usage_bad",
	[COUNT_USAGE_MISSED] = "usage_missed",
	[COUNT_NOTICES_LOST] = "notices_lost",
	[COUNT_EXECUTABLE_MISSED] = "executable_missed",
	[COUNT_NAME_AMBIGUOUS] = "name_ambiguous",
	[COUNT_ANSWER_BAD] = "answer_bad",
	[COUNT_NAT_UNANSWERED] = "nat_unanswered",
};

const char *count_name(enum count what)
{
	return names[what];
}
