/* SPDX-License-Identifier: MIT */
/*
 * Processes in detail, for profile `full`: those that use most have series of
 * their own, and the rest add up.
 *
 * In come the first @most by CPU time of the interval and the first @most by
 * memory; who is in stays until it is not among twice as many of either, so that
 * series do not come and go. What a process uses counts in one place at a time.
 */
#ifndef HADALD_PROCESS_DETAIL_H
#define HADALD_PROCESS_DETAIL_H

#include "process_table.h"
#include "workload.h"

struct process_detail {
	struct process_detail *prev, *next;
	struct process *process;	/* NULL: it is forgotten */
	struct workload *workload;	/* a reference */
	uint32_t tgid;
	char executable[EXECUTABLE_SIZE];
	char container[HADAL_CONTAINER_ID_SIZE];	/* its id; "": in none */
	uint64_t start_time;	/* ns since the epoch, of cpu_time */
	uint64_t cpu_time;	/* ns */
	uint64_t memory;	/* bytes */
	bool last;		/* told a last time: it has ended, or uses too little */
	bool ended;		/* its series end in this interval's batch */
};

struct process_details {
	struct process_detail *list;
	uint64_t since;		/* ns, CLOCK_BOOTTIME: what processes had used that began before counts for none */
	uint64_t rest_cpu_time;	/* ns: of those without series, since then */
	uint64_t rest_memory;	/* bytes, of those that live */
	struct workload *other;	/* a reference: where the rest is told; NULL: it is not */
	bool rest_ended;	/* its series end in this interval's batch */
};

/* What an interval is. */
struct detail_interval {
	unsigned int most;	/* 0: none have series any more, nor has the rest */
	uint64_t since, wall;	/* ns since the epoch: its start and end */
	uint64_t now;		/* ns, CLOCK_MONOTONIC: its end */
};

/* Series are forgotten, not what was counted. */
void process_details_free(struct process_details *details);

/* Decides who is told in the interval's batch, and adds up. Processes have been sampled. */
void process_details_interval(struct process_details *details, struct process_table *table,
			      struct workloads *workloads, const struct detail_interval *interval);

/* After the batch: forgets those that have ended. */
void process_details_told(struct process_details *details);

/* @process is forgotten: what it used and is in no series yet is the rest's. */
void process_detail_gone(struct process_details *details, struct process *process);

#endif
