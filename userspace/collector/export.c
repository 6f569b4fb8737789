/* SPDX-License-Identifier: MIT */
#include <hadal/event.h>
#include <hadal/names.h>
#include <stdio.h>
#include <string.h>

#include "edge_points.h"
#include "export.h"
#include "export_info.h"
#include "export_notice.h"
#include "export_processes.h"
#include "export_self.h"
#include "export_usage.h"
#include "telemetry.h"
#include "workload_points.h"

enum {
	EXPORT_ATTRIBUTES = 16,
	BUILD_ATTRIBUTES = 6,
};

static const struct hadal_metric_info
	opened_info = { "hadal.tcp.connection.opened", "{connection}",
			"Connections established", HADAL_COUNTER },
	failed_info = { "hadal.tcp.connection.failed", "{connection}",
			"Attempts to connect that came to nothing", HADAL_COUNTER },
	broken_info = { "hadal.tcp.connection.broken", "{connection}",
			"Connections that ended because no answer came", HADAL_COUNTER },
	reset_info = { "hadal.tcp.connection.reset", "{connection}",
		       "Connections that ended by a reset", HADAL_COUNTER },
	active_info = { "hadal.tcp.connection.active", "{connection}",
			"Connections open at the end of the interval", HADAL_UP_DOWN_COUNTER },
	io_info = { "hadal.tcp.io", "By",
		    "Payload acknowledged by the peer (transmit) and received in order (receive)", HADAL_COUNTER },
	udp_io_info = { "hadal.udp.io", "By", "Payload of datagrams sent (transmit) and received (receive)",
			HADAL_COUNTER },
	listener_dropped_info = { "hadal.tcp.listener.dropped", "{connection}",
				  "Attempts to connect that a listener had no room for", HADAL_COUNTER },
	sent_info = { "hadal.tcp.segment.sent", "{segment}", "Segments sent", HADAL_COUNTER },
	retransmitted_info = { "hadal.tcp.segment.retransmitted", "{segment}", "Segments sent again", HADAL_COUNTER },
	health_info = { "hadal.tcp.health_check", "{connection}",
			"Connections that checked whether the workload is well", HADAL_COUNTER },
	exited_info = { "hadal.process.exited", "{process}", "Processes that ended", HADAL_COUNTER },
	oom_killed_info = { "hadal.process.oom_killed", "{process}",
			    "Processes ended by the out-of-memory killer", HADAL_COUNTER },
	records_info = { "hadal.collector.records", "{record}",
			 "Records of the kernel module for this collector", HADAL_COUNTER },
	incident_info = { "hadal.collector.incident", "{incident}",
			  "What the collector had no room for or could not know", HADAL_COUNTER },
	exported_info = { "hadal.collector.exported", "{item}",
			  "Metric points and log records given to the shipper, by what became of them",
			  HADAL_COUNTER },
	module_info = { "hadal.module.state", "1", "1 for the state that the kernel module is in", HADAL_GAUGE };

/* One name in two forms; the configuration chooses, so no batch has both. */
static const struct hadal_metric_info connect_infos[] = {
	[HISTOGRAM_EXPONENTIAL] = { "hadal.tcp.connect.duration", "s", "From SYN to established",
				    HADAL_EXPONENTIAL_HISTOGRAM },
	[HISTOGRAM_EXPLICIT] = { "hadal.tcp.connect.duration", "s", "From SYN to established", HADAL_HISTOGRAM },
};

static const struct hadal_metric_info rtt_infos[] = {
	[HISTOGRAM_EXPONENTIAL] = { "hadal.tcp.rtt", "s", "Smoothed round-trip time of connections that sent",
				    HADAL_EXPONENTIAL_HISTOGRAM },
	[HISTOGRAM_EXPLICIT] = { "hadal.tcp.rtt", "s", "Smoothed round-trip time of connections that sent",
				 HADAL_HISTOGRAM },
};

/* A set of attributes in the making. Its list is not zeroed: there are thousands of them in a batch. */
struct attributes {
	size_t count;
	struct hadal_telemetry_attribute list[EXPORT_ATTRIBUTES];
};

