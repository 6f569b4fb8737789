/* SPDX-License-Identifier: MIT */
/*
 * What containers and tasks use, out of the files of their cgroups, and what
 * their workloads have used: a workload's counters go on when a container ends.
 */
#ifndef HADALD_USAGE_H
#define HADALD_USAGE_H

#include "cgroup_files.h"
#include "counts.h"

/*
 * Reads what the cgroup at @path uses. Returns how many of its files were not of
 * their form; -ENOENT: it is gone.
 */
typedef int (*usage_read_fn)(void *context, const char *path, struct usage *usage);

/* Who reads, for all sources of a model. */
struct usage_reader {
	usage_read_fn read;		/* NULL: nothing is read */
	void *context;
	struct counts *counts;
};

/* The cgroup of a container or a task. */
struct usage_source {
	char *path;
	uint64_t cgroup;		/* its id; 0: not known */
	bool live;
	bool whole;			/* its counters began with 0 when hadald looked */
	bool final;			/* read when its first process had ended */
	bool based;			/* last is what it had when it was seen first, or later */
	uint64_t read_at;		/* ns, CLOCK_MONOTONIC */
	struct usage last;		/* as it was read last */
	struct usage pending;		/* counters that no workload has yet */
	uint64_t exited_user, exited_system;	/* ns: CPU time of its processes that have ended */
};

/* Sums over the sources of a workload. */
struct usage_sum {
	struct usage total;
	unsigned int live;		/* sources that gauges are of */
	unsigned int holders[USAGE_VALUES];	/* of these, those that know the gauge */
	uint32_t told;			/* gauges that have been shipped and not ended */
};

/* What a workload has: of its containers, and of tasks that have limits of their own. */
struct workload_usage {
	struct usage_sum containers, tasks;
};

/*
 * A cgroup has been seen: @path, of which what is below the component with @name
 * is cut. @cgroup: the id of @path itself. @made: it is told of as it begins. *@source
 * is made at first use; without memory it stays NULL.
 */
void usage_begin(struct usage_source **source, const struct usage_reader *reader, const char *path, const char *name,
		 uint64_t cgroup, bool made, uint64_t now);

/* The cgroup of that id is gone. @source may be NULL. */
void usage_end(struct usage_source *source, const struct usage_reader *reader, uint64_t cgroup);

/* Frees it; @source may be NULL. */
void usage_free(struct usage_source *source);

/* Reads it, if it lives. */
void usage_read(struct usage_source *source, const struct usage_reader *reader, uint64_t now);

/* A process in it has ended, having used that much CPU time (ns, @cpu all of it). @source may be NULL. */
void usage_process_ended(struct usage_source *source, uint64_t user, uint64_t system, uint64_t cpu);

/* Its first process has ended: what is not read now may soon not be there. @source may be NULL. */
void usage_read_last(struct usage_source *source, const struct usage_reader *reader, uint64_t now);

/* Whether there is nothing of it to be added up: it has ended, and all of it has been. */
bool usage_is_told(struct usage_source *source);

/* Before the sources of a workload are added up: gauges begin with 0. */
void usage_sum_begin(struct usage_sum *sum);

/* Adds what @source has used since, and what it uses now. */
void usage_sum_add(struct usage_sum *sum, struct usage_source *source);

/* Whether the sum of a gauge, which each live source must know, can be told. */
bool usage_sum_knows(const struct usage_sum *sum, enum usage_value gauge);

#endif
