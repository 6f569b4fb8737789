/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What existed before: the table's first filling, and the dump of cgroups,
 * processes and connections into a session's rings.
 */
#ifndef HADAL_DUMP_H
#define HADAL_DUMP_H

#include "session.h"

void hadal_dump_prime(void);
int hadal_dump_step(struct hadal_session *session, struct hadal_dump *dump);
void hadal_dump_abandon(struct hadal_session *session);
void hadal_dump_clock_sync(struct hadal_session *session);

#endif /* HADAL_DUMP_H */
