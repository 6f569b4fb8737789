/* SPDX-License-Identifier: MIT */
#include "containers.h"

#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#define KNOWN_MAX	65536	/* cgroups; past that all are learnt anew */

struct key {
	uint64_t cgroup_id;
	uint64_t hierarchy;
};

struct known {
	struct key key;
	struct container container;
	UT_hash_handle hh;
};

struct containers {
	bool is_here;
	struct known *known;
};

/* What a record says of where its process runs. */
struct place {
	uint64_t cgroup_id;
	uint32_t hierarchy;
	pid_t pid;
};

struct containers *containers_create(bool is_here)
{
	struct containers *containers = calloc(1, sizeof(*containers));

	if (containers)
		containers->is_here = is_here;
	return containers;
}

static void forget_all(struct containers *containers)
{
	struct known *known, *next;

	HASH_ITER(hh, containers->known, known, next) {
		HASH_DEL(containers->known, known);
		free(known);
	}
}

void containers_destroy(struct containers *containers)
{
	if (containers)
		forget_all(containers);
	free(containers);
}

/* ---- what is known ---- */

static struct known *find(const struct containers *containers, const struct key *key)
{
	struct known *known;

	HASH_FIND(hh, containers->known, key, sizeof(*key), known);
	return known;
}

/* The entry of a cgroup, made if need be; NULL without memory. */
static struct known *entry_of(struct containers *containers, const struct key *key)
{
	struct known *known = find(containers, key);

	if (known)
		return known;
	if (HASH_COUNT(containers->known) >= KNOWN_MAX)
		forget_all(containers);
	known = calloc(1, sizeof(*known));
	if (!known)
		return NULL;
	known->key = *key;
	HASH_ADD(hh, containers->known, key, sizeof(*key), known);
	return known;
}

static const struct known *learn(struct containers *containers, const struct key *key, const char *path)
{
	struct known *known = entry_of(containers, key);

	if (known)
		hadal_cgroup_parse(path, known->container.container_id, known->container.task_id);
	return known;
}

void containers_learn(struct containers *containers, const struct hadal_record *record)
{
	const struct hadal_record_cgroup *cgroup = hadal_record_cgroup(record);
	char path[HADAL_CGROUP_PATH_MAX];
	struct hadal_text text;

	if (!cgroup)
		return;
	text = hadal_record_cgroup_path(cgroup);
	if (!text.length || text.length >= sizeof(path))
		return;
	memcpy(path, text.data, text.length);
	path[text.length] = '\0';
	learn(containers, &(struct key){ cgroup->cgroup_id, cgroup->hierarchy }, path);
}

/* ---- whose a record is ---- */

static bool place_of(const struct hadal_record *record, struct place *place)
{
	const struct hadal_process *process = hadal_record_process(record);
	const struct hadal_tcp *tcp = hadal_record_tcp(record);
	const struct hadal_udp *udp = hadal_record_udp(record);
	const struct hadal_dns *dns = hadal_record_dns(record);

	if (process)
		*place = (struct place){ process->cgroup_id, process->cgroup_hierarchy,
					 (pid_t)process->tgid };
	else if (tcp)
		*place = (struct place){ tcp->cgroup_id, tcp->cgroup_hierarchy,
					 (pid_t)tcp->owner_tgid };
	else if (udp)
		*place = (struct place){ udp->cgroup_id, udp->cgroup_hierarchy,
					 (pid_t)udp->owner_tgid };
	else if (dns)
		*place = (struct place){ dns->cgroup_id, dns->cgroup_hierarchy,
					 (pid_t)dns->owner_tgid };
	else
		return false;
	return place->cgroup_id != 0;
}

static const struct known *look_up(struct containers *containers, const struct place *place,
				   const struct key *key)
{
	char path[HADAL_CGROUP_PATH_MAX];

	if (!containers->is_here ||
	    hadal_cgroup_path(place->hierarchy, place->cgroup_id, place->pid, path, sizeof(path)) < 0)
		return NULL;
	return learn(containers, key, path);
}

const struct container *containers_find(struct containers *containers, const struct hadal_record *record)
{
	const struct known *known;
	struct place place;
	struct key key;

	if (!place_of(record, &place))
		return NULL;
	key = (struct key){ place.cgroup_id, place.hierarchy };
	known = find(containers, &key);
	if (!known)
		known = look_up(containers, &place, &key);
	return known && known->container.container_id[0] ? &known->container : NULL;
}
