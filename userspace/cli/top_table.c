/* SPDX-License-Identifier: MIT */
#include "top_table.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define HASH_NONFATAL_OOM 1
#define uthash_nonfatal_oom(element) ((void)(element))
#include <uthash.h>

#include "columns.h"

enum {
	NUMBER_WIDTH = 5,	/* four columns and the space before */
	NAME_LEAST = 16,	/* numbers are left out to keep it that wide */
	NAME_SIZE = 1024,
};

#define BIT(column)	(1U << (column))

static const char *const view_names[TOP_VIEWS] = {
	[TOP_SERVICE] = "service", [TOP_TASK] = "task", [TOP_CONTAINER] = "container",
	[TOP_PROCESS] = "process", [TOP_EDGE] = "edge",
};

static const struct {
	const char *name;
	const char *head;
	unsigned int rank;	/* the highest goes first where there is no room */
} columns[TOP_COLUMNS] = {
	[TOP_NAME] = { "name", "", 0 },
	[TOP_PROCESSES] = { "processes", "PROC", 7 },
	[TOP_CPU] = { "cpu", "CPU", 1 },
	[TOP_MEMORY] = { "memory", "MEM", 4 },
	[TOP_LIVE] = { "live", "LIVE", 3 },
	[TOP_NEW] = { "new", "NEW", 5 },
	[TOP_FAILED] = { "failed", "FAIL", 4 },
	[TOP_OUT] = { "out", "OUT", 2 },
	[TOP_IN] = { "in", "IN", 2 },
	[TOP_RTT] = { "rtt", "RTT", 6 },
};

static const unsigned int process_columns_shown = BIT(TOP_PROCESSES) | BIT(TOP_CPU) | BIT(TOP_MEMORY) |
						  BIT(TOP_LIVE) | BIT(TOP_NEW) | BIT(TOP_OUT) | BIT(TOP_IN);
static const unsigned int edge_columns_shown = BIT(TOP_LIVE) | BIT(TOP_NEW) | BIT(TOP_FAILED) | BIT(TOP_OUT) |
					       BIT(TOP_IN) | BIT(TOP_RTT);

const char *top_view_name(enum top_view view)
{
	return view_names[view];
}

const char *top_column_name(enum top_column column)
{
	return columns[column].name;
}

bool parse_top_view(const char *text, enum top_view *view)
{
	for (unsigned int i = 0; i < TOP_VIEWS; i++) {
		if (strcmp(text, view_names[i]) == 0) {
			*view = i;
			return true;
		}
	}
	return false;
}

bool parse_top_column(const char *text, enum top_column *column)
{
	for (unsigned int i = 0; i < TOP_COLUMNS; i++) {
		if (strcmp(text, columns[i].name) == 0) {
			*column = i;
			return true;
		}
	}
	return false;
}

static unsigned int columns_shown(enum top_view view)
{
	if (view == TOP_EDGE)
		return edge_columns_shown;
	return view == TOP_PROCESS ? process_columns_shown & ~BIT(TOP_PROCESSES) : process_columns_shown;
}

bool top_has_column(enum top_view view, enum top_column column)
{
	return column == TOP_NAME || columns_shown(view) & BIT(column);
}

enum top_column top_default_column(enum top_view view)
{
	return view == TOP_EDGE ? TOP_OUT : TOP_CPU;
}

/* ---- samples ---- */

int top_sample_read(enum top_view view, const char *socket, struct top_sample *sample, char error[QUERY_ERROR_SIZE])
{
	const struct process_filter filter = { .ended = true };
	int result;

	*sample = (struct top_sample){ .edges = view == TOP_EDGE };
	if (sample->edges) {
		result = flow_rows_ask(socket, &sample->flows, error);
		if (!result)
			flow_rows_sort_by_key(&sample->flows);
		return result;
	}
	result = process_rows_ask(socket, &sample->processes, error);
	if (result)
		return result;
	process_rows_filter(&sample->processes, &filter);
	process_rows_sort(&sample->processes, PROCESS_BY_PID);
	return 0;
}

