/* SPDX-License-Identifier: MIT */
/*
 * hadal status: what hadald says of itself, and what of it is wrong.
 */
#ifndef HADAL_CLI_STATUS_COLLECTOR_H
#define HADAL_CLI_STATUS_COLLECTOR_H

#include <stdio.h>

#include "query.h"

struct collector_status {
	struct json_object *document;	/* NULL: no answer */
	int failure;			/* -errno then */
	char error[QUERY_ERROR_SIZE];	/* and in words */
};

/* What is wrong, in words with "; " between; as long as there is room. */
struct problems {
	char text[1024];
	unsigned int count;
};

__attribute__((format(printf, 2, 3)))
void problem(struct problems *problems, const char *format, ...);

/* Asks hadald at @socket. */
void collector_status_read(const char *socket, struct collector_status *status);
void collector_status_free(struct collector_status *status);

void collector_problems(const struct collector_status *status, struct problems *problems);
void collector_print(const struct collector_status *status, FILE *to);

/* What hadald answered, or {"error": ...}; for json_object_put(). */
struct json_object *collector_json(const struct collector_status *status);

#endif
