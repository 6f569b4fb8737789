/* SPDX-License-Identifier: MIT */
/*
 * Where a sink is, in a file of its own beside the spool's: the number of the
 * next record that it takes, how much of that is settled already, and what its
 * series had added up to before it.
 * The two go together: from there on the same records make the same values
 * again, so that what is sent twice is the same twice.
 */
#ifndef HADAL_SINK_STATE_H
#define HADAL_SINK_STATE_H

#include <stddef.h>
#include <stdint.h>

#include "ship.h"

struct hadal_sink_state {
	uint64_t position;		/* number of the next record */
	uint64_t settled[HADAL_SIGNALS];	/* of it, that many of the first points and log records */
	uint8_t *series;		/* what hadal_series_save() made; NULL when there is none */
	size_t series_size;
};

/**
 * hadal_sink_state_write() - replace a sink's file, as a whole or not at all
 * @directory: the spool's
 *
 * Return: 0; -errno: the file is as it was.
 */
int hadal_sink_state_write(const char *directory, const char *name, const struct hadal_sink_state *state);

/**
 * hadal_sink_state_overwrite() - write where a sink is over the file that it has, without its series
 *
 * On a full disk there is no room for another file; a file of before would, read
 * after a restart, let totals go on from values below those that were delivered.
 * Without series they begin anew.
 *
 * Return: 0; -ENOENT: it has no file; another -errno.
 */
int hadal_sink_state_overwrite(const char *directory, const char *name, const struct hadal_sink_state *state);

/**
 * hadal_sink_state_read() - read it
 * @state: its series are from malloc
 *
 * Return: 0; -ENOENT: there is none; -EBADMSG: it is damaged, or of another
 * version; another -errno.
 */
int hadal_sink_state_read(const char *directory, const char *name, struct hadal_sink_state *state);

/**
 * hadal_sink_state_forget() - remove the files of sinks that are no more
 * @is_one: whether a sink of that name is
 * @told: called with the name of each that was removed
 */
void hadal_sink_state_forget(const char *directory, bool (*is_one)(void *context, const char *name),
			     void (*told)(void *context, const char *name), void *context);

#endif
