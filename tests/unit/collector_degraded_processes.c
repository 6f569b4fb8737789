// SPDX-License-Identifier: MIT
/* Without the module: the records that are made of what the process connector and /proc say of processes. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "degraded_processes.h"
#include "queued_record.h"

struct processes_world {
	struct counts counts;
	struct record_queue queue;
	struct degraded_cgroups cgroups;
	struct net_spaces spaces;
	struct degraded_processes *processes;
};

static void processes_open(struct processes_world *world)
{
	*world = (struct processes_world){ .spaces = { .refused = true, .counts = &world->counts } };
	record_queue_init(&world->queue, 1 << 24);
	degraded_cgroups_init(&world->cgroups, 1024, &world->queue);
	world->processes = calloc(1, sizeof(*world->processes));
	assert_non_null(world->processes);
	*world->processes = (struct degraded_processes){
		.limit = 65536, .argv_max = 256, .queue = &world->queue, .cgroups = &world->cgroups,
		.spaces = &world->spaces, .counts = &world->counts,
	};
}

static void processes_close(struct processes_world *world)
{
	degraded_processes_free(world->processes);
	free(world->processes);
	net_spaces_free(&world->spaces);
	degraded_cgroups_free(&world->cgroups);
	record_queue_free(&world->queue);
}

/* The next record of a process, past those of cgroups. */
static const struct hadal_record *next_of_process(struct processes_world *world)
{
	const struct hadal_record *record;

	do {
		record = take(&world->queue);
	} while (record && record->record_class == HADAL_CLASS_CGROUP);
	return record;
}

static void finds_this_process(void **state)
{
	const struct hadal_record *record;
	const struct hadal_process *process = NULL;
	struct processes_world world;

	(void)state;
	processes_open(&world);
	degraded_processes_walk(world.processes);
	while (degraded_processes_step(world.processes, 16, 1000))
		;
	while ((record = next_of_process(&world))) {
		assert_int_equal(record->type, HADAL_RECORD_PROCESS_EXISTING);
		process = hadal_record_process(record);
		if (process->tgid == (uint32_t)getpid())
			break;
	}
	assert_non_null(record);
	assert_int_equal(process->parent_tgid, getppid());
	assert_int_equal(process->uid, getuid());
	assert_true(process->flags & HADAL_PROCESS_INDIRECT);
	assert_true(process->start_boottime > 0);
	assert_true(process->net_ns > 0);
	processes_close(&world);
}

static void event(struct processes_world *world, enum proc_event_kind kind, int tgid, int parent, uint32_t sequence)
{
	struct proc_event_facts facts = { .kind = kind, .time = 2000 + sequence, .cpu = 2, .sequence = sequence,
					  .tgid = tgid, .parent_tgid = parent, .exit_code = 7 << 8 };

	degraded_processes_event(world->processes, &facts, facts.time);
}

/* A child that is gone before it is looked at is of its parent's cgroup, and its end is told once. */
static void one_that_is_gone_is_as_its_parent(void **state)
{
	struct processes_world world;
	const struct hadal_record_process_exit *exited;
	const struct hadal_process *process;
	uint64_t cgroup_id;
	pid_t child;

	(void)state;
	processes_open(&world);
	event(&world, PROC_FORKED, getpid(), getppid(), 1);
	process = hadal_record_process(next_of_process(&world));
	assert_int_equal(process->tgid, getpid());
	cgroup_id = process->cgroup_id;
	child = fork();
	if (!child)
		_exit(0);
	waitpid(child, NULL, 0);
	event(&world, PROC_FORKED, child, getpid(), 2);
	process = hadal_record_process(next_of_process(&world));
	assert_int_equal(process->tgid, child);
	assert_int_equal(process->cgroup_id, cgroup_id);
	assert_int_equal(process->start_boottime, 2002);
	event(&world, PROC_EXECED, child, 0, 3);
	assert_null(next_of_process(&world));
	event(&world, PROC_EXITED, child, 0, 4);
	exited = (const void *)next_of_process(&world);
	assert_int_equal(exited->header.type, HADAL_RECORD_PROCESS_EXIT);
	assert_int_equal(exited->exit_code, 7 << 8);
	assert_int_equal(exited->process.start_boottime, 2002);
	event(&world, PROC_THREAD_EXITED, child, 0, 5);
	event(&world, PROC_EXITED, child, 0, 6);
	assert_null(next_of_process(&world));
	processes_close(&world);
}