static void add(struct attributes *attributes, struct hadal_telemetry_attribute attribute)
{
	if (attribute.type == HADAL_VALUE_STRING && (!attribute.string || !*attribute.string))
		return;
	attributes->list[attributes->count++] = attribute;
}

static const struct hadal_attributes *finish(struct hadal_batch *batch, const struct attributes *attributes)
{
	return hadal_batch_attributes(batch, attributes->list, attributes->count);
}

/* ---- resources ---- */

static void add_host(const struct export_host *host, struct attributes *attributes)
{
	add(attributes, hadal_string("host.id", host->id));
	add(attributes, hadal_string("host.name", host->name));
	add(attributes, hadal_string("host.type", host->type));
	add(attributes, hadal_string("host.image.id", host->image));
	add(attributes, hadal_string("cloud.provider", host->cloud_region[0] ? "aws" : NULL));
	add(attributes, hadal_string("cloud.account.id", host->cloud_account));
	add(attributes, hadal_string("cloud.region", host->cloud_region));
	add(attributes, hadal_string("cloud.availability_zone", host->cloud_zone));
}

/* Two hosts never write one series: the instance is this workload on this host. */
static struct hadal_resource *add_resource(const struct export_source *source, struct hadal_batch *batch,
					   const char *namespace, const char *name, const char *family)
{
	struct attributes attributes;
	char instance[3 * WORKLOAD_NAME_SIZE];

	attributes.count = 0;
	snprintf(instance, sizeof(instance), "%s/%s%s%s", source->host->id, namespace, *namespace ? "/" : "", name);
	add(&attributes, hadal_string("service.name", name));
	add(&attributes, hadal_string("service.namespace", namespace));
	add(&attributes, hadal_string("service.instance.id", instance));
	add(&attributes, hadal_string("aws.ecs.task.family", family));
	add_host(source->host, &attributes);
	return hadal_batch_resource(batch, finish(batch, &attributes));
}

static struct hadal_resource *workload_resource(const struct export_source *source, struct hadal_batch *batch,
						const struct workload *workload)
{
	return add_resource(source, batch, workload->namespace, workload->name, workload->family);
}

/* ---- points ---- */

/* Where points of one thing go: its resource, its times, whether it ends. */
struct target {
	struct hadal_batch *batch;
	struct hadal_resource *resource;
	struct hadal_point point;
};

static struct target target_of(const struct export_source *source, struct hadal_batch *batch,
			       struct hadal_resource *resource, uint64_t start_time, bool ended)
{
	struct target target = {
		.batch = batch,
		.resource = resource,
		.point = { .time = source->time, .no_recorded_value = ended || source->ended },
	};

	hadal_point_since(&target.point, start_time);
	return target;
}

static void put_count(const struct target *target, const struct hadal_metric_info *info,
		      const struct hadal_attributes *attributes, uint64_t value)
{
	struct hadal_point point = target->point;

	point.attributes = attributes;
	hadal_metric_add_int(hadal_resource_metric(target->resource, info), &point, (int64_t)value);
}

/* A counter that has never counted is left out. */
static void put_some(const struct target *target, const struct hadal_metric_info *info,
		     const struct hadal_attributes *attributes, uint64_t value)
{
	if (value)
		put_count(target, info, attributes, value);
}

/* The same, with one attribute more. */
static void put_some_with(const struct target *target, const struct hadal_metric_info *info,
			  const struct hadal_attributes *base, struct hadal_telemetry_attribute more, uint64_t value)
{
	if (value)
		put_count(target, info, hadal_batch_attributes_with(target->batch, base, more), value);
}

static void put_exponential(struct hadal_metric *metric, const struct hadal_point *point,
			    const struct histogram *histogram)
{
	struct hadal_exponential_histogram_value value = {
		.scale = HISTOGRAM_SCALE,
		.offset = HISTOGRAM_OFFSET,
		.counts = histogram->counts,
		.count = HISTOGRAM_BUCKETS,
		.zero_count = histogram->zero_count,
		.zero_threshold = histogram_floor(),
		.sum = histogram->sum,
		.min = histogram->min,
		.max = histogram->max,
		.has_extremes = true,
	};

	hadal_metric_add_exponential_histogram(metric, point, &value);
}

