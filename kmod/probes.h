/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is hooked, while at least one session runs.
 */
#ifndef HADAL_PROBES_H
#define HADAL_PROBES_H

struct hadal_session;

int hadal_probes_start(struct hadal_session *session);
void hadal_probes_stop(struct hadal_session *session);
void hadal_probes_exit(void);

#endif /* HADAL_PROBES_H */
