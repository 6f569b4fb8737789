/* SPDX-License-Identifier: MIT */
/*
 * The model: what the host's processes and connections do, fed record by
 * record, read out at each interval. It does no input or output of its own but
 * through the functions in its configuration, and knows no time but what it is
 * given.
 */
#ifndef HADALD_MODEL_H
#define HADALD_MODEL_H

#include <hadal/hadal.h>

#include "cgroup_table.h"
#include "connection_table.h"
#include "container.h"
#include "counts.h"
#include "dns_names.h"
#include "edge_table.h"
#include "event_queue.h"
#include "flow_table.h"
#include "listener_table.h"
#include "owner.h"
#include "peers.h"
#include "process_detail.h"
#include "process_table.h"
#include "proxies.h"
#include "workload.h"

/* Zero or NULL means the default named. */
struct model_config {
	unsigned int processes;		/* 65,536 */
	unsigned int cgroups;		/* 16,384 */
	unsigned int containers;	/* 4,096 */
	unsigned int owners;		/* 16,384 */
	unsigned int listeners;		/* 16,384 */
	unsigned int connections;	/* 131,072 */
	unsigned int udp_flows;		/* 65,536: flows of UDP in the module's sense */
	unsigned int flows;		/* 16,384 */
	unsigned int workloads;		/* 1,000 */
	unsigned int edges_host;	/* 2,000 */
	unsigned int edges_workload;	/* 200 */
	unsigned int events;		/* 1,000: lifecycle events of one interval */
	uint64_t identity_wait;		/* ns: 30 s */
	uint64_t idle_age;		/* ns: 10 min without traffic end an edge, and an unused workload */
	uint16_t ephemeral_low, ephemeral_high;	/* 32,768 and 60,999 */
	enum histogram_form histograms;
	bool lifecycle;			/* queue lifecycle events */
	const struct redactor *redactor;	/* of argv, borrowed; NULL: lifecycle events are without it */
	const struct network *networks;	/* copied */
	unsigned int network_count;
	const struct network *balancers;	/* copied */
	unsigned int balancer_count;
	const struct proxy_kind *proxies, *proxy_executables;	/* copied */
	unsigned int proxy_count, proxy_executable_count;
	cgroup_path_fn cgroup_path;
	executable_path_fn executable_path;
	void *path_context;		/* of both */
	usage_read_fn read_usage;	/* of cgroups; NULL: what containers use is not known */
	void *usage_context;
	nat_fn nat;			/* NULL: nobody is asked for NAT */
	void *nat_context;
	uint64_t start_time;		/* ns since the epoch: when the first interval begins; not known */
	uint64_t start_boottime;	/* ns, CLOCK_BOOTTIME: what processes had used that began before is not counted */
};

struct model {
	struct model_config config;
	struct counts counts;
	struct hadal_clock clock;
	struct workloads workloads;
	struct containers containers;
	struct cgroups cgroups;
	struct owners owners;
	struct process_table processes;
	struct process_details details;
	struct listener_table listeners;
	struct peers peers;
	struct proxies proxies;
	struct dns_names names;
	struct flow_table flows;
	struct connection_table connections;
	struct connection_table udp;
	struct edge_table edges;
	struct event_queue events;
	uint64_t dumped;		/* records of the dump under way */
	unsigned int listeners_dumped;	/* of these, listeners */
	uint64_t dump_start;		/* ns, CLOCK_MONOTONIC, of the last dump */
	uint64_t interval_start;	/* ns since the epoch: the end of the interval before */
	uint32_t lost;			/* HADAL_DUMP_*: what a dump should hold, records being lost */
	uint32_t lost_since;		/* of these, since the last dump began: that may not hold it */
	bool between;			/* in model_refresh() */
};

/* Returns 0 and the model, for model_free(); -ENOMEM. */
int model_new(const struct model_config *config, struct model **model);
void model_free(struct model *model);

/* The host's range of ports that name no service, where it is learnt later. */
void model_set_ephemeral_ports(struct model *model, uint16_t low, uint16_t high);

/* Takes over one validated record; they come in order of time. */
void model_record(struct model *model, const struct hadal_record *record);

/*
 * Records come from another source from now on, which names connections
 * otherwise: what those that live have done is counted, and what the new source
 * finds of them begins anew. @now: ns, CLOCK_MONOTONIC.
 */
void model_change_source(struct model *model, uint64_t now);

/* Now and then (each 100 ms or so) between records. @now: ns, CLOCK_MONOTONIC. */
void model_tick(struct model *model, uint64_t now);

/*
 * Ends an interval: edges, workloads and counts are then as they are to be
 * shipped. @wall: ns since the epoch. @all: do not wait for identities that
 * are not known yet; for the last interval.
 */
void model_interval(struct model *model, uint64_t now, uint64_t wall, bool all);

/*
 * Within an interval, for who looks at this host: adds up to now what edges and
 * processes have done. What the interval's end then tells is what it would have
 * told without.
 */
void model_refresh(struct model *model, uint64_t now, uint64_t wall);

/*
 * After model_interval(), processes having been sampled: which of them are told in detail.
 * @most: as in struct detail_interval. Until this is called first, none are.
 */
void model_detail_processes(struct model *model, unsigned int most, uint64_t now, uint64_t wall);

/* Forgets edges and exits: what comes from now on is counted in new series. */
void model_end_series(struct model *model);

/* After what model_interval() gave has been read: drops what has ended. */
void model_interval_done(struct model *model, uint64_t now);

#endif
