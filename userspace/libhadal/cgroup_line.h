/* SPDX-License-Identifier: MIT */
/* Lines of /proc/PID/cgroup. */
#ifndef HADAL_CGROUP_LINE_H
#define HADAL_CGROUP_LINE_H

#include <stdbool.h>

/* HIERARCHY:CONTROLLERS:PATH */
struct hadal_cgroup_line {
	unsigned long hierarchy;
	const char *controllers;
	const char *path;
};

/* Cuts @text, a line with or without its newline, into what @line then points to; false: it is none. */
bool hadal_cgroup_line_parse(char *text, struct hadal_cgroup_line *line);

#endif
