/* SPDX-License-Identifier: MIT */
/*
 * Containers and tasks from cgroup paths, and paths from cgroup ids.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <hadal/cgroup.h>

#define CONTAINER	"8b5ab6a1c8a4a1b1d4ab1fa1fe6fcbfa0f9c3c2f3d0d1e8a7b6c5d4e3f2a1b0c"
#define INNER		"1111111111111111111111111111111111111111111111111111111111111111"
#define TASK		"529630467358463ab6bbba4e73afe704"
#define UUID		"52963046-7358-463a-b6bb-ba4e73afe704"

struct example {
	const char *path;
	const char *container_id;
	const char *task_id;
};

static const struct example examples[] = {
	/* ECS */
	{ "/ecstasks.slice/ecstasks-" TASK ".slice/docker-" CONTAINER ".scope", CONTAINER, TASK },
	{ "/ecs/" TASK "/" CONTAINER, CONTAINER, TASK },
	{ "/ecs/" UUID "/" CONTAINER, CONTAINER, UUID },
	{ "/ecs/" TASK "/docker-" CONTAINER ".scope", CONTAINER, TASK },
	{ "/ecs/" TASK "/" CONTAINER "/init.scope", CONTAINER, TASK },
	{ "/ecs/" TASK "/" CONTAINER "/docker/" INNER, CONTAINER, TASK },
	{ "/ecs/" TASK, "", TASK },
	{ "/ecstasks.slice/ecstasks-" TASK ".slice", "", TASK },
	/* seen from a cgroup namespace beside it */
	{ "/../../ecs/" TASK "/" CONTAINER, CONTAINER, TASK },
	/* Docker, containerd and the like */
	{ "/docker/" CONTAINER, CONTAINER, "" },
	{ "/system.slice/docker-" CONTAINER ".scope", CONTAINER, "" },
	{ "/system.slice/docker-" CONTAINER ".scope/user.slice", CONTAINER, "" },
	{ "/system.slice/cri-containerd-" CONTAINER ".scope", CONTAINER, "" },
	{ "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod1234.slice/cri-containerd-" CONTAINER ".scope", CONTAINER, "" },
	{ "/machine.slice/libpod-" CONTAINER ".scope/container", CONTAINER, "" },
	{ "/docker/" CONTAINER "/docker/" INNER, CONTAINER, "" },
	/* none */
	{ "/", "", "" },
	{ "", "", "" },
	{ "/system.slice/docker.service", "", "" },
	{ "/user.slice/user-1000.slice/session-1.scope", "", "" },
	{ "/ecs/nothing", "", "" },
	{ "/" TASK "/x", "", "" },
	{ "/ecstasks.slice/ecstasks-nothing.slice", "", "" },
	{ "/docker/8b5ab6a1c8a4", "", "" },
	{ "/docker/" CONTAINER "0", "", "" },
	{ "/docker/z" CONTAINER, "", "" },
	{ "/docker/8B5AB6A1C8A4A1B1D4AB1FA1FE6FCBFA0F9C3C2F3D0D1E8A7B6C5D4E3F2A1B0C", "", "" },
};

static void paths_tell_container_and_task(void **state)
{
	char container_id[HADAL_CONTAINER_ID_SIZE], task_id[HADAL_TASK_ID_SIZE];
	size_t i;
	int result;

	(void)state;
	for (i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
		memset(container_id, 'x', sizeof(container_id));
		memset(task_id, 'x', sizeof(task_id));
		result = hadal_cgroup_parse(examples[i].path, container_id, task_id);
		assert_string_equal(container_id, examples[i].container_id);
		assert_string_equal(task_id, examples[i].task_id);
		assert_int_equal(result, examples[i].container_id[0] != 0);
	}
}

/* This process's own v2 cgroup: its path and the directory's inode number. */
static int own_cgroup(char *path, size_t size, uint64_t *id)
{
	static const char *const mounts[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified" };
	char full[2 * HADAL_CGROUP_PATH_MAX], line[HADAL_CGROUP_PATH_MAX];
	FILE *file = fopen("/proc/self/cgroup", "re");
	int found = -ENOENT;
	struct stat status;
	size_t i;

	while (file && found && fgets(line, sizeof(line), file))
		if (!strncmp(line, "0::", 3) && (size_t)snprintf(path, size, "%s", line + 3) < size)
			found = 0;
	if (file)
		fclose(file);
	if (found)
		return found;
	path[strcspn(path, "\n")] = 0;
	for (i = 0; i < 2; i++) {
		snprintf(full, sizeof(full), "%s%s/cgroup.procs", mounts[i], path);
		if (stat(full, &status) < 0)
			continue;
		snprintf(full, sizeof(full), "%s%s", mounts[i], path);
		if (stat(full, &status) < 0)
			continue;
		*id = status.st_ino;
		return 0;
	}
	return -ENOENT;
}

static void ids_tell_paths(void **state)
{
	char own[HADAL_CGROUP_PATH_MAX], path[HADAL_CGROUP_PATH_MAX];
	uint64_t id;

	(void)state;
	if (own_cgroup(own, sizeof(own), &id) < 0)
		skip();
	assert_int_equal(hadal_cgroup_path(0, id, getpid(), path, sizeof(path)), 0);
	assert_string_equal(path, own);
}

static void paths_tell_ids(void **state)
{
	char own[HADAL_CGROUP_PATH_MAX];
	uint64_t id, found = 0;

	(void)state;
	assert_int_equal(hadal_cgroup_id("", &found), -EINVAL);
	assert_int_equal(hadal_cgroup_id("system.slice", &found), -EINVAL);
	assert_int_equal(hadal_cgroup_id("/no/such/cgroup", &found), -ENOENT);
	assert_int_equal(hadal_cgroup_id("/tmp", &found), -ENOENT);	/* no cgroup */
	if (own_cgroup(own, sizeof(own), &id) < 0)
		skip();
	assert_int_equal(hadal_cgroup_id(own, &found), 0);
	assert_int_equal(found, id);
}

static void a_process_that_is_elsewhere_is_not_believed(void **state)
{
	char path[HADAL_CGROUP_PATH_MAX];

	(void)state;
	errno = 0;
	assert_int_equal(hadal_cgroup_path(0, UINT64_MAX - 1, getpid(), path, sizeof(path)), -ENOENT);
	assert_int_equal(hadal_cgroup_path(77, 1, getpid(), path, sizeof(path)), -ENOENT);
	assert_int_equal(errno, 0);
}

static void small_buffers_are_told(void **state)
{
	char own[HADAL_CGROUP_PATH_MAX], path[1];
	uint64_t id;

	(void)state;
	if (own_cgroup(own, sizeof(own), &id) < 0)
		skip();
	assert_int_equal(hadal_cgroup_path(0, id, getpid(), path, sizeof(path)), -ENAMETOOLONG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_tell_container_and_task),
		cmocka_unit_test(ids_tell_paths),
		cmocka_unit_test(paths_tell_ids),
		cmocka_unit_test(a_process_that_is_elsewhere_is_not_believed),
		cmocka_unit_test(small_buffers_are_told),
	};

	return cmocka_run_group_tests_name("cgroup", tests, NULL, NULL);
}