static void put_explicit(struct hadal_metric *metric, const struct hadal_point *point,
			 const struct histogram *histogram)
{
	struct hadal_histogram_value value = {
		.bounds = histogram_bounds,
		.bound_count = HISTOGRAM_BOUNDS,
		.counts = histogram->counts,
		.sum = histogram->sum,
		.min = histogram->min,
		.max = histogram->max,
		.has_extremes = true,
	};

	hadal_metric_add_histogram(metric, point, &value);
}

static void put_histogram(const struct target *target, const struct hadal_metric_info *infos,
			  const struct hadal_attributes *attributes, const struct histogram *histogram)
{
	struct hadal_point point = target->point;
	struct hadal_metric *metric;

	if (!histogram)
		return;
	point.attributes = attributes;
	metric = hadal_resource_metric(target->resource, &infos[histogram->form]);
	if (histogram->form == HISTOGRAM_EXPONENTIAL)
		put_exponential(metric, &point, histogram);
	else
		put_explicit(metric, &point, histogram);
}

/* ---- edges ---- */

static const struct hadal_attributes *edge_attributes(struct hadal_batch *batch, const struct edge *edge)
{
	const struct edge_key *key = &edge->key;
	struct attributes attributes;

	attributes.count = 0;
	add(&attributes, hadal_string("hadal.edge.role", edge_role_name(key->role)));
	add(&attributes, hadal_string("hadal.peer.kind", peer_kind_name(key->kind)));
	add(&attributes, hadal_string("hadal.peer.name", key->peer ? key->peer->name : key->peer_name));
	add(&attributes, hadal_string("hadal.peer.namespace", key->peer ? key->peer->namespace : NULL));
	add(&attributes, hadal_string("hadal.edge.via", key->via));
	if (key->server_port)
		add(&attributes, hadal_int("server.port", key->server_port));
	add(&attributes, hadal_string(HADAL_ATTR_NETWORK_TRANSPORT, edge_transport_name(key->transport)));
	return finish(batch, &attributes);
}

static void put_errors(const struct target *target, const struct hadal_metric_info *info,
		       const struct hadal_attributes *base, const struct errors *errors)
{
	uint64_t other = errors->other;

	for (unsigned int i = 0; i < errors->kinds; i++) {
		const struct error_count *error = &errors->list[i];
		const char *type = error->error ? hadal_error_type((uint32_t)error->error) : HADAL_VALUE_ERROR_OTHER;

		if (strcmp(type, HADAL_VALUE_ERROR_OTHER) == 0)
			other += error->count;
		else
			put_count(target, info,
				  hadal_batch_attributes_with(target->batch, base, hadal_string(HADAL_ATTR_ERROR_TYPE, type)),
				  error->count);
	}
	put_some_with(target, info, base, hadal_string(HADAL_ATTR_ERROR_TYPE, HADAL_VALUE_ERROR_OTHER), other);
}

static void put_io(const struct target *target, const struct hadal_metric_info *info,
		   const struct hadal_attributes *base, const struct values *values)
{
	put_some_with(target, info, base, hadal_string("network.io.direction", "transmit"), values->acked);
	put_some_with(target, info, base, hadal_string("network.io.direction", "receive"), values->received);
}

/* Of a listener and not of an edge: it is not known whose attempts they were. */
static void put_listener(const struct target *target, const struct edge *edge, const struct values *values)
{
	struct attributes attributes;

	if (!values->listener_dropped)
		return;
	attributes.count = 0;
	if (edge->key.server_port)
		add(&attributes, hadal_int("server.port", edge->key.server_port));
	add(&attributes, hadal_string(HADAL_ATTR_NETWORK_TRANSPORT, HADAL_VALUE_TRANSPORT_TCP));
	put_count(target, &listener_dropped_info, finish(target->batch, &attributes), values->listener_dropped);
}

