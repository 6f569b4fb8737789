/* SPDX-License-Identifier: MIT */
/*
 * What hadald itself costs and holds, in OpenTelemetry's terms.
 */
#ifndef HADALD_EXPORT_SELF_H
#define HADALD_EXPORT_SELF_H

#include "model.h"
#include "self.h"
#include "ship.h"
#include "telemetry.h"

/*
 * Adds it to @batch under @resource, which is hadald's. @point: the interval's
 * times, of counters since hadald began. @shipped: NULL: nothing is shipped.
 * @full: tables and stages too.
 */
void export_self(struct hadal_batch *batch, struct hadal_resource *resource, const struct hadal_point *point,
		 const struct self *self, const struct model *model, const struct hadal_ship_stats *shipped,
		 bool full);

enum { EXPORT_FOLDED_POINTS = 2 };

/*
 * How many workloads and edges add up in the workload `other`, as it was decided last:
 * EXPORT_FOLDED_POINTS points.
 */
void export_folded(struct hadal_batch *batch, struct hadal_resource *resource, const struct hadal_point *point,
		   const struct model *model);

#endif
