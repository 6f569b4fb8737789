/* SPDX-License-Identifier: MIT */
#include <hadal/event.h>
#include <hadal/names.h>
#include <stdio.h>
#include <string.h>

#include "export.h"
#include "telemetry.h"

enum { EXPORT_ATTRIBUTES = 16 };

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

/* A set of attributes in the making. */
struct attributes {
	struct hadal_telemetry_attribute list[EXPORT_ATTRIBUTES];
	size_t count;
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

/* The set with one more attribute. */
static const struct hadal_attributes *with(struct hadal_batch *batch, const struct attributes *base,
					   struct hadal_telemetry_attribute more)
{
	struct attributes attributes = *base;

	add(&attributes, more);
	return finish(batch, &attributes);
}

/* ---- resources ---- */

static void add_host(const struct export_host *host, struct attributes *attributes)
{
	add(attributes, hadal_string("host.id", host->id));
	add(attributes, hadal_string("host.name", host->name));
	add(attributes, hadal_string("cloud.provider", host->cloud_region[0] ? "aws" : NULL));
	add(attributes, hadal_string("cloud.account.id", host->cloud_account));
	add(attributes, hadal_string("cloud.region", host->cloud_region));
	add(attributes, hadal_string("cloud.availability_zone", host->cloud_zone));
}

/* Two hosts never write one series: the instance is this workload on this host. */
static struct hadal_resource *add_resource(const struct export_source *source, struct hadal_batch *batch,
					   const char *namespace, const char *name, const char *family)
{
	struct attributes attributes = { .count = 0 };
	char instance[3 * WORKLOAD_NAME_SIZE];

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
		.point = { .start_time = start_time, .time = source->time,
			   .no_recorded_value = ended || source->ended },
	};

	/* The wall clock may have been set back. */
	if (target.point.start_time >= source->time)
		target.point.start_time = source->time - 1;
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

static const char *role_name(uint8_t role)
{
	switch (role) {
	case HADAL_TCP_CLIENT:
		return HADAL_VALUE_ROLE_CLIENT;
	case HADAL_TCP_SERVER:
		return HADAL_VALUE_ROLE_SERVER;
	default:
		return NULL;
	}
}

static struct attributes edge_attributes(const struct edge *edge)
{
	const struct edge_key *key = &edge->key;
	struct attributes attributes = { .count = 0 };

	add(&attributes, hadal_string("hadal.edge.role", role_name(key->role)));
	add(&attributes, hadal_string("hadal.peer.kind", peer_kind_name(key->kind)));
	add(&attributes, hadal_string("hadal.peer.name", key->peer ? key->peer->name : key->peer_name));
	add(&attributes, hadal_string("hadal.peer.namespace", key->peer ? key->peer->namespace : NULL));
	add(&attributes, hadal_string("hadal.edge.via", key->via));
	if (key->server_port)
		add(&attributes, hadal_int("server.port", key->server_port));
	add(&attributes, hadal_string(HADAL_ATTR_NETWORK_TRANSPORT, key->transport == FLOW_UDP
								    ? HADAL_VALUE_TRANSPORT_UDP
								    : HADAL_VALUE_TRANSPORT_TCP));
	return attributes;
}

static void put_errors(const struct target *target, const struct hadal_metric_info *info,
		       const struct attributes *base, const struct errors *errors)
{
	uint64_t other = errors->other;

	for (unsigned int i = 0; i < errors->kinds; i++) {
		const struct error_count *error = &errors->list[i];
		const char *type = error->error ? hadal_error_type((uint32_t)error->error) : HADAL_VALUE_ERROR_OTHER;

		if (strcmp(type, HADAL_VALUE_ERROR_OTHER) == 0)
			other += error->count;
		else
			put_count(target, info, with(target->batch, base, hadal_string(HADAL_ATTR_ERROR_TYPE, type)),
				  error->count);
	}
	put_some(target, info,
		 with(target->batch, base, hadal_string(HADAL_ATTR_ERROR_TYPE, HADAL_VALUE_ERROR_OTHER)), other);
}

static void put_io(const struct target *target, const struct hadal_metric_info *info, const struct attributes *base,
		   const struct values *values)
{
	put_some(target, info, with(target->batch, base, hadal_string("network.io.direction", "transmit")),
		 values->acked);
	put_some(target, info, with(target->batch, base, hadal_string("network.io.direction", "receive")),
		 values->received);
}

/* Of a listener and not of an edge: it is not known whose attempts they were. */
static void put_listener(const struct target *target, const struct edge *edge)
{
	struct attributes attributes = { .count = 0 };

	if (!edge->values.listener_dropped)
		return;
	if (edge->key.server_port)
		add(&attributes, hadal_int("server.port", edge->key.server_port));
	add(&attributes, hadal_string(HADAL_ATTR_NETWORK_TRANSPORT, HADAL_VALUE_TRANSPORT_TCP));
	put_count(target, &listener_dropped_info, finish(target->batch, &attributes), edge->values.listener_dropped);
}

static void put_edge(const struct export_source *source, struct hadal_batch *batch,
		     struct hadal_resource *resource, const struct edge *edge)
{
	struct target target = target_of(source, batch, resource, edge->start_time, edge->ended);
	struct attributes base = edge_attributes(edge);
	const struct hadal_attributes *attributes = finish(batch, &base);
	const struct values *values = &edge->values;

