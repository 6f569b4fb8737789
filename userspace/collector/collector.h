/* SPDX-License-Identifier: MIT */
/*
 * The daemon: one event loop that reads the module's records into the model
 * and ships what it tells, interval by interval.
 */
#ifndef HADALD_COLLECTOR_H
#define HADALD_COLLECTOR_H

#include "config.h"
#include "estimate.h"

/**
 * collector_run() - collect until SIGTERM or SIGINT
 * @config: becomes the collector's and is freed; SIGHUP reads it anew
 * @path: of the configuration file, or NULL
 *
 * Return: 0 after a signal to end; -errno when something made going on
 * impossible, which has been logged.
 */
int collector_run(struct config *config, const char *path);

/**
 * collector_estimate() - the same, but for a time, and without shipping or answering
 * @seconds: how long; a signal to end ends it sooner
 * @estimate: what would have been shipped is added to it
 */
int collector_estimate(struct config *config, unsigned int seconds, struct estimate *estimate);

#endif
