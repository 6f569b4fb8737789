/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "workload_info.h"

void infos_begin(struct workload_infos *infos)
{
	unsigned int kept = 0;

	for (unsigned int i = 0; infos && i < infos->count; i++) {
		if (!infos->list[i].live && !infos->list[i].told)
			continue;
		infos->list[kept] = infos->list[i];
		infos->list[kept++].live = false;
	}
	if (infos)
		infos->count = kept;
}

static bool facts_equal(const struct workload_facts *a, const struct workload_facts *b)
{
	return strcmp(a->container, b->container) == 0 && strcmp(a->revision, b->revision) == 0 &&
	       strcmp(a->image, b->image) == 0 && strcmp(a->build_id, b->build_id) == 0;
}

bool infos_add(struct workload_infos *infos, const struct workload_facts *facts)
{
	unsigned int i = 0;

	while (i < infos->count && !facts_equal(&infos->list[i].facts, facts))
		i++;
	if (i == WORKLOAD_INFOS)
		return false;
	if (i == infos->count)
		infos->list[infos->count++] = (struct workload_info){ .facts = *facts };
	infos->list[i].live = true;
	return true;
}

/* @to is as large as what @from was cut out of. */
static void take(char *to, const char *from, size_t length)
{
	memcpy(to, from, length);
	to[length] = '\0';
}

void image_split(const char *image, struct image_parts *parts)
{
	size_t length = strcspn(image, "@"), name = length;
	const char *slash = memrchr(image, '/', length), *base = slash ? slash + 1 : image;
	const char *colon = memchr(base, ':', length - (size_t)(base - image));

	*parts = (struct image_parts){ .name = "" };
	if (colon) {
		name = (size_t)(colon - image);
		take(parts->tag, colon + 1, length - name - 1);
	}
	take(parts->name, image, name);
	if (image[length])
		take(parts->digest, image + length + 1, strlen(image + length + 1));
}
