/* SPDX-License-Identifier: MIT */
#include "status_collector.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "columns.h"

#define LAG_TOO_LONG	5.0	/* s: hadald reads the rings ten times a second */

void problem(struct problems *problems, const char *format, ...)
{
	size_t length = strlen(problems->text);
	va_list arguments;

	if (problems->count++ && length + 2 < sizeof(problems->text)) {
		strcat(problems->text, "; ");
		length += 2;
	}
	va_start(arguments, format);
	vsnprintf(problems->text + length, sizeof(problems->text) - length, format, arguments);
	va_end(arguments);
}

void collector_status_read(const char *socket, struct collector_status *status)
{
	*status = (struct collector_status){ .document = NULL };
	status->failure = query_ask(socket, QUERY_STATUS, &status->document, status->error);
}

void collector_status_free(struct collector_status *status)
{
	json_object_put(status->document);
}

/* The walk over members needs an object. */
static bool is_object(struct json_object *value)
{
	return json_object_is_type(value, json_type_object);
}

/* ---- what is wrong ---- */

static void lost_problems(struct json_object *records, struct problems *problems)
{
	if (!is_object(records))
		return;
	json_object_object_foreach(records, class, counts) {
		uint64_t lost = member_number(counts, "lost"), governed = member_number(counts, "governed");

		if (lost)
			problem(problems, "hadald lost %" PRIu64 " of %" PRIu64 " %s records%s", lost,
				member_number(counts, "produced"), class,
				governed ? ", the governor cut in" : "");
	}
}

static bool ends_with(const char *text, const char *end)
{
	size_t length = strlen(text), end_length = strlen(end);

	return length >= end_length && strcmp(text + length - end_length, end) == 0;
}

static void full_problems(struct json_object *incidents, struct problems *problems)
{
	if (!is_object(incidents))
		return;
	json_object_object_foreach(incidents, name, count) {
		if (ends_with(name, "_full") && json_object_get_uint64(count))
			problem(problems, "a bound was reached: %s %" PRIu64, name, json_object_get_uint64(count));
	}
}

static void signal_problems(const char *sink, struct json_object *of_sink, const char *signal,
			    struct problems *problems)
{
	struct json_object *of = member_of(of_sink, signal);
	uint64_t lost = member_number(of, "rejected") + member_number(of, "dropped");

	if (lost)
		problem(problems, "%s: %" PRIu64 " of %" PRIu64 " %s were rejected or dropped", sink, lost,
			member_number(of, "submitted"), signal);
}

static void sink_problems(const char *name, struct json_object *sink, struct problems *problems)
{
	const char *success = member_text(sink, "last_success_time"), *failure = member_text(sink, "last_error_time"),
		   *error = member_text(sink, "last_error");

	if (failure && (!success || strcmp(failure, success) > 0))
		problem(problems, "shipping to %s fails since %.19s: %s", name, success ? success : "the start",
			error ? error : "no reason is known");
	signal_problems(name, sink, "metrics", problems);
	signal_problems(name, sink, "logs", problems);
}

static void shipping_problems(struct json_object *shipping, struct problems *problems)
{
	struct json_object *sinks = member_of(shipping, "sinks");
	const char *trouble = member_text(member_of(shipping, "spool"), "trouble");

	if (trouble && *trouble)
		problem(problems, "what waits to be shipped is in memory only: the spool's directory: %s", trouble);
	if (!is_object(sinks))
		return;
	json_object_object_foreach(sinks, name, sink)
		sink_problems(name, sink, problems);
}

/* The reason says what mends it. */
static void source_problems(struct json_object *document, struct problems *problems)
{
	struct json_object *module = member_of(document, "module"), *degraded = member_of(document, "degraded");
	const char *state = member_text(module, "state"), *reason = member_text(degraded, "reason"),
		   *limits = member_text(degraded ? degraded : module, "limits");

	if (degraded)
		problem(problems, "hadald runs degraded, without the module (%s): %s", state ? state : "unknown",
			reason ? reason : "no reason is known");
	if (limits)
		problem(problems, "%s", limits);
}

void collector_problems(const struct collector_status *status, struct problems *problems)
{
	double lag;

	/* Not to be allowed to ask is nothing wrong with hadald. */
	if (!status->document && status->failure != -EACCES)
		problem(problems, "%s", status->error);
	if (!status->document)
		return;
	source_problems(status->document, problems);
	lag = member_real(status->document, "lag", 0);
	if (lag > LAG_TOO_LONG)
		problem(problems, "hadald is %.1f s behind", lag);
	lost_problems(member_of(status->document, "records"), problems);
	full_problems(member_of(status->document, "incidents"), problems);
	shipping_problems(member_of(status->document, "shipping"), problems);
}

/* ---- for people ---- */

static void print_records(struct json_object *records, FILE *to)
{
	if (!is_object(records))
		return;
	fprintf(to, "\n%-12s %14s %14s %14s %14s %14s\n", "to hadald", "produced", "delivered", "lost", "by governor",
		"filtered");
	json_object_object_foreach(records, class, counts) {
		if (member_number(counts, "produced") || member_number(counts, "filtered"))
			fprintf(to, "%-12s %14" PRIu64 " %14" PRIu64 " %14" PRIu64 " %14" PRIu64 " %14" PRIu64 "\n",
				class, member_number(counts, "produced"), member_number(counts, "delivered"),
				member_number(counts, "lost"), member_number(counts, "governed"),
				member_number(counts, "filtered"));
	}
}

