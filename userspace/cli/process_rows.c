/* SPDX-License-Identifier: MIT */
#include "process_rows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "columns.h"

enum {
	TASK_WIDTH = 8,
	FIXED_WIDTH = 7 + 1 + 8 + 1 + 4 + 1 + 7 + 1 + TASK_WIDTH + 1,	/* PID STARTED CONN EXIT TASK, and a space behind each */
	USAGE_WIDTH = 4 + 1 + 4 + 1,	/* TIME MEM, likewise */
	USAGE_COLUMNS = 100,		/* from here on there is room for them */
	NAMES = 3,
	NAME_SIZE = 4 * 600 + 1,
};

static const char *const order_names[PROCESS_ORDERS] = {
	[PROCESS_BY_PID] = "pid", [PROCESS_BY_START] = "start", [PROCESS_BY_CONNECTIONS] = "connections",
	[PROCESS_BY_SERVICE] = "service", [PROCESS_BY_NAME] = "name", [PROCESS_BY_CPU] = "cpu",
	[PROCESS_BY_MEMORY] = "memory",
};

bool parse_process_order(const char *text, enum process_order *order)
{
	for (unsigned int i = 0; i < PROCESS_ORDERS; i++) {
		if (strcmp(text, order_names[i]) == 0) {
			*order = i;
			return true;
		}
	}
	return false;
}

/* ---- reading ---- */

static void row_read(struct json_object *json, struct process_row *row)
{
	*row = (struct process_row){
		.json = json,
		.pid = member_number(json, "process.pid"),
		.start = member_text_or(json, "process.creation.time", ""),
		.began = member_number(json, "hadal.process.creation.boottime"),
		.service = member_text_or(json, "service.name", ""),
		.namespace = member_text_or(json, "service.namespace", ""),
		.container = member_text_or(json, "container.name", ""),
		.container_id = member_text_or(json, "container.id", ""),
		.task = member_text_or(json, "aws.ecs.task.id", ""),
		.executable = member_text_or(json, "process.executable.name", ""),
		.kernel = member_of(json, "hadal.process.kernel_thread"),
		.ended = member_of(json, "hadal.process.end.time"),
		.oom_killed = member_of(json, "hadal.process.oom_killed"),
		.exit_code = -1,
		.signal = (int)member_number(json, "hadal.process.exit.signal"),
		.opened = member_number(json, "hadal.tcp.connection.opened"),
		.active = member_number(json, "hadal.tcp.connection.active"),
		.sent = member_number(json, "hadal.process.network.io.transmit"),
		.received = member_number(json, "hadal.process.network.io.receive"),
		.cpu = member_real(json, "process.cpu.time", -1),
		.memory = member_number(json, "process.memory.usage"),
	};
	if (!*row->container)
		row->container = row->container_id;
	if (member_of(json, "process.exit.code"))
		row->exit_code = (int)member_number(json, "process.exit.code");
}

int process_rows_read(struct json_object *document, struct process_rows *rows)
{
	struct json_object *list = member_of(document, "processes");
	size_t count;

	*rows = (struct process_rows){ .document = document };
	if (!json_object_is_type(list, json_type_array))
		return -EBADMSG;
	count = json_object_array_length(list);
	rows->list = calloc(count + 1, sizeof(*rows->list));
	if (!rows->list)
		return -ENOMEM;
	rows->left_out = member_number(document, "left_out");
	rows->time = member_number(document, "time_unix_nano");
	rows->sampled = member_number(document, "sampled_monotonic_nano");
	for (; rows->count < count; rows->count++)
		row_read(json_object_array_get_idx(list, rows->count), &rows->list[rows->count]);
	return 0;
}

int process_rows_ask(const char *socket, struct process_rows *rows, char error[QUERY_ERROR_SIZE])
{
	struct json_object *document;
	int result = query_ask(socket, QUERY_PROCESSES, &document, error);

	if (result)
		return result;
	result = process_rows_read(document, rows);
	if (!result)
		return 0;
	snprintf(error, QUERY_ERROR_SIZE, "%s", result == -ENOMEM ? "no memory" : "hadald's answer has no processes");
	process_rows_free(rows);
	return result;
}

void process_rows_free(struct process_rows *rows)
{
	free(rows->list);
	json_object_put(rows->document);
	*rows = (struct process_rows){ 0 };
}

/* ---- which, and in which order ---- */

static bool row_matches(const struct process_row *row, const struct process_filter *filter)
{
	const char *text = filter->match;

	if ((row->kernel && !filter->kernel) || (row->ended && !filter->ended))
		return false;
	return !text || strcasestr(row->service, text) || strcasestr(row->namespace, text) ||
	       strcasestr(row->task, text) || strcasestr(row->container, text) ||
	       strcasestr(row->container_id, text) || strcasestr(row->executable, text);
}

void process_rows_filter(struct process_rows *rows, const struct process_filter *filter)
{
	size_t kept = 0;

	for (size_t i = 0; i < rows->count; i++) {
		if (row_matches(&rows->list[i], filter))
			rows->list[kept++] = rows->list[i];
	}
	rows->count = kept;
}

