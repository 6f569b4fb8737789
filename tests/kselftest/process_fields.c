// SPDX-License-Identifier: MIT
/* What a process record says of its process. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cgroups.h"
#include "children.h"
#include "harness.h"
#include "host.h"
#include "lives.h"
#include "recorder.h"

#define HELPER_STATUS	41	/* of the helper with arguments it does not know */

FIXTURE(fields) {
	struct recorder recorder;
	char directory[64];
	char program[96];	/* a copy of the helper in directory */
};

static void copy_program(const char *from, const char *to)
{
	char buffer[65536];
	int in = MUST(open(from, O_RDONLY | O_CLOEXEC));
	int out = MUST(open(to, O_WRONLY | O_CREAT | O_CLOEXEC, 0755));
	ssize_t size;

	while ((size = MUST(read(in, buffer, sizeof(buffer)))) > 0)
		ASSERT_EQ(size, MUST(write(out, buffer, (size_t)size)));
	close(in);
	close(out);
}

static void begin(struct fields *self, uint32_t argv_max)
{
	struct hadal_config config;

	session_defaults(&config);
	config.argv_max = argv_max;
	recorder_begin(&self->recorder, &config);
}

FIXTURE_SETUP(fields)
{
	self->recorder.session.fd = -1;
	strcpy(self->directory, "/tmp/hadal-fields-XXXXXX");
	ASSERT_TRUE(mkdtemp(self->directory) != NULL);
	MUST(chmod(self->directory, 0755));
	snprintf(self->program, sizeof(self->program), "%s/program", self->directory);
	copy_program(helper_path(), self->program);
}

FIXTURE_TEARDOWN(fields)
{
	char command[128];

	recorder_close(&self->recorder);
	snprintf(command, sizeof(command), "rm -rf %s", self->directory);
	EXPECT_EQ(0, system(command));
}

/* ---- exec: path, script, argv ---- */

struct exec_request {
	const char *path;
	char *const *argv;
	void (*before)(void *argument);	/* in the child, NULL: nothing */
	void *argument;
};

static pid_t run_exec(const struct exec_request *request)
{
	pid_t pid = MUST(fork());
	int status;

	if (pid == 0) {
		harness_in_child();
		if (request->before)
			request->before(request->argument);
		execv(request->path, request->argv);
		_exit(127);
	}
	MUST(waitpid(pid, &status, 0));
	ASSERT_EQ(HELPER_STATUS << 8, status);
	return pid;
}

static struct process_life exec_life(struct fields *self, const struct exec_request *request)
{
	struct process_life life;
	pid_t pid = run_exec(request);

	recorder_drain(&self->recorder);
	life = life_of(&self->recorder, pid);
	ASSERT_EQ(1, life.execs);
	ASSERT_STREQ("", self->recorder.fault);
	return life;
}

static const char *exec_path(const struct hadal_record_process_exec *exec)
{
	return (const char *)exec + exec->strings_offset;
}

static const char *exec_script(const struct hadal_record_process_exec *exec)
{
	return exec_path(exec) + exec->path_len;
}

static const char *exec_argv(const struct hadal_record_process_exec *exec)
{
	return exec_script(exec) + exec->script_len;
}

static void check_string(const char *expected, const char *seen, size_t length)
{
	char copy[8192] = "";

	ASSERT_LT(length, sizeof(copy));
	memcpy(copy, seen, length);
	EXPECT_STREQ(expected, copy);
}

/*
 * Where d_path() may sleep, the name by which the file was opened stands for the path of
 * one that only that can tell.
 */
static void check_path(const char *path, const char *opened, const struct hadal_record_process_exec *exec)
{
	size_t length = exec->path_len;

	if (is_realtime() && length == strlen(opened) && memcmp(opened, exec_path(exec), length) == 0)
		return;
	check_string(path, exec_path(exec), length);
}

TEST_F(fields, exec_path_and_argv)
{
	char *const argv[] = { "zero", "one", "", "two words", "three", NULL };
	const char whole[] = "zero\0one\0\0two words\0three";
	const struct hadal_record_process_exec *exec;

	begin(self, 4096);
	exec = exec_life(self, &(struct exec_request){ self->program, argv, NULL, NULL }).exec;
	check_string(self->program, exec_path(exec), exec->path_len);
	EXPECT_EQ(0, exec->script_len);
	EXPECT_EQ(5, exec->argc);
	EXPECT_EQ(0, exec->flags);
	ASSERT_EQ(sizeof(whole), exec->argv_len);
	EXPECT_EQ(0, memcmp(whole, exec_argv(exec), sizeof(whole)));
	EXPECT_STREQ("program", exec->process.comm);
}

