/* SPDX-License-Identifier: MIT */
#include "flow_rows.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "columns.h"

enum {
	NUMBERS_WIDTH = 8 * 5,		/* eight numbers in four columns, with a space before */
	NAMES_GAP = 4,			/* " -> " */
	NAME_SIZE = 4 * 600 + 1,	/* bytes of a name in its column */
	TAIL_SIZE = 128,		/* bytes of what is behind it */
};

static const char *const count_names[FLOW_COUNTS] = {
	[FLOW_OPENED] = "hadal.tcp.connection.opened",
	[FLOW_FAILED] = "hadal.tcp.connection.failed",
	[FLOW_BROKEN] = "hadal.tcp.connection.broken",
	[FLOW_RESET] = "hadal.tcp.connection.reset",
	[FLOW_OUT] = "hadal.edge.io.transmit",
	[FLOW_IN] = "hadal.edge.io.receive",
	[FLOW_SEGMENTS] = "hadal.tcp.segment.sent",
	[FLOW_RETRANSMITTED] = "hadal.tcp.segment.retransmitted",
	[FLOW_DROPPED] = "hadal.tcp.listener.dropped",
};

static const char *const order_names[FLOW_ORDERS] = {
	[FLOW_BY_BYTES] = "bytes", [FLOW_BY_OPENED] = "opened", [FLOW_BY_ACTIVE] = "active",
	[FLOW_BY_FAILED] = "failed", [FLOW_BY_RTT] = "rtt", [FLOW_BY_RETRANSMITTED] = "retransmitted",
	[FLOW_BY_SERVICE] = "service", [FLOW_BY_PEER] = "peer",
};

const char *flow_order_name(enum flow_order order)
{
	return order_names[order];
}

bool parse_flow_order(const char *text, enum flow_order *order)
{
	for (unsigned int i = 0; i < FLOW_ORDERS; i++) {
		if (strcmp(text, order_names[i]) == 0) {
			*order = i;
			return true;
		}
	}
	return false;
}

/* ---- reading ---- */

static int row_read(struct json_object *json, struct flow_row *row)
{
	const char *kind = member_text_or(json, "hadal.peer.kind", "*");

	*row = (struct flow_row){
		.json = json,
		.service = member_text_or(json, "service.name", ""),
		.namespace = member_text_or(json, "service.namespace", ""),
		.peer = member_text_or(json, "hadal.peer.name", kind),
		.peer_namespace = member_text_or(json, "hadal.peer.namespace", ""),
		.role = member_text_or(json, "hadal.edge.role", ""),
		.via = member_text_or(json, "hadal.edge.via", ""),
		.port = member_number(json, "server.port"),
		.udp = strcmp(member_text_or(json, "network.transport", ""), "udp") == 0,
		.active = member_number(json, "hadal.tcp.connection.active"),
		.rtt = member_real(json, "hadal.tcp.rtt.mean", -1),
	};
	for (unsigned int i = 0; i < FLOW_COUNTS; i++)
		row->counts[i] = member_number(json, count_names[i]);
	if (asprintf(&row->key, "%s\n%s\n%s\n%s\n%s\n%s\n%s\n%" PRIu64 "\n%d", row->namespace, row->service,
		     row->role, kind, row->peer_namespace, row->peer, row->via, row->port, row->udp) >= 0)
		return 0;
	row->key = NULL;
	return -ENOMEM;
}

int flow_rows_read(struct json_object *document, struct flow_rows *rows)
{
	struct json_object *list = member_of(document, "flows");
	size_t count;
	int result;

	*rows = (struct flow_rows){ .document = document };
	if (!json_object_is_type(list, json_type_array))
		return -EBADMSG;
	count = json_object_array_length(list);
	rows->list = calloc(count + 1, sizeof(*rows->list));
	if (!rows->list)
		return -ENOMEM;
	rows->left_out = member_number(document, "left_out");
	rows->time = member_number(document, "time_unix_nano");
	for (; rows->count < count; rows->count++) {
		result = row_read(json_object_array_get_idx(list, rows->count), &rows->list[rows->count]);
		if (result)
			return result;
	}
	return 0;
}

