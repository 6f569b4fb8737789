// SPDX-License-Identifier: MIT
/* The path of a file that is executed: what d_path() would say, wherever the file is. */
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "host.h"
#include "lives.h"
#include "recorder.h"

#define NAME_LONGEST	255	/* bytes, NAME_MAX */
#define NAME_SHORT	32	/* bytes; shorter ones stand in the kernel's own structure of a name */
#define LEVELS		80	/* more than the module walks itself */
#define LEVELS_WALKED	60	/* below a directory of the root: what it walks itself at least */

FIXTURE(paths) {
	struct recorder recorder;
	char directory[64];	/* on the mount that has the root */
	char program[96];
	bool only_d_path_tells;	/* of what is executed next: see hadal.h */
};

static void copy_helper(const char *to)
{
	char command[PATH_MAX + 256];

	snprintf(command, sizeof(command), "cp %s %s", helper_path(), to);
	ASSERT_EQ(0, system(command));
}

/* Mounts of the test end with it. */
static void own_mounts(void)
{
	MUST(unshare(CLONE_NEWNS));
	MUST(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
}

FIXTURE_SETUP(paths)
{
	struct hadal_config config;

	self->recorder.session.fd = -1;
	own_mounts();
	strcpy(self->directory, "/hadal-paths-XXXXXX");
	ASSERT_TRUE(mkdtemp(self->directory) != NULL);
	MUST(chdir(self->directory));
	snprintf(self->program, sizeof(self->program), "%s/program", self->directory);
	copy_helper(self->program);
	session_defaults(&config);
	recorder_begin(&self->recorder, &config);
}

FIXTURE_TEARDOWN(paths)
{
	char command[128];

	recorder_close(&self->recorder);
	MUST(chdir(self->directory));
	umount2("other", MNT_DETACH);	/* where the test has mounted something */
	MUST(chdir("/"));
	snprintf(command, sizeof(command), "rm -rf %s", self->directory);
	EXPECT_EQ(0, system(command));
}

/* ---- a file is executed by its descriptor, so that the kernel alone knows where it is ---- */

static void execute(int file)
{
	char *const argv[] = { "helper", NULL };

	syscall(SYS_execveat, file, "", argv, environ, AT_EMPTY_PATH);
	_exit(127);
}

/* The recorded path of @file; @before is called in the process, NULL: nothing is. */
static void record_path(struct paths *self, int file, void (*before)(const char *), const char *argument,
			char path[PATH_MAX])
{
	struct process_life life;
	pid_t pid = MUST(fork());
	int status;

	if (pid == 0) {
		harness_in_child();
		if (before)
			before(argument);
		execute(file);
	}
	MUST(waitpid(pid, &status, 0));
	ASSERT_TRUE(WIFEXITED(status));
	ASSERT_NE(127, WEXITSTATUS(status));
	recorder_drain(&self->recorder);
	life = life_of(&self->recorder, pid);
	ASSERT_EQ(1, life.execs);
	ASSERT_STREQ("", self->recorder.fault);
	memcpy(path, (const char *)life.exec + life.exec->strings_offset, life.exec->path_len);
	path[life.exec->path_len] = '\0';
}

/* Where d_path() may sleep the name by which it was opened may stand for what only that can tell. */
static bool is_path(const struct paths *self, const char *expected, const char *path)
{
	return strcmp(expected, path) == 0 ||
	       (self->only_d_path_tells && is_realtime() && strncmp(path, "/dev/fd/", 8) == 0);
}

static void check_file(struct paths *self, int file, void (*before)(const char *), const char *argument,
		       const char *expected)
{
	char path[PATH_MAX];

	record_path(self, file, before, argument, path);
	close(file);
	if (!is_path(self, expected, path))
		EXPECT_STREQ(expected, path);
}

static void check_path(struct paths *self, const char *program, const char *expected)
{
	check_file(self, MUST(open(program, O_PATH | O_CLOEXEC)), NULL, NULL, expected);
}

static void change_root(const char *directory)
{
	MUST(chroot(directory));
}

static void check_path_in_root(struct paths *self, const char *program, const char *root, const char *expected)
{
	check_file(self, MUST(open(program, O_PATH | O_CLOEXEC)), change_root, root, expected);
}

/* ---- where the root is ---- */

TEST_F(paths, on_the_mount_of_the_root)
{
	check_path(self, self->program, self->program);
}

TEST_F(paths, at_the_root_itself)
{
	char *name = strrchr(self->directory, '/');
	char program[96];

	snprintf(program, sizeof(program), "%s-program", name);
	copy_helper(program);
	check_path(self, program, program);
	MUST(unlink(program));
}

TEST_F(paths, in_a_changed_root)
{
	MUST(mkdir("inner", 0755));
	copy_helper("inner/program");
	check_path_in_root(self, "inner/program", self->directory, "/inner/program");
	check_path_in_root(self, "inner/program", "inner", "/program");
}

/* It can't be named from there: as seen from the root of all. */
TEST_F(paths, outside_of_a_changed_root)
{
	MUST(mkdir("inner", 0755));
	self->only_d_path_tells = true;
	check_path_in_root(self, self->program, "inner", self->program);
}

static void mount_tmpfs(const char *at)
{
	MUST(mkdir(at, 0755));
	MUST(mount("none", at, "tmpfs", 0, NULL));
}

TEST_F(paths, on_another_mount)
{
	char expected[128];

	mount_tmpfs("other");
	copy_helper("other/program");
	snprintf(expected, sizeof(expected), "%s/other/program", self->directory);
	self->only_d_path_tells = true;
	check_path(self, "other/program", expected);
}

/* As a container has it. */
TEST_F(paths, on_a_mount_that_is_the_root)
{
	mount_tmpfs("other");
	MUST(mkdir("other/bin", 0755));
	copy_helper("other/bin/program");
	check_path_in_root(self, "other/bin/program", "other", "/bin/program");
}

/* The same files twice: what counts is by which mount. */
TEST_F(paths, bound_elsewhere)
{
	char bound[128], named[128];

	MUST(mkdir("one", 0755));
	MUST(mkdir("other", 0755));
	copy_helper("one/program");
	MUST(mount("one", "other", NULL, MS_BIND, NULL));
	snprintf(named, sizeof(named), "%s/one/program", self->directory);
	snprintf(bound, sizeof(bound), "%s/other/program", self->directory);
	check_path(self, "one/program", named);
	check_path_in_root(self, "other/program", "other", "/program");
	self->only_d_path_tells = true;
	check_path(self, "other/program", bound);
	/* The root is the bound mount, the file is known by the one below it. */
	check_path_in_root(self, "one/program", "other", named);
}

/* ---- what the file is called ---- */

TEST_F(paths, deleted)
{
	char expected[128];
	int file = MUST(open(self->program, O_PATH | O_CLOEXEC));

	MUST(unlink(self->program));
	snprintf(expected, sizeof(expected), "%s (deleted)", self->program);
	self->only_d_path_tells = true;
	check_file(self, file, NULL, NULL, expected);
}

static void check_name(struct paths *self, size_t length)
{
	char name[NAME_LONGEST + 1], expected[NAME_LONGEST + 128];

	memset(name, 'n', length);
	name[length] = '\0';
	MUST(rename("program", name));
	snprintf(expected, sizeof(expected), "%s/%s", self->directory, name);
	self->only_d_path_tells = length >= NAME_SHORT;
	check_path(self, name, expected);
	MUST(rename(name, "program"));
}

/* Short ones stand in the kernel's own structure of a name, longer ones do not. */
TEST_F(paths, name_of_each_length)
{
	size_t length;

	for (length = 1; length <= 72; length++)
		check_name(self, length);
	check_name(self, NAME_LONGEST);
}

TEST_F(paths, deep)
{
	char expected[PATH_MAX];
	int level;

	for (level = 0; level < LEVELS; level++) {
		MUST(mkdir("d", 0755));
		MUST(chdir("d"));
		if (level % 8 && level < LEVELS - 1)
			continue;
		copy_helper("program");
		ASSERT_TRUE(getcwd(expected, sizeof(expected) - sizeof("/program")) != NULL);
		strcat(expected, "/program");
		self->only_d_path_tells = level >= LEVELS_WALKED;
		check_path(self, "program", expected);
	}
}

/* ---- while it is renamed ---- */

#define SHORT_NAME	"s"
#define LONG_NAME	"a-name-that-just-stands-there"
#define LONGER_NAME	"a-name-for-which-the-kernel-takes-memory-of-its-own-at-each-rename"

static pid_t start_renaming(void)
{
	const char *names[] = { SHORT_NAME, LONG_NAME, LONGER_NAME };
	pid_t parent = getpid(), pid = MUST(fork());
	size_t at = 0;

	if (pid)
		return pid;
	/* It ends when the test does, however that may be. */
	while (getppid() == parent) {
		if (rename(names[at % 3], names[(at + 1) % 3]) < 0)
			_exit(1);
		at++;
	}
	_exit(0);
}

static bool is_one_of_the_names(const struct paths *self, const char *path)
{
	const char *names[] = { SHORT_NAME, LONG_NAME, LONGER_NAME };
	char expected[256];
	size_t i;

	for (i = 0; i < 3; i++) {
		snprintf(expected, sizeof(expected), "%s/%s/program", self->directory, names[i]);
		if (is_path(self, expected, path))
			return true;
	}
	return false;
}

TEST_F(paths, renamed_meanwhile)
{
	unsigned int round, rounds = harness_rounds(300);
	char path[PATH_MAX];
	pid_t renaming;
	int file;

	MUST(mkdir(SHORT_NAME, 0755));
	MUST(rename("program", SHORT_NAME "/program"));
	file = MUST(open(SHORT_NAME "/program", O_PATH | O_CLOEXEC));
	self->only_d_path_tells = true;
	renaming = start_renaming();
	for (round = 0; round < rounds; round++) {
		record_path(self, file, NULL, NULL, path);
		if (!is_one_of_the_names(self, path))
			harness_fail_at(__FILE__, __LINE__, true, "not its path: %s", path);
	}
	/* It did all the while. */
	ASSERT_EQ(0, waitpid(renaming, NULL, WNOHANG));
	MUST(kill(renaming, SIGKILL));
	MUST(waitpid(renaming, NULL, 0));
	close(file);
}

HARNESS_MAIN