static int compare_numbers(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

static int compare_rows(const void *first, const void *second, void *context)
{
	const enum process_order *order = context;
	const struct process_row *a = first, *b = second;
	int result = 0;

	switch (*order) {
	case PROCESS_BY_START:
		result = strcmp(b->start, a->start);
		break;
	case PROCESS_BY_CONNECTIONS:
		result = compare_numbers(b->active, a->active);
		break;
	case PROCESS_BY_SERVICE:
		result = strcmp(a->service, b->service);
		break;
	case PROCESS_BY_CPU:
		result = (a->cpu < b->cpu) - (a->cpu > b->cpu);
		break;
	case PROCESS_BY_MEMORY:
		result = compare_numbers(b->memory, a->memory);
		break;
	case PROCESS_BY_NAME:
		result = strcmp(a->executable, b->executable);
		break;
	default:
		break;
	}
	if (!result)
		result = compare_numbers(a->pid, b->pid);
	return result ? result : compare_numbers(a->began, b->began);
}

void process_rows_sort(struct process_rows *rows, enum process_order order)
{
	qsort_r(rows->list, rows->count, sizeof(*rows->list), compare_rows, &order);
}

/* ---- the table ---- */

static bool has_usage(unsigned int columns)
{
	return columns >= USAGE_COLUMNS;
}

static unsigned int fixed_width(unsigned int columns)
{
	return has_usage(columns) ? FIXED_WIDTH + USAGE_WIDTH : FIXED_WIDTH;
}

static unsigned int name_width(unsigned int columns)
{
	return (columns - fixed_width(columns) - (NAMES - 1)) / NAMES;
}

static unsigned int widest(unsigned int width, const char *name)
{
	unsigned int columns = columns_of(name);

	return columns > width ? columns : width;
}

/* The last column takes what the others leave, and no name is cut there sooner. */
unsigned int process_columns(const struct process_rows *rows)
{
	unsigned int width = name_width(COLUMNS_NARROW);

	for (size_t i = 0; i < rows->count; i++) {
		width = widest(width, rows->list[i].service);
		width = widest(width, rows->list[i].container);
		width = widest(width, rows->list[i].executable);
	}
	width = FIXED_WIDTH + USAGE_WIDTH + NAMES * width + NAMES - 1;
	return width < USAGE_COLUMNS ? USAGE_COLUMNS : width;
}

void process_head(FILE *to, unsigned int columns)
{
	int width = (int)name_width(columns);

	fprintf(to, "%7s %-8s %s%4s %-7s %-8s %-*s %-*s %s", "PID", "STARTED", has_usage(columns) ? "TIME  MEM " : "",
		"CONN", "EXIT", "TASK", width, "SERVICE", width, "CONTAINER", "COMMAND");
}

/* The time of day within 24 hours of the answer, else the day; local time. */
static void short_start(const struct process_row *row, uint64_t now, char text[9])
{
	time_t seconds, today = (time_t)(now / 1000000000);
	struct tm date = { 0 };

	text[0] = '\0';
	if (!strptime(row->start, "%Y-%m-%dT%H:%M:%S", &date))
		return;
	seconds = timegm(&date);
	if (!localtime_r(&seconds, &date))
		return;
	strftime(text, 9, today - seconds < 86400 ? "%H:%M:%S" : today - seconds < 300 * 86400 ? "%b %d" : "%Y", &date);
}

static void short_end(const struct process_row *row, char *text, size_t size)
{
	const char *name = row->signal ? sigabbrev_np(row->signal) : NULL;

	if (!row->ended)
		text[0] = '\0';
	else if (row->oom_killed)
		snprintf(text, size, "oom");
	else if (row->signal && name)
		snprintf(text, size, "SIG%s", name);
	else if (row->signal)
		snprintf(text, size, "SIG%d", row->signal);
	else if (row->exit_code >= 0)
		snprintf(text, size, "%d", row->exit_code);
	else
		snprintf(text, size, "?");
}

/* CPU time and memory, with a space behind each; "" where there is no room. */
static void short_usage(const struct process_row *row, unsigned int columns, char text[2 * SHORT_SIZE])
{
	char time[SHORT_SIZE], memory[SHORT_SIZE] = "-";

	text[0] = '\0';
	if (!has_usage(columns))
		return;
	short_time(row->cpu, time);
	if (row->cpu >= 0 && !row->ended)
		short_bytes(row->memory, memory);
	snprintf(text, 2 * SHORT_SIZE, "%4s %4s ", time, memory);
}

/* The first digits of an id, by which people tell tasks apart. */
static void short_task(const struct process_row *row, char text[TASK_WIDTH + 1])
{
	char start[TASK_WIDTH + 1];

	snprintf(start, sizeof(start), "%s", row->task);
	fit(text, TASK_WIDTH + 1, TASK_WIDTH, start, "");
}

void process_line(FILE *to, const struct process_rows *rows, const struct process_row *row, unsigned int columns)
{
	unsigned int width = name_width(columns), rest = columns - fixed_width(columns) - NAMES + 1 - 2 * width;
	char service[NAME_SIZE], container[NAME_SIZE], executable[NAME_SIZE], start[9], end[16], count[SHORT_SIZE];
	char end_fit[4 * 7 + 1], task[TASK_WIDTH + 1], usage[2 * SHORT_SIZE];

	short_start(row, rows->time, start);
	short_end(row, end, sizeof(end));
	short_task(row, task);
	short_usage(row, columns, usage);
	short_count(row->active, count);
	fit(end_fit, sizeof(end_fit), 7, end, "");
	fit(service, sizeof(service), width, row->service, "");
	fit(container, sizeof(container), width, row->container, "");
	fit(executable, sizeof(executable), rest, row->executable, "");
	fprintf(to, "%7llu %-8s %s%4s %s %s %s %s %s", (unsigned long long)row->pid, start, usage, count, end_fit,
		task, service, container, executable);
}
