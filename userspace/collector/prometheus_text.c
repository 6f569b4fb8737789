/* SPDX-License-Identifier: MIT */
#include "prometheus_text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "decimal.h"
#include "prometheus_buckets.h"

enum {
	NS_IN_S = 1000000000,
	NS_IN_MS = 1000000,
};

struct writer {
	FILE *file;
	enum prometheus_format format;
	bool created;
};

const char *prometheus_content_type(enum prometheus_format format)
{
	return format == PROMETHEUS_FORMAT_OPENMETRICS ?
		       "application/openmetrics-text; version=1.0.0; charset=utf-8" :
		       "text/plain; version=0.0.4; charset=utf-8";
}

/* ---- pieces ---- */

static void put_escaped(FILE *file, const char *text, bool quotes)
{
	for (; *text; text++) {
		if (*text == '\n')
			fputs("\\n", file);
		else if (*text == '\\' || (*text == '"' && quotes))
			fprintf(file, "\\%c", *text);
		else
			putc_unlocked(*text, file);
	}
}

static void put_label(FILE *file, char *between, const char *name, const char *value)
{
	putc_unlocked(*between, file);
	*between = ',';
	fputs(name, file);
	fputs("=\"", file);
	put_escaped(file, value, true);
	putc_unlocked('"', file);
}

/* "NAME{LABELS} ", for the value to come behind it. */
static void put_series(FILE *file, const char *family, const char *suffix, const struct prometheus_labels *labels,
		       const char *le)
{
	char between = '{';

	fputs(family, file);
	fputs(suffix, file);
	for (size_t i = 0; i < labels->count; i++)
		put_label(file, &between, labels->list[i].name, labels->list[i].value);
	if (le)
		put_label(file, &between, "le", le);
	fputs(between == ',' ? "} " : " ", file);
}

static void put_double(FILE *file, double value)
{
	char text[DECIMAL_SIZE];

	decimal(value, text);
	fprintf(file, "%s\n", text);
}

/* OpenMetrics wants a bound to look like no integer. */
static void bound_text(const struct writer *writer, double bound, char *text)
{
	const size_t length = decimal(bound, text);

	if (writer->format == PROMETHEUS_FORMAT_OPENMETRICS && !strpbrk(text, ".e"))
		memcpy(text + length, ".0", sizeof(".0"));
}

static const char *type_word(const struct writer *writer, enum prometheus_type type)
{
	switch (type) {
	case PROMETHEUS_COUNTER:
		return "counter";
	case PROMETHEUS_HISTOGRAM:
		return "histogram";
	case PROMETHEUS_INFO:
		return writer->format == PROMETHEUS_FORMAT_OPENMETRICS ? "info" : "gauge";
	case PROMETHEUS_GAUGE:
		break;
	}
	return "gauge";
}

/* The older format knows no families of counters, only their series. */
static void put_head(const struct writer *writer, const struct prometheus_name *name, const char *help)
{
	const bool openmetrics = writer->format == PROMETHEUS_FORMAT_OPENMETRICS;
	const char *suffix = openmetrics ? "" : prometheus_suffix(name->type);

	fprintf(writer->file, "# TYPE %s%s %s\n", name->family, suffix, type_word(writer, name->type));
	if (openmetrics && name->unit[0])
		fprintf(writer->file, "# UNIT %s %s\n", name->family, name->unit);
	if (!help || !*help)
		return;
	fprintf(writer->file, "# HELP %s%s ", name->family, suffix);
	put_escaped(writer->file, help, openmetrics);
	putc_unlocked('\n', writer->file);
}

/* ---- series ---- */

static void put_created(const struct writer *writer, const struct prometheus_series *series)
{
	const uint64_t time = series->newest->point->at.start_time;

	if (!writer->created || writer->format != PROMETHEUS_FORMAT_OPENMETRICS || !time)
		return;
	put_series(writer->file, series->family->name.family, "_created", series->labels, NULL);
	fprintf(writer->file, "%" PRIu64 ".%03u\n", time / NS_IN_S, (unsigned int)(time % NS_IN_S / NS_IN_MS));
}

static void put_histogram(const struct writer *writer, const struct prometheus_series *series)
{
	const char *family = series->family->name.family;
	struct prometheus_buckets buckets;
	char bound[DECIMAL_SIZE + sizeof(".0")];

	prometheus_buckets(series->newest->point, &buckets);
	for (size_t i = 0; i < buckets.count; i++) {
		bound_text(writer, buckets.bounds[i], bound);
		put_series(writer->file, family, "_bucket", series->labels, bound);
		fprintf(writer->file, "%" PRIu64 "\n", buckets.below[i]);
	}
	put_series(writer->file, family, "_bucket", series->labels, "+Inf");
	fprintf(writer->file, "%" PRIu64 "\n", buckets.below[buckets.count]);
	put_series(writer->file, family, "_sum", series->labels, NULL);
	put_double(writer->file, buckets.sum);
	put_series(writer->file, family, "_count", series->labels, NULL);
	fprintf(writer->file, "%" PRIu64 "\n", buckets.below[buckets.count]);
	put_created(writer, series);
}

static void put_number(const struct writer *writer, const struct prometheus_series *series)
{
	const struct hadal_batch_point *point = series->newest->point;
	const enum prometheus_type type = series->family->name.type;

	put_series(writer->file, series->family->name.family, prometheus_suffix(type), series->labels, NULL);
	if (point->type == HADAL_POINT_INT)
		fprintf(writer->file, "%" PRId64 "\n", point->integer);
	else
		put_double(writer->file, point->real);
	if (type == PROMETHEUS_COUNTER)
		put_created(writer, series);
}

static bool lives(const struct prometheus_series *series)
{
	return !series->newest->point->at.no_recorded_value;
}

static void put_family(const struct writer *writer, const struct prometheus_family *family)
{
	bool begun = false;

	for (const struct prometheus_series *series = family->first; series; series = series->next) {
		if (!lives(series))
			continue;
		if (!begun)
			put_head(writer, &family->name, family->info->description);
		begun = true;
		if (family->name.type == PROMETHEUS_HISTOGRAM)
			put_histogram(writer, series);
		else
			put_number(writer, series);
	}
}

static void put_targets(const struct writer *writer, const struct prometheus_view *view)
{
	bool begun = false;

	for (const struct prometheus_target *target = view->first_target; target; target = target->next) {
		if (target->ended || !target->labels)
			continue;
		if (!begun)
			put_head(writer, &prometheus_target_name, prometheus_target_help);
		begun = true;
		put_series(writer->file, prometheus_target_name.family, prometheus_suffix(PROMETHEUS_INFO), target->labels, NULL);
		fputs("1\n", writer->file);
	}
}

int prometheus_text(const struct prometheus_view *view, enum prometheus_format format, bool created, char **text,
		    size_t *size)
{
	struct writer writer = { .format = format, .created = created };
	bool failed;

	*text = NULL;
	writer.file = open_memstream(text, size);
	if (!writer.file)
		return -ENOMEM;
	put_targets(&writer, view);
	for (const struct prometheus_family *family = view->first_family; family; family = family->next)
		put_family(&writer, family);
	if (format == PROMETHEUS_FORMAT_OPENMETRICS)
		fputs("# EOF\n", writer.file);
	failed = ferror(writer.file);
	if (fclose(writer.file) == 0 && !failed)
		return 0;
	free(*text);
	*text = NULL;
	return -ENOMEM;
}