	if (edge->key.transport == FLOW_UDP) {
		put_io(&target, &udp_io_info, &base, values);
		return;
	}
	put_listener(&target, edge);
	if (edge->key.kind == PEER_NONE)
		return;
	put_count(&target, &opened_info, attributes, values->opened);
	put_count(&target, &active_info, attributes, edge->active);
	put_errors(&target, &failed_info, &base, &values->failed);
	put_errors(&target, &broken_info, &base, &values->broken);
	put_some(&target, &reset_info, attributes, values->reset);
	put_io(&target, &io_info, &base, values);
	put_some(&target, &sent_info, attributes, values->segments_sent);
	put_some(&target, &retransmitted_info, attributes, values->segments_retransmitted);
	put_histogram(&target, connect_infos, attributes, values->connect);
	put_histogram(&target, rtt_infos, attributes, values->rtt);
}

/* ---- processes ---- */

static void put_exit(const struct target *target, const char *class, int signal, uint64_t value)
{
	struct attributes attributes = { .count = 0 };

	add(&attributes, hadal_string("hadal.process.exit.class", class));
	if (signal)
		add(&attributes, hadal_int(HADAL_ATTR_PROCESS_EXIT_SIGNAL, signal));
	if (value)
		put_count(target, &exited_info, finish(target->batch, &attributes), value);
}

static void put_exits(const struct export_source *source, struct hadal_batch *batch,
		      struct hadal_resource *resource, const struct workload *workload)
{
	struct target target = target_of(source, batch, resource, workload->start_time, workload->ended);
	const struct exits *exits = &workload->exits;

	put_exit(&target, "success", 0, exits->success);
	put_exit(&target, "failure", 0, exits->failure);
	for (int signal = 0; signal < WORKLOAD_SIGNALS; signal++)
		put_exit(&target, "signal", signal, exits->signal[signal]);
	put_some(&target, &oom_killed_info, NULL, exits->oom_killed);
}

/* A workload that is only a peer of others has nothing to tell itself. */
static bool has_own_edges(const struct model *model, const struct workload *workload)
{
	for (const struct edge *edge = model->edges.table; edge; edge = edge->hh.next) {
		if (edge->key.workload == workload)
			return true;
	}
	return false;
}

static void put_workload(const struct export_source *source, struct hadal_batch *batch,
			 const struct workload *workload)
{
	bool has_exits = !exits_empty(&workload->exits);
	struct hadal_resource *resource;

	if (!has_exits && !has_own_edges(source->model, workload))
		return;
	resource = workload_resource(source, batch, workload);
	if (has_exits)
		put_exits(source, batch, resource, workload);
	for (struct edge *edge = source->model->edges.table; edge; edge = edge->hh.next) {
		if (edge->key.workload == workload)
			put_edge(source, batch, resource, edge);
	}
}

/* ---- lifecycle ---- */

static void add_event_value(struct attributes *attributes, const struct event_attribute *from)
{
	switch (from->type) {
	case EVENT_TEXT:
		attributes->list[attributes->count++] = hadal_string(from->key, from->text);
		break;
	case EVENT_TEXTS:
		attributes->list[attributes->count++] =
			hadal_strings(from->key, (const char *const *)from->texts.list, from->texts.count);
		break;
	case EVENT_INTEGER:
		attributes->list[attributes->count++] = hadal_int(from->key, from->integer);
		break;
	case EVENT_REAL:
		attributes->list[attributes->count++] = hadal_double(from->key, from->real);
		break;
	case EVENT_BOOLEAN:
		attributes->list[attributes->count++] = hadal_bool(from->key, from->boolean);
		break;
	}
}

static void put_event(const struct export_source *source, struct hadal_batch *batch, const struct event *event,
		      struct hadal_resource *resource)
{
	const struct container *container = event->owner->cgroup ? event->owner->cgroup->container : NULL;
	struct hadal_telemetry_attribute list[EVENT_ATTRIBUTES + 2];
	struct hadal_log_record record = {
		.event_name = event->name,
		.time = event->time,
		.observed_time = source->time,
		.severity = event->abnormal ? HADAL_SEVERITY_WARN : HADAL_SEVERITY_INFO,
	};
	size_t count = 0;

