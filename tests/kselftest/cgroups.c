// SPDX-License-Identifier: MIT
#include "cgroups.h"

#include <errno.h>
#include <mntent.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness.h"
#include "host.h"

#define OWN_MOUNT	"/tmp/hadal-cgroup2"

static bool find_mount(char *path, size_t size)
{
	FILE *mounts = setmntent("/proc/self/mounts", "re");
	const struct mntent *entry;
	bool found = false;

	ASSERT_TRUE(mounts != NULL);
	while (!found && (entry = getmntent(mounts))) {
		found = strcmp(entry->mnt_type, "cgroup2") == 0;
		if (found)
			snprintf(path, size, "%s", entry->mnt_dir);
	}
	endmntent(mounts);
	return found;
}

static const char *root(void)
{
	static char path[256];

	if (path[0] || find_mount(path, sizeof(path)))
		return path;
	mkdir(OWN_MOUNT, 0755);
	MUST(mount("cgroup2", OWN_MOUNT, "cgroup2", 0, NULL));
	return strcpy(path, OWN_MOUNT);
}

void cgroup_make(struct cgroup *group, const char *name)
{
	struct stat status;

	snprintf(group->path, sizeof(group->path), "%s/%s", root(), name);
	if (mkdir(group->path, 0755) < 0)
		ASSERT_EQ(EEXIST, errno);
	MUST(stat(group->path, &status));
	group->id = status.st_ino;
}

/* A process that has just ended may still be in it. */
void cgroup_remove(const struct cgroup *group)
{
	int tries;

	for (tries = 0; rmdir(group->path) < 0 && errno == EBUSY && tries < 1000; tries++)
		usleep(10000);
	EXPECT_TRUE(!file_exists(group->path));
}

static void enter(const char *directory)
{
	char path[PATH_MAX + 16];

	snprintf(path, sizeof(path), "%s/cgroup.procs", directory);
	ASSERT_EQ(0, file_write(path, "0"));
}

void cgroup_enter(const struct cgroup *group)
{
	enter(group->path);
}

void cgroup_enter_any(void *group)
{
	cgroup_enter(group);
}

void cgroup_leave(void)
{
	enter(root());
}

void cgroup_limit_memory(const struct cgroup *group, const char *bytes)
{
	char path[PATH_MAX + 32];

	snprintf(path, sizeof(path), "%s/cgroup.subtree_control", root());
	file_write(path, "+memory");
	snprintf(path, sizeof(path), "%s/memory.max", group->path);
	if (!file_exists(path)) {
		cgroup_remove(group);
		harness_skip("no memory controller in the unified hierarchy");
	}
	ASSERT_EQ(0, file_write(path, bytes));
}
