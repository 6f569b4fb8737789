/* SPDX-License-Identifier: MIT */
#include "prometheus_view.h"

#include <string.h>
#include <xxhash.h>

enum { NS_IN_MS = 1000000 };

/* ---- targets ---- */

static bool same_identity(const struct prometheus_identity *a, const struct prometheus_identity *b)
{
	return strcmp(a->job, b->job) == 0 && strcmp(a->instance, b->instance) == 0;
}

/* Where the target is, or is to be. */
static struct prometheus_target **place_of_target(const struct prometheus_view *view,
						  const struct prometheus_identity *identity)
{
	const uint64_t seed = XXH3_64bits(identity->job, strlen(identity->job));
	const uint64_t hash = XXH3_64bits_withSeed(identity->instance, strlen(identity->instance), seed);
	struct prometheus_target **at = &view->target_buckets[hash & (view->bucket_count - 1)];

	while (*at && !same_identity(&(*at)->identity, identity))
		at = &(*at)->next_of_hash;
	return at;
}

/* What only says who it is says nothing that its series don't. */
static bool says_more(const struct prometheus_labels *labels, const struct prometheus_identity *identity)
{
	return labels->count > (size_t)(*identity->job != '\0') + (*identity->instance != '\0');
}

static struct prometheus_target *target_of(struct prometheus_view *view, const struct hadal_resource *resource,
					   int *error)
{
	struct prometheus_identity identity;
	struct prometheus_target *target, **place;
	const struct prometheus_labels *labels;

	if (prometheus_identity(&view->arena, resource->attributes, &identity, error))
		return NULL;
	place = place_of_target(view, &identity);
	if (*place)
		return *place;
	target = hadal_arena_alloc(&view->arena, sizeof(*target), error);
	labels = prometheus_labels(&view->arena, &view->names, &identity, resource->attributes, true, error);
	if (!target || !labels)
		return NULL;
	target->identity = identity;
	target->labels = says_more(labels, &identity) ? labels : NULL;
	target->ended = true;
	*place = target;
	*view->last_target = target;
	view->last_target = &target->next;
	return target;
}

/* ---- families ---- */

static struct prometheus_family *find_family(const struct prometheus_view *view, const struct hadal_metric_info *info)
{
	struct prometheus_family *family = view->first_family;

	while (family && family->info != info)
		family = family->next;
	return family;
}

static struct prometheus_family *find_family_by_name(const struct prometheus_view *view, const char *name)
{
	struct prometheus_family *family = view->first_family;

	while (family && strcmp(family->name.family, name) != 0)
		family = family->next;
	return family;
}

/* NULL without an error: the name is taken by a family of another type. */
static struct prometheus_family *family_of(struct prometheus_view *view, const struct hadal_metric_info *info,
					   int *error)
{
	struct prometheus_family *family = find_family(view, info);
	struct prometheus_name name;

	if (family)
		return family;
	prometheus_name(info, &name);
	family = find_family_by_name(view, name.family);
	if (family)
		return family->name.type == name.type ? family : NULL;
	family = hadal_arena_alloc(&view->arena, sizeof(*family), error);
	if (!family)
		return NULL;
	family->info = info;
	family->name = name;
	family->last = &family->first;
	*view->last_family = family;
	view->last_family = &family->next;
	return family;
}

/* ---- series ---- */

static struct prometheus_series **place_of(struct prometheus_view *view, const struct prometheus_family *family,
					   const struct prometheus_labels *labels, uint64_t hash)
{
	struct prometheus_series **at = &view->buckets[hash & (view->bucket_count - 1)];

	while (*at && !((*at)->hash == hash && (*at)->family == family && prometheus_labels_same((*at)->labels, labels)))
		at = &(*at)->next_of_hash;
	return at;
}

static struct prometheus_series *series_of(struct prometheus_view *view, struct prometheus_family *family,
					   const struct prometheus_labels *labels, int *error)
{
	/* One edge has one set of labels in many families. */
	const uint64_t hash = prometheus_labels_hash(labels) ^ ((uintptr_t)family >> 4);
	struct prometheus_series **place = place_of(view, family, labels, hash);
	struct prometheus_series *series = *place;

	if (series)
		return series;
	series = hadal_arena_alloc(&view->arena, sizeof(*series), error);
	if (!series)
		return NULL;
	series->hash = hash;
	series->family = family;
	series->labels = labels;
	*place = series;
	*family->last = series;
	family->last = &series->next;
	return series;
}

/* ---- points ---- */

/* A series has one value at a time: an end gives way to a value, a value to one that comes behind it. */
static void enter(struct prometheus_series *series, struct prometheus_item *item)
{
	struct prometheus_item *newest = series->newest;

	if (newest && (item->time < newest->time || (item->time == newest->time && item->point->at.no_recorded_value &&
						     !newest->point->at.no_recorded_value))) {
		item->superseded = true;
		return;
	}
	if (newest && item->time == newest->time)
		newest->superseded = true;
	series->newest = item;
}

static void note_target(struct prometheus_target *target, const struct prometheus_item *item)
{
	target->ended = target->ended && item->point->at.no_recorded_value;
	if (item->time > target->time)
		target->time = item->time;
}

static int add_points(struct prometheus_view *view, struct prometheus_target *target,
		      const struct hadal_metric *metric)
{
	int error = 0;
	struct prometheus_family *family = family_of(view, metric->info, &error);

	for (const struct hadal_batch_point *point = metric->first; point && !error; point = point->next) {
		struct prometheus_item *item = &view->items[view->count++];
		const struct prometheus_labels *labels;

		item->target = target;
		item->point = point;
		item->time = (int64_t)(point->at.time / NS_IN_MS);
		if (!family) {
			item->superseded = true;
			view->conflicts++;
			continue;
		}
		labels = prometheus_labels(&view->arena, &view->names, &target->identity, point->at.attributes, false,
					   &error);
		item->series = labels ? series_of(view, family, labels, &error) : NULL;
		if (!item->series)
			return error;
		enter(item->series, item);
		note_target(target, item);
	}
	return error;
}

static int add_resource(struct prometheus_view *view, const struct hadal_resource *resource)
{
	struct prometheus_target *target;
	int error = 0;

	if (!resource->metric_count)
		return 0;
	target = target_of(view, resource, &error);
	if (!target)
		return error;
	for (const struct hadal_metric *metric = resource->first_metric; metric && !error; metric = metric->next)
		error = add_points(view, target, metric);
	return error;
}

static int make_room(struct prometheus_view *view, size_t points)
{
	int error = 0;

	view->bucket_count = 64;
	while (view->bucket_count < points)
		view->bucket_count *= 2;
	view->items = hadal_arena_alloc(&view->arena, points * sizeof(*view->items), &error);
	view->buckets = hadal_arena_alloc(&view->arena, view->bucket_count * sizeof(*view->buckets), &error);
	view->target_buckets =
		hadal_arena_alloc(&view->arena, view->bucket_count * sizeof(*view->target_buckets), &error);
	return error;
}

int prometheus_view_make(const struct hadal_batch *batch, struct prometheus_view *view)
{
	int error;

	*view = (struct prometheus_view){ .arena = { .limit = SIZE_MAX } };
	view->last_family = &view->first_family;
	view->last_target = &view->first_target;
	error = make_room(view, batch->counts.points);
	for (const struct hadal_resource *r = batch->first; r && !error; r = r->next)
		error = add_resource(view, r);
	return error;
}

void prometheus_view_free(struct prometheus_view *view)
{
	hadal_arena_free(&view->arena);
}