static void print_tables(struct json_object *tables, FILE *to)
{
	if (!is_object(tables))
		return;
	fprintf(to, "\n%-12s %14s %14s %14s\n", "table", "used", "limit", "evicted");
	json_object_object_foreach(tables, name, table)
		fprintf(to, "%-12s %14" PRIu64 " %14" PRIu64 " %14" PRIu64 "\n", name, member_number(table, "used"),
			member_number(table, "limit"), member_number(table, "evicted"));
}

static void print_folded(struct json_object *tables, FILE *to)
{
	uint64_t workloads = member_number(member_of(tables, "workloads"), "folded"),
		 edges = member_number(member_of(tables, "edges"), "folded");

	if (workloads || edges)
		fprintf(to, "%-12s %" PRIu64 " workloads and %" PRIu64
			" edges are beyond limits.points: they add up in `other`\n", "folded", workloads, edges);
}

/* Of what hadald does between two waits, and of the thread that ships. */
static void print_stages(struct json_object *stages, FILE *to)
{
	if (!is_object(stages))
		return;
	fprintf(to, "\n%-12s %14s\n", "time in", "seconds");
	json_object_object_foreach(stages, name, time)
		fprintf(to, "%-12s %14.3f\n", name, json_object_get_double(time));
}

static void print_incidents(struct json_object *incidents, FILE *to)
{
	const char *head = "\nincidents\n";

	if (!is_object(incidents))
		return;
	json_object_object_foreach(incidents, name, count) {
		if (!json_object_get_uint64(count))
			continue;
		fprintf(to, "%s%-27s %" PRIu64 "\n", head, name, json_object_get_uint64(count));
		head = "";
	}
}

/* What is said where it could be told more. */
static void print_nat(struct json_object *nat, FILE *to)
{
	const char *state = member_text_or(nat, "state", "");

	if (strcmp(state, "ready") == 0)
		fprintf(to, "%-12s %" PRIu64 " ends asked for, %" PRIu64 " translated\n", "NAT",
			member_number(nat, "lookups"), member_number(nat, "translated"));
	else if (strcmp(state, "denied") == 0)
		fprintf(to, "%-12s not looked through: hadald has no CAP_NET_ADMIN\n", "NAT");
	else if (strcmp(state, "failed") == 0)
		fprintf(to, "%-12s connection tracking cannot be asked, hadald's log says why\n", "NAT");
}

static void print_signal(const char *sink, struct json_object *of_sink, const char *signal, FILE *to)
{
	struct json_object *of = member_of(of_sink, signal);

	fprintf(to, "%-12s %s, %s: %" PRIu64 " accepted, %" PRIu64 " rejected, %" PRIu64 " dropped, %" PRIu64 " waiting\n",
		"shipping", sink, signal, member_number(of, "accepted"), member_number(of, "rejected"),
		member_number(of, "dropped"), member_number(of, "waiting"));
}

static void print_spool(struct json_object *spool, FILE *to)
{
	const char *trouble = member_text_or(spool, "trouble", "");

	fprintf(to, "%-12s %" PRIu64 " batches (%.1f MiB) on disk, %" PRIu64 " (%.1f MiB) in memory, the oldest for %" PRIu64
		" s%s%s\n", "spool", member_number(spool, "disk_batches"),
		(double)member_number(spool, "disk_bytes") / (1 << 20), member_number(spool, "memory_batches"),
		(double)member_number(spool, "memory_bytes") / (1 << 20), member_number(spool, "oldest_ms") / 1000,
		*trouble ? "; the directory: " : "", trouble);
}

static void print_shipping(struct json_object *shipping, FILE *to)
{
	struct json_object *sinks = member_of(shipping, "sinks");

	if (!shipping || !is_object(sinks) || !json_object_object_length(sinks)) {
		fprintf(to, "%-12s off: nothing leaves this host\n", "shipping");
		return;
	}
	json_object_object_foreach(sinks, name, sink) {
		print_signal(name, sink, "metrics", to);
		print_signal(name, sink, "logs", to);
	}
	print_spool(member_of(shipping, "spool"), to);
}

void collector_print(const struct collector_status *status, FILE *to)
{
	struct json_object *document = status->document;
	const char *since;

	if (!document) {
		fprintf(to, "%-12s %s\n", "collector", status->error);
		return;
	}
	since = member_text(document, "start_time");
	fprintf(to, "%-12s hadald %s, pid %" PRIu64 ", since %.19sZ\n", "collector", member_text(document, "hadald"),
		member_number(document, "pid"), since ? since : "?");
	fprintf(to, "%-12s %.1f MiB of memory, %.2f s of CPU time\n", "",
		(double)member_number(document, "memory.rss") / (1 << 20),
		member_real(document, "cpu.user", 0) + member_real(document, "cpu.system", 0));
	fprintf(to, "%-12s %.3f s behind lately, %.3f s at most\n", "", member_real(document, "lag", 0),
		member_real(document, "lag.most", 0));
	print_shipping(member_of(document, "shipping"), to);
	print_folded(member_of(document, "tables"), to);
	print_nat(member_of(document, "nat"), to);
	print_records(member_of(document, "records"), to);
	print_tables(member_of(document, "tables"), to);
	print_stages(member_of(document, "stages"), to);
	print_incidents(member_of(document, "incidents"), to);
}

/* ---- for programs ---- */

struct json_object *collector_json(const struct collector_status *status)
{
	struct json_object *object;

	if (status->document)
		return json_object_get(status->document);
	object = json_object_new_object();
	json_object_object_add(object, "error", json_object_new_string(status->error));
	return object;
}
