/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <hadal/cgroup.h>

#include "cgroup_line.h"

#define CONTAINER_DIGITS	(HADAL_CONTAINER_ID_SIZE - 1)

/* ---- what a path says ---- */

struct component {
	const char *text;
	size_t length;
};

static bool is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

static bool all_hex(const char *text, size_t length)
{
	size_t i;

	for (i = 0; i < length; i++)
		if (!is_hex(text[i]))
			return false;
	return true;
}

/* 32 hexadecimal digits, or a UUID: 8-4-4-4-12. */
static bool is_task_id(const char *text, size_t length)
{
	size_t i;

	if (length == 32)
		return all_hex(text, length);
	if (length != 36)
		return false;
	for (i = 0; i < length; i++) {
		if (i == 8 || i == 13 || i == 18 || i == 23 ? text[i] != '-' : !is_hex(text[i]))
			return false;
	}
	return true;
}

static bool next_component(const char **path, struct component *component)
{
	*path += strspn(*path, "/");
	component->text = *path;
	component->length = strcspn(*path, "/");
	*path += component->length;
	return component->length > 0;
}

static bool has_prefix(const struct component *component, const char *prefix)
{
	size_t length = strlen(prefix);

	return component->length >= length && !memcmp(component->text, prefix, length);
}

static bool is_exactly(const struct component *component, const char *text)
{
	return component->length == strlen(text) && has_prefix(component, text);
}

/* Cuts suffix off, if it is there. */
static bool cut_suffix(struct component *component, const char *suffix)
{
	size_t length = strlen(suffix);

	if (component->length < length ||
	    memcmp(component->text + component->length - length, suffix, length))
		return false;
	component->length -= length;
	return true;
}

/* ecstasks-TASK.slice, or TASK below /ecs. */
static bool find_task(struct component component, const struct component *parent, char *task_id)
{
	static const char prefix[] = "ecstasks-";

	if (has_prefix(&component, prefix) && cut_suffix(&component, ".slice")) {
		component.text += strlen(prefix);
		component.length -= strlen(prefix);
	} else if (!is_exactly(parent, "ecs")) {
		return false;
	}
	if (!is_task_id(component.text, component.length))
		return false;
	memcpy(task_id, component.text, component.length);
	task_id[component.length] = 0;
	return true;
}

/* CONTAINER alone, or RUNTIME-CONTAINER.scope. */
static bool find_container(struct component component, char *container_id)
{
	const char *digits;

	cut_suffix(&component, ".scope");
	if (component.length < CONTAINER_DIGITS)
		return false;
	digits = component.text + component.length - CONTAINER_DIGITS;
	if (digits != component.text && digits[-1] != '-')
		return false;
	if (!all_hex(digits, CONTAINER_DIGITS))
		return false;
	memcpy(container_id, digits, CONTAINER_DIGITS);
	container_id[CONTAINER_DIGITS] = 0;
	return true;
}

HADAL_API int hadal_cgroup_parse(const char *path, char container_id[HADAL_CONTAINER_ID_SIZE],
				 char task_id[HADAL_TASK_ID_SIZE])
{
	struct component parent = { "", 0 }, component;

	container_id[0] = 0;
	task_id[0] = 0;
	while (next_component(&path, &component)) {
		if (find_container(component, container_id))
			return 1;
		if (!task_id[0])
			find_task(component, &parent, task_id);
		parent = component;
	}
	return 0;
}

/* ---- the path of an id ---- */