	for (unsigned int i = 0; i < event->attribute_count; i++) {
		struct attributes one = { .count = 0 };

		add_event_value(&one, &event->attributes[i]);
		list[count++] = one.list[0];
	}
	if (source->full && container)
		list[count++] = hadal_string(HADAL_ATTR_CONTAINER_ID, container->id);
	if (source->full && container && container->task)
		list[count++] = hadal_string(HADAL_ATTR_AWS_ECS_TASK_ID, container->task->id);
	record.attributes = hadal_batch_attributes(batch, list, count);
	hadal_resource_log(resource, &record);
}

static void put_events(const struct export_source *source, struct hadal_batch *batch)
{
	struct model *model = source->model;
	struct workload *workload, *last = NULL;
	struct hadal_resource *resource = NULL;
	struct event *event, *next;

	DL_FOREACH_SAFE(model->events.events, event, next) {
		if (!source->all && owner_pending(event->owner, source->now))
			continue;
		workload = owner_workload(event->owner, &model->workloads, source->time);
		if (workload && workload != last)
			resource = workload_resource(source, batch, workload);
		if (workload)
			put_event(source, batch, event, resource);
		last = workload;
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

static void put_exported(const struct target *target, const char *signal, const char *outcome, uint64_t value)
{
	put_some(target, &exported_info,
		 HADAL_ATTRIBUTES(target->batch, hadal_string("hadal.export.signal", signal),
				  hadal_string("hadal.export.outcome", outcome)), value);
}

static void put_shipping(const struct target *target, const struct hadal_ship_stats *stats)
{
	static const char *const signals[HADAL_SIGNALS] = {
		[HADAL_SIGNAL_METRICS] = "metrics", [HADAL_SIGNAL_LOGS] = "logs",
	};

	for (int i = 0; i < HADAL_SIGNALS; i++) {
		const struct hadal_ship_signal_stats *of = &stats->signal[i];

		put_exported(target, signals[i], "accepted", of->accepted);
		put_exported(target, signals[i], "rejected", of->rejected);
		put_exported(target, signals[i], "dropped", of->dropped_full + of->dropped_oversize +
								of->dropped_failed + of->dropped_stop);
	}
}

static void put_collector(const struct export_source *source, struct hadal_batch *batch)
{
	struct hadal_resource *resource = add_resource(source, batch, "", "hadald", NULL);
	struct target target = target_of(source, batch, resource, source->start_time, false);
	struct hadal_point gauge = { .time = source->time, .no_recorded_value = source->ended };

	put_records(&target, source->stats);
	for (unsigned int i = 0; i < COUNTS; i++)
		put_some(&target, &incident_info,
			 HADAL_ATTRIBUTES(batch, hadal_string("hadal.collector.incident.kind", count_name(i))),
			 source->model->counts.value[i]);
	if (source->shipped)
		put_shipping(&target, source->shipped);
	gauge.attributes = HADAL_ATTRIBUTES(batch, hadal_string("hadal.module.state", source->module_state),
					    hadal_string("hadal.module.version", source->module_version));
	hadal_metric_add_int(hadal_resource_metric(resource, &module_info), &gauge, 1);
}

struct hadal_batch *export_batch(const struct export_source *source)
{
	struct hadal_batch *batch = hadal_batch_new(0);
	struct workload *workload;

	if (!batch)
		return NULL;
	for (workload = source->model->workloads.table; workload; workload = workload->hh.next)
		put_workload(source, batch, workload);
	if (!source->ended)
		put_events(source, batch);
	put_collector(source, batch);
	return batch;
}