void top_sample_free(struct top_sample *sample)
{
	flow_rows_free(&sample->flows);
	process_rows_free(&sample->processes);
	*sample = (struct top_sample){ .edges = false };
}

/* ---- adding up ---- */

struct group {
	UT_hash_handle hh;
	struct top_row row;
	char key[];
};

struct groups {
	struct group *table;
	enum top_view view;
	double seconds;
};

static struct group *group_get(struct groups *groups, const char *key)
{
	struct group *group;
	size_t length = strlen(key);

	HASH_FIND_STR(groups->table, key, group);
	if (group)
		return group;
	group = calloc(1, sizeof(*group) + length + 1);
	if (!group)
		return NULL;
	memcpy(group->key, key, length);
	group->row.value[TOP_RTT] = -1;
	HASH_ADD_STR(groups->table, key, group);
	if (group->hh.tbl)
		return group;
	free(group);
	return NULL;
}

static void groups_free(struct groups *groups)
{
	struct group *group, *next;

	HASH_ITER(hh, groups->table, group, next) {
		HASH_DEL(groups->table, group);
		free(group);
	}
}

static void service_name(const struct process_row *process, char *name, size_t size)
{
	snprintf(name, size, "%s%s%s", process->namespace, *process->namespace ? "/" : "", process->service);
}

/* Returns false where it belongs to none. */
static bool name_process(enum top_view view, const struct process_row *process, char *name, size_t size)
{
	switch (view) {
	case TOP_TASK:
		snprintf(name, size, "%.8s %s", process->task, process->service);
		return *process->task;
	case TOP_CONTAINER:
		/* A name as it is; of an id its beginning, as Docker has it. */
		snprintf(name, size, "%.*s", process->container == process->container_id ? 12 : NAME_SIZE,
			 process->container);
		return *process->container;
	case TOP_PROCESS:
		snprintf(name, size, "%" PRIu64 " %s", process->pid, process->executable);
		return true;
	default:
		service_name(process, name, size);
		return true;
	}
}

static int compare_processes(const void *first, const void *second)
{
	const struct process_row *a = first, *b = second;

	if (a->pid != b->pid)
		return a->pid > b->pid ? 1 : -1;
	return (a->began > b->began) - (a->began < b->began);
}

static double growth(uint64_t now, uint64_t before)
{
	return now > before ? (double)(now - before) : 0;
}

/* What a process that began since has done is all of this window. */
static void add_rates(struct top_row *row, const struct process_row *process, const struct process_row *before,
		      double seconds)
{
	static const struct process_row none;

	if (!before)
		before = &none;
	row->value[TOP_NEW] += growth(process->opened, before->opened) / seconds;
	row->value[TOP_OUT] += growth(process->sent, before->sent) / seconds;
	row->value[TOP_IN] += growth(process->received, before->received) / seconds;
}

/* Of one that has ended too, up to its end. @seconds: between the looks at what processes use. */
static void add_cpu(struct top_row *row, const struct process_row *process, const struct process_row *before,
		    double seconds)
{
	double used = before ? process->cpu - before->cpu : process->cpu;

	if (seconds > 0 && process->cpu >= 0 && used > 0)
		row->value[TOP_CPU] += used / seconds;
}

static void add_process(struct groups *groups, struct top_row *row, const struct top_sample *sample, size_t i,
			const struct top_sample *earlier)
{
	const struct process_row *process = &sample->processes.list[i], *before = NULL;

	if (!process->ended) {
		row->value[TOP_PROCESSES]++;
		row->value[TOP_MEMORY] += (double)process->memory;
		row->value[TOP_LIVE] += (double)process->active;
	}
	if (!earlier || groups->seconds <= 0)
		return;
	before = bsearch(process, earlier->processes.list, earlier->processes.count, sizeof(*process),
			 compare_processes);
	add_rates(row, process, before, groups->seconds);
	add_cpu(row, process, before, growth(sample->processes.sampled, earlier->processes.sampled) / 1e9);
}

