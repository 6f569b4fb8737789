/* SPDX-License-Identifier: MIT */
/*
 * What hadal top shows: two answers of hadald, added up by service, task, container, process or edge.
 */
#ifndef HADAL_CLI_TOP_TABLE_H
#define HADAL_CLI_TOP_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flow_rows.h"
#include "process_rows.h"
#include "query.h"

enum top_view {
	TOP_SERVICE,
	TOP_TASK,
	TOP_CONTAINER,
	TOP_PROCESS,
	TOP_EDGE,
	TOP_VIEWS,
};

enum top_column {
	TOP_NAME,
	TOP_PROCESSES,
	TOP_CPU,	/* share of one CPU, 1 for all of it */
	TOP_MEMORY,	/* bytes */
	TOP_LIVE,	/* connections */
	TOP_NEW,	/* a second */
	TOP_FAILED,	/* a second */
	TOP_OUT,	/* bytes a second */
	TOP_IN,
	TOP_RTT,	/* s; below 0: not known */
	TOP_COLUMNS,
};

/* An answer of hadald, about processes or, by edge, about flows. */
struct top_sample {
	bool edges;
	struct process_rows processes;
	struct flow_rows flows;
};

struct top_row {
	char *name;
	double value[TOP_COLUMNS];
};

struct top_table {
	enum top_view view;
	struct top_row *list;
	size_t count;
	double seconds;		/* that rates are of; 0: there was no earlier sample */
	uint64_t left_out;
};

/* "service", "task", ...; "name", "cpu", ...; static. */
const char *top_view_name(enum top_view view);
const char *top_column_name(enum top_column column);
bool parse_top_view(const char *text, enum top_view *view);
bool parse_top_column(const char *text, enum top_column *column);

/* Whether the view has that column; and which it is sorted by if nothing is said. */
bool top_has_column(enum top_view view, enum top_column column);
enum top_column top_default_column(enum top_view view);

/* Asks hadald at @socket for what @view needs; as query_ask(). */
int top_sample_read(enum top_view view, const char *socket, struct top_sample *sample, char error[QUERY_ERROR_SIZE]);
void top_sample_free(struct top_sample *sample);

/*
 * Adds up @sample by @view; rates are of what came since @earlier (NULL, or a
 * sample for another view: none). Rows without @match in their name are left out;
 * NULL: none. Returns 0; -ENOMEM.
 */
int top_table_make(enum top_view view, const struct top_sample *sample, const struct top_sample *earlier,
		   const char *match, struct top_table *table);
void top_table_free(struct top_table *table);
void top_table_sort(struct top_table *table, enum top_column column);

/*
 * The head or row @row in exactly @width columns: what has no room there is left
 * out, last the name. @out: four bytes a column and one more.
 */
void top_head(enum top_view view, unsigned int width, char *out, size_t size);
void top_line(const struct top_table *table, size_t row, unsigned int width, char *out, size_t size);

#endif
