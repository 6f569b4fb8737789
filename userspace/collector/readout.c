/* SPDX-License-Identifier: MIT */
#include <hadal/event.h>
#include <hadal/names.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "edge_points.h"
#include "model_tables.h"
#include "query_protocol.h"
#include "readout.h"
#include "self.h"

enum { TEXT_SIZE = 512 };	/* no name here is longer */

/* ---- members; what there was no memory for is missing ---- */

static void add(struct json_object *object, const char *name, struct json_object *value)
{
	if (json_object_object_add(object, name, value))
		json_object_put(value);
}

static void add_number(struct json_object *object, const char *name, uint64_t value)
{
	add(object, name, json_object_new_uint64(value));
}

static void add_real(struct json_object *object, const char *name, double value)
{
	struct json_object *real = json_object_new_double(value);

	/* No more digits than are measured. */
	if (real)
		json_object_set_serializer(real, json_object_double_to_json_string, (void *)(uintptr_t)"%.9g", NULL);
	add(object, name, real);
}

/* Names of files are bytes. Without a text, no member. */
static void add_text(struct json_object *object, const char *name, const char *text)
{
	size_t length = text ? strnlen(text, TEXT_SIZE) : 0;
	char utf8[HADAL_UTF8_SIZE(TEXT_SIZE)];

	if (!length)
		return;
	hadal_utf8((struct hadal_text){ .data = text, .length = length }, utf8);
	add(object, name, json_object_new_string(utf8));
}

static void add_time(struct json_object *object, const char *name, uint64_t realtime)
{
	char text[HADAL_TIMESTAMP_SIZE];

	if (!realtime)
		return;
	hadal_timestamp(realtime, text);
	add(object, name, json_object_new_string(text));
}

/* A document in the making: the rows of one list are written as they come, not kept. */
struct document {
	FILE *to;
	char *text;
	size_t size;
	unsigned int rows, left_out;
};

static const char *plain(struct json_object *object)
{
	return json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
}

/* Takes over @head. Returns false without memory. */
static bool document_begin(struct document *document, struct json_object *head, const char *list)
{
	const char *text = plain(head);

	*document = (struct document){ .to = open_memstream(&document->text, &document->size) };
	/* All members of the head but its closing brace. */
	if (document->to)
		fprintf(document->to, "%.*s,\"%s\":[", (int)strlen(text) - 1, text, list);
	json_object_put(head);
	return document->to;
}

/* Takes over @row. */
static void document_row(struct document *document, struct json_object *row)
{
	fprintf(document->to, "%s%s", document->rows++ ? ",\n" : "\n", plain(row));
	json_object_put(row);
}

static bool document_is_full(struct document *document)
{
	if (document->rows < READOUT_ROWS)
		return false;
	document->left_out++;
	return true;
}

static char *document_end(struct document *document)
{
	bool failed;

	fprintf(document->to, "],\"left_out\":%u}\n", document->left_out);
	failed = ferror(document->to);
	if (fclose(document->to) || failed) {
		free(document->text);
		return NULL;
	}
	return document->text;
}

static char *whole(struct json_object *object)
{
	char *text = NULL;

	if (asprintf(&text, "%s\n", plain(object)) < 0)
		text = NULL;
	json_object_put(object);
	return text;
}

static struct json_object *head_of(const struct readout *readout)
{
	struct json_object *head = json_object_new_object();

	add_number(head, "version", QUERY_VERSION);
	add(head, "hadald", json_object_new_string(HADAL_VERSION));
	add_time(head, "time", readout->time);
	add_number(head, "time_unix_nano", readout->time);
	add_time(head, "start_time", readout->start_time);
	return head;
}

char *readout_error(const char *text)
{
	struct json_object *object = json_object_new_object();

	add_number(object, "version", QUERY_VERSION);
	add_text(object, "error", text);
	return whole(object);
}

