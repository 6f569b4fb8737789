/* SPDX-License-Identifier: MIT */
#include <ctype.h>
#include <hadal/dns.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dns_names.h"

#define SECOND	1000000000ULL

enum { TYPE_A = 1, TYPE_CNAME = 5, TYPE_AAAA = 28 };

/* What one cgroup calls an address. */
struct dns_address {
	UT_hash_handle hh;
	struct address address;
	struct dns_name *name;	/* NULL: it was told more than one */
	uint64_t since;		/* ns: the first answer of those that still hold */
	uint64_t expires;
};

struct dns_group {
	UT_hash_handle hh;
	struct cgroup_key key;
	struct dns_address *addresses;	/* the longest unheard of in front */
};

/* ---- names ---- */

/* Of whom AWS has a name of its own below these: what stands before is the customer's. */
static bool is_shared_label(const char *label, size_t length)
{
	static const char *const labels[] = { "s3", "dkr", "execute-api", "ddb", "lambda-url" };

	for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++) {
		if (strlen(labels[i]) == length && memcmp(labels[i], label, length) == 0)
			return true;
	}
	return length > 3 && memcmp(label, "s3-", 3) == 0;
}

static bool has_suffix(const char *text, const char *suffix)
{
	size_t length = strlen(text), of = strlen(suffix);

	return length > of && strcmp(text + length - of, suffix) == 0;
}

/* Names of instances are of hosts, whatever they are under. */
static enum dns_name_kind kind_of(const char *text)
{
	static const char *const suffixes[] = { ".amazonaws.com", ".amazonaws.com.cn", ".api.aws", ".on.aws",
						".cloudfront.net" };

	if (has_suffix(text, ".awsglobalaccelerator.com"))
		return DNS_NAME_BALANCER;
	if (strstr(text, ".compute.") || strstr(text, ".compute-1."))
		return DNS_NAME_PLAIN;
	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		if (has_suffix(text, suffixes[i]))
			return strstr(text, ".elb.") ? DNS_NAME_BALANCER : DNS_NAME_AWS;
	}
	return DNS_NAME_PLAIN;
}

/* A bucket, a registry, an API: behind the same addresses as all others of its region. */
static void fold_shared(char text[DNS_NAME_SIZE])
{
	size_t at = strlen(text);

	while (at > 0) {
		size_t start = at;

		while (start > 0 && text[start - 1] != '.')
			start--;
		if (is_shared_label(text + start, at - start)) {
			memmove(text, text + start, strlen(text + start) + 1);
			return;
		}
		at = start ? start - 1 : 0;
	}
}

static bool is_name_character(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
}

bool dns_name_clean(const char *question, char text[DNS_NAME_SIZE], enum dns_name_kind *kind)
{
	size_t length = strlen(question);
	struct address address;

	if (!length || length >= DNS_NAME_SIZE)
		return false;
	for (size_t i = 0; i <= length; i++)
		text[i] = (char)tolower((unsigned char)question[i]);
	for (size_t i = 0; i < length; i++) {
		if (!is_name_character(text[i]))
			return false;
	}
	if (text[0] == '.' || address_parse(text, &address) == 0)
		return false;
	*kind = kind_of(text);
	if (*kind == DNS_NAME_AWS)
		fold_shared(text);
	return true;
}

struct dns_name *dns_name_ref(struct dns_name *name)
{
	name->references++;
	return name;
}

static void name_free(struct dns_name *name)
{
	free(name->key);
	free(name);
}

void dns_name_put(struct dns_name *name)
{
	if (!name || --name->references)
		return;
	HASH_DEL(name->names->table, name);
	name_free(name);
}

static struct dns_name *name_new(struct dns_names *names, const char *key, enum dns_name_kind kind)
{
	struct dns_name *name = calloc(1, sizeof(*name));

	if (!name)
		return NULL;
	name->names = names;
	name->kind = kind;
	name->key = strdup(key);
	if (name->key)
		HASH_ADD_KEYPTR(hh, names->table, name->key, strlen(name->key), name);
	if (!name->key || !TABLE_INSERTED(name, hh)) {
		name_free(name);
		return NULL;
	}
	name->text = name->key + 1;
	return name;
}

/* A reference; NULL: no memory. */
static struct dns_name *name_get(struct dns_names *names, const char *text, enum dns_name_kind kind)
{
	char key[DNS_NAME_SIZE + 1];
	struct dns_name *name;

