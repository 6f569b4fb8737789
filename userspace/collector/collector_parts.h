/* SPDX-License-Identifier: MIT */
/* The collector's state, and what the parts of it call of each other; collector.c turns the loop. */
#ifndef HADALD_COLLECTOR_PARTS_H
#define HADALD_COLLECTOR_PARTS_H

#include "collector.h"
#include "export.h"
#include "host_usage.h"
#include "notice.h"
#include "self.h"
#include "source_choice.h"

#define SECOND		1000000000ULL
#define DUMP_TIME	(5 * SECOND)	/* an interval waits no longer for its snapshot */
#define FRESH_TIME	(1 * SECOND)	/* who asks gets no older state, and no two snapshots within it */

struct collector {
	struct config config;
	const char *path;
	struct source_choice choice;	/* of where records come from */
	struct redactor *redactor;	/* NULL: arguments are not told */
	struct model *model;
	struct cgroup_reader *cgroups;
	struct host_usage host_usage;
	struct identity *identity;	/* NULL: no new one could be started, and the run ends */
	struct program_reader *programs;	/* NULL: builds are not asked for */
	struct nat *nat;	/* NULL: nor is NAT */
	struct hadal_shipper *shipper;
	bool no_files;		/* the seccomp filter has no calls that write them */
	struct export_host host;
	uint64_t host_deadline;	/* ns, CLOCK_MONOTONIC: what is not known of it by then is not waited for */
	bool told;		/* series of this host have been shipped */
	char told_state[16], told_version[32];	/* of the module, shipped last; "": none yet, no module */
	bool behind;		/* not all that they count by now */
	bool renamed;		/* nothing has been shipped yet under the description that the host has now, unlike before */
	struct notices *notices;	/* of the host's end; NULL: they are not looked for */
	struct notice known_notices[NOTICE_SOURCES];	/* that were told last, whoever looks for more; action "": none */
	struct notice told_notices[NOTICE_SOURCES];	/* that are to be shipped */
	unsigned int notice_count;
	bool flush;		/* the interval's batch is to go at once, and what waits with it */
	int epoll, signals, timer;
	uint64_t start_time;	/* ns since the epoch */
	uint64_t dump_since;	/* ns, CLOCK_MONOTONIC: an interval's snapshot is under way; 0: none */
	bool dump_ended;
	bool interval_over;	/* its snapshot is still to be asked for */
	struct estimate *estimate;	/* instead of shipping; NULL */
	uint64_t estimate_end;		/* ns, CLOCK_MONOTONIC */
	struct query_server *queries;	/* NULL: none */
	uint64_t refresh_since;	/* ns, CLOCK_MONOTONIC: a snapshot for who asks is under way; 0: none */
	uint64_t fresh_at;	/* ns, CLOCK_MONOTONIC: of when the edges are */
	uint64_t fresh_wall;	/* the same in ns since the epoch */
	int proc;		/* /proc */
	uint64_t sampled;	/* ns, CLOCK_MONOTONIC: when it was looked at what processes use; 0: never */
	struct lag lag;
	struct stages stages;
	struct self self;	/* as of the batch being made */
	bool ending;
	int failure;		/* -errno that ends the run; 0 */
};

/* ---- collector.c ---- */

/* Ends the run with -errno; what failed first counts. */
void collector_end_with(struct collector *collector, int failure);

/* The loop wakes up when @fd can be read. Returns 0 or -errno. */
int collector_watch_fd(struct collector *collector, int fd);

/* Begins an interval of the configured length. Returns 0 or -errno. */
int collector_set_timer(struct collector *collector);

/* ---- collector_model.c: what the model is made with, and asks of the host; 0 or -errno ---- */

int collector_open_redactor(struct collector *collector);
int collector_open_model(struct collector *collector);

/* ---- collector_host.c: who the host is ---- */

/* Its addresses and namespace, for the model. */
void collector_update_host(struct collector *collector);

/* What is known of it now, for what is shipped. */
void collector_describe_host(const struct collector *collector, struct export_host *host);

/*
 * Whether more of it may soon be known. What is shipped before could not stay
 * one series: its resource would change.
 */
bool collector_host_pending(const struct collector *collector, uint64_t now);

/* ---- collector_source.c: where records come from ---- */

/* Returns 0, or -errno, which has been logged. */
int collector_open_source(struct collector *collector);

/* Goes on without the module where that can be; else the run ends with @error. */
void collector_source_failed(struct collector *collector, int error);

/* Reads all that can be read now. */
void collector_drain(struct collector *collector);

/* The same, and what the source is to be asked before there is more. */
void collector_drain_and_step(struct collector *collector);

/* Without the module: goes back to it where it has come. */
void collector_look_for_module(struct collector *collector);

/* ---- collector_lookups.c: identities and builds, by threads; to start one returns 0 or -errno, logged ---- */

int collector_start_identity(struct collector *collector);
void collector_pump_identity(struct collector *collector);

/* Whom it has not told of by now the next one is asked about. */
void collector_stop_identity(struct collector *collector);
int collector_start_programs(struct collector *collector);

/* @drained: ns, CLOCK_MONOTONIC: records of before have been read. */
void collector_pump_programs(struct collector *collector, uint64_t drained);

/* ---- collector_ship.c ---- */

/* Where nothing is to leave the host there is no shipper. Returns 0, or -errno, which has been logged. */
int collector_start_shipper(struct collector *collector, const struct config *config);

/*
 * The shipper stays when it has nothing left to ship to: what it has shipped of
 * the model's counts it must not ship again, should there be a sink later. Where
 * only a restart would let it write the files of @config it stays as it is, which
 * is logged, and no error.
 */
int collector_change_shipper(struct collector *collector, const struct config *config);

/* Returns false if nothing is shipped. */
bool collector_ship_stats(const struct collector *collector, struct hadal_ship_stats *stats);

/* What there is to export now; @stats is set and belongs to it. */
struct export_source collector_export_source(struct collector *collector, uint64_t now, uint64_t wall,
					     struct hadal_stats *stats);

/*
 * @ended: what has been told ends, under the host's description of then. Returns false
 * if there was no memory, which has been logged: all counts come with the next one.
 */
bool collector_ship_batch(struct collector *collector, uint64_t now, uint64_t wall, bool ended);

/* ---- collector_notices.c: the host's end ---- */

/* Returns 0, or -errno, which has been logged. */
int collector_start_notices(struct collector *collector);

/* What is known by then goes at once, whatever is not known of the host; and then it goes on. */
void collector_take_notices(struct collector *collector);
void collector_stop_notices(struct collector *collector);

/* ---- collector_interval.c ---- */

/* Asks for the counters of live connections, and with them what was lost of the rest. */
void collector_begin_interval(struct collector *collector);

/* Whether they have come, or are waited for no longer. */
bool collector_interval_due(const struct collector *collector);
void collector_finish_interval(struct collector *collector);

/* For who asks and for what is shipped, no more often than the rest is made fresh. */
void collector_sample_processes(struct collector *collector);

/* ---- collector_query.c: who asks on this host ---- */

/* Without it hadald does all the rest: it is not an error. */
void collector_open_queries(struct collector *collector);
void collector_serve_queries(struct collector *collector);

/* ---- collector_signals.c: the end, and a new configuration ---- */

/* Returns 0 or -errno. */
int collector_open_signals(struct collector *collector);
void collector_take_signals(struct collector *collector);

#endif