int flow_rows_ask(const char *socket, struct flow_rows *rows, char error[QUERY_ERROR_SIZE])
{
	struct json_object *document;
	int result = query_ask(socket, QUERY_FLOWS, &document, error);

	if (result)
		return result;
	result = flow_rows_read(document, rows);
	if (!result)
		return 0;
	snprintf(error, QUERY_ERROR_SIZE, "%s", result == -ENOMEM ? "no memory" : "hadald's answer has no flows");
	flow_rows_free(rows);
	return result;
}

void flow_rows_free(struct flow_rows *rows)
{
	for (size_t i = 0; i < rows->count; i++)
		free(rows->list[i].key);
	free(rows->list);
	json_object_put(rows->document);
	*rows = (struct flow_rows){ 0 };
}

/* ---- a window ---- */

static int compare_keys(const void *a, const void *b)
{
	return strcmp(((const struct flow_row *)a)->key, ((const struct flow_row *)b)->key);
}

/* Counts that fell are of a row that ended and began again. */
static bool began_anew(const struct flow_row *row, const struct flow_row *before)
{
	for (unsigned int i = 0; i < FLOW_COUNTS; i++) {
		if (row->counts[i] < before->counts[i])
			return true;
	}
	return false;
}

static void row_since(struct flow_row *row, const struct flow_row *before)
{
	if (began_anew(row, before))
		return;
	for (unsigned int i = 0; i < FLOW_COUNTS; i++) {
		row->counts[i] -= before->counts[i];
		if (member_of(row->json, count_names[i]))
			json_object_object_add(row->json, count_names[i], json_object_new_uint64(row->counts[i]));
	}
}

void flow_rows_sort_by_key(struct flow_rows *rows)
{
	qsort(rows->list, rows->count, sizeof(*rows->list), compare_keys);
}

const struct flow_row *flow_rows_find(const struct flow_rows *rows, const struct flow_row *row)
{
	return bsearch(row, rows->list, rows->count, sizeof(*rows->list), compare_keys);
}

void flow_rows_since(struct flow_rows *rows, struct flow_rows *earlier)
{
	const struct flow_row *before;

	flow_rows_sort_by_key(earlier);
	for (size_t i = 0; i < rows->count; i++) {
		before = flow_rows_find(earlier, &rows->list[i]);
		if (before)
			row_since(&rows->list[i], before);
	}
	if (rows->time > earlier->time)
		rows->window = (double)(rows->time - earlier->time) / 1e9;
}

/* ---- which, and in which order ---- */

static bool row_matches(const struct flow_row *row, const char *text)
{
	return strcasestr(row->service, text) || strcasestr(row->namespace, text) || strcasestr(row->peer, text) ||
	       strcasestr(row->peer_namespace, text);
}

void flow_rows_match(struct flow_rows *rows, const char *text)
{
	size_t kept = 0;

	for (size_t i = 0; text && i < rows->count; i++) {
		if (row_matches(&rows->list[i], text))
			rows->list[kept++] = rows->list[i];
		else
			free(rows->list[i].key);
	}
	if (text)
		rows->count = kept;
}

static double measure(const struct flow_row *row, enum flow_order order)
{
	switch (order) {
	case FLOW_BY_OPENED:
		return (double)row->counts[FLOW_OPENED];
	case FLOW_BY_ACTIVE:
		return (double)row->active;
	case FLOW_BY_FAILED:
		return (double)row->counts[FLOW_FAILED] + (double)row->counts[FLOW_BROKEN] +
		       (double)row->counts[FLOW_DROPPED];
	case FLOW_BY_RTT:
		return row->rtt;
	case FLOW_BY_RETRANSMITTED:
		return (double)row->counts[FLOW_RETRANSMITTED];
	default:
		return (double)row->counts[FLOW_OUT] + (double)row->counts[FLOW_IN];
	}
}

/* Names from A on, numbers from the largest on; what is alike by its key, so that rows keep their places. */
static int compare_rows(const void *first, const void *second, void *context)
{
	const enum flow_order *order = context;
	const struct flow_row *a = first, *b = second;
	double difference = 0;
	int result = 0;

	if (*order == FLOW_BY_SERVICE)
		result = strcmp(a->service, b->service);
	else if (*order == FLOW_BY_PEER)
		result = strcmp(a->peer, b->peer);
	else
		difference = measure(b, *order) - measure(a, *order);
	if (!result)
		result = (difference > 0) - (difference < 0);
	return result ? result : compare_keys(a, b);
}

