/* SPDX-License-Identifier: MIT */
/*
 * What Docker's API says of a container.
 */
#ifndef HADALD_DOCKER_H
#define HADALD_DOCKER_H

#include "container.h"
#include "http.h"

/*
 * Reads the answer of GET /containers/ID/json. Returns 0; -EINVAL: it is not
 * that, or it is of another container than @id.
 */
int docker_parse_container(const char *text, size_t length, const char *id, struct container_facts *facts);

/* Asks the daemon at @socket for container @id. */
enum identity_result docker_container(struct http *http, const char *socket, const char *id,
				      struct container_facts *facts);

#endif
