/* SPDX-License-Identifier: MIT */
/*
 * Documents of a capture: what the collector learns of its host besides the
 * records. docs/capture.md has their members. What is read comes from outside.
 */
#ifndef HADALD_DOCUMENT_H
#define HADALD_DOCUMENT_H

#include <stddef.h>
#include <stdint.h>

#include <hadal/cgroup.h>

#include "container.h"
#include "peers.h"
#include "proxies.h"

enum {
	DOCUMENT_PATH_SIZE = 4096,
	DOCUMENT_ERROR_SIZE = 200,
	DOCUMENT_NETWORKS = 48,
};

enum document_kind {
	DOCUMENT_UNKNOWN,	/* of a later version: to be passed over */
	DOCUMENT_HOST,
	DOCUMENT_CONTAINER,
	DOCUMENT_EXECUTABLE,
	DOCUMENT_CGROUP,
	DOCUMENT_CONFIGURATION,
};

/* "" and 0: not known. */
struct document_host {
	char id[256];
	char name[256];
	char cloud_account[64];
	char cloud_region[64];
	char cloud_zone[64];
	uint32_t net_ns;	/* inode number of the network namespace that has the addresses */
	uint32_t ephemeral_low, ephemeral_high;
	struct address addresses[PEERS_HOST_ADDRESSES];
	unsigned int address_count;
};

/* What executable_path_fn answered. */
struct document_executable {
	uint32_t tgid;
	uint64_t start_boottime;	/* ns */
	char path[DOCUMENT_PATH_SIZE];
};

/* What cgroup_path_fn answered. */
struct document_cgroup {
	uint32_t hierarchy;
	uint64_t id;
	char path[HADAL_CGROUP_PATH_MAX];
};

/* What the site's configuration has to do with who peers are; under the names of its keys. */
struct document_configuration {
	struct network networks[DOCUMENT_NETWORKS];
	unsigned int network_count;
	struct network balancers[DOCUMENT_NETWORKS];
	unsigned int balancer_count;
	struct proxy_kind proxies[PROXY_KINDS];
	unsigned int proxy_count;
	struct proxy_kind proxy_executables[PROXY_KINDS];
	unsigned int proxy_executable_count;
};

struct document {
	enum document_kind kind;
	union {
		struct document_host host;
		struct identity_answer container;	/* without facts.endpoint, which only a look-up needs */
		struct document_executable executable;
		struct document_cgroup cgroup;
		struct document_configuration configuration;
	};
};

/* The JSON of @document, for free(); NULL: no memory. */
char *document_write(const struct document *document);

/*
 * Reads @length bytes of JSON, with a NUL behind. Returns 0, the kind being DOCUMENT_UNKNOWN where
 * kind or version is none of this version's; -EINVAL: it is no document, and
 * @error says why.
 */
int document_read(const char *text, size_t length, struct document *document, char error[DOCUMENT_ERROR_SIZE]);

#endif
