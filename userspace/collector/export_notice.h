/* SPDX-License-Identifier: MIT */
/*
 * Notice of the host's end, in OpenTelemetry's terms.
 */
#ifndef HADALD_EXPORT_NOTICE_H
#define HADALD_EXPORT_NOTICE_H

#include <stdint.h>

#include "notice.h"
#include "telemetry.h"

/* @time: ns since the epoch, of when it was learned. */
void export_notice(struct hadal_batch *batch, struct hadal_resource *resource, const struct notice *notice,
		   uint64_t time);

#endif
