// SPDX-License-Identifier: MIT
/* Every process gives exactly its records, whatever its threads do. */
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "children.h"
#include "connector.h"
#include "harness.h"
#include "host.h"
#include "lives.h"
#include "load.h"
#include "load_process.h"
#include "recorder.h"

#define LOAD		500	/* processes of a plain load */
#define TWO_THREADS	4000
#define EIGHT_THREADS	1000
#define LONG_TEST	1800	/* s: a bound for emulated machines */

FIXTURE(process) {
	struct recorder recorder;
	struct process_done *processes;
	struct process_life *lives;
};

static void drain(void *recorder)
{
	recorder_drain(recorder);
}

FIXTURE_SETUP(process)
{
	self->processes = calloc(TWO_THREADS, sizeof(*self->processes));
	self->lives = calloc(TWO_THREADS, sizeof(*self->lives));
	ASSERT_TRUE(self->processes && self->lives);
	recorder_begin(&self->recorder, NULL);
	load_set_step(drain, &self->recorder);
}

FIXTURE_TEARDOWN(process)
{
	load_set_step(NULL, NULL);
	recorder_close(&self->recorder);
	free(self->processes);
	free(self->lives);
}

/* ---- counts ---- */

static unsigned int execs_due(enum process_kind kind)
{
	return kind == PROCESS_EXECS || kind == PROCESS_VFORK_EXECS ||
	       kind == PROCESS_EXECS_IN_THREAD;
}

static void check_life(const struct process_life *life, const struct process_done *process)
{
	EXPECT_EQ(1, life->forks);
	EXPECT_EQ(execs_due(process->kind), life->execs);
	EXPECT_EQ(1, life->exits);
	if (life->forks != 1 || life->exits != 1)
		return;
	EXPECT_EQ(getpid(), life->fork->process.parent_tgid);
	EXPECT_EQ(getpid(), life->exit->process.parent_tgid);
	EXPECT_EQ(process->status, life->exit->exit_code);
	EXPECT_EQ(life->fork->process.start_boottime, life->exit->process.start_boottime);
	EXPECT_LT(life->fork->header.time, life->exit->header.time);
	EXPECT_EQ(0, life->fork->process.flags);
	EXPECT_EQ(0, life->exit->process.flags);
}

static bool is_of_parent(const struct hadal_record *record, const void *parent)
{
	const struct hadal_process *process = record_process(record);

	return process && process->parent_tgid == (uint32_t)*(const pid_t *)parent;
}

/* No record of a child but those of the load. */
static void check_total(struct process *self, size_t count, enum process_kind kind)
{
	const pid_t me = getpid();

	EXPECT_EQ(count * (2 + execs_due(kind)),
		  recorder_count(&self->recorder, is_of_parent, &me));
}

/* Returns how many processes that were. */
static size_t check_load(struct process *self, unsigned int load, enum process_kind kind)
{
	size_t count = harness_share(load), i;

	processes_run(self->processes, count, kind);
	recorder_end(&self->recorder);
	lives_gather(&self->recorder, self->processes, count, self->lives);
	for (i = 0; i < count; i++)
		check_life(&self->lives[i], &self->processes[i]);
	check_total(self, count, kind);
	return count;
}

TEST_F(process, fork_exit)
{
	check_load(self, LOAD, PROCESS_EXITS);
}

TEST_F(process, fork_exec_exit)
{
	check_load(self, LOAD, PROCESS_EXECS);
}

TEST_F(process, vfork_exec)
{
	check_load(self, LOAD, PROCESS_VFORK_EXECS);
}

TEST_F_TIMEOUT(process, two_threads_exit_together, LONG_TEST)
{
	check_load(self, TWO_THREADS, PROCESS_TWO_THREADS);
}

TEST_F_TIMEOUT(process, eight_threads_exit_group, LONG_TEST)
{
	check_load(self, EIGHT_THREADS, PROCESS_EIGHT_THREADS);
}

TEST_F_TIMEOUT(process, eight_threads_exit_group_race, LONG_TEST)
{
	check_load(self, EIGHT_THREADS, PROCESS_EIGHT_THREADS_RACE);
}

TEST_F(process, threads_are_no_processes)
{
	check_load(self, 20, PROCESS_MANY_THREADS);
}

#define WORKERS		4
#define WORKER_LOAD	250

static void worker(void *processes)
{
	load_set_step(NULL, NULL);
	processes_run(processes, harness_share(WORKER_LOAD), PROCESS_EXITS);
}

static void count_worker(const struct recorder *recorder, const struct process_done *processes,
			 struct process_life *lives)
{
	size_t count = harness_share(WORKER_LOAD), i;

