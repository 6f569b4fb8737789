/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>

#include "quarantine.h"
#include "whole_file.h"

/* First line of a small file below @root; "" where there is none. */
static void read_line(const char *root, const char *below, char *line, size_t size)
{
	char path[PATH_MAX];
	ssize_t length;

	snprintf(path, sizeof(path), "%s%s", root, below);
	length = small_file_at(AT_FDCWD, path, line, size - 1);
	line[length > 0 ? length : 0] = '\0';
	line[strcspn(line, "\n")] = '\0';
}

static void set_oopses(struct quarantine_marker *marker, const char *count)
{
	marker->counts_oopses = count[0];
	marker->oopses = strtoull(count, NULL, 10);
}

void quarantine_describe(const char *root, struct quarantine_marker *marker)
{
	char taint[24], oopses[24];
	struct utsname name;
	struct tm utc;
	time_t now = time(NULL);

	*marker = (struct quarantine_marker){ .boot = "" };
	read_line(root, "/proc/sys/kernel/random/boot_id", marker->boot, sizeof(marker->boot));
	read_line(root, "/etc/machine-id", marker->machine, sizeof(marker->machine));
	read_line(root, "/proc/sys/kernel/tainted", taint, sizeof(taint));
	read_line(root, "/sys/kernel/oops_count", oopses, sizeof(oopses));
	set_oopses(marker, oopses);
	marker->taint = strtoull(taint, NULL, 10);
	if (!uname(&name))
		snprintf(marker->kernel, sizeof(marker->kernel), "%s", name.release);
	if (gmtime_r(&now, &utc))
		strftime(marker->time, sizeof(marker->time), "%Y-%m-%dT%H:%M:%SZ", &utc);
}

static size_t text_length(int length)
{
	return length < QUARANTINE_TEXT_SIZE ? (size_t)length : QUARANTINE_TEXT_SIZE - 1;
}

size_t quarantine_format(const struct quarantine_marker *marker, char text[QUARANTINE_TEXT_SIZE])
{
	char oopses[40] = "";

	if (marker->counts_oopses)
		snprintf(oopses, sizeof(oopses), "oopses=%llu\n", (unsigned long long)marker->oopses);
	return text_length(snprintf(text, QUARANTINE_TEXT_SIZE,
				    "boot=%s\nmachine=%s\nmodule=%s\nkernel=%s\ntime=%s\ntaint=%llu\n%s", marker->boot,
				    marker->machine, marker->module, marker->kernel, marker->time,
				    (unsigned long long)marker->taint, oopses));
}

size_t quarantine_format_off(const char *root, const char *reason, char text[QUARANTINE_TEXT_SIZE])
{
	struct quarantine_marker now;

	quarantine_describe(root, &now);
	return text_length(snprintf(text, QUARANTINE_TEXT_SIZE, "boot=%s\nreason=%s\n", now.boot, reason));
}

/* What stands behind "KEY=" in a line of its own. */
static void take(const char *text, const char *key, char *value, size_t size)
{
	size_t length = strlen(key);
	const char *line = text;

	while (strncmp(line, key, length) || line[length] != '=') {
		line = strchr(line, '\n');
		if (!line++)
			return;
	}
	line += length + 1;
	snprintf(value, size, "%.*s", (int)strcspn(line, "\n"), line);
}

static void parse(const char *text, struct quarantine_marker *marker)
{
	char taint[24] = "", oopses[24] = "";

	take(text, "boot", marker->boot, sizeof(marker->boot));
	take(text, "machine", marker->machine, sizeof(marker->machine));
	take(text, "module", marker->module, sizeof(marker->module));
	take(text, "kernel", marker->kernel, sizeof(marker->kernel));
	take(text, "time", marker->time, sizeof(marker->time));
	take(text, "taint", taint, sizeof(taint));
	take(text, "oopses", oopses, sizeof(oopses));
	marker->taint = strtoull(taint, NULL, 10);
	set_oopses(marker, oopses);
}

static bool is_of_other_machine(const struct quarantine_marker *marker, const struct quarantine_marker *now)
{
	return marker->machine[0] && now->machine[0] && strcmp(marker->machine, now->machine) != 0;
}

/* As whole_file_at(); NUL-terminates in any case. */
static ssize_t read_note(const char *root, const char *name, char text[QUARANTINE_TEXT_SIZE])
{
	char path[PATH_MAX];
	ssize_t length;

	snprintf(path, sizeof(path), "%s" QUARANTINE_DIRECTORY "/%s", root, name);
	length = whole_file_at(AT_FDCWD, path, text, QUARANTINE_TEXT_SIZE - 1);
	text[length > 0 ? length : 0] = '\0';
	return length;
}

bool quarantine_is_off(const char *root, char *reason, size_t size)
{
	char text[QUARANTINE_TEXT_SIZE], boot[QUARANTINE_ID_SIZE] = "";
	struct quarantine_marker now;

	reason[0] = '\0';
	if (read_note(root, QUARANTINE_OFF_FILE, text) <= 0)
		return false;
	take(text, "boot", boot, sizeof(boot));
	take(text, "reason", reason, size);
	quarantine_describe(root, &now);
	return boot[0] && strcmp(boot, now.boot) == 0;
}

enum quarantine quarantine_look(const char *root, struct quarantine_marker *marker)
{
	char text[QUARANTINE_TEXT_SIZE];
	struct quarantine_marker now;
	ssize_t length = read_note(root, QUARANTINE_FILE, text);

	*marker = (struct quarantine_marker){ .boot = "" };
	if (length == -ENOENT || length == -ENOTDIR)
		return QUARANTINE_NONE;
	parse(text, marker);
	quarantine_describe(root, &now);
	if (is_of_other_machine(marker, &now))
		return QUARANTINE_NONE;
	return marker->boot[0] && strcmp(marker->boot, now.boot) == 0 ? QUARANTINE_TRIAL : QUARANTINE_HELD;
}
