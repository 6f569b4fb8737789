/* SPDX-License-Identifier: MIT */
#include "replay_output.h"

#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include <hadal/event.h>
#include <hadal/names.h>

#include "cli.h"

/* ---- order ---- */

struct sorted {
	const struct workload **workloads;
	const struct edge **edges;
	size_t workload_count, edge_count;
};

static int compare_workloads(const struct workload *a, const struct workload *b)
{
	int order = strcmp(a->namespace, b->namespace);

	return order ? order : strcmp(a->name, b->name);
}

static int by_name(const void *a, const void *b)
{
	return compare_workloads(*(const struct workload *const *)a, *(const struct workload *const *)b);
}

static const char *peer_name(const struct edge_key *key)
{
	const char *name = key->peer ? key->peer->name : key->peer_name;

	return name ? name : "";
}

static const char *peer_namespace(const struct edge_key *key)
{
	return key->peer ? key->peer->namespace : "";
}

static const char *via_of(const struct edge_key *key)
{
	return key->via ? key->via : "";
}

static int compare_peers(const struct edge_key *a, const struct edge_key *b)
{
	int order = (int)a->kind - (int)b->kind;

	if (!order)
		order = strcmp(peer_namespace(a), peer_namespace(b));
	if (!order)
		order = strcmp(peer_name(a), peer_name(b));
	return order ? order : strcmp(via_of(a), via_of(b));
}

/* Total: these are all members of the key. */
static int by_ends(const void *left, const void *right)
{
	const struct edge_key *a = &(*(const struct edge *const *)left)->key;
	const struct edge_key *b = &(*(const struct edge *const *)right)->key;
	int order = compare_workloads(a->workload, b->workload);

	if (!order)
		order = (int)a->role - (int)b->role;
	if (!order)
		order = (int)a->transport - (int)b->transport;
	if (!order)
		order = compare_peers(a, b);
	return order ? order : (int)a->server_port - (int)b->server_port;
}

static void sorted_free(struct sorted *sorted)
{
	free(sorted->workloads);
	free(sorted->edges);
}

static int sort(const struct model *model, struct sorted *sorted)
{
	const struct workload *workload;
	const struct edge *edge;

	*sorted = (struct sorted){
		.workloads = calloc(HASH_COUNT(model->workloads.table) + 1, sizeof(*sorted->workloads)),
		.edges = calloc(HASH_COUNT(model->edges.table) + 1, sizeof(*sorted->edges)),
	};
	if (!sorted->workloads || !sorted->edges)
		return -ENOMEM;
	for (workload = model->workloads.table; workload; workload = workload->hh.next)
		sorted->workloads[sorted->workload_count++] = workload;
	for (edge = model->edges.table; edge; edge = edge->hh.next)
		sorted->edges[sorted->edge_count++] = edge;
	qsort(sorted->workloads, sorted->workload_count, sizeof(*sorted->workloads), by_name);
	qsort(sorted->edges, sorted->edge_count, sizeof(*sorted->edges), by_ends);
	return 0;
}

/* ---- what adds up ---- */

static uint64_t sum_of(const struct errors *errors)
{
	uint64_t sum = errors->other;

	for (unsigned int i = 0; i < errors->kinds; i++)
		sum += errors->list[i].count;
	return sum;
}

static uint64_t signals_of(const struct exits *exits)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < WORKLOAD_SIGNALS; i++)
		sum += exits->signal[i];
	return sum;
}

static uint64_t lost_of(const struct replay *replay, const struct hadal_capture_end *end, unsigned int class)
{
	return end->is_whole ? end->lost[class] : replay->lost[class];
}

static const char *role_name(const struct edge_key *key)
{
	const char *name = edge_role_name(key->role);

	return name ? name : "";
}

/* ---- table ---- */

static void print_word(FILE *to, const char *word)
{
	print_text(to, (struct hadal_text){ word, strlen(word) });
}

static void print_name(FILE *to, const char *namespace, const char *name)
{
	print_word(to, namespace);
	if (*namespace)
		fputc('/', to);
	print_word(to, name);
}

