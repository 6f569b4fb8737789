/* SPDX-License-Identifier: MIT */
#ifndef HADALD_NOTIFY_H
#define HADALD_NOTIFY_H

/* Tells systemd, if it asked to be told: "READY=1" and its like, see sd_notify(3). */
void notify_systemd(const char *state);

#endif
