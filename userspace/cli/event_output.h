/* SPDX-License-Identifier: MIT */
/*
 * One event as a line, for programs or for people.
 */
#ifndef HADAL_CLI_EVENT_OUTPUT_H
#define HADAL_CLI_EVENT_OUTPUT_H

#include <stdio.h>

#include <hadal/hadal.h>

#include "containers.h"

/* One JSON object; docs/events.md has its keys. ENOMEM. container may be NULL. */
int event_json(FILE *to, const struct hadal_record *record, const struct hadal_clock *clock,
	       const struct container *container);

/* Time, what happened, to whom. container may be NULL. */
int event_line(FILE *to, const struct hadal_record *record, const struct hadal_clock *clock,
	       const struct container *container);

#endif