static void put_health_checks(const struct target *target, const struct edge *edge, const struct values *values)
{
	struct attributes attributes;

	if (!values->health_checks)
		return;
	attributes.count = 0;
	add(&attributes, hadal_string("hadal.edge.role", edge_role_name(edge->key.role)));
	if (edge->key.server_port)
		add(&attributes, hadal_int("server.port", edge->key.server_port));
	put_count(target, &health_info, finish(target->batch, &attributes), values->health_checks);
}

/* edge_points() has how many points this is. */
static void put_edge(const struct export_source *source, struct hadal_batch *batch,
		     struct hadal_resource *resource, const struct edge *edge)
{
	bool apart = source->points && edge->shipped;	/* what is shipped is not all that it has counted */
	struct target target = target_of(source, batch, resource, apart ? edge->shipped_since : edge->start_time,
					 edge->ended || (source->points && edge_has_ended(edge)));
	const struct values *values = apart ? edge->shipped : &edge->values;
	const struct hadal_attributes *attributes;

	if (edge->key.transport == FLOW_UDP) {
		put_io(&target, &udp_io_info, edge_attributes(batch, edge), values);
		return;
	}
	put_listener(&target, edge, values);
	put_health_checks(&target, edge, values);
	if (edge->key.kind == PEER_NONE)
		return;
	attributes = edge_attributes(batch, edge);
	put_count(&target, &opened_info, attributes, values->opened);
	put_count(&target, &active_info, attributes, apart ? edge->shipped_active : edge->active);
	put_errors(&target, &failed_info, attributes, &values->failed);
	put_errors(&target, &broken_info, attributes, &values->broken);
	put_some(&target, &reset_info, attributes, values->reset);
	put_io(&target, &io_info, attributes, values);
	put_some(&target, &sent_info, attributes, values->segments_sent);
	put_some(&target, &retransmitted_info, attributes, values->segments_retransmitted);
	put_histogram(&target, connect_infos, attributes, values->connect);
	put_histogram(&target, rtt_infos, attributes, values->rtt);
}

/* ---- processes ---- */

static void put_exit(const struct target *target, const char *class, int signal, uint64_t value)
{
	struct attributes attributes;

	if (!value)
		return;
	attributes.count = 0;
	add(&attributes, hadal_string("hadal.process.exit.class", class));
	if (signal)
		add(&attributes, hadal_int(HADAL_ATTR_PROCESS_EXIT_SIGNAL, signal));
	put_count(target, &exited_info, finish(target->batch, &attributes), value);
}

static void put_exits(const struct target *target, const struct exits *exits)
{
	put_exit(target, "success", 0, exits->success);
	put_exit(target, "failure", 0, exits->failure);
	for (int signal = 0; signal < WORKLOAD_SIGNALS; signal++)
		put_exit(target, "signal", signal, exits->signal[signal]);
	put_some(target, &oom_killed_info, NULL, exits->oom_killed);
}

static struct hadal_resource *resource_of(const struct export_source *source, struct hadal_batch *batch,
					  struct workload *workload)
{
	if (!workload->resource)
		workload->resource = workload_resource(source, batch, workload);
	return workload->resource;
}

/* Of the workload itself, as much as workload_points() has. One that is only a peer of others has nothing to tell. */
static void put_workload(const struct export_source *source, struct hadal_batch *batch,
			 struct workload *workload)
{
	struct workload_sums *shipped = source->points ? workload->shipped : NULL;
	const struct exits *exits = shipped ? &shipped->exits : &workload->exits;
	struct workload_usage *usage = workload->usage;
	struct hadal_resource *resource;
	struct target target;