TEST_F(fields, exec_without_argv)
{
	char *const argv[] = { "zero", "one", NULL };
	const struct hadal_record_process_exec *exec;

	begin(self, 0);
	exec = exec_life(self, &(struct exec_request){ self->program, argv, NULL, NULL }).exec;
	EXPECT_EQ(0, exec->argv_len);
	EXPECT_EQ(2, exec->argc);
	check_string(self->program, exec_path(exec), exec->path_len);
}

/* Arguments of `size` bytes in all, NULs included, against a limit. */
static void check_limit(struct fields *self, size_t size, uint16_t length, uint16_t flags)
{
	char text[8192];
	char *const argv[] = { "x", text, NULL };
	const struct hadal_record_process_exec *exec;

	memset(text, 'a', size - 3);
	text[size - 3] = '\0';
	exec = exec_life(self, &(struct exec_request){ self->program, argv, NULL, NULL }).exec;
	EXPECT_EQ(2, exec->argc);
	EXPECT_EQ(length, exec->argv_len);
	EXPECT_EQ(flags, exec->flags);
	EXPECT_EQ(0, memcmp("x", exec_argv(exec), 2));
	EXPECT_EQ(flags ? 'a' : '\0', exec_argv(exec)[exec->argv_len - 1]);
}

TEST_F(fields, argv_cut_small)
{
	begin(self, 64);
	check_limit(self, 63, 63, 0);
	check_limit(self, 64, 64, 0);
	check_limit(self, 65, 64, HADAL_EXEC_ARGV_TRUNCATED);
	check_limit(self, 8000, 64, HADAL_EXEC_ARGV_TRUNCATED);
}

/* Over page boundaries of the new stack, wherever they fall. */
TEST_F(fields, argv_cut_at_the_limit)
{
	size_t size;

	begin(self, 4096);
	ASSERT_EQ(4096, self->recorder.session.query.argv_limit);
	for (size = 4000; size <= 4096; size += 8)
		check_limit(self, size, (uint16_t)size, 0);
	check_limit(self, 4097, 4096, HADAL_EXEC_ARGV_TRUNCATED);
	check_limit(self, 8192, 4096, HADAL_EXEC_ARGV_TRUNCATED);
}

/* Two sessions, each with its own limit. */
TEST_F(fields, argv_limit_is_the_sessions)
{
	char *const argv[] = { "zero", "one", "two", NULL };
	const struct exec_request request = { self->program, argv, NULL, NULL };
	struct fields other;
	struct process_life life;

	begin(self, 4096);
	begin(&other, 8);
	life = exec_life(self, &request);
	EXPECT_EQ(13, life.exec->argv_len);
	recorder_drain(&other.recorder);
	life = life_of(&other.recorder, life.pid);
	ASSERT_EQ(1, life.execs);
	EXPECT_EQ(8, life.exec->argv_len);
	EXPECT_EQ(HADAL_EXEC_ARGV_TRUNCATED, life.exec->flags);
	EXPECT_EQ(0, memcmp("zero\0one", exec_argv(life.exec), 8));
	recorder_close(&other.recorder);
}

static void write_script(const char *path, const char *interpreter)
{
	int fd = MUST(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0755));

	MUST(dprintf(fd, "#!%s -option\n", interpreter));
	close(fd);
}

TEST_F(fields, exec_script)
{
	char script[128], argv_due[512];
	char *const argv[] = { "unseen", "argument", NULL };
	const struct hadal_record_process_exec *exec;
	size_t size;

	snprintf(script, sizeof(script), "%s/script", self->directory);
	write_script(script, self->program);
	begin(self, 1024);
	exec = exec_life(self, &(struct exec_request){ script, argv, NULL, NULL }).exec;
	check_string(self->program, exec_path(exec), exec->path_len);
	check_string(script, exec_script(exec), exec->script_len);
	size = (size_t)snprintf(argv_due, sizeof(argv_due), "%s%c-option%c%s%cargument",
				self->program, 0, 0, script, 0) + 1;
	EXPECT_EQ(4, exec->argc);
	ASSERT_EQ(size, exec->argv_len);
	EXPECT_EQ(0, memcmp(argv_due, exec_argv(exec), size));
	EXPECT_STREQ("script", exec->process.comm);
}

#define DESCRIPTOR	99

static void exec_by_descriptor(void *program)
{
	char *const argv[] = { "fd", NULL };
	int fd = MUST(open(program, O_PATH | O_CLOEXEC));

	MUST(dup3(fd, DESCRIPTOR, O_CLOEXEC));
	syscall(SYS_execveat, DESCRIPTOR, "", argv, environ, AT_EMPTY_PATH);
	_exit(127);
}

TEST_F(fields, exec_by_descriptor)
{
	char *const argv[] = { "unused", NULL };
	const struct exec_request request = {
		self->program, argv, exec_by_descriptor, self->program
	};
	const struct hadal_record_process_exec *exec;

	begin(self, 64);
	exec = exec_life(self, &request).exec;
	check_path(self->program, "/dev/fd/99", exec);
	EXPECT_EQ(0, exec->script_len);
}