/* Columns are parted by tabs, as cut and sort like it; the widths are for people. */
static void print_edge(FILE *to, const struct edge *edge)
{
	const struct values *values = &edge->values;
	const struct edge_key *key = &edge->key;

	print_name(to, key->workload->namespace, key->workload->name);
	fprintf(to, "\t%s\t", *role_name(key) ? role_name(key) : "-");
	if (*peer_name(key))
		print_name(to, peer_namespace(key), peer_name(key));
	else
		fputs(peer_kind_name(key->kind), to);
	if (key->via) {
		fputs(" via ", to);
		print_word(to, key->via);
	}
	fprintf(to, "\t%s:%u\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\n",
		edge_transport_name(key->transport), key->server_port, values->opened, edge->active,
		sum_of(&values->failed), values->reset + sum_of(&values->broken), values->acked, values->received);
}

static void print_workload(FILE *to, const struct workload *workload)
{
	const struct exits *exits = &workload->exits;

	print_name(to, workload->namespace, workload->name);
	fputc('\t', to);
	print_word(to, workload->family[0] ? workload->family : "-");
	fprintf(to, "\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\n", exits->success, exits->failure,
		signals_of(exits), exits->oom_killed);
}

enum { COLUMNS = 16 };

/* The widest of each column, in bytes: names are ASCII but for rare ones. */
static void measure(const char *text, size_t widths[COLUMNS])
{
	size_t column = 0, width;

	for (; *text; text += width + 1) {
		width = strcspn(text, "\t\n");
		if (widths[column] < width)
			widths[column] = width;
		column = text[width] == '\n' || column + 1 == COLUMNS ? 0 : column + 1;
	}
}

static void print_aligned(FILE *to, const char *text)
{
	size_t widths[COLUMNS] = { 0 }, column = 0, width;

	measure(text, widths);
	for (; *text; text += width + 1) {
		width = strcspn(text, "\t\n");
		fwrite(text, 1, width, to);
		if (text[width] == '\n')
			fputc('\n', to);
		else
			fprintf(to, "%*s", (int)(widths[column] - width + 2), "");
		column = text[width] == '\n' || column + 1 == COLUMNS ? 0 : column + 1;
	}
}

static void print_edges(FILE *to, const struct sorted *sorted)
{
	fputs("SERVICE\tROLE\tPEER\tPORT\tOPENED\tACTIVE\tFAILED\tBROKEN\tSENT\tRECEIVED\n", to);
	for (size_t i = 0; i < sorted->edge_count; i++)
		print_edge(to, sorted->edges[i]);
}

static void print_workloads(FILE *to, const struct sorted *sorted)
{
	fputs("SERVICE\tFAMILY\tSUCCEEDED\tFAILED\tSIGNALLED\tOOM\n", to);
	for (size_t i = 0; i < sorted->workload_count; i++)
		print_workload(to, sorted->workloads[i]);
}

static int print_part(FILE *to, const struct sorted *sorted, void (*print)(FILE *, const struct sorted *))
{
	char *text = NULL;
	size_t size;
	FILE *part = open_memstream(&text, &size);

	if (!part)
		return -ENOMEM;
	print(part, sorted);
	if (fclose(part)) {
		free(text);
		return -ENOMEM;
	}
	print_aligned(to, text);
	free(text);
	return 0;
}

int replay_table(FILE *to, const struct replay *replay)
{
	struct sorted sorted;
	int result = sort(replay->model, &sorted);

	if (!result)
		result = print_part(to, &sorted, print_edges);
	if (!result) {
		fputc('\n', to);
		result = print_part(to, &sorted, print_workloads);
	}
	sorted_free(&sorted);
	return result;
}

/* ---- JSON ---- */

/* Names come from outside: what is no UTF-8 would make it no JSON. */
static void put_text(struct json_object *object, const char *name, const char *text)
{
	struct hadal_text from = { text, strlen(text) };
	char *utf8 = *text ? malloc(HADAL_UTF8_SIZE(from.length)) : NULL;

	if (!utf8)
		return;
	hadal_utf8(from, utf8);
	json_object_object_add(object, name, json_object_new_string(utf8));
	free(utf8);
}

