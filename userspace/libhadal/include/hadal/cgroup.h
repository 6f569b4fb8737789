/* SPDX-License-Identifier: MIT */
/*
 * Which container and ECS task a cgroup belongs to, told from its path.
 */
#ifndef HADAL_CGROUP_H
#define HADAL_CGROUP_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifndef HADAL_API
#define HADAL_API __attribute__((visibility("default")))
#endif

#define HADAL_CONTAINER_ID_SIZE	65	/* 64 hexadecimal digits and NUL */
#define HADAL_TASK_ID_SIZE	37	/* 32 hexadecimal digits, or a UUID, and NUL */
#define HADAL_CGROUP_PATH_MAX	4096

/*
 * path: a cgroup's path within its hierarchy, as the third field of
 * /proc/PID/cgroup. Known forms, each also with more below it:
 *
 *	/ecstasks.slice/ecstasks-TASK.slice/docker-CONTAINER.scope	ECS, v2
 *	/ecs/TASK/CONTAINER						ECS, v1
 *	/ecs/TASK/docker-CONTAINER.scope
 *	/system.slice/docker-CONTAINER.scope				Docker
 *	/docker/CONTAINER
 *	.../cri-containerd-CONTAINER.scope				containerd
 *
 * Of containers in containers the outermost is meant: it is the one that the
 * host's runtime knows. Both texts are NUL-terminated and "" where there is
 * none. Returns 1 when a container was found, else 0; a task cgroup without a
 * container gives 0 and the task.
 */
HADAL_API int hadal_cgroup_parse(const char *path, char container_id[HADAL_CONTAINER_ID_SIZE],
				 char task_id[HADAL_TASK_ID_SIZE]);

/*
 * The path of cgroup id in hierarchy (0: v2), as in /proc/PID/cgroup. First
 * asked of the kernel by id (v2; needs CAP_DAC_READ_SEARCH), then, where pid
 * is above 0, of /proc/PID/cgroup; what that says counts only if the
 * directory there has this id, as the process may have moved since. ENOENT:
 * the cgroup is gone or could not be found. ENAMETOOLONG: size is too small.
 */
HADAL_API int hadal_cgroup_path(uint32_t hierarchy, uint64_t id, pid_t pid, char *path, size_t size);

/*
 * The id of the v2 cgroup at path: below the hierarchy's mount, as in
 * /proc/PID/cgroup, or the whole name of its directory. ENOENT: there is none.
 * EINVAL: path is not absolute.
 */
HADAL_API int hadal_cgroup_id(const char *path, uint64_t *id);

#endif
