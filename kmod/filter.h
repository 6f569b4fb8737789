/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a session leaves out, besides classes. Asked for each record that is
 * due, after the table's upkeep and before anything is reserved.
 *
 * Cgroups: a process is judged by where it is then. A socket is judged by its
 * owner's cgroup at the moment that it became the owner. The owner's pointer is
 * at hand at that moment alone, so the answer for each session that filters by
 * cgroup is kept in the table's entry: a bit per such session (its slot). Where
 * a cgroup stands in the tree never changes, and an id is never used again, so
 * the answer stays right, also when the cgroup is removed.
 */
#ifndef HADAL_FILTER_H
#define HADAL_FILTER_H

#include <linux/types.h>

#include "hadal.h"

struct cgroup;
struct hadal_conn;
struct sock;
struct task_struct;

/**
 * struct hadal_filter - what passes
 * @min_duration: ns
 * @flags: HADAL_CONFIG_*
 * @slot: bit of struct hadal_owner.filters, where @cgroup_count is not 0
 * @cgroups: held until the filter is destroyed
 */
struct hadal_filter {
	u64 min_duration;
	u32 flags;
	u32 cgroup_count;
	u32 port_count;
	unsigned int slot;
	struct cgroup *cgroups[HADAL_FILTER_CGROUPS];
	struct hadal_port_range ports[HADAL_FILTER_PORTS];
};

struct hadal_filter *hadal_filter_create(const struct hadal_config *config);
void hadal_filter_destroy(struct hadal_filter *filter);

int hadal_filter_publish(const struct hadal_filter *filter, bool has_tables);
void hadal_filter_withdraw(const struct hadal_filter *filter);

bool hadal_filter_passes_task(const struct hadal_filter *filter, struct task_struct *task);
bool hadal_filter_passes_cgroup(const struct hadal_filter *filter, struct cgroup *cgroup);
bool hadal_filter_passes_tcp(const struct hadal_filter *filter, const struct sock *sk,
			     const struct hadal_conn *conn, u16 type);
bool hadal_filter_passes_udp(const struct hadal_filter *filter, const struct hadal_udp *udp,
			     u16 slots);
bool hadal_filter_passes_dns(const struct hadal_filter *filter, const struct hadal_dns *dns,
			     u16 slots);

extern unsigned long hadal_filter_slots;
u16 hadal_filter_bits_of(struct task_struct *task);

/* The slots of the filters that a task's sockets pass, as far as cgroups go. */
static inline u16 hadal_filter_bits(struct task_struct *task)
{
	return unlikely(READ_ONCE(hadal_filter_slots)) ? hadal_filter_bits_of(task) : 0;
}

#endif /* HADAL_FILTER_H */
