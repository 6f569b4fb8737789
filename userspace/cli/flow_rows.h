/* SPDX-License-Identifier: MIT */
/*
 * Flows as hadald tells them: rows to sort, to leave out, and to take from later ones.
 */
#ifndef HADAL_CLI_FLOW_ROWS_H
#define HADAL_CLI_FLOW_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "query.h"

/* What only grows. */
enum flow_count {
	FLOW_OPENED,
	FLOW_FAILED,
	FLOW_BROKEN,
	FLOW_RESET,
	FLOW_OUT,		/* bytes */
	FLOW_IN,
	FLOW_SEGMENTS,
	FLOW_RETRANSMITTED,
	FLOW_DROPPED,		/* of a listener */
	FLOW_COUNTS,
};

enum flow_order {
	FLOW_BY_BYTES,
	FLOW_BY_OPENED,
	FLOW_BY_ACTIVE,
	FLOW_BY_FAILED,
	FLOW_BY_RTT,
	FLOW_BY_RETRANSMITTED,
	FLOW_BY_SERVICE,
	FLOW_BY_PEER,
	FLOW_ORDERS,
};

/* Texts are of the document. */
struct flow_row {
	struct json_object *json;	/* borrowed from the document */
	char *key;			/* what tells it from others */
	const char *service, *namespace;	/* "" for none */
	const char *peer, *peer_namespace;	/* the peer's name, else its kind; "*" of a listener */
	const char *role;		/* "client", "server"; "" where none is told */
	const char *via;		/* what stands between and was folded away; "" for nothing */
	uint64_t port;			/* 0: none */
	bool udp;
	uint64_t counts[FLOW_COUNTS];
	uint64_t active;
	double rtt;			/* s; below 0: not known */
};

struct flow_rows {
	struct json_object *document;
	struct flow_row *list;
	size_t count;
	uint64_t left_out;
	uint64_t time;		/* ns since the epoch */
	double window;		/* s that counts are of; 0: since each began */
};

/* "bytes", "opened", ...: the names of orders. Static. */
const char *flow_order_name(enum flow_order order);
bool parse_flow_order(const char *text, enum flow_order *order);

/* Takes over @document. Returns 0; -ENOMEM; -EBADMSG: it is no answer about flows. */
int flow_rows_read(struct json_object *document, struct flow_rows *rows);

/* Asks hadald at @socket for them; as query_ask(). */
int flow_rows_ask(const char *socket, struct flow_rows *rows, char error[QUERY_ERROR_SIZE]);
void flow_rows_free(struct flow_rows *rows);

/* To find rows again: @row's counterpart in @rows, which are in the order of keys; NULL: none. */
void flow_rows_sort_by_key(struct flow_rows *rows);
const struct flow_row *flow_rows_find(const struct flow_rows *rows, const struct flow_row *row);

/*
 * Leaves in the counts of @rows what came since @earlier, which is in the order of keys then.
 * What began anew since counts as it is.
 */
void flow_rows_since(struct flow_rows *rows, struct flow_rows *earlier);

/* Leaves out what has @text neither in its service nor its peer, namespaces included; NULL: nothing. */
void flow_rows_match(struct flow_rows *rows, const char *text);
void flow_rows_sort(struct flow_rows *rows, enum flow_order order);

/*
 * The head of the table, and a row without its newline, in @columns (80 at least):
 * what is more goes to names.
 */
void flow_head(FILE *to, unsigned int columns);
void flow_line(FILE *to, const struct flow_rows *rows, const struct flow_row *row, unsigned int columns);

/* Columns in which no name is cut. */
unsigned int flow_columns(const struct flow_rows *rows);

#endif