/* A thread that executes a program takes the place of the first, which ends for that alone. */
static void an_exec_of_a_thread_ends_nothing(void **state)
{
	struct processes_world world;
	pid_t child = fork();

	(void)state;
	if (!child) {
		pause();
		_exit(0);
	}
	processes_open(&world);
	event(&world, PROC_FORKED, child, getpid(), 1);
	assert_int_equal(next_of_process(&world)->type, HADAL_RECORD_PROCESS_FORK);
	event(&world, PROC_EXITED, child, 0, 2);
	assert_null(next_of_process(&world));
	event(&world, PROC_EXECED, child, 0, 3);
	assert_int_equal(next_of_process(&world)->type, HADAL_RECORD_PROCESS_EXEC);
	event(&world, PROC_THREAD_EXITED, child, 0, 4);
	assert_null(next_of_process(&world));
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	event(&world, PROC_EXITED, child, 0, 5);
	assert_int_equal(next_of_process(&world)->type, HADAL_RECORD_PROCESS_EXIT);
	assert_null(next_of_process(&world));
	processes_close(&world);
}

static uint16_t type_of_cgroup(struct processes_world *world)
{
	const struct hadal_record *record;

	do {
		record = take(&world->queue);
	} while (record && record->record_class != HADAL_CLASS_CGROUP);
	assert_non_null(record);
	return record->type;
}

/* What runs while the first walk does was there before, for all that is known. */
static void nothing_is_new_before_all_is_known(void **state)
{
	struct processes_world world;

	(void)state;
	processes_open(&world);
	event(&world, PROC_FORKED, getpid(), getppid(), 1);
	assert_int_equal(type_of_cgroup(&world), HADAL_RECORD_CGROUP_EXISTING);
	degraded_cgroups_walk(&world.cgroups, 3000);
	while (degraded_cgroups_step(&world.cgroups, 16, 3000))
		;
	while (take(&world.queue))
		;
	degraded_cgroups_meet(&world.cgroups, UINT64_MAX, "/made", 4000);
	assert_int_equal(type_of_cgroup(&world), HADAL_RECORD_CGROUP_MKDIR);
	processes_close(&world);
}

static void an_exec_has_path_and_arguments(void **state)
{
	const struct hadal_record_process_exec *exec;
	struct processes_world world;
	char path[4096];
	ssize_t length = readlink("/proc/self/exe", path, sizeof(path));

	(void)state;
	processes_open(&world);
	event(&world, PROC_EXECED, getpid(), 0, 1);
	exec = (const void *)next_of_process(&world);
	assert_non_null(exec);
	assert_int_equal(exec->header.type, HADAL_RECORD_PROCESS_EXEC);
	assert_int_equal(hadal_exec_path(exec).length, length);
	assert_memory_equal(hadal_exec_path(exec).data, path, (size_t)length);
	assert_true(exec->argc >= 1);
	assert_true(hadal_exec_argv(exec).length > 0);
	processes_close(&world);
}

/* Each CPU numbers its messages: what is missing was lost, and only that. */
static void gaps_are_losses(void **state)
{
	struct processes_world world;
	const struct hadal_class_stats *stats = &world.queue.stats.class_stats[HADAL_CLASS_PROCESS];

	(void)state;
	processes_open(&world);
	event(&world, PROC_OTHER, 0, 0, UINT32_MAX - 1);
	event(&world, PROC_OTHER, 0, 0, UINT32_MAX);
	event(&world, PROC_OTHER, 0, 0, 0);
	assert_int_equal(stats->lost, 0);
	event(&world, PROC_OTHER, 0, 0, 4);
	assert_int_equal(stats->lost, 3);
	assert_int_equal(stats->produced, stats->delivered + stats->lost);
	processes_close(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_this_process),
		cmocka_unit_test(one_that_is_gone_is_as_its_parent),
		cmocka_unit_test(an_exec_of_a_thread_ends_nothing),
		cmocka_unit_test(nothing_is_new_before_all_is_known),
		cmocka_unit_test(an_exec_has_path_and_arguments),
		cmocka_unit_test(gaps_are_losses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