/* Where the unified hierarchy is, alone or beside v1. */
static const char *const unified_mounts[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified" };

/* The kernel's: include/linux/exportfs.h. The handle of a kernfs node is its id. */
#define FILEID_KERNFS	0xfe

union kernfs_handle {
	struct file_handle handle;
	unsigned char space[sizeof(struct file_handle) + sizeof(uint64_t)];
};

static int copy_path(char *path, size_t size, const char *from)
{
	size_t length = strlen(from);

	if (length >= size)
		return -ENAMETOOLONG;
	memcpy(path, from, length + 1);
	return 0;
}

/* The path of directory fd below mount. */
static int path_below(int fd, const char *mount, char *path, size_t size)
{
	char link[64], target[HADAL_CGROUP_PATH_MAX];
	size_t mount_length = strlen(mount);
	ssize_t length;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	length = readlink(link, target, sizeof(target) - 1);
	if (length < 0)
		return -ENOENT;
	target[length] = 0;
	if (strncmp(target, mount, mount_length))
		return -ENOENT;
	return copy_path(path, size, target[mount_length] ? target + mount_length : "/");
}

static int path_by_handle(uint64_t id, const char *mount, char *path, size_t size)
{
	union kernfs_handle node = {
		.handle = { .handle_bytes = sizeof(id), .handle_type = FILEID_KERNFS },
	};
	int mount_fd, fd, result;

	mount_fd = open(mount, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (mount_fd < 0)
		return -ENOENT;
	memcpy(node.handle.f_handle, &id, sizeof(id));
	fd = open_by_handle_at(mount_fd, &node.handle, O_PATH | O_DIRECTORY | O_CLOEXEC);
	close(mount_fd);
	if (fd < 0)
		return -ENOENT;
	result = path_below(fd, mount, path, size);
	close(fd);
	return result;
}

bool hadal_cgroup_line_parse(char *text, struct hadal_cgroup_line *line)
{
	char *end;

	line->hierarchy = strtoul(text, &end, 10);
	if (end == text || *end != ':')
		return false;
	line->controllers = end + 1;
	end = strchr(end + 1, ':');
	if (!end)
		return false;
	*end = 0;
	line->path = end + 1;
	end[1 + strcspn(end + 1, "\n")] = 0;
	return true;
}

static bool directory_is(const char *mount, const char *path, uint64_t id)
{
	char full[2 * HADAL_CGROUP_PATH_MAX];
	struct stat status;

	if (snprintf(full, sizeof(full), "%s%s", mount, path) >= (int)sizeof(full))
		return false;
	return stat(full, &status) == 0 && status.st_ino == id;
}

static bool membership_is(const struct hadal_cgroup_line *membership, uint64_t id)
{
	static const char named[] = "name=";
	const char *controllers = membership->controllers;
	char mount[256];

	if (membership->hierarchy == 0)
		return directory_is(unified_mounts[0], membership->path, id) ||
		       directory_is(unified_mounts[1], membership->path, id);
	if (!strncmp(controllers, named, strlen(named)))
		controllers += strlen(named);
	if (snprintf(mount, sizeof(mount), "/sys/fs/cgroup/%s", controllers) >= (int)sizeof(mount))
		return false;
	return directory_is(mount, membership->path, id);
}

static int path_by_process(uint32_t hierarchy, uint64_t id, pid_t pid, char *path, size_t size)
{
	struct hadal_cgroup_line membership;
	char name[64], *line = NULL;
	int result = -ENOENT;
	size_t room = 0;
	FILE *file;

	snprintf(name, sizeof(name), "/proc/%d/cgroup", (int)pid);
	file = fopen(name, "re");
	if (!file)
		return -ENOENT;
	while (result == -ENOENT && getline(&line, &room, file) > 0) {
		if (!hadal_cgroup_line_parse(line, &membership) || membership.hierarchy != hierarchy)
			continue;
		if (!membership_is(&membership, id))
			break;
		result = copy_path(path, size, membership.path);
	}
	free(line);
	fclose(file);
	return result;
}

static int find_path(uint32_t hierarchy, uint64_t id, pid_t pid, char *path, size_t size)
{
	int result = -ENOENT;
	size_t i;

	for (i = 0; hierarchy == 0 && i < 2 && result == -ENOENT; i++)
		result = path_by_handle(id, unified_mounts[i], path, size);
	if (result == -ENOENT && pid > 0)
		result = path_by_process(hierarchy, id, pid, path, size);
	return result;
}

HADAL_API int hadal_cgroup_path(uint32_t hierarchy, uint64_t id, pid_t pid, char *path, size_t size)
{
	int saved = errno, result = find_path(hierarchy, id, pid, path, size);

	errno = saved;
	return result;
}

/* ---- the id of a path ---- */

/* A cgroup's id is its directory's inode number. */
static int id_of_directory(const char *directory, uint64_t *id)
{
	struct statfs filesystem;
	struct stat status;

	if (stat(directory, &status) || !S_ISDIR(status.st_mode) || statfs(directory, &filesystem) ||
	    filesystem.f_type != CGROUP2_SUPER_MAGIC)
		return -ENOENT;
	*id = status.st_ino;
	return 0;
}

static int find_id(const char *path, uint64_t *id)
{
	char directory[2 * HADAL_CGROUP_PATH_MAX];
	size_t i;

	if (path[0] != '/')
		return -EINVAL;
	for (i = 0; i < sizeof(unified_mounts) / sizeof(unified_mounts[0]); i++) {
		if (snprintf(directory, sizeof(directory), "%s%s", unified_mounts[i], path) >=
		    (int)sizeof(directory))
			return -ENOENT;
		if (id_of_directory(directory, id) == 0)
			return 0;
	}
	return id_of_directory(path, id);
}

HADAL_API int hadal_cgroup_id(const char *path, uint64_t *id)
{
	int saved = errno, result = find_id(path, id);

	errno = saved;
	return result;
}
