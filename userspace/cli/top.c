/* SPDX-License-Identifier: MIT */
/*
 * hadal top: the same as flows and ps, live.
 */
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include <hadal/hadal.h>

#include "cli.h"
#include "clock.h"
#include "columns.h"
#include "options.h"
#include "query.h"
#include "top_screen.h"
#include "top_table.h"

enum { LINE_SIZE = 4 * 1000 + 1 };

#define WAIT_SAID	1000000000ULL	/* ns: an answer may take as long without that being said */

struct top_options {
	const char *socket, *match;
	enum top_view view;
	enum top_column column;
	bool column_given;
	uint64_t interval;	/* ns */
	uint64_t count;		/* tables of --batch; 0: without end */
	bool batch, json;
};

/* The newest sample and the one before. */
struct top_samples {
	struct top_sample last, before;
	bool has_last, has_before;
};

static void help(void)
{
	fputs("Usage: hadal top [OPTION...]\n"
	      "\n"
	      "What services do, live: CPU time, memory, connections live and new, failed, bytes out\n"
	      "and in, the last four by the second. Keys: s t c p e view, o order, / filter, space\n"
	      "pause, ? help, q quit.\n"
	      "\n"
	      "  --by VIEW        service (default), task, container, process, edge\n"
	      "  --sort COLUMN    name, processes, cpu, memory, live, new, failed, out, in, rtt\n"
	      "  --match TEXT     only rows with TEXT in their name\n"
	      "  --interval TIME  between two looks, 1s and more (default: 2s)\n"
	      "  --batch          print tables, one an interval, instead of drawing on the terminal\n"
	      "  --count N        end after N tables of --batch\n"
	      "  --json           one JSON document of one interval, then end\n"
	      "  --socket PATH    ask hadald there instead of " QUERY_SOCKET "\n"
	      "\n"
	      "With NO_COLOR in the environment it is drawn without colours.\n", stdout);
}

static bool take_view(void *options, const char *value)
{
	return parse_top_view(value, &((struct top_options *)options)->view);
}

static bool take_column(void *options, const char *value)
{
	struct top_options *top = options;

	top->column_given = true;
	return parse_top_column(value, &top->column);
}

static bool take_interval(void *options, const char *value)
{
	uint64_t *interval = &((struct top_options *)options)->interval;

	return parse_duration(value, interval) && *interval >= QUERY_WINDOW_MIN &&
	       *interval <= 3600 * QUERY_WINDOW_MIN;
}

static bool take_count(void *options, const char *value)
{
	uint64_t *count = &((struct top_options *)options)->count;

	return parse_count(value, count) && *count;
}

static const struct option_entry entries[] = {
	OPTION_FLAG("batch", struct top_options, batch),
	OPTION_TAKEN("by", take_view, "one of service, task, container, process, edge"),
	OPTION_TAKEN("count", take_count, "a number from 1 on"),
	OPTION_TAKEN("interval", take_interval, "a duration from 1s to 1h"),
	OPTION_FLAG("json", struct top_options, json),
	OPTION_TEXT("match", struct top_options, match),
	OPTION_TEXT("socket", struct top_options, socket),
	OPTION_TAKEN("sort", take_column,
		     "one of name, processes, cpu, memory, live, new, failed, out, in, rtt"),
	{ .name = NULL },
};

/* ---- samples ---- */

static void samples_free(struct top_samples *samples)
{
	if (samples->has_last)
		top_sample_free(&samples->last);
	if (samples->has_before)
		top_sample_free(&samples->before);
	*samples = (struct top_samples){ .has_last = false };
}

/* On failure what was known stays. */
static int samples_next(struct top_samples *samples, enum top_view view, const char *socket,
			char error[QUERY_ERROR_SIZE])
{
	struct top_sample sample;
	int result = top_sample_read(view, socket, &sample, error);

	if (result)
		return result;
	/* hadald tells the same state for a second: that is no window. */
	if (samples->has_last && samples->last.edges == sample.edges &&
	    (sample.edges ? sample.flows.time == samples->last.flows.time
			  : sample.processes.time == samples->last.processes.time)) {
		top_sample_free(&sample);
		return 0;
	}
	if (samples->has_before)
		top_sample_free(&samples->before);
	samples->before = samples->last;
	samples->has_before = samples->has_last;
	samples->last = sample;
	samples->has_last = true;
	return 0;
}

static int make_table(const struct top_samples *samples, enum top_view view, enum top_column column,
		      const char *match, struct top_table *table)
{
	int result;

	*table = (struct top_table){ .view = view };
	if (!samples->has_last || samples->last.edges != (view == TOP_EDGE))
		return 0;
	result = top_table_make(view, &samples->last, samples->has_before ? &samples->before : NULL, match, table);
	if (!result)
		top_table_sort(table, column);
	return result;
}

/* ---- tables and documents ---- */

static void print_table(const struct top_table *table)
{
	char text[LINE_SIZE];
	unsigned int width = terminal_columns();

	if (width > 1000)
		width = 1000;
	top_head(table->view, width, text, sizeof(text));
	puts(text);
	for (size_t i = 0; i < table->count; i++) {
		top_line(table, i, width, text, sizeof(text));
		puts(text);
	}
}

static struct json_object *row_json(const struct top_table *table, const struct top_row *row)
{
	struct json_object *object = json_object_new_object();

