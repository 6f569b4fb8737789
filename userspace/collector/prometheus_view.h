/* SPDX-License-Identifier: MIT */
/*
 * A batch of cumulative values as Prometheus sees it: families of series, and the
 * points in the batch's order. Both ways to Prometheus write what is here.
 *
 * Strings are the batch's where they can be: it must outlive its view.
 */
#ifndef HADALD_PROMETHEUS_VIEW_H
#define HADALD_PROMETHEUS_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arena.h"
#include "batch.h"
#include "prometheus_labels.h"
#include "prometheus_names.h"

/* One workload on one host: a series target_info of its own, however many resources of the batch are it. */
struct prometheus_target {
	struct prometheus_target *next;
	struct prometheus_target *next_of_hash;
	struct prometheus_identity identity;
	const struct prometheus_labels *labels;	/* NULL: nothing is known but who it is, so there is no series */
	int64_t time;				/* ms since the epoch: of its newest point */
	bool ended;				/* all points say that their series ends */
	bool written;				/* for who writes requests */
};

struct prometheus_item {
	struct prometheus_series *series;	/* NULL: it can't be told, see .conflicts */
	struct prometheus_target *target;
	const struct hadal_batch_point *point;
	int64_t time;				/* ms since the epoch */
	/* The series has another point of that time or a later one: this one is not to be told. */
	bool superseded;
};

struct prometheus_series {
	struct prometheus_series *next;		/* of the family */
	struct prometheus_series *next_of_hash;
	uint64_t hash;
	const struct prometheus_family *family;
	const struct prometheus_labels *labels;
	struct prometheus_item *newest;
};

struct prometheus_family {
	struct prometheus_family *next;
	const struct hadal_metric_info *info;	/* the first that had this name */
	struct prometheus_name name;
	struct prometheus_series *first, **last;
};

struct prometheus_view {
	struct hadal_arena arena;
	struct prometheus_family *first_family, **last_family;
	struct prometheus_target *first_target, **last_target;
	struct prometheus_item *items;		/* points of the batch, in its order */
	size_t count;
	uint64_t conflicts;			/* points of metrics of one name and different types: the first counts */

	struct prometheus_label_names names;
	/* By which series and targets are found while it is made; as many of each, a power of 2. */
	struct prometheus_series **buckets;
	struct prometheus_target **target_buckets;
	size_t bucket_count;
};

/**
 * prometheus_view_make() - look at a batch
 * @view: filled; for prometheus_view_free() whatever is returned
 *
 * Return: 0; -ENOMEM.
 */
int prometheus_view_make(const struct hadal_batch *batch, struct prometheus_view *view);

void prometheus_view_free(struct prometheus_view *view);

#endif