static void change_root(void *directory)
{
	MUST(chroot(directory));
	MUST(chdir("/"));
}

TEST_F(fields, exec_path_from_its_root)
{
	char *const argv[] = { "in-root", NULL };
	const struct exec_request request = { "/program", argv, change_root, self->directory };
	const struct hadal_record_process_exec *exec;

	begin(self, 64);
	exec = exec_life(self, &request).exec;
	check_string("/program", exec_path(exec), exec->path_len);
}

#define DEEP_NAME	200	/* bytes of each directory's name */
#define DEEP_LEVELS	10

/* The child goes down one directory at a time; the path it has then is 2,000 bytes long. */
static void make_deep(const char *program, char *path, size_t size)
{
	char name[DEEP_NAME + 1];
	int level;

	memset(name, 'd', DEEP_NAME);
	name[DEEP_NAME] = '\0';
	for (level = 0; level < DEEP_LEVELS; level++) {
		MUST(mkdir(name, 0755));
		MUST(chdir(name));
	}
	copy_program(program, "program");
	ASSERT_TRUE(getcwd(path, size) != NULL);
	strcat(path, "/program");
}

/* Whole, or flagged and a part of it. */
TEST_F(fields, exec_long_path)
{
	char *const argv[] = { "deep", NULL };
	const struct hadal_record_process_exec *exec;
	char path[4096];

	MUST(chdir(self->directory));
	make_deep(self->program, path, sizeof(path) - 16);
	begin(self, 64);
	exec = exec_life(self, &(struct exec_request){ "./program", argv, NULL, NULL }).exec;
	if (exec->flags & HADAL_EXEC_PATH_TRUNCATED) {
		EXPECT_LT(exec->path_len, strlen(path));
		EXPECT_LT(0, exec->path_len);
		EXPECT_EQ(0, memcmp(path, exec_path(exec), exec->path_len));
	} else {
		check_path(path, "./program", exec);
	}
	check_string("deep", exec_argv(exec), exec->argv_len);
	MUST(chdir("/"));
}

/* ---- who ---- */

static void change_ids(void *unused)
{
	(void)unused;
	MUST(setgroups(0, NULL));
	MUST(setresgid(54321, 54322, 54322));
	MUST(setresuid(12345, 12346, 12346));
}

TEST_F(fields, real_ids)
{
	char *const argv[] = { "ids", NULL };
	const struct exec_request request = { self->program, argv, change_ids, NULL };
	struct process_life life;

	begin(self, 0);
	life = exec_life(self, &request);
	EXPECT_EQ(getuid(), life.fork->process.uid);
	EXPECT_EQ(12345, life.exec->process.uid);
	EXPECT_EQ(54321, life.exec->process.gid);
	ASSERT_EQ(1, life.exits);
	EXPECT_EQ(12345, life.exit->process.uid);
}

static void rename_self(void *unused)
{
	(void)unused;
	MUST(prctl(PR_SET_NAME, "a longer name than fits"));
}

TEST_F(fields, comm)
{
	struct process_life life;
	pid_t pid;

	begin(self, 0);
	MUST(prctl(PR_SET_NAME, "parent"));
	pid = child_start(rename_self, NULL);
	child_finish(pid);
	recorder_drain(&self->recorder);
	life = life_of(&self->recorder, pid);
	ASSERT_EQ(1, life.forks);
	ASSERT_EQ(1, life.exits);
	EXPECT_STREQ("parent", life.fork->process.comm);
	EXPECT_STREQ("a longer name t", life.exit->process.comm);
}

static void check_mount_namespace(uint32_t seen, uint32_t expected)
{
	if (seen)	/* 0: not read */
		EXPECT_EQ(expected, seen);
}

TEST_F(fields, namespaces)
{
	char *const argv[] = { "namespaces", NULL };
	struct process_life life;

	begin(self, 0);
	life = exec_life(self, &(struct exec_request){ self->program, argv, NULL, NULL });
	EXPECT_EQ(namespace_of(getpid(), "pid"), life.fork->process.pid_ns);
	EXPECT_EQ(namespace_of(getpid(), "net"), life.fork->process.net_ns);
	EXPECT_EQ(namespace_of(getpid(), "pid"), life.exec->process.pid_ns);
	EXPECT_EQ(namespace_of(getpid(), "net"), life.exec->process.net_ns);
	check_mount_namespace(life.fork->process.mnt_ns, namespace_of(getpid(), "mnt"));
	EXPECT_EQ(life.pid, life.fork->process.ns_tgid);
}

struct inner {
	pid_t pid;
	uint32_t pid_ns;
	uint32_t net_ns;
};

