// SPDX-License-Identifier: MIT
#include <string.h>
#include <time.h>

#include "clock.h"
#include "collector_parts.h"
#include "log.h"
#include "notice.h"

static void tell_notice(const struct notice *notice)
{
	char text[64] = "";
	struct tm fields;

	if (notice->time && gmtime_r(&notice->time, &fields))
		strftime(text, sizeof(text), " at %Y-%m-%dT%H:%M:%SZ", &fields);
	log_line(LOG_PRIORITY_WARNING, "this instance is to end: %s says '%s'%s; what is known is shipped now",
		 notice_source_name(notice->source), notice->action, text);
}

/* A new configuration has others look, who find what there is as if it were new. */
static bool is_new(struct collector *collector, const struct notice *notice)
{
	struct notice *known = &collector->known_notices[notice->source];

	if (notice_is_same(known, notice))
		return false;
	*known = *notice;
	return true;
}

void collector_take_notices(struct collector *collector)
{
	struct notice notice;

	while (notices_take(collector->notices, &notice)) {
		if (!is_new(collector, &notice))
			continue;
		tell_notice(&notice);
		if (collector->notice_count == NOTICE_SOURCES)
			collector->notice_count--;
		collector->told_notices[collector->notice_count++] = notice;
		collector->interval_over = collector->flush = true;
		collector->host_deadline = now_ns();
	}
}

/* It is not on this host, and what it says is for who is shipped to. */
int collector_start_notices(struct collector *collector)
{
	const struct config *config = &collector->config;
	int result;

	if (!config->ec2_notices || !config_ships(config) || collector->estimate ||
	    (!*config->ec2_metadata && (!config->ec2_metadata_ipv6 || !*config->ec2_metadata_ipv6)))
		return 0;
	result = notices_start(config->ec2_metadata, config->ec2_metadata_ipv6, &collector->notices);
	if (!result)
		result = collector_watch_fd(collector, notices_fd(collector->notices));
	if (result)
		log_line(LOG_PRIORITY_ERROR, "the thread for notices: %s", strerror(-result));
	return result;
}

void collector_stop_notices(struct collector *collector)
{
	notices_stop(collector->notices);
	collector->notices = NULL;
}