	snprintf(key, sizeof(key), "%u%s", kind, text);
	HASH_FIND_STR(names->table, key, name);
	if (!name)
		name = name_new(names, key, kind);
	return name ? dns_name_ref(name) : NULL;
}

/* ---- addresses of a cgroup ---- */

static void address_remove(struct dns_names *names, struct dns_group *group, struct dns_address *entry)
{
	HASH_DEL(group->addresses, entry);
	names->addresses--;
	dns_name_put(entry->name);
	free(entry);
}

static void group_remove(struct dns_names *names, struct dns_group *group)
{
	struct dns_address *entry, *next;

	HASH_ITER(hh, group->addresses, entry, next)
		address_remove(names, group, entry);
	HASH_DEL(names->groups, group);
	free(group);
}

static struct dns_group *group_insert(struct dns_names *names, struct dns_group *group)
{
	HASH_ADD(hh, names->groups, key, sizeof(group->key), group);
	if (TABLE_INSERTED(group, hh))
		return group;
	while (group->addresses)
		address_remove(names, group, group->addresses);
	free(group);
	return NULL;
}

/* Makes it the last to lose anything when all is full. */
static struct dns_group *group_find(struct dns_names *names, const struct cgroup_key *key)
{
	struct dns_group *group;

	HASH_FIND(hh, names->groups, key, sizeof(*key), group);
	if (!group)
		return NULL;
	HASH_DEL(names->groups, group);
	return group_insert(names, group);
}

static struct dns_group *group_get(struct dns_names *names, const struct cgroup_key *key)
{
	struct dns_group *group = group_find(names, key);

	if (group)
		return group;
	group = calloc(1, sizeof(*group));
	if (!group)
		return NULL;
	group->key = *key;
	return group_insert(names, group);
}

static struct dns_address *address_find(const struct dns_group *group, const struct address *address)
{
	struct dns_address *entry;

	HASH_FIND(hh, group->addresses, address, sizeof(*address), entry);
	return entry;
}

/* The longest unheard of makes room: of this cgroup, else of who was not heard of longest. */
static void make_room(struct dns_names *names, struct dns_group *group)
{
	struct dns_group *from;

	if (HASH_COUNT(group->addresses) >= DNS_NAMES_GROUP)
		from = group;
	else if (names->addresses >= DNS_NAMES_ALL)
		from = names->groups;
	else
		return;
	count(names->counts, COUNT_NAMES_FULL);
	names->evicted++;
	address_remove(names, from, from->addresses);
	if (!from->addresses && from != group)
		group_remove(names, from);
}

/* Takes the reference to @name; an error leaves it without an entry. */
static void address_new(struct dns_names *names, struct dns_group *group, const struct address *address,
			struct dns_name *name, uint64_t now, uint64_t expires)
{
	struct dns_address *entry;

	make_room(names, group);
	entry = calloc(1, sizeof(*entry));
	if (!entry) {
		dns_name_put(name);
		return;
	}
	*entry = (struct dns_address){ .address = *address, .name = name, .since = now, .expires = expires };
	HASH_ADD(hh, group->addresses, address, sizeof(entry->address), entry);
	if (TABLE_INSERTED(entry, hh)) {
		names->addresses++;
		return;
	}
	dns_name_put(name);
	free(entry);
}

/* Two names that hold at a time leave open which of them a connection is for. */
static void address_told(struct dns_names *names, struct dns_group *group, const struct address *address,
			 struct dns_name *name, uint64_t now, uint64_t expires)
{
	struct dns_address *entry = address_find(group, address);
	struct dns_address old;

	if (!entry) {
		address_new(names, group, address, dns_name_ref(name), now, expires);
		return;
	}
	old = *entry;
	if (old.name)
		dns_name_ref(old.name);
	address_remove(names, group, entry);
	if (old.expires <= now) {
		address_new(names, group, address, dns_name_ref(name), now, expires);
	} else if (old.name == name) {
		address_new(names, group, address, dns_name_ref(name), old.since,
			    expires > old.expires ? expires : old.expires);
	} else {
		count(names->counts, COUNT_NAME_AMBIGUOUS);
		address_new(names, group, address, NULL, now, expires > old.expires ? expires : old.expires);
	}
	dns_name_put(old.name);
}

/* ---- answers ---- */

/* An answer under way: from the question along its aliases. */
struct chain {
	char at[HADAL_DNS_NAME_SIZE];	/* whose address is looked for */
	uint32_t ttl;			/* the least so far, s */
	enum dns_name_kind alias;	/* what the aliases make of the name */
};

