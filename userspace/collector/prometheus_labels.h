/* SPDX-License-Identifier: MIT */
/* Attributes as the labels of a series. */
#ifndef HADALD_PROMETHEUS_LABELS_H
#define HADALD_PROMETHEUS_LABELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arena.h"
#include "batch.h"

struct prometheus_label {
	const char *name;
	const char *value;	/* never empty: a label without a value is none */
};

/* Rising by name, as strcmp() has it; no name twice. */
struct prometheus_labels {
	size_t count;
	struct prometheus_label list[];
};

/*
 * Names that attributes have got: there are few, and each is in most sets. All
 * zeros is an empty one; what is in it lives in the arena that is given with it.
 */
struct prometheus_label_names {
	struct {
		const char *key, *name;
	} list[128];
};

/* Who writes a series: the labels job and instance. Empty: there is none. */
struct prometheus_identity {
	const char *job;	/* service.namespace/service.name */
	const char *instance;	/* service.instance.id */
};

/**
 * prometheus_identity() - of a resource
 * @arena: has what is made for it
 * @error: set to -ENOMEM or -ENOSPC on failure
 *
 * Return: 0 or *@error.
 */
int prometheus_identity(struct hadal_arena *arena, const struct hadal_attributes *resource,
			struct prometheus_identity *identity, int *error);

/**
 * prometheus_labels() - the labels of a point
 * @arena: has them; the strings of @attributes are shared
 * @names: one for all calls with this arena
 * @attributes: of the point; NULL for none
 * @target: they are a resource's: what @identity was made of is left out
 * @error: set to -ENOMEM or -ENOSPC on failure
 *
 * Attributes whose names become the same in Prometheus make one label, their
 * values behind each other with ";" between, in the order of their keys.
 *
 * Return: the labels; NULL on failure.
 */
const struct prometheus_labels *prometheus_labels(struct hadal_arena *arena, struct prometheus_label_names *names,
						  const struct prometheus_identity *identity,
						  const struct hadal_attributes *attributes, bool target, int *error);

bool prometheus_labels_same(const struct prometheus_labels *a, const struct prometheus_labels *b);

uint64_t prometheus_labels_hash(const struct prometheus_labels *labels);

#endif
