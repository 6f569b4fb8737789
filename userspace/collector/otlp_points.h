/* SPDX-License-Identifier: MIT */
/* Points and log records as OTLP has them. */
#ifndef HADAL_OTLP_POINTS_H
#define HADAL_OTLP_POINTS_H

#include "batch.h"
#include "wire.h"

/** hadal_otlp_put_point() - write a point, as the field @field of the message under way */
void hadal_otlp_put_point(struct hadal_wire *wire, struct hadal_batch *batch, const struct hadal_batch_point *point,
			  unsigned int field);

/** hadal_otlp_put_log() - write a log record, likewise */
void hadal_otlp_put_log(struct hadal_wire *wire, const struct hadal_log_record *record, unsigned int field);

#endif
