/* SPDX-License-Identifier: MIT */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cgroup_watch.h"
#include "table.h"

/* Where cgroup v2 is, alone or beside v1. */
static const char *const roots[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified" };

/* A directory that was seen. */
struct seen {
	UT_hash_handle hh;
	uint64_t id;		/* inode number */
	char *path;		/* below the root, "/" in front */
};

/* A directory that is watched. */
struct watched {
	UT_hash_handle hh;
	int descriptor;
	char *path;
};

struct cgroup_watch {
	int inotify;
	char *root;
	struct seen *seen;
	struct watched *watched;
	struct counts uncounted;	/* of the scan at start */
};

static void forget_oldest(struct cgroup_watch *watch)
{
	struct seen *oldest = watch->seen;

	HASH_DEL(watch->seen, oldest);
	free(oldest->path);
	free(oldest);
}

static void remember(struct cgroup_watch *watch, uint64_t id, const char *path)
{
	struct seen *seen;

	HASH_FIND(hh, watch->seen, &id, sizeof(id), seen);
	if (seen)
		return;
	if (HASH_COUNT(watch->seen) >= CGROUP_WATCH_PATHS)
		forget_oldest(watch);
	seen = calloc(1, sizeof(*seen));
	if (!seen)
		return;
	seen->id = id;
	seen->path = strdup(path);
	if (seen->path)
		HASH_ADD(hh, watch->seen, id, sizeof(seen->id), seen);
	if (!seen->path || !TABLE_INSERTED(seen, hh)) {
		free(seen->path);
		free(seen);
	}
}

static void add_watch(struct cgroup_watch *watch, const char *full, const char *path, struct counts *counts)
{
	struct watched *watched;
	int descriptor;

	if (HASH_COUNT(watch->watched) >= CGROUP_WATCH_DIRECTORIES) {
		count(counts, COUNT_WATCHES_FULL);
		return;
	}
	descriptor = inotify_add_watch(watch->inotify, full, IN_CREATE | IN_ONLYDIR | IN_EXCL_UNLINK);
	if (descriptor < 0) {
		if (errno != ENOENT)
			count(counts, COUNT_WATCHES_FULL);
		return;
	}
	HASH_FIND_INT(watch->watched, &descriptor, watched);
	if (watched)
		return;
	watched = calloc(1, sizeof(*watched));
	if (!watched)
		return;
	watched->descriptor = descriptor;
	watched->path = strdup(path);
	if (watched->path)
		HASH_ADD_INT(watch->watched, descriptor, watched);
	if (!watched->path || !TABLE_INSERTED(watched, hh)) {
		free(watched->path);
		free(watched);
	}
}

static void drop_watch(struct cgroup_watch *watch, int descriptor)
{
	struct watched *watched;

	HASH_FIND_INT(watch->watched, &descriptor, watched);
	if (!watched)
		return;
	HASH_DEL(watch->watched, watched);
	free(watched->path);
	free(watched);
}

static void visit(struct cgroup_watch *watch, const char *path, struct counts *counts);

static void visit_children(struct cgroup_watch *watch, const char *full, const char *path, struct counts *counts)
{
	DIR *directory = opendir(full);
	const struct dirent *entry;
	char child[PATH_MAX];

	if (!directory)
		return;
	while ((entry = readdir(directory))) {
		if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
			continue;
		if (snprintf(child, sizeof(child), "%s/%s", strcmp(path, "/") ? path : "", entry->d_name) <
		    (int)sizeof(child))
			visit(watch, child, counts);
	}
	closedir(directory);
}

/* Watches before it looks: what is made in between shows in one of the two. */
static void visit(struct cgroup_watch *watch, const char *path, struct counts *counts)
{
	char full[PATH_MAX];
	struct stat status;

	if (snprintf(full, sizeof(full), "%s%s", watch->root, path) >= (int)sizeof(full) || stat(full, &status))
		return;
	remember(watch, status.st_ino, path);
	add_watch(watch, full, path, counts);
	visit_children(watch, full, path, counts);
}

int cgroup_watch_open_at(const char *root, struct cgroup_watch **watch)
{
	struct cgroup_watch *new = calloc(1, sizeof(*new));
	int error;

	if (!new)
		return -ENOMEM;
	new->root = strdup(root);
	new->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (!new->root || new->inotify < 0) {
		error = new->root ? errno : ENOMEM;
		cgroup_watch_close(new);
		return -error;
	}
	visit(new, "/", &new->uncounted);
	*watch = new;
	return 0;
}

int cgroup_watch_open(struct cgroup_watch **watch)
{
	char marker[PATH_MAX];

	for (size_t i = 0; i < sizeof(roots) / sizeof(roots[0]); i++) {
		snprintf(marker, sizeof(marker), "%s/cgroup.controllers", roots[i]);
		if (access(marker, F_OK) == 0)
			return cgroup_watch_open_at(roots[i], watch);
	}
	return -ENOENT;
}

void cgroup_watch_close(struct cgroup_watch *watch)
{
	struct watched *watched, *next;

	if (!watch)
		return;
	while (watch->seen)
		forget_oldest(watch);
	HASH_ITER(hh, watch->watched, watched, next)
		drop_watch(watch, watched->descriptor);
	if (watch->inotify >= 0)
		close(watch->inotify);
	free(watch->root);
	free(watch);
}

int cgroup_watch_fd(const struct cgroup_watch *watch)
{
	return watch->inotify;
}

static void take_event(struct cgroup_watch *watch, const struct inotify_event *event, struct counts *counts)
{
	struct watched *watched;
	char path[PATH_MAX];

	if (event->mask & IN_IGNORED) {
		drop_watch(watch, event->wd);
		return;
	}
	if (event->mask & IN_Q_OVERFLOW) {
		visit(watch, "/", counts);
		return;
	}
	if (!(event->mask & IN_ISDIR) || !event->len)
		return;
	HASH_FIND_INT(watch->watched, &event->wd, watched);
	if (watched && snprintf(path, sizeof(path), "%s/%s", strcmp(watched->path, "/") ? watched->path : "",
				event->name) < (int)sizeof(path))
		visit(watch, path, counts);
}

void cgroup_watch_update(struct cgroup_watch *watch, struct counts *counts)
{
	_Alignas(struct inotify_event) char buffer[16384];
	const struct inotify_event *event;
	ssize_t length;

	counts->value[COUNT_WATCHES_FULL] += watch->uncounted.value[COUNT_WATCHES_FULL];
	watch->uncounted.value[COUNT_WATCHES_FULL] = 0;
	while ((length = read(watch->inotify, buffer, sizeof(buffer))) > 0) {
		for (char *at = buffer; at < buffer + length; at += sizeof(*event) + event->len) {
			event = (const struct inotify_event *)(const void *)at;
			take_event(watch, event, counts);
		}
	}
}

int cgroup_watch_path(const struct cgroup_watch *watch, uint64_t id, char *path, size_t size)
{
	struct seen *seen;

	HASH_FIND(hh, watch->seen, &id, sizeof(id), seen);
	if (!seen)
		return -ENOENT;
	if (strlen(seen->path) >= size)
		return -ENAMETOOLONG;
	strcpy(path, seen->path);
	return 0;
}
