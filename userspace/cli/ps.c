/* SPDX-License-Identifier: MIT */
/*
 * hadal ps: processes, and what they belong to.
 */
#include <inttypes.h>
#include <string.h>

#include <hadal/hadal.h>

#include "cli.h"
#include "columns.h"
#include "options.h"
#include "process_rows.h"
#include "query.h"

struct ps_options {
	const char *socket;
	struct process_filter filter;
	enum process_order order;
	bool json, wide;
};

static void help(void)
{
	fputs("Usage: hadal ps [OPTION...]\n"
	      "\n"
	      "Processes with their service, ECS task and container, and how many TCP connections\n"
	      "that they made or accepted are open, as hadald knows them.\n"
	      "\n"
	      "  --ended        those too that ended within the last 30 s, with exit code or signal\n"
	      "  --kernel       kernel threads too\n"
	      "  --match TEXT   only where service, task, container or command has TEXT in it\n"
	      "  --sort ORDER   pid (default), start (youngest first), connections, service, name,\n"
	      "                 cpu (time used), memory\n"
	      "  --wide         cut no name\n"
	      "  --json         one JSON document; /usr/share/doc/hadal/operate.md has its names\n"
	      "  --socket PATH  ask hadald there instead of " QUERY_SOCKET "\n", stdout);
}

static bool take_order(void *options, const char *value)
{
	return parse_process_order(value, &((struct ps_options *)options)->order);
}

static const struct option_entry entries[] = {
	OPTION_FLAG("ended", struct ps_options, filter.ended),
	OPTION_FLAG("json", struct ps_options, json),
	OPTION_FLAG("kernel", struct ps_options, filter.kernel),
	OPTION_TEXT("match", struct ps_options, filter.match),
	OPTION_TEXT("socket", struct ps_options, socket),
	OPTION_TAKEN("sort", take_order, "one of pid, start, connections, service, name, cpu, memory"),
	OPTION_FLAG("wide", struct ps_options, wide),
	{ .name = NULL },
};

static void print_table(const struct process_rows *rows, const struct ps_options *options)
{
	unsigned int columns = options->wide ? process_columns(rows) : terminal_columns();

	if (columns < COLUMNS_NARROW)
		columns = COLUMNS_NARROW;
	process_head(stdout, columns);
	putchar('\n');
	for (size_t i = 0; i < rows->count; i++) {
		process_line(stdout, rows, &rows->list[i], columns);
		putchar('\n');
	}
	if (rows->left_out)
		complain("%" PRIu64 " more processes are not shown: hadald tells no more at a time", rows->left_out);
}

static void print_json(const struct process_rows *rows)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < rows->count; i++)
		json_object_array_add(list, json_object_get(rows->list[i].json));
	print_document(rows->document, "processes", list);
}

int command_ps(int argc, char **argv)
{
	struct ps_options options = { .order = PROCESS_BY_PID };
	char error[QUERY_ERROR_SIZE];
	struct process_rows rows;
	int status = read_options(argc, argv, entries, help, &options);

	if (status >= 0)
		return status;
	if (process_rows_ask(options.socket, &rows, error)) {
		complain("%s", error);
		return EXIT_FAILED;
	}
	process_rows_filter(&rows, &options.filter);
	process_rows_sort(&rows, options.order);
	if (options.json)
		print_json(&rows);
	else
		print_table(&rows, &options);
	process_rows_free(&rows);
	return EXIT_WELL;
}
