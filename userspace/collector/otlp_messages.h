/* SPDX-License-Identifier: MIT */
/*
 * Turns what a batch holds into OTLP's messages, as protobuf-c has them. The
 * messages live in the arena given and share the batch's strings; protobuf-c
 * declares those without const, yet never writes to them when it packs.
 *
 * Each returns NULL, and sets @error to -ENOMEM, when there is no memory.
 */
#ifndef HADAL_OTLP_MESSAGES_H
#define HADAL_OTLP_MESSAGES_H

#include "batch.h"
#include "proto/otlp.pb-c.h"

Otlp__Resource *hadal_otlp_resource(struct hadal_arena *arena, struct hadal_resource *resource, int *error);

/* The scope that all of this collector's telemetry has. */
Otlp__InstrumentationScope *hadal_otlp_scope(void);

/* A metric with the @count points of @points, which it shares. */
Otlp__Metric *hadal_otlp_metric(struct hadal_arena *arena, const struct hadal_metric *metric,
				ProtobufCMessage **points, size_t count, int *error);

ProtobufCMessage *hadal_otlp_point(struct hadal_arena *arena, const struct hadal_batch_point *point,
				   int *error);
Otlp__LogRecord *hadal_otlp_log_record(struct hadal_arena *arena, const struct hadal_batch_log *log,
				       int *error);

#endif