static void add_service(struct json_object *row, const char *namespace, const char *name)
{
	add_text(row, "service.namespace", namespace);
	add_text(row, "service.name", name);
}

/* ---- flows ---- */

/* Of the live connections; where there are none, of all that were. */
static void add_rtt(struct json_object *row, const struct edge *edge)
{
	const struct histogram *rtt = edge->values.rtt;

	if (edge->rtt.count)
		add_real(row, "hadal.tcp.rtt.mean", (double)edge->rtt.sum / 1e6 / (double)edge->rtt.count);
	else if (rtt && rtt->count)
		add_real(row, "hadal.tcp.rtt.mean", rtt->sum / (double)rtt->count);
}

static void add_tcp(struct json_object *row, const struct edge *edge)
{
	const struct values *values = &edge->values;

	add_number(row, "hadal.tcp.connection.opened", values->opened);
	add_number(row, "hadal.tcp.connection.active", edge->active);
	add_number(row, "hadal.tcp.connection.failed", errors_count(&values->failed));
	add_number(row, "hadal.tcp.connection.broken", errors_count(&values->broken));
	add_number(row, "hadal.tcp.connection.reset", values->reset);
	add_number(row, "hadal.tcp.segment.sent", values->segments_sent);
	add_number(row, "hadal.tcp.segment.retransmitted", values->segments_retransmitted);
	add_number(row, "hadal.tcp.listener.dropped", values->listener_dropped);
	add_rtt(row, edge);
	if (values->connect && values->connect->count)
		add_real(row, "hadal.tcp.connect.duration.mean",
			 values->connect->sum / (double)values->connect->count);
}

static struct json_object *flow_row(const struct edge *edge)
{
	const struct edge_key *key = &edge->key;
	struct json_object *row = json_object_new_object();

	add_service(row, key->workload->namespace, key->workload->name);
	add_text(row, "hadal.edge.role", edge_role_name(edge->key.role));
	if (key->kind != PEER_NONE)
		add_text(row, "hadal.peer.kind", peer_kind_name(key->kind));
	add_text(row, "hadal.peer.namespace", key->peer ? key->peer->namespace : NULL);
	add_text(row, "hadal.peer.name", key->peer ? key->peer->name : key->peer_name);
	add_text(row, "hadal.edge.via", key->via);
	if (key->server_port)
		add_number(row, "server.port", key->server_port);
	add_text(row, HADAL_ATTR_NETWORK_TRANSPORT,
		 key->transport == FLOW_UDP ? HADAL_VALUE_TRANSPORT_UDP : HADAL_VALUE_TRANSPORT_TCP);
	add_time(row, "start_time", edge->start_time);
	add_number(row, "hadal.edge.io.transmit", edge->values.acked);
	add_number(row, "hadal.edge.io.receive", edge->values.received);
	if (key->transport == FLOW_TCP)
		add_tcp(row, edge);
	return row;
}

char *readout_flows(const struct readout *readout)
{
	struct document document;
	struct edge *edge;

	if (!document_begin(&document, head_of(readout), "flows"))
		return NULL;
	for (edge = readout->model->edges.table; edge; edge = edge->hh.next) {
		/* What others add up in, they are told with themselves. */
		if (!edge_is_only_shipped(edge) && !document_is_full(&document))
			document_row(&document, flow_row(edge));
	}
	return document_end(&document);
}

/* ---- processes ---- */

static void add_container(struct json_object *row, const struct container *container)
{
	add_text(row, HADAL_ATTR_CONTAINER_ID, container->id);
	add_text(row, "container.name", container->facts.name);
	add_text(row, "container.image.name", container->facts.image);
	if (!container->task)
		return;
	add_text(row, HADAL_ATTR_AWS_ECS_TASK_ID, container->task->id);
	add_text(row, "aws.ecs.task.family", container->task->facts.family);
	add_text(row, "aws.ecs.task.revision", container->task->facts.revision);
}