static void put_count(struct json_object *object, const char *name, uint64_t value)
{
	json_object_object_add(object, name, json_object_new_uint64(value));
}

static void put_name(struct json_object *object, const struct workload *workload)
{
	put_text(object, "service.name", workload->name);
	put_text(object, "service.namespace", workload->namespace);
}

static void add_count(struct json_object *object, const char *name, uint64_t value)
{
	struct json_object *before;

	if (json_object_object_get_ex(object, name, &before))
		value += json_object_get_uint64(before);
	if (value)
		put_count(object, name, value);
}

static void put_errors(struct json_object *object, const char *name, const struct errors *errors)
{
	struct json_object *by_type = json_object_new_object();

	for (unsigned int i = 0; i < errors->kinds; i++) {
		const struct error_count *error = &errors->list[i];

		add_count(by_type, error->error ? hadal_error_type((uint32_t)error->error) : HADAL_VALUE_ERROR_OTHER,
			  error->count);
	}
	add_count(by_type, HADAL_VALUE_ERROR_OTHER, errors->other);
	json_object_object_add(object, name, by_type);
}

static void put_io(struct json_object *object, const char *name, const struct values *values)
{
	struct json_object *io = json_object_new_object();

	put_count(io, "transmit", values->acked);
	put_count(io, "receive", values->received);
	json_object_object_add(object, name, io);
}

static void put_tcp(struct json_object *object, const struct edge *edge)
{
	const struct values *values = &edge->values;

	put_count(object, "hadal.tcp.connection.opened", values->opened);
	put_count(object, "hadal.tcp.connection.active", edge->active);
	put_errors(object, "hadal.tcp.connection.failed", &values->failed);
	put_errors(object, "hadal.tcp.connection.broken", &values->broken);
	put_count(object, "hadal.tcp.connection.reset", values->reset);
	put_io(object, "hadal.tcp.io", values);
	put_count(object, "hadal.tcp.segment.sent", values->segments_sent);
	put_count(object, "hadal.tcp.segment.retransmitted", values->segments_retransmitted);
	put_count(object, "hadal.tcp.listener.dropped", values->listener_dropped);
}

static struct json_object *edge_json(const struct edge *edge)
{
	struct json_object *object = json_object_new_object();
	const struct edge_key *key = &edge->key;

	put_name(object, key->workload);
	put_text(object, "hadal.edge.role", role_name(key));
	put_text(object, "hadal.peer.kind", peer_kind_name(key->kind));
	put_text(object, "hadal.peer.name", peer_name(key));
	put_text(object, "hadal.peer.namespace", peer_namespace(key));
	put_text(object, "hadal.edge.via", via_of(key));
	if (key->server_port)
		put_count(object, "server.port", key->server_port);
	put_text(object, HADAL_ATTR_NETWORK_TRANSPORT, edge_transport_name(key->transport));
	if (key->transport == FLOW_UDP)
		put_io(object, "hadal.udp.io", &edge->values);
	else
		put_tcp(object, edge);
	return object;
}

static struct json_object *workload_json(const struct workload *workload)
{
	struct json_object *object = json_object_new_object();
	struct json_object *exited = json_object_new_object();

	put_name(object, workload);
	put_text(object, "aws.ecs.task.family", workload->family);
	put_count(exited, "success", workload->exits.success);
	put_count(exited, "failure", workload->exits.failure);
	put_count(exited, "signal", signals_of(&workload->exits));
	json_object_object_add(object, "hadal.process.exited", exited);
	put_count(object, "hadal.process.oom_killed", workload->exits.oom_killed);
	return object;
}

static struct json_object *host_json(const struct document_host *host)
{
	struct json_object *object = json_object_new_object();

	put_text(object, "host.id", host->id);
	put_text(object, "host.name", host->name);
	put_text(object, "cloud.account.id", host->cloud_account);
	put_text(object, "cloud.region", host->cloud_region);
	put_text(object, "cloud.availability_zone", host->cloud_zone);
	return object;
}