static void follow(struct chain *chain, const struct hadal_dns_resource *alias)
{
	char text[DNS_NAME_SIZE];
	enum dns_name_kind kind;

	if (dns_name_clean(alias->target, text, &kind) && kind != DNS_NAME_PLAIN)
		chain->alias = kind;
	strcpy(chain->at, alias->target);
}

/* Of no other addresses can it be said who is there. */
static bool may_be_named(const struct address *address)
{
	enum address_scope scope = address_scope(address);

	return scope == ADDRESS_GLOBAL || scope == ADDRESS_PRIVATE;
}

static void take_address(struct dns_names *names, const struct cgroup_key *key,
			 const struct hadal_dns_resource *resource, struct dns_name *name, uint32_t ttl, uint64_t now)
{
	struct address address = address_from_bytes(resource->family, resource->address);
	uint64_t time = ttl * SECOND;
	struct dns_group *group;

	if (!may_be_named(&address))
		return;
	group = group_get(names, key);
	if (!group)
		return;
	time = time < DNS_NAMES_FLOOR ? DNS_NAMES_FLOOR : time;
	address_told(names, group, &address, name, now, now + (time > DNS_NAMES_CEILING ? DNS_NAMES_CEILING : time));
}

/* Returns -EBADMSG where the answer is not sound; what it said until then was. */
static int take_answers(struct dns_names *names, const struct cgroup_key *key, struct hadal_dns_message *message,
			uint64_t now)
{
	struct chain chain = { .ttl = UINT32_MAX };
	struct hadal_dns_resource resource;
	char text[DNS_NAME_SIZE];
	enum dns_name_kind kind;
	struct dns_name *name;
	int result;

	if (!dns_name_clean(message->question, text, &kind))
		return 0;
	strcpy(chain.at, message->question);
	while ((result = hadal_dns_next(message, &resource)) > 0) {
		if (strcasecmp(resource.name, chain.at))
			continue;
		if (resource.ttl < chain.ttl)
			chain.ttl = resource.ttl;
		if (resource.type == TYPE_CNAME) {
			follow(&chain, &resource);
			continue;
		}
		name = name_get(names, text, kind == DNS_NAME_PLAIN ? chain.alias : kind);
		if (name)
			take_address(names, key, &resource, name, chain.ttl, now);
		dns_name_put(name);
	}
	return result;
}

void dns_names_record(struct dns_names *names, const struct hadal_record_dns_answer *record)
{
	struct cgroup_key key = { .id = record->dns.cgroup_id, .hierarchy = record->dns.cgroup_hierarchy };
	struct hadal_text bytes = hadal_record_dns_payload(record);
	struct hadal_dns_message message;

	if (!key.id || record->dns.owner != HADAL_TCP_OWNER_CALLER)
		return;
	if (hadal_dns_parse(&message, bytes.data, bytes.length, record->dns.length)) {
		count(names->counts, COUNT_ANSWER_BAD);
		return;
	}
	if (message.response_code || (message.question_type != TYPE_A && message.question_type != TYPE_AAAA))
		return;
	if (take_answers(names, &key, &message, record->header.time))
		count(names->counts, COUNT_ANSWER_BAD);
}

/* ---- use ---- */

struct dns_name *dns_names_find(struct dns_names *names, const struct cgroup *cgroup,
				const struct address *address, uint64_t start, uint64_t now)
{
	struct dns_group *group = cgroup ? group_find(names, &cgroup->key) : NULL;
	struct dns_address *entry = group ? address_find(group, address) : NULL;

	/* A connection from before the answer may be to who was there before. */
	if (!entry || !entry->name || !start || start < entry->since || start >= entry->expires)
		return NULL;
	if (entry->expires < now + DNS_NAMES_FLOOR)
		entry->expires = now + DNS_NAMES_FLOOR;
	return dns_name_ref(entry->name);
}

void dns_names_sweep(struct dns_names *names, uint64_t now)
{
	struct dns_group *group, *next_group;
	struct dns_address *entry, *next;

	HASH_ITER(hh, names->groups, group, next_group) {
		HASH_ITER(hh, group->addresses, entry, next) {
			if (entry->expires <= now)
				address_remove(names, group, entry);
		}
		if (!group->addresses)
			group_remove(names, group);
	}
}

void dns_names_init(struct dns_names *names, struct counts *counts)
{
	*names = (struct dns_names){ .counts = counts };
}

void dns_names_free(struct dns_names *names)
{
	struct dns_group *group, *next;

	HASH_ITER(hh, names->groups, group, next)
		group_remove(names, group);
}
