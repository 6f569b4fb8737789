/* SPDX-License-Identifier: MIT */
/*
 * A stream's end: over a session that tells what a test has it tell, by the linker's
 * --wrap (build.mk).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <hadal/hadal.h>

#include "stream.h"

enum { DUMPS_MAX = 4 };

/* Dumps are written in the order in which they are asked for, a frame a call, while the session runs. */
static struct {
	uint32_t requested, started, ended;
	bool stopped;
	struct hadal_record_dump record;
} session;

void __wrap_hadal_session_query(const struct hadal_session *of, struct hadal_query *query);
int __wrap_hadal_session_configure(struct hadal_session *of, const struct hadal_config *config);
int __wrap_hadal_session_start(struct hadal_session *of);
int __wrap_hadal_session_request_dump(struct hadal_session *of, uint32_t what);
int __wrap_hadal_session_next(struct hadal_session *of, const struct hadal_record **record, int timeout);
int __wrap_hadal_session_stop(struct hadal_session *of);

void __wrap_hadal_session_query(const struct hadal_session *of, struct hadal_query *query)
{
	(void)of;
	*query = (struct hadal_query){ .size = sizeof(*query) };
}

int __wrap_hadal_session_configure(struct hadal_session *of, const struct hadal_config *config)
{
	(void)of;
	(void)config;
	return 0;
}

int __wrap_hadal_session_start(struct hadal_session *of)
{
	(void)of;
	return 0;
}

int __wrap_hadal_session_request_dump(struct hadal_session *of, uint32_t what)
{
	(void)of;
	assert_true(what != 0);
	assert_true(session.requested < DUMPS_MAX);
	session.requested++;
	return 0;
}

int __wrap_hadal_session_stop(struct hadal_session *of)
{
	(void)of;
	session.stopped = true;
	return 0;
}

static int tell(uint16_t type, uint32_t dump, const struct hadal_record **record)
{
	session.record = (struct hadal_record_dump){
		.header = { .size = sizeof(session.record), .type = type, .record_class = HADAL_CLASS_CONTROL },
		.dump = dump,
	};
	*record = &session.record.header;
	return 1;
}

int __wrap_hadal_session_next(struct hadal_session *of, const struct hadal_record **record, int timeout)
{
	(void)of;
	(void)timeout;
	if (session.stopped)
		return 0;
	if (session.ended < session.started)
		return tell(HADAL_RECORD_DUMP_END, ++session.ended, record);
	return session.started < session.requested ? tell(HADAL_RECORD_DUMP_START, ++session.started, record) : 0;
}

static int take(void *context, const struct hadal_record *record)
{
	uint32_t *last = context;

	if (record->type == HADAL_RECORD_DUMP_END)
		*last = ((const struct hadal_record_dump *)record)->dump;
	return 0;
}

/* What exists is still to be read when the time is over. */
static void the_last_snapshot_is_waited_for(void **state)
{
	const struct stream_options options = {
		.classes = HADAL_CLASS_BIT(HADAL_CLASS_TCP), .dump = true, .duration = 1,
	};
	uint32_t last = 0;
	struct stream stream = { .options = &options, .take = take, .snapshot_at_end = true, .context = &last };

	(void)state;
	assert_int_equal(stream_run(&stream), 0);
	assert_int_equal(session.requested, 2);
	assert_int_equal(last, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_last_snapshot_is_waited_for),
	};

	return cmocka_run_group_tests_name("stream", tests, NULL, NULL);
}
