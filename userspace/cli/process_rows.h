/* SPDX-License-Identifier: MIT */
/*
 * Processes as hadald tells them: rows to sort, to leave out and to print.
 */
#ifndef HADAL_CLI_PROCESS_ROWS_H
#define HADAL_CLI_PROCESS_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "query.h"

enum process_order {
	PROCESS_BY_PID,
	PROCESS_BY_START,	/* the youngest first */
	PROCESS_BY_CONNECTIONS,
	PROCESS_BY_SERVICE,
	PROCESS_BY_NAME,
	PROCESS_BY_CPU,
	PROCESS_BY_MEMORY,
	PROCESS_ORDERS,
};

/* Texts are of the document; "" for none. */
struct process_row {
	struct json_object *json;	/* borrowed from the document */
	uint64_t pid;
	const char *start;		/* RFC 3339: compares as text; differs a little from answer to answer */
	uint64_t began;			/* ns, CLOCK_BOOTTIME: always the same, and with pid no other's */
	const char *service, *namespace;
	const char *container;		/* its name, else its id */
	const char *container_id;
	const char *task;		/* id */
	const char *executable;
	bool kernel, ended, oom_killed;
	int exit_code, signal;		/* -1, 0: not known, none */
	uint64_t opened, active, sent, received;
	double cpu;			/* s of CPU time; below 0: not known */
	uint64_t memory;		/* bytes, resident */
};

struct process_rows {
	struct json_object *document;
	struct process_row *list;
	size_t count;
	uint64_t left_out;
	uint64_t time;		/* ns since the epoch */
	uint64_t sampled;	/* ns, CLOCK_MONOTONIC: of when cpu and memory are; 0: not known */
};

struct process_filter {
	const char *match;	/* in service, task, container or executable; NULL: all */
	bool kernel;		/* kernel threads too */
	bool ended;		/* and those that have ended */
};

bool parse_process_order(const char *text, enum process_order *order);

/* Takes over @document. Returns 0; -ENOMEM; -EBADMSG: it is no answer about processes. */
int process_rows_read(struct json_object *document, struct process_rows *rows);

/* Asks hadald at @socket for them; as query_ask(). */
int process_rows_ask(const char *socket, struct process_rows *rows, char error[QUERY_ERROR_SIZE]);
void process_rows_free(struct process_rows *rows);

void process_rows_filter(struct process_rows *rows, const struct process_filter *filter);
void process_rows_sort(struct process_rows *rows, enum process_order order);

/* The head of the table, and a row without its newline, in @columns (80 at least). */
void process_head(FILE *to, unsigned int columns);
void process_line(FILE *to, const struct process_rows *rows, const struct process_row *row, unsigned int columns);

/* Columns in which no name is cut. */
unsigned int process_columns(const struct process_rows *rows);

#endif