/* Its /proc must be of the new namespace to be read from inside. */
static void tell_from_new_proc(void *to)
{
	struct inner inner = { };

	MUST(unshare(CLONE_NEWNS));
	MUST(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	MUST(mount("proc", "/proc", "proc", 0, NULL));
	ASSERT_EQ(1, getpid());
	inner.pid_ns = namespace_of(1, "pid");
	inner.net_ns = namespace_of(1, "net");
	message_send(*(int *)to, &inner, sizeof(inner));
}

/* In a process of its own: it can make no more children once the first has ended. */
static void enter_new_namespaces(void *ends)
{
	const struct channel *outer = ends;
	struct channel channel;
	struct inner inner;
	pid_t pid;

	channel_open(&channel);
	MUST(unshare(CLONE_NEWPID | CLONE_NEWNET));
	pid = child_start(tell_from_new_proc, &channel.child);
	message_receive(channel.parent, &inner, sizeof(inner));
	child_finish(pid);
	inner.pid = pid;
	message_send(outer->child, &inner, sizeof(inner));
}

TEST_F(fields, new_namespaces)
{
	struct process_life life;
	struct channel channel;
	struct inner inner;
	pid_t pid;

	begin(self, 0);
	channel_open(&channel);
	pid = child_start(enter_new_namespaces, &channel);
	message_receive(channel.parent, &inner, sizeof(inner));
	child_finish(pid);
	recorder_drain(&self->recorder);
	life = life_of(&self->recorder, inner.pid);
	ASSERT_EQ(1, life.forks);
	EXPECT_EQ(1, life.fork->process.ns_tgid);
	EXPECT_EQ(inner.pid_ns, life.fork->process.pid_ns);
	EXPECT_EQ(inner.net_ns, life.fork->process.net_ns);
	channel_close(&channel);
}

static void tell_start(void *to)
{
	uint64_t ticks = start_ticks(getpid());

	message_send(*(int *)to, &ticks, sizeof(ticks));
}

TEST_F(fields, start_time)
{
	struct process_life life;
	struct channel channel;
	uint64_t ticks;
	pid_t pid;

	begin(self, 0);
	channel_open(&channel);
	pid = child_start(tell_start, &channel.child);
	message_receive(channel.parent, &ticks, sizeof(ticks));
	child_finish(pid);
	recorder_drain(&self->recorder);
	life = life_of(&self->recorder, pid);
	ASSERT_EQ(1, life.forks);
	EXPECT_EQ(ticks, ticks_of(life.fork->process.start_boottime));
	channel_close(&channel);
}

/* ---- cgroups ---- */

TEST_F(fields, cgroup)
{
	char *const argv[] = { "cgroup", NULL };
	struct cgroup before, after;
	struct process_life life;

	cgroup_make(&before, "hadal-fields-before");
	cgroup_make(&after, "hadal-fields-after");
	cgroup_enter(&before);
	begin(self, 0);
	life = exec_life(self, &(struct exec_request){
		self->program, argv, cgroup_enter_any, &after });
	EXPECT_EQ(before.id, life.fork->process.cgroup_id);
	EXPECT_EQ(after.id, life.exec->process.cgroup_id);
	EXPECT_EQ(0, life.exec->process.cgroup_hierarchy);
	ASSERT_EQ(1, life.exits);
	EXPECT_EQ(after.id, life.exit->process.cgroup_id);
	cgroup_leave();
	cgroup_remove(&before);
	cgroup_remove(&after);
}

static void use_too_much(void *group)
{
	const size_t size = 64 << 20;
	char *memory;

	cgroup_enter(group);
	memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	_exit(memory == MAP_FAILED ? 1 : 2);
}

TEST_F(fields, out_of_memory)
{
	struct cgroup group;
	struct process_life life;
	int status;
	pid_t pid;

	cgroup_make(&group, "hadal-fields-oom");
	cgroup_limit_memory(&group, "8388608");
	begin(self, 0);
	pid = child_start(use_too_much, &group);
	MUST(waitpid(pid, &status, 0));
	ASSERT_EQ(SIGKILL, status);
	recorder_drain(&self->recorder);
	life = life_of(&self->recorder, pid);
	ASSERT_EQ(1, life.exits);
	EXPECT_EQ(HADAL_PROCESS_OOM, life.exit->process.flags);
	EXPECT_EQ(SIGKILL, life.exit->exit_code);
	ASSERT_EQ(1, life.ooms);
	EXPECT_EQ(HADAL_PROCESS_OOM, life.oom->process.flags);
	EXPECT_EQ(life.exit->process.start_boottime, life.oom->process.start_boottime);
	EXPECT_EQ(group.id, life.oom->process.cgroup_id);
	EXPECT_EQ(getpid(), life.oom->process.parent_tgid);
	EXPECT_LT(life.oom->header.time, life.exit->header.time);
	cgroup_remove(&group);
}

HARNESS_MAIN
