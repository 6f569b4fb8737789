/* SPDX-License-Identifier: MIT */
/*
 * hadal flows: who talks to whom, by service.
 */
#include <inttypes.h>
#include <string.h>

#include <hadal/hadal.h>

#include "cli.h"
#include "columns.h"
#include "flow_rows.h"
#include "options.h"
#include "query.h"

struct flow_options {
	const char *socket, *match;
	uint64_t window;	/* ns; 0: none */
	enum flow_order order;
	bool json, wide;
};

static void help(void)
{
	fputs("Usage: hadal flows [OPTION...]\n"
	      "\n"
	      "Which service talks to which, as hadald counts it: connections opened, live, failed\n"
	      "(broken ones too) and reset, bytes out and in, round-trip time, share of segments\n"
	      "sent again. '->' is a client's edge, '<-' a server's: a connection within this host\n"
	      "is on two.\n"
	      "\n"
	      "  --window TIME  what happens within that time from now on, OUT and IN by the second;\n"
	      "                 without it since hadald saw the edge first\n"
	      "  --match TEXT   only where the name of service or peer has TEXT in it\n"
	      "  --sort ORDER   bytes (default), opened, active, failed, rtt, retransmitted, service, peer\n"
	      "  --wide         cut no name\n"
	      "  --json         one JSON document; /usr/share/doc/hadal/operate.md has its names\n"
	      "  --socket PATH  ask hadald there instead of " QUERY_SOCKET "\n", stdout);
}

static bool take_order(void *options, const char *value)
{
	return parse_flow_order(value, &((struct flow_options *)options)->order);
}

static bool take_window(void *options, const char *value)
{
	uint64_t *window = &((struct flow_options *)options)->window;

	return parse_duration(value, window) && *window >= QUERY_WINDOW_MIN;
}

static const struct option_entry entries[] = {
	OPTION_FLAG("json", struct flow_options, json),
	OPTION_TEXT("match", struct flow_options, match),
	OPTION_TEXT("socket", struct flow_options, socket),
	OPTION_TAKEN("sort", take_order, "one of bytes, opened, active, failed, rtt, retransmitted, service, peer"),
	OPTION_FLAG("wide", struct flow_options, wide),
	OPTION_TAKEN("window", take_window, "a duration of a second or more, such as 10s"),
	{ .name = NULL },
};

static int ask_window(const struct flow_options *options, struct flow_rows *rows, char error[QUERY_ERROR_SIZE])
{
	struct flow_rows earlier;
	int result;

	if (!options->window)
		return flow_rows_ask(options->socket, rows, error);
	result = flow_rows_ask(options->socket, &earlier, error);
	if (result)
		return result;
	query_wait(options->window);
	result = flow_rows_ask(options->socket, rows, error);
	if (!result)
		flow_rows_since(rows, &earlier);
	flow_rows_free(&earlier);
	return result;
}

static void print_table(const struct flow_rows *rows, const struct flow_options *options)
{
	unsigned int columns = options->wide ? flow_columns(rows) : terminal_columns();

	if (columns < COLUMNS_NARROW)
		columns = COLUMNS_NARROW;
	flow_head(stdout, columns);
	putchar('\n');
	for (size_t i = 0; i < rows->count; i++) {
		flow_line(stdout, rows, &rows->list[i], columns);
		putchar('\n');
	}
	if (rows->left_out)
		complain("%" PRIu64 " more flows are not shown: hadald tells no more at a time", rows->left_out);
}

/* The document with the rows that are left, in their order. */
static void print_json(const struct flow_rows *rows)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < rows->count; i++)
		json_object_array_add(list, json_object_get(rows->list[i].json));
	if (rows->window > 0)
		json_object_object_add(rows->document, "window", json_object_new_double(rows->window));
	print_document(rows->document, "flows", list);
}

int command_flows(int argc, char **argv)
{
	struct flow_options options = { .order = FLOW_BY_BYTES };
	char error[QUERY_ERROR_SIZE];
	struct flow_rows rows;
	int status = read_options(argc, argv, entries, help, &options);

	if (status >= 0)
		return status;
	if (ask_window(&options, &rows, error)) {
		complain("%s", error);
		return EXIT_FAILED;
	}
	flow_rows_match(&rows, options.match);
	flow_rows_sort(&rows, options.order);
	if (options.json)
		print_json(&rows);
	else
		print_table(&rows, &options);
	flow_rows_free(&rows);
	return EXIT_WELL;
}
