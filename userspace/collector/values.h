/* SPDX-License-Identifier: MIT */
/*
 * The numbers of a flow or an edge, as they add up.
 */
#ifndef HADALD_VALUES_H
#define HADALD_VALUES_H

#include <stdbool.h>
#include <stdint.h>

#include "counts.h"
#include "histogram.h"

enum { VALUES_ERRORS = 12 };

struct error_count {
	int error;		/* errno; 0: failed on this host without one */
	uint64_t count;
};

struct errors {
	struct error_count list[VALUES_ERRORS];
	unsigned int kinds;
	uint64_t other;		/* of kinds beyond VALUES_ERRORS */
};

/* Of live connections, as it is now. */
struct live_rtt {
	uint64_t sum;		/* us */
	uint64_t count;		/* of connections that have one */
};

struct values {
	uint64_t opened;
	uint64_t reset;
	uint64_t acked;			/* bytes; UDP: sent */
	uint64_t received;		/* bytes */
	uint64_t segments_sent;
	uint64_t segments_retransmitted;
	uint64_t listener_dropped;	/* attempts to connect */
	uint64_t health_checks;		/* connections, in none of the above */
	struct errors failed;		/* to connect */
	struct errors broken;		/* once established */
	struct histogram *connect;	/* NULL: nothing recorded */
	struct histogram *rtt;
};

void errors_add(struct errors *errors, int error, uint64_t times, struct counts *counts);
uint64_t errors_count(const struct errors *errors);
void values_connect(struct values *values, enum histogram_form form, double seconds, struct counts *counts);
void values_rtt(struct values *values, enum histogram_form form, double seconds, struct counts *counts);

/* Moves what @from holds into @to; @from is empty afterwards. */
void values_move(struct values *to, struct values *from, struct counts *counts);

/* Adds what @from holds, and keeps, to @to. */
void values_add(struct values *to, const struct values *from, struct counts *counts);
bool values_empty(const struct values *values);
void values_clear(struct values *values);

#endif