/* A process that has ended counts for its group, and is no process to be shown. */
static bool is_shown(const struct groups *groups, const struct process_row *process)
{
	return groups->view != TOP_PROCESS || !process->ended;
}

static int add_processes(struct groups *groups, const struct top_sample *sample, const struct top_sample *earlier)
{
	char name[NAME_SIZE];
	struct group *group;

	for (size_t i = 0; i < sample->processes.count; i++) {
		const struct process_row *process = &sample->processes.list[i];

		if (!is_shown(groups, process) || !name_process(groups->view, process, name, sizeof(name)))
			continue;
		group = group_get(groups, name);
		if (!group)
			return -ENOMEM;
		add_process(groups, &group->row, sample, i, earlier);
	}
	return 0;
}

static void name_flow(const struct flow_row *flow, char *name, size_t size)
{
	const char *between = strcmp(flow->role, "client") == 0 ? "->" : strcmp(flow->role, "server") == 0 ? "<-" : "--";
	char port[32] = "";

	if (flow->port)
		snprintf(port, sizeof(port), ":%" PRIu64, flow->port);
	snprintf(name, size, "%s %s %s%s%s", flow->service, between, flow->peer, port, flow->udp ? "/udp" : "");
}

static void add_flow(struct top_row *row, const struct flow_row *flow, const struct flow_row *before, double seconds)
{
	static const struct flow_row none;
	const uint64_t *now = flow->counts, *then;

	row->value[TOP_LIVE] += (double)flow->active;
	if (flow->rtt > row->value[TOP_RTT])
		row->value[TOP_RTT] = flow->rtt;
	if (seconds <= 0)
		return;
	then = before ? before->counts : none.counts;
	row->value[TOP_NEW] += growth(now[FLOW_OPENED], then[FLOW_OPENED]) / seconds;
	row->value[TOP_FAILED] += (growth(now[FLOW_FAILED], then[FLOW_FAILED]) +
				   growth(now[FLOW_BROKEN], then[FLOW_BROKEN])) / seconds;
	row->value[TOP_OUT] += growth(now[FLOW_OUT], then[FLOW_OUT]) / seconds;
	row->value[TOP_IN] += growth(now[FLOW_IN], then[FLOW_IN]) / seconds;
}

static int add_flows(struct groups *groups, const struct top_sample *sample, const struct top_sample *earlier)
{
	char name[NAME_SIZE];
	struct group *group;

	for (size_t i = 0; i < sample->flows.count; i++) {
		const struct flow_row *flow = &sample->flows.list[i];

		if (strcmp(flow->peer, "*") == 0)
			continue;
		name_flow(flow, name, sizeof(name));
		group = group_get(groups, name);
		if (!group)
			return -ENOMEM;
		add_flow(&group->row, flow, earlier ? flow_rows_find(&earlier->flows, flow) : NULL,
			 earlier ? groups->seconds : 0);
	}
	return 0;
}

static int take_rows(struct groups *groups, const char *match, struct top_table *table)
{
	struct group *group;

	table->list = calloc(HASH_COUNT(groups->table) + 1, sizeof(*table->list));
	if (!table->list)
		return -ENOMEM;
	for (group = groups->table; group; group = group->hh.next) {
		struct top_row *row = &table->list[table->count];

		if (match && !strcasestr(group->key, match))
			continue;
		*row = group->row;
		row->name = strdup(group->key);
		if (!row->name)
			return -ENOMEM;
		table->count++;
	}
	return 0;
}

static double seconds_between(const struct top_sample *sample, const struct top_sample *earlier)
{
	uint64_t now = sample->edges ? sample->flows.time : sample->processes.time;
	uint64_t then = earlier->edges ? earlier->flows.time : earlier->processes.time;

	return now > then ? (double)(now - then) / 1e9 : 0;
}

