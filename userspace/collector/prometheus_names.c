/* SPDX-License-Identifier: MIT */
#include "prometheus_names.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

const struct prometheus_name prometheus_target_name = { .family = "target", .type = PROMETHEUS_INFO };
const char prometheus_target_help[] = "What is known of the workload and its host";

const char *prometheus_suffix(enum prometheus_type type)
{
	return type == PROMETHEUS_COUNTER ? "_total" : type == PROMETHEUS_INFO ? "_info" : "";
}

struct word {
	const char *unit;	/* UCUM */
	const char *word;
};

static const struct word words[] = {
	{ "d", "days" }, { "h", "hours" }, { "min", "minutes" }, { "s", "seconds" },
	{ "ms", "milliseconds" }, { "us", "microseconds" }, { "ns", "nanoseconds" },
	{ "By", "bytes" }, { "KiBy", "kibibytes" }, { "MiBy", "mebibytes" }, { "GiBy", "gibibytes" },
	{ "TiBy", "tibibytes" }, { "kBy", "kilobytes" }, { "KBy", "kilobytes" }, { "MBy", "megabytes" },
	{ "GBy", "gigabytes" }, { "TBy", "terabytes" }, { "Hz", "hertz" }, { "%", "percent" },
};

/* Behind "per". */
static const struct word singulars[] = {
	{ "d", "day" }, { "h", "hour" }, { "min", "minute" }, { "s", "second" },
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char *in_words(const struct word *list, size_t count, const char *unit)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(list[i].unit, unit) == 0)
			return list[i].word;
	return unit;
}

static bool allowed(char c)
{
	return isascii((unsigned char)c) && (isalnum((unsigned char)c) || c == '_');
}

/* Behind what is in @to; what is not allowed becomes "_", and several of them one. */
static void append(char *to, size_t size, const char *from)
{
	size_t length = strlen(to);

	for (; *from && length + 1 < size; from++) {
		const char c = allowed(*from) ? *from : '_';

		if (c == '_' && length && to[length - 1] == '_')
			continue;
		to[length++] = c;
	}
	to[length] = '\0';
}

/* Whether @word is one of those that @name is made of, between "_". */
static bool has_word(const char *name, const char *word)
{
	const size_t length = strlen(word);

	for (const char *at = name; (at = strstr(at, word)); at++)
		if ((at == name || at[-1] == '_') && (at[length] == '_' || at[length] == '\0'))
			return true;
	return false;
}

static bool ends_with_word(const char *name, const char *word)
{
	const size_t length = strlen(name), end = strlen(word);

	return length > end && name[length - end - 1] == '_' && strcmp(name + length - end, word) == 0;
}

static void cut_word_at_end(char *name, const char *word)
{
	if (ends_with_word(name, word))
		name[strlen(name) - strlen(word) - 1] = '\0';
}

/* @unit without what stands in braces, such as "{packet}/s". */
static void without_annotations(const char *unit, char *to, size_t size)
{
	size_t length = 0;
	bool inside = false;

	for (; *unit && length + 1 < size; unit++) {
		if (*unit == '{' || *unit == '}')
			inside = *unit == '{';
		else if (!inside)
			to[length++] = *unit;
	}
	to[length] = '\0';
}

/* A count of things has no unit; a gauge of 1 is a ratio, and nothing else is. */
static void unit_in_words(const struct hadal_metric_info *info, char *to, size_t size)
{
	char plain[PROMETHEUS_UNIT_SIZE], *slash;

	*to = '\0';
	without_annotations(info->unit ? info->unit : "", plain, sizeof(plain));
	if (strcmp(plain, "1") == 0) {
		append(to, size, info->kind == HADAL_GAUGE ? "ratio" : "");
		return;
	}
	slash = strchr(plain, '/');
	if (slash)
		*slash = '\0';
	append(to, size, in_words(words, COUNT(words), plain));
	if (!slash || !slash[1])
		return;
	append(to, size, *to ? "_per_" : "per_");
	append(to, size, in_words(singulars, COUNT(singulars), slash + 1));
}

static enum prometheus_type type_of(enum hadal_metric_kind kind)
{
	switch (kind) {
	case HADAL_COUNTER:
		return PROMETHEUS_COUNTER;
	case HADAL_UP_DOWN_COUNTER:
	case HADAL_GAUGE:
		break;
	case HADAL_HISTOGRAM:
	case HADAL_EXPONENTIAL_HISTOGRAM:
		return PROMETHEUS_HISTOGRAM;
	}
	return PROMETHEUS_GAUGE;
}

void prometheus_name(const struct hadal_metric_info *info, struct prometheus_name *name)
{
	/* "_total", "_bucket" and the like come behind it yet. */
	const size_t size = sizeof(name->family) - sizeof("_bucket");

	name->type = type_of(info->kind);
	name->family[0] = '\0';
	if (isdigit((unsigned char)info->name[0]))
		append(name->family, size, "_");
	append(name->family, size, info->name);
	if (name->type == PROMETHEUS_COUNTER)
		cut_word_at_end(name->family, "total");
	unit_in_words(info, name->unit, sizeof(name->unit));
	if (name->unit[0] && !has_word(name->family, name->unit)) {
		append(name->family, size, "_");
		append(name->family, size, name->unit);
	}
	if (!ends_with_word(name->family, name->unit))
		name->unit[0] = '\0';
}

static bool has_a_meaning(const char *name)
{
	return strcmp(name, "job") == 0 || strcmp(name, "instance") == 0 || strcmp(name, "le") == 0;
}

void prometheus_label_name(const char *key, char *to, size_t size)
{
	char name[PROMETHEUS_NAME_SIZE] = "";

	append(name, sizeof(name), key);
	*to = '\0';
	if (has_a_meaning(name))
		append(to, size, "exported_");
	else if (name[0] == '_')
		append(to, size, "key");
	else if (isdigit((unsigned char)name[0]))
		append(to, size, "key_");
	append(to, size, name);
}
