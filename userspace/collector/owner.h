/* SPDX-License-Identifier: MIT */
/*
 * Owners: who did something, as far as it is known at that moment. What is
 * counted is counted by owner; which workload an owner belongs to is settled
 * later, when its identity has come.
 */
#ifndef HADALD_OWNER_H
#define HADALD_OWNER_H

#include <stdbool.h>
#include <stdint.h>

#include "cgroup_table.h"
#include "counts.h"
#include "table.h"
#include "workload.h"

enum { EXECUTABLE_SIZE = 128 };

/* Hashed up to the end of executable. */
struct owner_key {
	uint64_t cgroup;	/* id; 0: none known */
	uint32_t hierarchy;
	char executable[EXECUTABLE_SIZE];	/* base name; "" where it makes no difference */
};

struct owner {
	UT_hash_handle hh;
	struct owner_key key;
	struct cgroup *cgroup;			/* NULL: none known */
	bool kernel;
	bool other;				/* many, whom the module had no room to tell apart */
	unsigned int references;
	struct exits *exits;			/* not yet added to a workload; NULL: none */
};

struct owners {
	struct owner *table;
	struct owner *unknown, *kernel, *other;
	unsigned int limit;
	struct counts *counts;
};

/* Returns 0, or -ENOMEM. */
int owners_init(struct owners *owners, unsigned int limit, struct counts *counts);
void owners_free(struct owners *owners);

/*
 * A reference to the owner of that cgroup (may be NULL) and executable. Beyond
 * the bound, the unknown owner. Never NULL.
 */
struct owner *owner_get(struct owners *owners, struct cgroup *cgroup, const char *executable);
struct owner *owner_ref(struct owner *owner);

/* Gives a reference back; @owner may be NULL. */
void owner_put(struct owners *owners, struct owner *owner);

/* The container it is in; NULL: none that is known. @owner may be NULL. */
struct container *owner_container(const struct owner *owner);

/* Whether it is Docker's userland proxy, which stands between the ends of a published port. */
bool owner_is_proxy(const struct owner *owner);

/* Whether its workload may still become known; what it did waits till then. */
bool owner_pending(const struct owner *owner, uint64_t now);

/* What a workload is called by what is known now; borrowed from @owner. */
struct workload_name {
	const char *namespace;	/* "" for none */
	const char *name;
};

struct workload_name owner_name(const struct owner *owner);

/* The workload by what is known now; @wall: ns since the epoch. NULL: no memory. */
struct workload *owner_workload(const struct owner *owner, struct workloads *workloads, uint64_t wall);
struct workload *container_workload(const struct container *container, struct workloads *workloads, uint64_t wall);

/* The exits to count in; NULL: no memory. */
struct exits *owner_exits(struct owners *owners, struct owner *owner);

/* Adds the exits of @owner to its workload, if both are there. */
void owner_settle_exits(struct owners *owners, struct owner *owner, struct workload *workload, uint64_t wall);

#endif
