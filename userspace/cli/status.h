/* SPDX-License-Identifier: MIT */
#ifndef HADAL_CLI_STATUS_H
#define HADAL_CLI_STATUS_H

#include <json-c/json.h>

/* What hadal status --json prints, for json_object_put(). @socket: of hadald; NULL: where it is by default. */
struct json_object *status_document(const char *socket);

#endif