	if (shipped)
		usage = shipped->used ? &shipped->usage : NULL;
	if (exits_empty(exits) && !usage && !workload->infos)
		return;
	resource = resource_of(source, batch, workload);
	target = target_of(source, batch, resource, shipped ? workload->shipped_since : workload->start_time,
			   workload->ended || (source->points && workload_has_ended(workload)));
	put_exits(&target, exits);
	if (usage)
		export_workload_usage(batch, resource, &target.point, usage, source->full);
	/* Of `other` it would be that of some. */
	target.point.no_recorded_value |= source->points && workload->others;
	if (workload->infos)
		export_workload_infos(batch, resource, &target.point, workload->infos);
}

static bool workload_is_in_batch(const struct export_source *source, const struct workload *workload)
{
	if (!source->points)
		return true;
	return source->ended ? workload->begun : workload_is_told(workload);
}

static void put_workloads(const struct export_source *source, struct hadal_batch *batch)
{
	struct workload *workload;

	for (workload = source->model->workloads.table; workload; workload = workload->hh.next) {
		if (workload_is_in_batch(source, workload))
			put_workload(source, batch, workload);
	}
}

/* Series that no batch has had do not end. */
static bool edge_is_in_batch(const struct export_source *source, const struct edge *edge)
{
	if (!source->points)
		return !edge_is_only_shipped(edge);
	return source->ended ? edge->begun : edge_is_told(edge);
}

static void put_edges(const struct export_source *source, struct hadal_batch *batch)
{
	struct edge *edge;

	for (edge = source->model->edges.table; edge; edge = edge->hh.next) {
		if (edge_is_in_batch(source, edge))
			put_edge(source, batch, resource_of(source, batch, edge->key.workload), edge);
	}
}

/* How many there may be is what all else has left. */
static void put_limited(const struct export_source *source, struct hadal_batch *batch)
{
	struct edge_table *edges = &source->model->edges;
	struct points_limit limit = {
		.points = source->points, .wall = source->time, .full = source->full,
		.taken = (unsigned int)hadal_batch_counts(batch).points + EXPORT_FOLDED_POINTS,
	};

	if (source->points && !source->ended) {
		edges_weigh(edges);
		limit.taken += workloads_plan(&source->model->workloads, edges, &limit);
		edges_plan(edges, limit.points, limit.taken, limit.wall);
	}
	put_workloads(source, batch);
	put_edges(source, batch);
}

/* ---- processes in detail ---- */

/* Another profile may have had series that are to end. */
static void put_processes(const struct export_source *source, struct hadal_batch *batch)
{
	const struct process_details *details = &source->model->details;
	struct target target = target_of(source, batch, NULL, source->start_time, false);
	const struct process_detail *detail;

	DL_FOREACH(details->list, detail) {
		if (source->full || detail->ended)
			export_process(batch, resource_of(source, batch, detail->workload), &target.point, detail);
	}
	if (details->other && (source->full || details->rest_ended))
		export_other_processes(resource_of(source, batch, details->other), &target.point, details);
}

/* ---- lifecycle ---- */

static struct hadal_telemetry_attribute event_value(const struct event_attribute *from)
{
	switch (from->type) {
	case EVENT_TEXTS:
		return hadal_strings(from->key, (const char *const *)from->texts.list, from->texts.count);
	case EVENT_INTEGER:
		return hadal_int(from->key, from->integer);
	case EVENT_REAL:
		return hadal_double(from->key, from->real);
	case EVENT_BOOLEAN:
		return hadal_bool(from->key, from->boolean);
	case EVENT_TEXT:
		break;
	}
	return hadal_string(from->key, from->text);
}

static size_t add_text(struct hadal_telemetry_attribute *list, size_t count, const char *key, const char *text)
{
	if (!*text)
		return count;
	list[count] = hadal_string(key, text);
	return count + 1;
}

/* Returns how many were written, at most BUILD_ATTRIBUTES. @facts: NULL for none. */
static size_t build_attributes(const struct build_facts *facts, struct hadal_telemetry_attribute *list)
{
	size_t count = 0;

	if (!facts)
		return 0;
	count = add_text(list, count, "process.executable.build_id.gnu", facts->gnu_id);
	count = add_text(list, count, "process.executable.build_id.go", facts->go_id);
	count = add_text(list, count, "process.runtime.name", facts->go_version[0] ? "go" : "");
	count = add_text(list, count, "process.runtime.version", facts->go_version);
	count = add_text(list, count, "hadal.process.go.module.path", facts->module_path);
	return add_text(list, count, "hadal.process.go.module.version", facts->module_version);
}

