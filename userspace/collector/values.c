/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "values.h"

void errors_add(struct errors *errors, int error, uint64_t times, struct counts *counts)
{
	for (unsigned int i = 0; i < errors->kinds; i++) {
		if (errors->list[i].error == error) {
			errors->list[i].count += times;
			return;
		}
	}
	if (errors->kinds == VALUES_ERRORS) {
		count(counts, COUNT_ERRORS_FULL);
		errors->other += times;
		return;
	}
	errors->list[errors->kinds++] = (struct error_count){ .error = error, .count = times };
}

uint64_t errors_count(const struct errors *errors)
{
	uint64_t sum = errors->other;

	for (unsigned int i = 0; i < errors->kinds; i++)
		sum += errors->list[i].count;
	return sum;
}

static void errors_join(struct errors *to, const struct errors *from, struct counts *counts)
{
	for (unsigned int i = 0; i < from->kinds; i++)
		errors_add(to, from->list[i].error, from->list[i].count, counts);
	to->other += from->other;
}

static void record(struct histogram **histogram, enum histogram_form form, double seconds,
		   struct counts *counts)
{
	if (!*histogram) {
		*histogram = calloc(1, sizeof(**histogram));
		if (!*histogram) {
			count(counts, COUNT_FLOWS_FULL);
			return;
		}
		(*histogram)->form = form;
	}
	histogram_record(*histogram, seconds);
}

void values_connect(struct values *values, enum histogram_form form, double seconds, struct counts *counts)
{
	record(&values->connect, form, seconds, counts);
}

void values_rtt(struct values *values, enum histogram_form form, double seconds, struct counts *counts)
{
	record(&values->rtt, form, seconds, counts);
}

static void move_histogram(struct histogram **to, struct histogram **from)
{
	if (*to && *from) {
		histogram_merge(*to, *from);
		free(*from);
	} else if (*from) {
		*to = *from;
	}
	*from = NULL;
}

static void add_histogram(struct histogram **to, const struct histogram *from, struct counts *counts)
{
	if (!from)
		return;
	if (!*to)
		*to = calloc(1, sizeof(**to));
	if (!*to) {
		count(counts, COUNT_FLOWS_FULL);
		return;
	}
	(*to)->form = from->form;
	histogram_merge(*to, from);
}

/* All but the histograms. */
static void add_numbers(struct values *to, const struct values *from, struct counts *counts)
{
	to->opened += from->opened;
	to->reset += from->reset;
	to->acked += from->acked;
	to->received += from->received;
	to->segments_sent += from->segments_sent;
	to->segments_retransmitted += from->segments_retransmitted;
	to->listener_dropped += from->listener_dropped;
	to->health_checks += from->health_checks;
	errors_join(&to->failed, &from->failed, counts);
	errors_join(&to->broken, &from->broken, counts);
}

void values_move(struct values *to, struct values *from, struct counts *counts)
{
	add_numbers(to, from, counts);
	move_histogram(&to->connect, &from->connect);
	move_histogram(&to->rtt, &from->rtt);
	values_clear(from);
}

void values_add(struct values *to, const struct values *from, struct counts *counts)
{
	add_numbers(to, from, counts);
	add_histogram(&to->connect, from->connect, counts);
	add_histogram(&to->rtt, from->rtt, counts);
}

bool values_empty(const struct values *values)
{
	static const struct values empty;

	return memcmp(values, &empty, sizeof(empty)) == 0;
}

void values_clear(struct values *values)
{
	free(values->connect);
	free(values->rtt);
	memset(values, 0, sizeof(*values));
}