	json_object_object_add(object, "name", json_object_new_string(row->name));
	for (unsigned int i = 1; i < TOP_COLUMNS; i++) {
		if (top_has_column(table->view, i) && row->value[i] >= 0)
			json_object_object_add(object, top_column_name(i), json_object_new_double(row->value[i]));
	}
	return object;
}

static void print_json(const struct top_table *table)
{
	struct json_object *document = json_object_new_object(), *rows = json_object_new_array();

	json_object_object_add(document, "version", json_object_new_int(QUERY_VERSION));
	json_object_object_add(document, "by", json_object_new_string(top_view_name(table->view)));
	json_object_object_add(document, "window", json_object_new_double(table->seconds));
	json_object_object_add(document, "left_out", json_object_new_uint64(table->left_out));
	for (size_t i = 0; i < table->count; i++)
		json_object_array_add(rows, row_json(table, &table->list[i]));
	print_document(document, "rows", rows);
	json_object_put(document);
}

/* Tables, each of what came since the one before; of --json the first. */
static int run_batch(const struct top_options *options)
{
	struct top_samples samples = { .has_last = false };
	char error[QUERY_ERROR_SIZE] = "no memory";
	struct top_table table;
	int result = samples_next(&samples, options->view, options->socket, error);

	for (uint64_t i = 0; !result && (!options->count || i < options->count); i++) {
		query_wait(options->interval);
		result = samples_next(&samples, options->view, options->socket, error);
		if (!result)
			result = make_table(&samples, options->view, options->column, options->match, &table);
		if (result)
			break;
		if (options->json)
			print_json(&table);
		else
			print_table(&table);
		top_table_free(&table);
		if (options->json || fflush(stdout))
			break;
		if (i + 1 != options->count)
			putchar('\n');
	}
	samples_free(&samples);
	if (result)
		complain("%s", error);
	return result ? EXIT_FAILED : EXIT_WELL;
}

/* ---- the terminal ---- */

struct top {
	const struct top_options *options;
	struct top_state state;
	struct top_samples samples;
	uint64_t due;		/* ns, CLOCK_MONOTONIC: when hadald is to be asked */
	bool hurried;		/* a second look is to come soon, for there are no rates without */
	uint64_t asked;		/* ns, CLOCK_MONOTONIC: when hadald was asked last */
	bool going;		/* until somebody wants to quit */
};

static void draw(struct top *top)
{
	struct top_table table;

	if (make_table(&top->samples, top->state.view, top->state.column,
		       *top->state.filter ? top->state.filter : NULL, &table))
		return;
	top_screen_draw(&table, &top->state);
	top_table_free(&table);
}

static void take_key(struct top *top, int key)
{
	if (top_screen_is_over() || (key >= 0 && !top_key(&top->state, key)))
		top->going = false;
}

/* Keys count while hadald is waited for. Where nothing is shown yet that is said at once. */
static bool wait_for_answer(void *context)
{
	struct top *top = context;
	uint64_t waited = now_ns() - top->asked;

	take_key(top, top_screen_key(0));
	top->state.waiting = !top->samples.has_last || waited >= WAIT_SAID;
	top->state.waited = (unsigned int)(waited / 1000000000);
	if (top->state.waiting)
		draw(top);
	return top->going;
}

static void look(struct top *top)
{
	struct top_state *state = &top->state;

	top->asked = now_ns();
	state->failed = samples_next(&top->samples, state->view, top->options->socket, state->error);
	top->due = now_ns() + (top->hurried ? QUERY_WINDOW_MIN : top->options->interval);
	top->hurried = false;
	state->waiting = false;
}

/* Edges are of another answer than the rest. */
static void after_key(struct top *top, enum top_view before)
{
	if ((before == TOP_EDGE) == (top->state.view == TOP_EDGE))
		return;
	samples_free(&top->samples);
	top->hurried = true;
	top->due = 0;
}

static int until_due(const struct top *top)
{
	uint64_t now = now_ns();

	if (top->state.paused)
		return -1;
	return now >= top->due ? 0 : (int)((top->due - now) / 1000000 + 1);
}

static int run_screen(const struct top_options *options)
{
	struct top top = {
		.options = options, .hurried = true, .going = true,
		.state = { .view = options->view, .column = options->column },
	};
	enum top_view before;

	if (options->match)
		snprintf(top.state.filter, sizeof(top.state.filter), "%s", options->match);
	if (!top_screen_open())
		return EXIT_FAILED;
	query_meanwhile(wait_for_answer, &top);
	while (top.going) {
		before = top.state.view;
		if (now_ns() >= top.due && (!top.state.paused || !top.samples.has_last))
			look(&top);
		if (!top.going)
			break;
		/* A key that was pressed while hadald was waited for. */
		after_key(&top, before);
		if (top.state.view != before)
			continue;
		draw(&top);
		take_key(&top, top_screen_key(until_due(&top)));
		after_key(&top, before);
	}
	query_meanwhile(NULL, NULL);
	top_screen_close();
	samples_free(&top.samples);
	return EXIT_WELL;
}

int command_top(int argc, char **argv)
{
	struct top_options options = { .view = TOP_SERVICE, .interval = 2 * QUERY_WINDOW_MIN };
	int status = read_options(argc, argv, entries, help, &options);

	if (status >= 0)
		return status;
	if (!options.column_given)
		options.column = top_default_column(options.view);
	if (!top_has_column(options.view, options.column))
		return complain_of_value(argv[0], "sort", top_column_name(options.column), "a column of that view");
	return options.json || options.batch ? run_batch(&options) : run_screen(&options);
}