int top_table_make(enum top_view view, const struct top_sample *sample, const struct top_sample *earlier,
		   const char *match, struct top_table *table)
{
	struct groups groups = { .view = view };
	int result;

	if (earlier && earlier->edges != sample->edges)
		earlier = NULL;
	if (earlier)
		groups.seconds = seconds_between(sample, earlier);
	*table = (struct top_table){
		.view = view, .seconds = groups.seconds,
		.left_out = sample->edges ? sample->flows.left_out : sample->processes.left_out,
	};
	result = sample->edges ? add_flows(&groups, sample, earlier) : add_processes(&groups, sample, earlier);
	if (!result)
		result = take_rows(&groups, match, table);
	groups_free(&groups);
	if (result)
		top_table_free(table);
	return result;
}

void top_table_free(struct top_table *table)
{
	for (size_t i = 0; i < table->count; i++)
		free(table->list[i].name);
	free(table->list);
	*table = (struct top_table){ .list = NULL };
}

static int compare_rows(const void *first, const void *second, void *context)
{
	const enum top_column *column = context;
	const struct top_row *a = first, *b = second;
	double difference = *column == TOP_NAME ? 0 : b->value[*column] - a->value[*column];

	if (difference > 0 || difference < 0)
		return difference > 0 ? 1 : -1;
	return strcmp(a->name, b->name);
}

void top_table_sort(struct top_table *table, enum top_column column)
{
	qsort_r(table->list, table->count, sizeof(*table->list), compare_rows, &column);
}

/* ---- lines ---- */

static unsigned int count_of(unsigned int shown)
{
	return (unsigned int)__builtin_popcount(shown);
}

static unsigned int least_wanted(unsigned int shown)
{
	unsigned int least = 0;

	for (unsigned int i = 1; i < TOP_COLUMNS; i++) {
		if (shown & BIT(i) && (!least || columns[i].rank >= columns[least].rank))
			least = i;
	}
	return least;
}

/* The columns for which there is room beside the name. */
static unsigned int columns_that_fit(enum top_view view, unsigned int width)
{
	unsigned int shown = columns_shown(view);

	while (shown && count_of(shown) * NUMBER_WIDTH + NAME_LEAST > width)
		shown &= ~BIT(least_wanted(shown));
	return shown;
}

static void format_value(enum top_column column, double value, char text[SHORT_SIZE])
{
	switch (column) {
	case TOP_CPU:
		/* Of several CPUs it may be more than one. */
		snprintf(text, SHORT_SIZE, "%.0f%%", value * 100 > 999 ? 999 : value * 100);
		break;
	case TOP_MEMORY:
	case TOP_OUT:
	case TOP_IN:
		short_bytes((uint64_t)(value + 0.5), text);
		break;
	case TOP_RTT:
		short_seconds(value, text);
		break;
	default:
		/* Less than one a second is not none. */
		if (value > 0 && value < 1)
			snprintf(text, SHORT_SIZE, "%.1f", value < 0.1 ? 0.1 : value);
		else
			short_count((uint64_t)(value + 0.5), text);
	}
}

static void join(enum top_view view, unsigned int width, const char *name, const double *values, char *out,
		 size_t size)
{
	unsigned int shown = columns_that_fit(view, width);
	char text[SHORT_SIZE];
	size_t length;

	fit(out, size, width - count_of(shown) * NUMBER_WIDTH, name, "");
	for (unsigned int i = 1; i < TOP_COLUMNS; i++) {
		if (!(shown & BIT(i)))
			continue;
		length = strlen(out);
		if (values)
			format_value(i, values[i], text);
		snprintf(out + length, size - length, " %4s", values ? text : columns[i].head);
	}
}

void top_head(enum top_view view, unsigned int width, char *out, size_t size)
{
	static const char *const heads[TOP_VIEWS] = {
		[TOP_SERVICE] = "SERVICE", [TOP_TASK] = "TASK", [TOP_CONTAINER] = "CONTAINER",
		[TOP_PROCESS] = "PROCESS", [TOP_EDGE] = "EDGE",
	};

	join(view, width, heads[view], NULL, out, size);
}

void top_line(const struct top_table *table, size_t row, unsigned int width, char *out, size_t size)
{
	join(table->view, width, table->list[row].name, table->list[row].value, out, size);
}
