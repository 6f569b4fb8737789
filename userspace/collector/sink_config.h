/* SPDX-License-Identifier: MIT */
/* Copies of sinks' configurations, which outlive what they were read from. */
#ifndef HADAL_SINK_CONFIG_H
#define HADAL_SINK_CONFIG_H

#include "sink.h"

/** hadal_sink_config_copy() - copy @from with all its strings; 0, for hadal_sink_config_free(), or -ENOMEM. */
int hadal_sink_config_copy(struct hadal_sink_config *to, const struct hadal_sink_config *from);

/** hadal_sink_config_free() - free a copy; one that is all zeros may be freed too. */
void hadal_sink_config_free(struct hadal_sink_config *config);

#endif
