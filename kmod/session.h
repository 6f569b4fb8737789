/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A session: an open file of /dev/hadal with its rings.
 */
#ifndef HADAL_SESSION_H
#define HADAL_SESSION_H

#include <linux/atomic.h>
#include <linux/fs.h>
#include <linux/irq_work.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/wait.h>

#include "filter.h"
#include "ring_memory.h"

struct cgroup_subsys_state;

struct hadal_cpu_rings {
	struct hadal_ring_memory *lane[HADAL_LANES];
};

enum hadal_dump_stage {
	HADAL_STAGE_IDLE,
	HADAL_STAGE_START,
	HADAL_STAGE_CGROUPS,
	HADAL_STAGE_PROCESSES,
	HADAL_STAGE_CONNECTIONS,
	HADAL_STAGE_UDP,
	HADAL_STAGE_UDP_IDLE,
	HADAL_STAGE_UDP_OTHER,
	HADAL_STAGE_END,
};

/**
 * struct hadal_dump_cursor - where an unfinished dump goes on
 * @what: HADAL_DUMP_*
 * @number: of this dump in the session
 * @next: pid or bucket
 * @records: written so far
 * @cgroup: to be written next; a reference is held
 */
struct hadal_dump_cursor {
	enum hadal_dump_stage stage;
	u32 what;
	u32 number;
	u32 next;
	u64 records;
	struct cgroup_subsys_state *cgroup;
};

/**
 * struct hadal_session_cpu - what hooks on one CPU need of a session
 * @ring: by lane; NULL: none there
 * @filtered: by class: was due and did not pass its filter
 */
struct hadal_session_cpu {
	struct hadal_ring *ring[HADAL_LANES];
	u64 filtered[HADAL_CLASS_SLOTS];
};

/**
 * struct hadal_session - one reader
 * @lock: serializes the calls of its reader; taken before hadal_attach_lock
 * @all: in the list of configured sessions, under the lock of that list
 * @running: in the list that hooks walk, under RCU
 * @number: of this session since the module was loaded, from 1
 * @classes: HADAL_CLASS_BIT of what it gets
 * @unfiltered: of these, those of which it gets all
 * @filter: of these; NULL: all
 * @rings: by CPU number; an entry is set once and stays
 * @cpus: set with the configuration
 * @no_ring: records due on a CPU without rings, by class: lost
 * @wake_wanted: an irq_work is on its way, or the reader was told
 */
struct hadal_session {
	struct mutex lock;
	struct list_head all;
	struct list_head running;
	bool is_configured;
	bool is_running;
	u64 number;
	u32 classes;
	u32 unfiltered;
	struct hadal_filter *filter;
	struct hadal_config config;
	struct hadal_cpu_rings **rings;
	struct hadal_session_cpu __percpu *cpus;
	atomic64_t no_ring[HADAL_CLASS_SLOTS];
	wait_queue_head_t wait;
	struct irq_work wake;
	unsigned long wake_wanted;
	struct hadal_dump_cursor dump;
};

extern const struct file_operations hadal_session_fops;
extern struct list_head hadal_running_sessions;

void hadal_session_prepare_cpu(unsigned int cpu);
unsigned int hadal_session_count(void);
void hadal_session_totals(struct hadal_stats *stats);

#endif /* HADAL_SESSION_H */