static void add_end(struct json_object *row, const struct process *process, const struct hadal_clock *clock)
{
	int status = (int)process->exit_code;

	add_time(row, "hadal.process.end.time", hadal_clock_from_monotonic(clock, process->died));
	if (!process->exit_known)
		return;
	if (WIFSIGNALED(status)) {
		add_number(row, HADAL_ATTR_PROCESS_EXIT_CODE, 128 + (uint64_t)WTERMSIG(status));
		add_number(row, HADAL_ATTR_PROCESS_EXIT_SIGNAL, (uint64_t)WTERMSIG(status));
	} else {
		add_number(row, HADAL_ATTR_PROCESS_EXIT_CODE, (uint64_t)WEXITSTATUS(status));
	}
}

static struct json_object *process_row(const struct process *process, const struct hadal_clock *clock)
{
	struct workload_name name = owner_name(process->owner);
	struct json_object *row = json_object_new_object();

	add_number(row, HADAL_ATTR_PROCESS_PID, process->key.tgid);
	if (process->parent_tgid)
		add_number(row, HADAL_ATTR_PROCESS_PARENT_PID, process->parent_tgid);
	if (process->ns_tgid)
		add_number(row, HADAL_ATTR_PROCESS_VPID, process->ns_tgid);
	add_text(row, HADAL_ATTR_PROCESS_EXECUTABLE_NAME, process->executable);
	add_time(row, HADAL_ATTR_PROCESS_CREATION_TIME, hadal_clock_from_boottime(clock, process->key.start_boottime));
	add_number(row, "hadal.process.creation.boottime", process->key.start_boottime);
	add_number(row, HADAL_ATTR_PROCESS_REAL_USER_ID, process->uid);
	if (process->kernel)
		add(row, HADAL_ATTR_PROCESS_KERNEL_THREAD, json_object_new_boolean(true));
	add_service(row, name.namespace, process->kernel ? WORKLOAD_KERNEL : name.name);
	if (process->owner->cgroup && process->owner->cgroup->container)
		add_container(row, process->owner->cgroup->container);
	add_number(row, "hadal.tcp.connection.opened", process->opened);
	add_number(row, "hadal.tcp.connection.active", process->active);
	add_number(row, "hadal.process.network.io.transmit", process->sent);
	add_number(row, "hadal.process.network.io.receive", process->received);
	if (process->sampled) {
		add_real(row, "process.cpu.time", (double)process->cpu_time / 1e9);
		add_number(row, "process.memory.usage", process->memory);
	}
	if (process->oom_killed)
		add(row, HADAL_ATTR_PROCESS_OOM_KILLED, json_object_new_boolean(true));
	if (process->dead)
		add_end(row, process, clock);
	return row;
}

/* The living first: should there be too many, the ended are what is left out. */
static void processes_that(const struct model *model, struct document *document, bool dead)
{
	struct process *process;

	for (process = model->processes.table; process; process = process->hh.next) {
		if (process->dead == dead && !document_is_full(document))
			document_row(document, process_row(process, &model->clock));
	}
}

char *readout_processes(const struct readout *readout)
{
	struct json_object *head = head_of(readout);
	struct document document;

	if (readout->sampled)
		add_number(head, "sampled_monotonic_nano", readout->sampled);
	if (!document_begin(&document, head, "processes"))
		return NULL;
	connections_count_by_process(&readout->model->connections);
	processes_that(readout->model, &document, false);
	processes_that(readout->model, &document, true);
	return document_end(&document);
}

/* ---- status ---- */

static struct json_object *records_json(const struct hadal_stats *stats)
{
	struct json_object *records = json_object_new_object(), *of;

	for (unsigned int class = 0; class < HADAL_CLASS_SLOTS; class++) {
		const struct hadal_class_stats *counted = &stats->class_stats[class];

		if (!hadal_class_name(class))
			continue;
		of = json_object_new_object();
		add_number(of, "produced", counted->produced);
		add_number(of, "delivered", counted->delivered);
		add_number(of, "lost", counted->lost);
		add_number(of, "governed", stats->governed[class]);
		add_number(of, "filtered", stats->filtered[class]);
		add(records, hadal_class_name(class), of);
	}
	return records;
}