/* A file may hang on a network: nothing is told the later for it than by this. */
#define BUILD_WAIT	10000000000ULL

static bool build_pending(const struct export_source *source, const struct event *event)
{
	return source->full && source->builds && program_pending(event->program) &&
	       source->time > event->time && source->time - event->time < BUILD_WAIT;
}

/* What may come still is waited for: who it is, and in profile full by which build it was made. */
static bool event_pending(const struct export_source *source, const struct event *event)
{
	if (source->all)
		return false;
	return owner_pending(event->owner, source->now) || build_pending(source, event);
}

static void put_event(const struct export_source *source, struct hadal_batch *batch, const struct event *event,
		      struct hadal_resource *resource)
{
	const struct container *container = event->owner->cgroup ? event->owner->cgroup->container : NULL;
	struct hadal_telemetry_attribute list[EVENT_ATTRIBUTES + 2 + BUILD_ATTRIBUTES];
	struct hadal_log_record record = {
		.event_name = event->name,
		.time = event->time,
		.observed_time = source->time,
		.severity = event->abnormal ? HADAL_SEVERITY_WARN : HADAL_SEVERITY_INFO,
	};
	size_t count = 0;

	for (unsigned int i = 0; i < event->attribute_count; i++)
		list[count++] = event_value(&event->attributes[i]);
	if (source->full && container)
		list[count++] = hadal_string(HADAL_ATTR_CONTAINER_ID, container->id);
	if (source->full && container && container->task)
		list[count++] = hadal_string(HADAL_ATTR_AWS_ECS_TASK_ID, container->task->id);
	if (source->full)
		count += build_attributes(program_build(event->program), list + count);
	record.attributes = hadal_batch_attributes_once(batch, list, count);
	hadal_resource_log(resource, &record);
}

static void put_events(const struct export_source *source, struct hadal_batch *batch)
{
	struct model *model = source->model;
	struct workload *workload;
	struct event *event, *next;

	DL_FOREACH_SAFE(model->events.events, event, next) {
		if (event_pending(source, event))
			continue;
		workload = owner_workload(event->owner, &model->workloads, source->time);
		if (workload)
			put_event(source, batch, event, resource_of(source, batch, workload));
		if (!source->keep_events)
			event_queue_remove(&model->events, event);
	}
}

/* ---- the collector itself ---- */

static void put_records(const struct target *target, const struct hadal_stats *stats)
{
	for (unsigned int class = 0; class < HADAL_CLASS_SLOTS; class++) {
		const struct hadal_class_stats *of = &stats->class_stats[class];
		const char *name = hadal_class_name(class);

		if (name && stats->filtered[class])
			put_count(target, &records_info,
				  HADAL_ATTRIBUTES(target->batch, hadal_string("hadal.record.class", name),
						   hadal_string("hadal.record.outcome", "filtered")),
				  stats->filtered[class]);
		if (!name || !of->produced)
			continue;
		put_count(target, &records_info,
			  HADAL_ATTRIBUTES(target->batch, hadal_string("hadal.record.class", name),
					   hadal_string("hadal.record.outcome", "delivered")), of->delivered);
		put_count(target, &records_info,
			  HADAL_ATTRIBUTES(target->batch, hadal_string("hadal.record.class", name),
					   hadal_string("hadal.record.outcome", "lost")), of->lost);
	}
}

static void put_exported(const struct target *target, const struct hadal_sink_stats *sink, const char *signal,
			 const char *outcome, uint64_t value)
{
	put_some(target, &exported_info,
		 HADAL_ATTRIBUTES(target->batch, hadal_string("hadal.export.sink", sink->name),
				  hadal_string("hadal.export.signal", signal),
				  hadal_string("hadal.export.outcome", outcome)), value);
}

