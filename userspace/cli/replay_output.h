/* SPDX-License-Identifier: MIT */
/*
 * What a replayed capture says, in an order that depends on names alone.
 */
#ifndef HADAL_CLI_REPLAY_OUTPUT_H
#define HADAL_CLI_REPLAY_OUTPUT_H

#include <stdio.h>

#include "replay.h"

/* Both return -errno of memory, or what to says of itself. */
int replay_table(FILE *to, const struct replay *replay);
int replay_json(FILE *to, const struct replay *replay, const struct hadal_capture_end *end);

/* What was lost, what stayed unknown, and what found no room, in a line each. */
void replay_report(FILE *to, const struct replay *replay, const struct hadal_capture_end *end);

#endif
