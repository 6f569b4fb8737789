/* SPDX-License-Identifier: MIT */
/*
 * The tables of docs/abi.md are those of hadal.h: each record and each call,
 * with number, struct and size. Run from the root of the tree.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hadal.h"
#include "text_file.h"

#define HEADER	"include/uapi/hadal.h"
#define PAGE	"docs/abi.md"

struct record {
	const char *name;
	unsigned int type;
	const char *layout;
	size_t size;
};

#define RECORD(name, layout) \
	{ #name, HADAL_RECORD_##name, #layout, sizeof(struct hadal_record_##layout) }

static const struct record records[] = {
	RECORD(LOST, lost),
	RECORD(CLOCK_SYNC, clock_sync),
	RECORD(DUMP_START, dump),
	RECORD(DUMP_END, dump),
	RECORD(RING_ADDED, ring_added),
	RECORD(PROCESS_FORK, process),
	RECORD(PROCESS_EXEC, process_exec),
	RECORD(PROCESS_EXIT, process_exit),
	RECORD(PROCESS_EXISTING, process),
	RECORD(PROCESS_OOM, process),
	RECORD(CGROUP_MKDIR, cgroup),
	RECORD(CGROUP_RMDIR, cgroup),
	RECORD(CGROUP_EXISTING, cgroup),
	RECORD(TCP_ESTABLISHED, tcp_established),
	RECORD(TCP_FAILED, tcp_failed),
	RECORD(TCP_ACCEPTED, tcp_accepted),
	RECORD(TCP_CLOSED, tcp_closed),
	RECORD(TCP_SNAPSHOT, tcp_snapshot),
	RECORD(TCP_LISTENING, tcp_listener),
	RECORD(TCP_LISTENER_CLOSED, tcp_listener),
	RECORD(UDP_FLOW, udp_flow),
	RECORD(DNS_ANSWER, dns_answer),
};

struct call {
	const char *name;
	unsigned long request;
	const char *argument;	/* NULL: none */
	size_t size;
};

static const struct call calls[] = {
	{ "QUERY", HADAL_IOC_QUERY, "hadal_query", sizeof(struct hadal_query) },
	{ "CONFIGURE", HADAL_IOC_CONFIGURE, "hadal_config", sizeof(struct hadal_config) },
	{ "START", HADAL_IOC_START, NULL, 0 },
	{ "STOP", HADAL_IOC_STOP, NULL, 0 },
	{ "DUMP", HADAL_IOC_DUMP, "hadal_dump", sizeof(struct hadal_dump) },
	{ "STATS", HADAL_IOC_STATS, "hadal_stats", sizeof(struct hadal_stats) },
};

#define COUNT(array)	(sizeof(array) / sizeof((array)[0]))

static void assert_row(const char *page, const char *row)
{
	if (!strstr(page, row))
		fail_msg("%s has no line %s", PAGE, row);
}

static const char *lane_of(const struct record *record)
{
	if (record->type == HADAL_RECORD_LOST)
		return "the one that lost";
	return record->type >= HADAL_RECORD_TCP_ESTABLISHED ? "flow" : "lifecycle";
}

static void each_record_is_in_the_table(void **state)
{
	char *page = read_file(PAGE), row[256];
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(records); i++) {
		snprintf(row, sizeof(row), "\n| `%s` | %u | %s | `hadal_record_%s` | %zu |\n",
			 records[i].name, records[i].type, lane_of(&records[i]),
			 records[i].layout, records[i].size);
		assert_row(page, row);
	}
	free(page);
}

static void each_call_is_in_the_table(void **state)
{
	char *page = read_file(PAGE), row[256];
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(calls); i++) {
		if (calls[i].argument)
			snprintf(row, sizeof(row), "\n| `%s` | %#lx | `%s` | %zu |\n",
				 calls[i].name, calls[i].request, calls[i].argument, calls[i].size);
		else
			snprintf(row, sizeof(row), "\n| `%s` | %#lx | - | - |\n", calls[i].name,
				 calls[i].request);
		assert_row(page, row);
	}
	free(page);
}

static bool is_record(const char *name)
{
	size_t i;

	for (i = 0; i < COUNT(records); i++)
		if (!strcmp(records[i].name, name))
			return true;
	return false;
}

static bool is_call(const char *name)
{
	size_t i;

	for (i = 0; i < COUNT(calls); i++)
		if (!strcmp(calls[i].name, name))
			return true;
	return false;
}

/* How many lines of the header have that form, a name and what follows it; each name is known here. */
static size_t count_in_header(const char *form, bool (*is_known)(const char *name))
{
	char *header = read_file(HEADER), *line, *save = NULL, name[64], next;
	size_t count = 0;

	for (line = strtok_r(header, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		if (sscanf(line, form, name, &next) != 2)
			continue;
		if (!is_known(name))
			fail_msg("%s of %s is not known here", name, HEADER);
		count++;
	}
	free(header);
	return count;
}

static void the_tables_here_are_whole(void **state)
{
	(void)state;
	assert_int_equal(COUNT(records), count_in_header("\tHADAL_RECORD_%63[A-Z_]%c", is_record));
	assert_int_equal(COUNT(calls), count_in_header("#define HADAL_IOC_%63[A-Z_] _IO%c", is_call));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_record_is_in_the_table),
		cmocka_unit_test(each_call_is_in_the_table),
		cmocka_unit_test(the_tables_here_are_whole),
	};

	return cmocka_run_group_tests_name("abi", tests, NULL, NULL);
}
