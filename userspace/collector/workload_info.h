/* SPDX-License-Identifier: MIT */
/*
 * What the containers of a workload are made of: what a deploy changes, while the
 * workload stays. During one there is the old and the new.
 */
#ifndef HADALD_WORKLOAD_INFO_H
#define HADALD_WORKLOAD_INFO_H

#include <stdbool.h>

#include "container.h"

enum { WORKLOAD_INFOS = 8 };	/* of one workload at a time */

/* "" where it is not known. */
struct workload_facts {
	char container[FACT_SIZE];	/* as the task's definition calls it */
	char revision[32];		/* of the task's definition */
	char image[FACT_SIZE];		/* as it was asked for: NAME[:TAG][@DIGEST] */
	char build_id[129];		/* GNU's, of its first program */
};

struct workload_info {
	struct workload_facts facts;
	bool live;	/* a container is so */
	bool told;	/* its series has begun, and not ended */
};

struct workload_infos {
	struct workload_info list[WORKLOAD_INFOS];
	unsigned int count;
};

/* The parts of an image's name, "" where it has none. */
struct image_parts {
	char name[FACT_SIZE], tag[FACT_SIZE], digest[FACT_SIZE];
};

/* Before those of an interval are added: none lives; whose series has ended is forgotten. @infos may be NULL. */
void infos_begin(struct workload_infos *infos);

/* A container has these. Returns false when there is no room. */
bool infos_add(struct workload_infos *infos, const struct workload_facts *facts);

/*
 * Takes an image's name apart, as Docker writes it: a colon behind the last slash
 * is before the tag, one before it is of the registry's port.
 */
void image_split(const char *image, struct image_parts *parts);

#endif
