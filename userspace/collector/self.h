/* SPDX-License-Identifier: MIT */
/*
 * What hadald itself costs, and how far behind it is: told by `hadal status`
 * and shipped as hadald's own.
 */
#ifndef HADALD_SELF_H
#define HADALD_SELF_H

#include <stddef.h>
#include <stdint.h>

/* What the loop does, each turn: where its time goes. */
enum stage {
	STAGE_IDLE,		/* waits; not told */
	STAGE_RECORDS,		/* reads the rings, and takes records into the model */
	STAGE_IDENTITY,		/* asks who containers are and by which build programs were made, and takes answers */
	STAGE_AGGREGATE,	/* makes edges of flows, and reads what containers use */
	STAGE_EXPORT,		/* makes the interval's batch */
	STAGE_QUERIES,		/* answers who asks on this host */
	STAGES,
};

/* The time of each stage. The clock is read when one begins, never for a record. */
struct stages {
	enum stage current;
	uint64_t since;		/* ns, CLOCK_MONOTONIC: when @current began */
	uint64_t time[STAGES];	/* ns */
};

/* "records", ...; NULL of STAGE_IDLE, which is not told. Static. */
const char *stage_name(enum stage stage);

/* From now on it is @stage. Returns what it was, to be gone back to. */
enum stage stage_enter(struct stages *stages, enum stage stage);

/* How old the oldest record was when the rings were read, in ns. */
struct lag {
	uint64_t now;		/* the most in this interval */
	uint64_t before;	/* in the one before */
	uint64_t most;		/* ever */
};

void lag_note(struct lag *lag, uint64_t age);

/* The next interval begins. */
void lag_interval(struct lag *lag);

/* The most in this interval and the one before: a new one has seen little. */
uint64_t lag_lately(const struct lag *lag);

/* What this process uses. */
struct self_usage {
	uint64_t cpu_user, cpu_system;	/* ns of CPU time, all threads */
	uint64_t memory;		/* bytes, resident; 0: not known */
};

struct self_usage self_usage(void);

/* All of it, as an interval's batch has it. */
struct self {
	struct self_usage usage;
	struct stages stages;
	uint64_t lag;		/* ns, the most in the interval */
};

#endif