static struct json_object *tables_json(const struct model *model)
{
	struct json_object *tables = json_object_new_object(), *of;

	for (unsigned int i = 0; i < MODEL_TABLES; i++) {
		struct model_table_use use = model_table_use(model, (enum model_table)i);

		of = json_object_new_object();
		add_number(of, "used", use.entries);
		add_number(of, "limit", use.limit);
		add_number(of, "evicted", use.evicted);
		if (i == TABLE_WORKLOADS || i == TABLE_EDGES)
			add_number(of, "folded", use.folded);
		add(tables, use.name, of);
	}
	return tables;
}

static struct json_object *incidents_json(const struct counts *counts)
{
	struct json_object *incidents = json_object_new_object();

	for (unsigned int i = 0; i < COUNTS; i++)
		add_number(incidents, count_name(i), counts->value[i]);
	return incidents;
}

/* By reason; those that did not happen are left out. */
static struct json_object *dropped_json(const struct hadal_ship_signal_stats *stats)
{
	const struct {
		const char *reason;
		uint64_t items;
	} reasons[] = {
		{ "full", stats->dropped_full }, { "old", stats->dropped_old }, { "damaged", stats->dropped_damaged },
		{ "oversize", stats->dropped_oversize }, { "failed", stats->dropped_failed },
		{ "series", stats->dropped_series }, { "stop", stats->dropped_stop }, { "off", stats->dropped_off },
	};
	struct json_object *dropped = json_object_new_object();

	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (reasons[i].items)
			add_number(dropped, reasons[i].reason, reasons[i].items);
	return dropped;
}

static struct json_object *signal_json(const struct hadal_ship_signal_stats *stats)
{
	struct json_object *of = json_object_new_object();

	add_number(of, "submitted", stats->submitted);
	add_number(of, "accepted", stats->accepted);
	add_number(of, "rejected", stats->rejected);
	add_number(of, "dropped", hadal_ship_dropped(stats) - stats->dropped_off);
	add_number(of, "waiting", stats->waiting);
	add_number(of, "recovered", stats->recovered);
	add(of, "dropped_by", dropped_json(stats));
	return of;
}

static struct json_object *clients_json(const struct hadal_sink_stats *stats)
{
	struct json_object *clients = json_object_new_object();

	add_number(clients, "served", stats->clients_served);
	add_number(clients, "refused", stats->clients_refused);
	add_number(clients, "cut", stats->clients_cut);
	return clients;
}

static struct json_object *sink_json(const struct hadal_sink_stats *stats)
{
	struct json_object *sink = json_object_new_object();

	add_text(sink, "type", stats->kind);
	add(sink, "metrics", signal_json(&stats->signal[HADAL_SIGNAL_METRICS]));
	add(sink, "logs", signal_json(&stats->signal[HADAL_SIGNAL_LOGS]));
	add_number(sink, "requests", stats->requests);
	add_number(sink, "retries", stats->retries);
	add_number(sink, "bytes_sent", stats->bytes_sent);
	add_number(sink, "series", stats->series);
	if (strcmp(stats->kind, "scrape") == 0)
		add(sink, "clients", clients_json(stats));
	if (strcmp(stats->kind, "json_lines") == 0)
		add_number(sink, "rotations", stats->rotations);
	add_time(sink, "last_success_time", stats->last_success_time);
	add_time(sink, "last_error_time", stats->last_error_time);
	add_text(sink, "last_error", stats->last_error);
	return sink;
}

static struct json_object *spool_json(const struct hadal_ship_stats *stats)
{
	struct json_object *spool = json_object_new_object();

