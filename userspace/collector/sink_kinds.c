// SPDX-License-Identifier: MIT
#include <string.h>

#include "sink.h"
#include "sink_json_lines.h"
#include "sink_otlp.h"
#include "sink_remote_write.h"
#include "sink_scrape.h"

static const struct hadal_sink_kind *const kinds[] = {
	&hadal_sink_otlp,
	&hadal_sink_remote_write,
	&hadal_sink_scrape,
	&hadal_sink_json_lines,
};

enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };

const struct hadal_sink_kind *hadal_sink_kind_at(size_t index)
{
	return index < KINDS ? kinds[index] : NULL;
}

const struct hadal_sink_kind *hadal_sink_kind(const char *name)
{
	for (size_t i = 0; i < KINDS; i++)
		if (!strcmp(kinds[i]->name, name))
			return kinds[i];
	return NULL;
}

const char *hadal_sink_setting(const struct hadal_sink_config *config, const char *key)
{
	for (size_t i = 0; i < config->setting_count; i++)
		if (!strcmp(config->settings[i].key, key))
			return config->settings[i].value;
	return NULL;
}
