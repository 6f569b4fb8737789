// SPDX-License-Identifier: MIT
/* hadal.ko: without a session, with a reader as hadald is one, with UDP flows too, with DNS too, with one that never reads. */
#include <hadal/hadal.h>
#include <string.h>

#include "must.h"
#include "subjects.h"

#define ARGV	256	/* bytes */

static struct hadal_session *session;

static void check(int result)
{
	if (result >= 0)
		return;
	fprintf(stderr, "hadal: %s: %s\n", strerror(-result),
		session ? hadal_session_error(session) : "");
	exit(1);
}

static void start(bool smallest, uint32_t more_classes)
{
	struct hadal_config config;
	struct hadal_query query;

	check(hadal_session_open(&session, NULL));
	hadal_session_query(session, &query);
	hadal_config_default(&config, &query);
	config.argv_max = ARGV;
	config.classes |= more_classes;
	if (smallest)
		config.lifecycle_ring_size = config.flow_ring_size = query.ring_size_min;
	memset(config.key, 7, sizeof(config.key));
	check(hadal_session_configure(session, &config));
	check(hadal_session_start(session));
}

static unsigned int drain(void)
{
	struct hadal_reader *reader = hadal_session_reader(session);
	const struct hadal_record *record;
	unsigned int count = 0;
	int result;

	while ((result = hadal_reader_next(reader, &record)) > 0)
		count++;
	check(result);
	return count;
}

static void dump_existing(void)
{
	int result;

	check(hadal_session_request_dump(session, HADAL_DUMP_PROCESSES | HADAL_DUMP_CONNECTIONS));
	do {
		drain();
		result = hadal_session_dump_step(session);
		check(result);
	} while (result);
}

static void start_session(void)
{
	start(false, 0);
	dump_existing();
}

static void start_flows(void)
{
	start(false, HADAL_CLASS_BIT(HADAL_CLASS_UDP));
	dump_existing();
}

static void start_dns(void)
{
	start(false, HADAL_CLASS_BIT(HADAL_CLASS_DNS));
	dump_existing();
}

static void start_full(void)
{
	start(true, 0);
}

static int session_fd(void)
{
	return hadal_session_fd(session);
}

static void stop(void)
{
	hadal_session_close(session);
}

const struct subject subject_none = { .name = "none" };
const struct subject subject_loaded = { .name = "loaded", .module = true };
const struct subject subject_session = {
	.name = "session", .module = true, .start = start_session, .fd = session_fd,
	.drain = drain, .stop = stop,
};
const struct subject subject_flows = {
	.name = "flows", .module = true, .start = start_flows, .fd = session_fd,
	.drain = drain, .stop = stop,
};
const struct subject subject_dns = {
	.name = "dns", .module = true, .start = start_dns, .fd = session_fd,
	.drain = drain, .stop = stop,
};
const struct subject subject_full = {
	.name = "full", .module = true, .start = start_full, .stop = stop,
};
