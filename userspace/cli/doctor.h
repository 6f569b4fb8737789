/* SPDX-License-Identifier: MIT */
#ifndef HADAL_CLI_DOCTOR_H
#define HADAL_CLI_DOCTOR_H

#include <json-c/json.h>

#include "host.h"

/* What hadal doctor --json prints, for json_object_put(). @well: set to whether nothing is missing. */
struct json_object *doctor_document(const struct host *host, bool *well);

#endif
