/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "module.h"

#define NEW	"new"

/* Of /proc/sys/kernel/tainted: what a module that went wrong leaves where an oops does not panic. */
#define TAINT_DIED	(1u << 7)
#define TAINT_LOCKUP	(1u << 14)

/* What is made in a directory is there after a crash when the directory is on the disk too. */
static int sync_directory(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), result = 0;

	if (fd < 0)
		return -errno;
	if (fsync(fd))
		result = -errno;
	close(fd);
	return result;
}

/* systemd has made it, where it starts the unit. */
static int make_directory(const char *root, char path[PATH_MAX])
{
	char parent[PATH_MAX];
	int length;

	snprintf(path, PATH_MAX, "%s" QUARANTINE_DIRECTORY, root);
	if (!mkdir(path, 0755)) {
		length = (int)(strrchr(path, '/') - path);
		snprintf(parent, sizeof(parent), "%.*s", length, path);
		return sync_directory(parent);
	}
	return errno == EEXIST ? 0 : -errno;
}

static int write_all(int fd, const char *text, size_t length)
{
	ssize_t written = write(fd, text, length);

	if (written < 0)
		return -errno;
	if ((size_t)written < length)
		return -ENOSPC;
	return fsync(fd) ? -errno : 0;
}

static int write_note(int directory, const char *name, const char *text, size_t length)
{
	int fd = openat(directory, NEW, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644), result;

	if (fd < 0)
		return -errno;
	result = write_all(fd, text, length);
	/* hadald reads it, whatever the mask is. */
	if (!result && fchmod(fd, 0644))
		result = -errno;
	close(fd);
	if (!result && renameat(directory, NEW, directory, name))
		result = -errno;
	if (!result && fsync(directory))
		result = -errno;
	return result;
}

static int leave_note(const char *root, const char *name, const char *text, size_t length)
{
	char path[PATH_MAX];
	int directory, result = make_directory(root, path);

	if (result)
		return result;
	directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (directory < 0)
		return -errno;
	result = write_note(directory, name, text, length);
	close(directory);
	return result;
}

static int remove_note(const char *root, const char *name)
{
	char directory[PATH_MAX], path[PATH_MAX];

	snprintf(directory, sizeof(directory), "%s" QUARANTINE_DIRECTORY, root);
	snprintf(path, sizeof(path), "%s" QUARANTINE_DIRECTORY "/%s", root, name);
	if (unlink(path))
		return errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
	return sync_directory(directory);
}

int module_trial_begin(const char *root, const char *version)
{
	struct quarantine_marker marker;
	char text[QUARANTINE_TEXT_SIZE];

	quarantine_describe(root, &marker);
	snprintf(marker.module, sizeof(marker.module), "%s", version);
	return leave_note(root, QUARANTINE_FILE, text, quarantine_format(&marker, text));
}

int module_trial_end(const char *root)
{
	return remove_note(root, QUARANTINE_FILE);
}

int module_note_off(const char *root, const char *reason)
{
	char text[QUARANTINE_TEXT_SIZE];

	if (!*reason)
		return remove_note(root, QUARANTINE_OFF_FILE);
	return leave_note(root, QUARANTINE_OFF_FILE, text, quarantine_format_off(root, reason, text));
}

bool module_trial_failed(const char *root, const struct quarantine_marker *marker)
{
	struct quarantine_marker now;

	quarantine_describe(root, &now);
	if (now.taint & ~marker->taint & (TAINT_DIED | TAINT_LOCKUP))
		return true;
	/* A host that had had an oops has had the taint since. */
	return marker->counts_oopses && now.counts_oopses && now.oopses > marker->oopses;
}

void module_trial_tell(const struct quarantine_marker *marker, char *text, size_t size)
{
	if (marker->boot[0])
		snprintf(text, size, "hadal %s, loaded %s on kernel %s", marker->module, marker->time, marker->kernel);
	else
		snprintf(text, size, QUARANTINE_DIRECTORY "/" QUARANTINE_FILE " is there and can't be read");
}
