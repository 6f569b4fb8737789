/* SPDX-License-Identifier: MIT */
/*
 * Messages for people, to standard error, one a line; under systemd with the
 * priority in front that the journal understands.
 */
#ifndef HADALD_LOG_H
#define HADALD_LOG_H

/* As in syslog(3). */
enum log_priority {
	LOG_PRIORITY_ERROR = 3,
	LOG_PRIORITY_WARNING = 4,
	LOG_PRIORITY_INFO = 6,
};

__attribute__((format(printf, 2, 3)))
void log_line(enum log_priority priority, const char *format, ...);

#endif
