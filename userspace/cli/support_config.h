/* SPDX-License-Identifier: MIT */
/*
 * hadald's configuration as it may be given away. What is shown is what is known to hold
 * no secret; all else is REDACTED.
 */
#ifndef HADAL_CLI_SUPPORT_CONFIG_H
#define HADAL_CLI_SUPPORT_CONFIG_H

#include <stdio.h>

#include "host.h"
#include "secrets.h"

/* Prints the files' lines, and the variables of /etc/default/hadald. What is left out of them is learnt. */
void support_config(const struct host *host, struct secrets *secrets, FILE *to);

/* Learns what else of the configuration is secret: tokens, wherever they are kept, and what headers hold. */
void support_learn(const struct host *host, struct secrets *secrets);

#endif