static void put_sink(const struct target *target, const struct hadal_sink_stats *sink)
{
	static const char *const signals[HADAL_SIGNALS] = {
		[HADAL_SIGNAL_METRICS] = "metrics", [HADAL_SIGNAL_LOGS] = "logs",
	};

	for (int i = 0; i < HADAL_SIGNALS; i++) {
		const struct hadal_ship_signal_stats *of = &sink->signal[i];

		put_exported(target, sink, signals[i], "accepted", of->accepted);
		put_exported(target, sink, signals[i], "rejected", of->rejected);
		put_exported(target, sink, signals[i], "dropped", hadal_ship_dropped(of) - of->dropped_off);
	}
}

static void put_shipping(const struct target *target, const struct hadal_ship_stats *stats)
{
	for (size_t i = 0; i < stats->sink_count; i++)
		put_sink(target, &stats->sink[i]);
}

/* Without a module there is no version. */
static void put_state(const struct export_source *source, struct hadal_batch *batch, struct hadal_resource *resource,
		      const char *state, const char *version, bool ended)
{
	struct hadal_point gauge = { .time = source->time, .no_recorded_value = ended };

	gauge.attributes = *version ? HADAL_ATTRIBUTES(batch, hadal_string("hadal.module.state", state),
						       hadal_string("hadal.module.version", version)) :
				      HADAL_ATTRIBUTES(batch, hadal_string("hadal.module.state", state));
	hadal_metric_add_int(hadal_resource_metric(resource, &module_info), &gauge, 1);
}

/*
 * Each state is a series of its own: the one that is over ends. So does that of a
 * hadald that stops: who falls silent without that did not mean to.
 */
static void put_module_state(const struct export_source *source, struct hadal_batch *batch,
			     struct hadal_resource *resource)
{
	if (source->ended_state)
		put_state(source, batch, resource, source->ended_state, source->ended_version, true);
	put_state(source, batch, resource, source->module_state, source->module_version, source->ended || source->all);
}

static struct hadal_resource *put_collector(const struct export_source *source, struct hadal_batch *batch)
{
	struct hadal_resource *resource = add_resource(source, batch, "", "hadald", NULL);
	struct target target = target_of(source, batch, resource, source->start_time, false);
	struct hadal_point gauge = { .time = source->time, .no_recorded_value = source->ended };

	target.point.counted_before = source->renamed;
	put_records(&target, source->stats);
	if (source->usage)
		export_host_usage(batch, resource, &gauge, source->usage, source->full);
	if (source->self)
		export_self(batch, resource, &target.point, source->self, source->model, source->shipped, source->full);
	for (unsigned int i = 0; i < COUNTS; i++)
		put_some(&target, &incident_info,
			 HADAL_ATTRIBUTES(batch, hadal_string("hadal.collector.incident.kind", count_name(i))),
			 source->model->counts.value[i]);
	if (source->shipped)
		put_shipping(&target, source->shipped);
	put_module_state(source, batch, resource);
	for (unsigned int i = 0; i < source->notice_count; i++)
		export_notice(batch, resource, &source->notices[i], source->time);
	return resource;
}

/* How it was decided in this batch: behind all else. */
static void put_folded(const struct export_source *source, struct hadal_batch *batch, struct hadal_resource *resource)
{
	struct target target = target_of(source, batch, resource, source->start_time, false);

	export_folded(batch, resource, &target.point, source->model);
}

static void forget_resources(struct model *model)
{
	struct workload *workload;

	for (workload = model->workloads.table; workload; workload = workload->hh.next)
		workload->resource = NULL;
}

struct hadal_batch *export_batch(const struct export_source *source)
{
	struct hadal_batch *batch = hadal_batch_new(0);
	struct hadal_resource *collector;

	if (!batch)
		return NULL;
	forget_resources(source->model);
	if (!source->ended)
		put_events(source, batch);
	put_processes(source, batch);
	collector = put_collector(source, batch);
	put_limited(source, batch);
	put_folded(source, batch, collector);
	return batch;
}
