/* SPDX-License-Identifier: MIT */
/*
 * How full the model's tables are, and what had to make room in them.
 */
#ifndef HADALD_MODEL_TABLES_H
#define HADALD_MODEL_TABLES_H

#include "model.h"

enum model_table {
	TABLE_PROCESSES,
	TABLE_CGROUPS,
	TABLE_CONTAINERS,
	TABLE_OWNERS,
	TABLE_LISTENERS,
	TABLE_CONNECTIONS,
	TABLE_UDP_FLOWS,
	TABLE_FLOWS,
	TABLE_WORKLOADS,
	TABLE_EDGES,
	TABLE_EVENTS,
	TABLE_NAMES,
	MODEL_TABLES,
};

struct model_table_use {
	const char *name;	/* "processes", ...; static */
	uint64_t entries;
	uint64_t limit;
	uint64_t evicted;	/* so far: entries dropped before their time, that others had room */
	uint64_t folded;	/* entries without series of their own, of workloads and edges */
};

struct model_table_use model_table_use(const struct model *model, enum model_table table);

#endif