static struct json_object *capture_json(const struct replay *replay, const struct hadal_capture_end *end)
{
	struct json_object *object = json_object_new_object(), *lost = json_object_new_object();

	json_object_object_add(object, "whole", json_object_new_boolean(end->is_whole));
	put_text(object, "why", end->why);
	put_count(object, "records", replay->records);
	put_count(object, "documents", replay->documents);
	put_count(object, "documents_unknown", replay->documents_unknown);
	for (unsigned int i = 0; i < HADAL_CLASS_SLOTS; i++) {
		if (hadal_class_name(i) && lost_of(replay, end, i))
			put_count(lost, hadal_class_name(i), lost_of(replay, end, i));
	}
	json_object_object_add(object, "lost", lost);
	return object;
}

static struct json_object *incidents_json(const struct counts *counts)
{
	struct json_object *object = json_object_new_object();

	for (unsigned int i = 0; i < COUNTS; i++) {
		if (counts->value[i])
			put_count(object, count_name(i), counts->value[i]);
	}
	return object;
}

static struct json_object *all_json(const struct replay *replay, const struct hadal_capture_end *end,
				    const struct sorted *sorted)
{
	struct json_object *object = json_object_new_object();
	struct json_object *workloads = json_object_new_array(), *edges = json_object_new_array();

	for (size_t i = 0; i < sorted->workload_count; i++)
		json_object_array_add(workloads, workload_json(sorted->workloads[i]));
	for (size_t i = 0; i < sorted->edge_count; i++)
		json_object_array_add(edges, edge_json(sorted->edges[i]));
	json_object_object_add(object, "capture", capture_json(replay, end));
	json_object_object_add(object, "host", host_json(&replay->host));
	json_object_object_add(object, "workloads", workloads);
	json_object_object_add(object, "edges", edges);
	json_object_object_add(object, "hadal.collector.incident", incidents_json(&replay->model->counts));
	return object;
}

int replay_json(FILE *to, const struct replay *replay, const struct hadal_capture_end *end)
{
	struct json_object *object;
	struct sorted sorted;
	int result = sort(replay->model, &sorted);

	if (!result) {
		object = all_json(replay, end, &sorted);
		fputs(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PRETTY |
							     JSON_C_TO_STRING_NOSLASHESCAPE), to);
		fputc('\n', to);
		json_object_put(object);
	}
	sorted_free(&sorted);
	return result;
}

/* ---- what is missing ---- */

static void report_lost(FILE *to, const struct replay *replay, const struct hadal_capture_end *end)
{
	uint64_t lost = 0;

	for (unsigned int i = 0; i < HADAL_CLASS_SLOTS; i++)
		lost += lost_of(replay, end, i);
	fprintf(to, "hadal: %" PRIu64 " records and %" PRIu64 " documents; %" PRIu64 " records lost while it was made",
		replay->records, replay->documents, lost);
	for (unsigned int i = 0; i < HADAL_CLASS_SLOTS; i++) {
		if (hadal_class_name(i) && lost_of(replay, end, i))
			fprintf(to, ", %s %" PRIu64, hadal_class_name(i), lost_of(replay, end, i));
	}
	if (replay->documents_unknown)
		fprintf(to, "; %" PRIu64 " documents of another version passed over", replay->documents_unknown);
	fputc('\n', to);
}

static void report_counts(FILE *to, const char *what, const struct counts *counts, unsigned int from, unsigned int below)
{
	const char *mark = ": ";

	for (unsigned int i = from; i < below; i++) {
		if (!counts->value[i])
			continue;
		fprintf(to, "%s%s%s %" PRIu64, *mark == ':' ? what : "", mark, count_name(i), counts->value[i]);
		mark = ", ";
	}
	if (*mark == ',')
		fputc('\n', to);
}

void replay_report(FILE *to, const struct replay *replay, const struct hadal_capture_end *end)
{
	const struct counts *counts = &replay->model->counts;

	report_lost(to, replay, end);
	report_counts(to, "hadal: no room for all", counts, 0, COUNT_OPEN_NOT_SEEN);
	report_counts(to, "hadal: not known", counts, COUNT_OPEN_NOT_SEEN, COUNTS);
}
