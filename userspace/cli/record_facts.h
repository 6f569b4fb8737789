/* SPDX-License-Identifier: MIT */
/*
 * What a capture must say of this host besides records, for the collector to
 * replay it elsewhere. The collector's model runs beside the recording, and
 * what it learns of the host, or would ask of it, goes into the capture in
 * front of the record that it is for.
 */
#ifndef HADAL_CLI_RECORD_FACTS_H
#define HADAL_CLI_RECORD_FACTS_H

#include <hadal/capture.h>

struct config;
struct record_facts;

/*
 * Writes what of @config concerns peers and the host's document, and asks Docker and the ECS agent from now on. @writer stays the
 * caller's. Returns 0, for record_facts_free(); -errno of memory, threads or writing.
 */
int record_facts_new(struct record_facts **facts, struct hadal_capture_writer *writer, const struct config *config);
void record_facts_free(struct record_facts *facts);

/* Before @record is added to the capture. Returns 0, or what writing answered. */
int record_facts_take(struct record_facts *facts, const struct hadal_record *record);

/* Now and then: takes in what has been answered. Likewise. */
int record_facts_step(struct record_facts *facts);

/* Waits for the answers that are due, for some seconds. Likewise. */
int record_facts_finish(struct record_facts *facts);

/* Containers of which no source has told anything; after record_facts_finish(). */
unsigned int record_facts_unnamed(const struct record_facts *facts);

#endif