void flow_rows_sort(struct flow_rows *rows, enum flow_order order)
{
	qsort_r(rows->list, rows->count, sizeof(*rows->list), compare_rows, &order);
}

/* ---- the table ---- */

/* Of the two names the peer has the port with it. */
static void split(unsigned int columns, unsigned int *service, unsigned int *peer)
{
	unsigned int both = columns - NUMBERS_WIDTH - NAMES_GAP;

	*peer = (both + 4) / 2;
	*service = both - *peer;
}

static void tail_of(const struct flow_row *row, char *tail, size_t size)
{
	if (row->port)
		snprintf(tail, size, ":%" PRIu64 "%s", row->port, row->udp ? "/udp" : "");
	else
		snprintf(tail, size, "%s", row->udp ? "/udp" : "");
}

/* The same with what stands between, where there is room for it. */
static void long_tail_of(const struct flow_row *row, char *tail, size_t size)
{
	size_t length;

	tail_of(row, tail, size);
	length = strlen(tail);
	if (*row->via)
		snprintf(tail + length, size - length, " via %s", row->via);
}

unsigned int flow_columns(const struct flow_rows *rows)
{
	unsigned int service = 7, peer = 9, width;
	char tail[TAIL_SIZE];

	for (size_t i = 0; i < rows->count; i++) {
		long_tail_of(&rows->list[i], tail, sizeof(tail));
		width = columns_of(rows->list[i].service);
		service = width > service ? width : service;
		width = columns_of(rows->list[i].peer) + columns_of(tail);
		peer = width > peer ? width : peer;
	}
	/* split() gives the peer four columns more. */
	width = service + 4 > peer ? 2 * service + 4 : 2 * peer - 4;
	width += NUMBERS_WIDTH + NAMES_GAP;
	return width < COLUMNS_NARROW ? COLUMNS_NARROW : width;
}

void flow_head(FILE *to, unsigned int columns)
{
	unsigned int service, peer;

	split(columns, &service, &peer);
	fprintf(to, "%-*s    %-*s %4s %4s %4s %4s %4s %4s %4s %4s", (int)service, "SERVICE", (int)peer, "PEER:PORT",
		"OPEN", "LIVE", "FAIL", "RST", "OUT", "IN", "RTT", "RTX");
}

static const char *arrow(const struct flow_row *row)
{
	if (strcmp(row->role, "client") == 0)
		return "->";
	return strcmp(row->role, "server") == 0 ? "<-" : "--";
}

static uint64_t rate(const struct flow_rows *rows, uint64_t count)
{
	return rows->window > 0 ? (uint64_t)((double)count / rows->window + 0.5) : count;
}

void flow_line(FILE *to, const struct flow_rows *rows, const struct flow_row *row, unsigned int columns)
{
	char service[NAME_SIZE], peer[NAME_SIZE], tail[TAIL_SIZE], text[8][SHORT_SIZE];
	const uint64_t *counts = row->counts;
	unsigned int service_width, peer_width;

	split(columns, &service_width, &peer_width);
	long_tail_of(row, tail, sizeof(tail));
	if (columns_of(row->peer) + columns_of(tail) > peer_width)
		tail_of(row, tail, sizeof(tail));
	fit(service, sizeof(service), service_width, row->service, "");
	fit(peer, sizeof(peer), peer_width, row->peer, tail);
	short_count(counts[FLOW_OPENED], text[0]);
	short_count(row->active, text[1]);
	short_count(counts[FLOW_FAILED] + counts[FLOW_BROKEN] + counts[FLOW_DROPPED], text[2]);
	short_count(counts[FLOW_RESET], text[3]);
	short_bytes(rate(rows, counts[FLOW_OUT]), text[4]);
	short_bytes(rate(rows, counts[FLOW_IN]), text[5]);
	short_seconds(row->rtt, text[6]);
	short_share(counts[FLOW_RETRANSMITTED], counts[FLOW_SEGMENTS], text[7]);
	fprintf(to, "%s %s %s", service, arrow(row), peer);
	for (unsigned int i = 0; i < 8; i++)
		fprintf(to, " %4s", text[i]);
}