	add_text(spool, "place", stats->on_disk ? "disk" : "memory");
	add_text(spool, "trouble", stats->spool_trouble);
	add_number(spool, "disk_bytes", stats->disk_bytes);
	add_number(spool, "disk_batches", stats->disk_batches);
	add_number(spool, "memory_bytes", stats->queue_bytes);
	add_number(spool, "memory_batches", stats->queue_batches);
	add_number(spool, "oldest_ms", stats->oldest_ms);
	add_number(spool, "failures", stats->spool_failures);
	return spool;
}

static struct json_object *shipping_json(const struct hadal_ship_stats *stats)
{
	struct json_object *shipping = json_object_new_object(), *sinks = json_object_new_object();

	for (size_t i = 0; i < stats->sink_count; i++)
		add(sinks, stats->sink[i].name, sink_json(&stats->sink[i]));
	add(shipping, "sinks", sinks);
	add(shipping, "spool", spool_json(stats));
	return shipping;
}

static struct json_object *nat_json(const struct nat_stats *stats)
{
	struct json_object *nat = json_object_new_object();

	add_text(nat, "state", nat_state_name(stats->state));
	add_number(nat, "lookups", stats->lookups);
	add_number(nat, "translated", stats->translated);
	return nat;
}

static void add_resources(struct json_object *object)
{
	struct self_usage usage = self_usage();

	add_number(object, "memory.rss", usage.memory);
	add_real(object, "cpu.user", (double)usage.cpu_user / 1e9);
	add_real(object, "cpu.system", (double)usage.cpu_system / 1e9);
}

/* In seconds. */
static struct json_object *stages_json(const struct stages *stages, const struct hadal_ship_stats *shipped)
{
	struct json_object *object = json_object_new_object();

	for (unsigned int i = 0; i < STAGES; i++) {
		if (stage_name((enum stage)i))
			add_real(object, stage_name((enum stage)i), (double)stages->time[i] / 1e9);
	}
	if (shipped) {
		add_real(object, "encode", (double)hadal_ship_encode_time(shipped) / 1e9);
		add_real(object, "send", (double)hadal_ship_send_time(shipped) / 1e9);
	}
	return object;
}

static bool is_degraded(const struct readout *readout)
{
	return readout->degraded_reason && *readout->degraded_reason;
}

/* What of the module's own hooks this kernel does not pass. */
static void add_module(struct json_object *status, const struct readout *readout)
{
	struct json_object *module = json_object_new_object();

	add_text(module, "version", readout->module_version);
	add_text(module, "state", readout->module_state);
	if (!is_degraded(readout))
		add_text(module, "limits", readout->source_limits);
	add(status, "module", module);
}

/* Why it is not the module that tells, and what is not seen besides. */
static void add_degraded(struct json_object *status, const struct readout *readout)
{
	struct json_object *degraded;

	if (!is_degraded(readout))
		return;
	degraded = json_object_new_object();
	add_text(degraded, "reason", readout->degraded_reason);
	add_text(degraded, "limits", readout->source_limits);
	add(status, "degraded", degraded);
}

char *readout_status(const struct readout *readout)
{
	struct json_object *status = head_of(readout);

	add_number(status, "pid", (uint64_t)getpid());
	add_module(status, readout);
	add_degraded(status, readout);
	add_number(status, "interval", readout->interval);
	add_resources(status);
	add_real(status, "lag", (double)readout->lag / 1e9);
	add_real(status, "lag.most", (double)readout->lag_most / 1e9);
	add(status, "records", records_json(readout->stats));
	add(status, "tables", tables_json(readout->model));
	if (readout->stages)
		add(status, "stages", stages_json(readout->stages, readout->shipped));
	add(status, "incidents", incidents_json(&readout->model->counts));
	if (readout->nat)
		add(status, "nat", nat_json(readout->nat));
	if (readout->shipped)
		add(status, "shipping", shipping_json(readout->shipped));
	return whole(status);
}