	lives_gather(recorder, processes, count, lives);
	for (i = 0; i < count; i++) {
		EXPECT_EQ(1, lives[i].forks);
		EXPECT_EQ(0, lives[i].execs);
		EXPECT_EQ(1, lives[i].exits);
	}
}

/* Four parents on two CPUs: hooks run on all of them at once. */
TEST_F(process, parallel)
{
	size_t size = WORKERS * WORKER_LOAD * sizeof(struct process_done);
	struct process_done *shared = mmap(NULL, size, PROT_READ | PROT_WRITE,
					   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pids[WORKERS];
	int i;

	ASSERT_TRUE(shared != MAP_FAILED);
	for (i = 0; i < WORKERS; i++)
		pids[i] = child_start(worker, shared + i * WORKER_LOAD);
	for (i = 0; i < WORKERS; i++)
		child_finish(pids[i]);
	recorder_end(&self->recorder);
	for (i = 0; i < WORKERS; i++)
		count_worker(&self->recorder, shared + i * WORKER_LOAD, self->lives);
}

/* ---- exec ---- */

TEST_F(process, exec_in_thread)
{
	size_t count = check_load(self, 100, PROCESS_EXECS_IN_THREAD), i;

	for (i = 0; i < count; i++) {
		ASSERT_EQ(1, self->lives[i].execs);
		EXPECT_NE(self->processes[i].pid, self->lives[i].exec->old_tid);
		EXPECT_EQ(self->lives[i].fork->process.start_boottime,
			  self->lives[i].exec->process.start_boottime);
	}
}

TEST_F(process, exec_in_leader_names_it)
{
	size_t count = check_load(self, 20, PROCESS_EXECS), i;

	for (i = 0; i < count; i++) {
		ASSERT_EQ(1, self->lives[i].execs);
		EXPECT_EQ(self->processes[i].pid, self->lives[i].exec->old_tid);
		EXPECT_LT(self->lives[i].fork->header.time, self->lives[i].exec->header.time);
		EXPECT_LT(self->lives[i].exec->header.time, self->lives[i].exit->header.time);
	}
}

static void exec_what_is_not_there(void *unused)
{
	(void)unused;
	execl("/nothing/here", "nothing", (char *)NULL);
}

TEST_F(process, failed_exec_is_none)
{
	pid_t pid = child_start(exec_what_is_not_there, NULL);
	struct process_life life;

	child_finish(pid);
	recorder_end(&self->recorder);
	life = life_of(&self->recorder, pid);
	EXPECT_EQ(0, life.execs);
	EXPECT_EQ(1, life.exits);
}

/* ---- parents ---- */

static pid_t clone_flags(unsigned long flags)
{
	return (pid_t)MUST(syscall(SYS_clone, flags | SIGCHLD, 0, 0, 0, 0));
}

static void clone_sibling(void *to)
{
	pid_t pid = clone_flags(CLONE_PARENT);

	if (pid == 0)
		_exit(0);
	message_send(*(int *)to, &pid, sizeof(pid));
}

/* A child that its brother made, and that is ours all the same. */
TEST_F(process, clone_parent)
{
	struct channel channel;
	struct process_life life;
	pid_t brother, pid;

	channel_open(&channel);
	brother = child_start(clone_sibling, &channel.child);
	message_receive(channel.parent, &pid, sizeof(pid));
	child_finish(brother);
	child_finish(pid);
	recorder_end(&self->recorder);
	life = life_of(&self->recorder, pid);
	ASSERT_EQ(1, life.forks);
	ASSERT_EQ(1, life.exits);
	EXPECT_EQ(getpid(), life.fork->process.parent_tgid);
	EXPECT_EQ(HADAL_PROCESS_SIBLING, life.fork->process.flags);
	EXPECT_EQ(getpid(), life.exit->process.parent_tgid);
	EXPECT_EQ(0, life.exit->process.flags);
	life = life_of(&self->recorder, brother);
	ASSERT_EQ(1, life.forks);
	EXPECT_EQ(0, life.fork->process.flags);
	channel_close(&channel);
}

static void leave_orphan(void *to)
{
	pid_t pid = MUST(fork());

	if (pid == 0) {
		while (getppid() != *((pid_t *)to + 1))
			sched_yield();
		_exit(9);
	}
	message_send(*(int *)to, &pid, sizeof(pid));
}

/* An orphan's parent is the one that has taken it. */
TEST_F(process, orphan)
{
	struct channel channel;
	struct process_life life;
	pid_t middle, pid, argument[2];
	int status;

	MUST(prctl(PR_SET_CHILD_SUBREAPER, 1));
	channel_open(&channel);
	argument[0] = channel.child;
	argument[1] = getpid();
	middle = child_start(leave_orphan, argument);
	message_receive(channel.parent, &pid, sizeof(pid));
	child_finish(middle);
	MUST(waitpid(pid, &status, 0));
	ASSERT_EQ(9 << 8, status);
	recorder_end(&self->recorder);
	life = life_of(&self->recorder, pid);
	ASSERT_EQ(1, life.forks);
	ASSERT_EQ(1, life.exits);
	EXPECT_EQ(middle, life.fork->process.parent_tgid);
	EXPECT_EQ(getpid(), life.exit->process.parent_tgid);
	channel_close(&channel);
}

/* ---- what an exit says ---- */

static void check_killed(struct process *self, int number)
{
	struct process_done process = { .kind = PROCESS_KILLED, .code = number };
	struct process_life life;

	process_run(&process);
	recorder_drain(&self->recorder);
	life = life_of(&self->recorder, process.pid);
	ASSERT_EQ(1, life.exits);
	EXPECT_EQ(number, life.exit->exit_code);
}

TEST_F(process, exit_by_signal)
{
	static const int signals[] = { SIGHUP, SIGABRT, SIGKILL, SIGSEGV, SIGTERM };
	size_t i;

	for (i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		check_killed(self, signals[i]);
	recorder_end(&self->recorder);
}

static void use_eight_megabytes(void *unused)
{
	char *memory = malloc(8 << 20);

	(void)unused;
	memset(memory, 1, 8 << 20);
	sched_yield();
	_exit(memory[4096] - 1);
}

/* wait4() sums what the record sums: only what runs after the hook may differ. */
TEST_F(process, exit_resources)
{
	struct process_life life;
	struct rusage usage;
	int status;
	pid_t pid = child_start(use_eight_megabytes, NULL);

	MUST(wait4(pid, &status, 0, &usage));
	recorder_end(&self->recorder);
	life = life_of(&self->recorder, pid);
	ASSERT_EQ(1, life.exits);
	EXPECT_EQ(usage.ru_maxrss * 1024, life.exit->max_rss);
	EXPECT_EQ(usage.ru_minflt, life.exit->minor_faults);
	EXPECT_EQ(usage.ru_majflt, life.exit->major_faults);
	EXPECT_GE(usage.ru_nvcsw, life.exit->voluntary_switches);
	EXPECT_GE(usage.ru_nivcsw, life.exit->involuntary_switches);
	EXPECT_LT(0, life.exit->cpu_time);
	EXPECT_LE(8 << 20, life.exit->max_rss);
}

/* ---- the kernel's own record ---- */

/* The connector listened before and after: what we tell it has told. */
static void check_against(const struct connector *connector, const struct hadal_record *record)
{
	const struct hadal_process *process = record_process(record);

	if (!process)
		return;
	if (record->type == HADAL_RECORD_PROCESS_FORK)
		EXPECT_EQ(1, connector_count(connector, CONNECTOR_FORK, (pid_t)process->tgid));
	if (record->type == HADAL_RECORD_PROCESS_EXEC)
		EXPECT_LE(1, connector_count(connector, CONNECTOR_EXEC, (pid_t)process->tgid));
	if (record->type == HADAL_RECORD_PROCESS_EXIT)
		EXPECT_LE(1, connector_count(connector, CONNECTOR_EXIT, (pid_t)process->tgid));
}

static void check_both(struct process_life *life, const struct process_done *process,
		       const struct connector *connector)
{
	EXPECT_EQ(connector_count(connector, CONNECTOR_FORK, process->pid), life->forks);
	EXPECT_EQ(connector_count(connector, CONNECTOR_EXEC, process->pid), life->execs);
	EXPECT_EQ(1, life->exits);
}

TEST_F(process, as_the_connector_tells)
{
	const size_t each = 50;
	struct connector connector;
	size_t i, count = 0;
	int kind;

	recorder_close(&self->recorder);
	connector_open(&connector);
	recorder_begin(&self->recorder, NULL);
	for (kind = PROCESS_EXITS; kind < PROCESS_KILLED; kind++, count += each)
		processes_run(self->processes + count, each, (enum process_kind)kind);
	recorder_end(&self->recorder);
	connector_wait_exits(&connector, self->processes, count);
	lives_gather(&self->recorder, self->processes, count, self->lives);
	for (i = 0; i < count; i++)
		check_both(&self->lives[i], &self->processes[i], &connector);
	for (i = 0; i < self->recorder.count; i++)
		check_against(&connector, self->recorder.records[i]);
	connector_close(&connector);
}

HARNESS_MAIN
