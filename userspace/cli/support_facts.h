/* SPDX-License-Identifier: MIT */
/*
 * What an archive for support has of the system: each prints one file of it. Nothing of
 * processes: neither arguments nor environments.
 */
#ifndef HADAL_CLI_SUPPORT_FACTS_H
#define HADAL_CLI_SUPPORT_FACTS_H

#include <stdio.h>

#include "host.h"

/* Of hadal, the kernel, the distribution, the module's file. */
void support_versions(const struct host *host, FILE *to);

/* The last lines of the kernel's log that name hadal, but the command line. */
void support_kernel_log(const struct host *host, FILE *to);

/* The ends of DKMS's logs of builds. */
void support_build_logs(const struct host *host, FILE *to);

/* What systemd says of the state of hadal's units; only where the system runs. */
void support_units(const struct host *host, FILE *to);

/* What hadald and the module's unit logged within the last hour; only where the system runs. */
void support_journal(const struct host *host, FILE *to);

/* The module's files of sysfs: counters, parameters. */
void support_counters(const struct host *host, FILE *to);

#endif
