/* SPDX-License-Identifier: MIT */
/*
 * Names of addresses, by the answers of DNS that processes received: what a
 * cgroup was told names the peers of that cgroup and nobody else's. An answer is
 * vouched for by nobody, so one who lies lies about its own peers alone.
 */
#ifndef HADALD_DNS_NAMES_H
#define HADALD_DNS_NAMES_H

#include <hadal/hadal.h>
#include <stdint.h>

#include "address.h"
#include "cgroup_table.h"
#include "counts.h"
#include "table.h"

enum {
	DNS_NAME_SIZE = 254,		/* RFC 1035: 253 characters */
	DNS_NAMES_GROUP = 256,		/* addresses of one cgroup */
	DNS_NAMES_ALL = 8192,
};

/* A name holds as long as its TTL says, within these, ns; and goes on while it is used. */
#define DNS_NAMES_FLOOR		(300ULL * 1000000000)
#define DNS_NAMES_CEILING	(3600ULL * 1000000000)

enum dns_name_kind {
	DNS_NAME_PLAIN,
	DNS_NAME_AWS,		/* a service of AWS */
	DNS_NAME_BALANCER,	/* a load balancer of AWS */
};

/* One object for each (text, kind): names are equal when their pointers are. */
struct dns_name {
	UT_hash_handle hh;
	struct dns_names *names;
	char *key;		/* kind as a digit, text */
	const char *text;	/* lower case, letters, digits, '-', '_', '.' */
	enum dns_name_kind kind;
	unsigned int references;
};

struct dns_group;

struct dns_names {
	struct dns_name *table;
	struct dns_group *groups;	/* by cgroup, who was told or asked last at the end */
	unsigned int addresses;		/* of all groups */
	uint64_t evicted;		/* addresses that made room for others */
	struct counts *counts;
};

void dns_names_init(struct dns_names *names, struct counts *counts);

/* References that others hold are to be given back before. */
void dns_names_free(struct dns_names *names);

/* Takes over what an answer says to its owner. */
void dns_names_record(struct dns_names *names, const struct hadal_record_dns_answer *record);

/*
 * What @cgroup (may be NULL) called @address when it began, at @start, to
 * speak to it; a reference for dns_name_put(). NULL: nothing, or several
 * things. Times are ns, CLOCK_MONOTONIC; @start 0: not known, and so is the name.
 */
struct dns_name *dns_names_find(struct dns_names *names, const struct cgroup *cgroup,
				const struct address *address, uint64_t start, uint64_t now);

/* Forgets what has expired. */
void dns_names_sweep(struct dns_names *names, uint64_t now);

struct dns_name *dns_name_ref(struct dns_name *name);

/* @name may be NULL. */
void dns_name_put(struct dns_name *name);

/*
 * Makes of a question's name what may be shown: lower case, and of AWS's services
 * that many customers share the service's own. Returns false if it is none
 * that a host can have. @kind: by the name.
 */
bool dns_name_clean(const char *question, char text[DNS_NAME_SIZE], enum dns_name_kind *kind);

#endif
