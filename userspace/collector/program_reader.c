/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "procfs.h"
#include "program_reader.h"
#include "thread.h"

#define SECOND	1000000000ULL

/* What was read of a file; of the least lately used the table's first is. */
struct file {
	UT_hash_handle hh;
	struct file_key key;
	struct build *build;	/* NULL: it says nothing, or is no ELF file */
};

/*
 * Questions and answers are messages on a pair of sockets: the kernel keeps
 * them apart and in order, and bounds them.
 */
struct program_reader {
	int own, other;		/* the caller's end, the thread's */
	pthread_t thread;
	struct file *files;	/* the thread's */
};

/* ---- one file ---- */

static int key_of(int fd, struct file_key *key)
{
	struct stat status;

	if (fstat(fd, &status))
		return -errno;
	if (!S_ISREG(status.st_mode))
		return -EACCES;
	*key = (struct file_key){
		.device = status.st_dev, .inode = status.st_ino, .size = (uint64_t)status.st_size,
		.changed = (uint64_t)status.st_ctim.tv_sec * SECOND + (uint64_t)status.st_ctim.tv_nsec,
	};
	return 0;
}

int program_find(int directory, const char *name, struct file_key *key)
{
	int fd = openat(directory, name, O_PATH | O_CLOEXEC), result;

	if (fd < 0)
		return -errno;
	result = key_of(fd, key);
	if (!result)
		return fd;
	close(fd);
	return result;
}

int program_read(int path_fd, const struct file_key *key, struct build_facts *facts)
{
	struct file_key after;
	char path[64];
	int fd, result;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", path_fd);
	/* Someone else's lease on it is not waited for. */
	fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	result = build_read(fd, facts);
	if (!result || result == -ENOEXEC) {
		if (key_of(fd, &after) || memcmp(key, &after, sizeof(after)))
			result = -ESTALE;
	}
	close(fd);
	return result;
}

/* ---- files that were read ---- */

static void forget(struct program_reader *reader, struct file *file)
{
	HASH_DEL(reader->files, file);
	build_put(file->build);
	free(file);
}

static void remember(struct program_reader *reader, const struct file_key *key, struct build *build)
{
	struct file *file = calloc(1, sizeof(*file));

	if (!file)
		return;
	if (HASH_COUNT(reader->files) >= PROGRAM_FILES)
		forget(reader, reader->files);
	file->key = *key;
	file->build = build ? build_ref(build) : NULL;
	HASH_ADD(hh, reader->files, key, sizeof(file->key), file);
	if (TABLE_INSERTED(file, hh))
		return;
	build_put(file->build);
	free(file);
}

/* Also makes it the last to be forgotten: the table is in the order of insertion. */
static struct file *recall(struct program_reader *reader, const struct file_key *key)
{
	struct file *file;

	HASH_FIND(hh, reader->files, key, sizeof(*key), file);
	if (!file)
		return NULL;
	HASH_DEL(reader->files, file);
	HASH_ADD(hh, reader->files, key, sizeof(file->key), file);
	if (TABLE_INSERTED(file, hh))
		return file;
	build_put(file->build);
	free(file);
	return NULL;
}

static bool says_something(const struct build_facts *facts)
{
	return facts->gnu_id[0] || facts->go_id[0] || facts->go_version[0] || facts->module_path[0];
}

static enum program_result look_into(struct program_reader *reader, int fd, const struct file_key *key,
				     struct build **build)
{
	struct file *file = recall(reader, key);
	struct build_facts facts;
	int result;

	*build = NULL;
	if (file) {
		*build = file->build ? build_ref(file->build) : NULL;
		return PROGRAM_READ;
	}
	result = program_read(fd, key, &facts);
	if (result && result != -ENOEXEC)
		return PROGRAM_UNREADABLE;
	if (!result && says_something(&facts))
		*build = build_new(&facts);
	remember(reader, key, *build);
	return PROGRAM_READ;
}

/* ---- one process ---- */

/*
 * @directory is of one process for good, also when its id is given anew; that
 * it began when the process asked about did makes it that one.
 */
static enum program_result look_at(struct program_reader *reader, int directory, uint64_t start_boottime,
				   struct build **build)
{
	enum program_result result;
	struct file_key key;
	int fd;

	if (procfs_started(directory, start_boottime))
		return PROGRAM_GONE;
	fd = program_find(directory, "exe", &key);
	if (fd < 0)
		return fd == -ENOENT || fd == -ESRCH ? PROGRAM_GONE : PROGRAM_UNREADABLE;
	result = look_into(reader, fd, &key, build);
	close(fd);
	return result;
}

static void answer_one(struct program_reader *reader, struct program_answer *answer)
{
	int directory = procfs_open((int)answer->question.tgid);

	answer->result = PROGRAM_GONE;
	if (directory >= 0) {
		answer->result = look_at(reader, directory, answer->question.start_boottime, &answer->build);
		close(directory);
	}
	answer->time = now_ns();
}

/* ---- the thread ---- */

static void *run(void *context)
{
	struct program_reader *reader = context;
	struct program_answer answer = { .build = NULL };
	struct file *file, *next;

	while (recv(reader->other, &answer.question, sizeof(answer.question), 0) == sizeof(answer.question)) {
		answer_one(reader, &answer);
		if (send(reader->other, &answer, sizeof(answer), MSG_NOSIGNAL) != sizeof(answer)) {
			build_put(answer.build);
			break;
		}
		answer = (struct program_answer){ .build = NULL };
	}
	HASH_ITER(hh, reader->files, file, next)
		forget(reader, file);
	return NULL;
}

static void destroy(struct program_reader *reader)
{
	close(reader->own);
	close(reader->other);
	free(reader);
}

int program_reader_start(struct program_reader **reader)
{
	struct program_reader *new = calloc(1, sizeof(*new));
	int ends[2], result;

	if (!new)
		return -ENOMEM;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends)) {
		result = -errno;
		free(new);
		return result;
	}
	new->own = ends[0];
	new->other = ends[1];
	result = thread_start(&new->thread, run, new);
	if (result)
		destroy(new);
	else
		*reader = new;
	return result;
}

void program_reader_stop(struct program_reader *reader)
{
	struct program_answer answer;
	struct timespec until;

	if (!reader)
		return;
	shutdown(reader->own, SHUT_RDWR);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec++;
	if (pthread_timedjoin_np(reader->thread, NULL, &until)) {
		pthread_detach(reader->thread);
		return;
	}
	while (program_reader_take(reader, &answer))
		build_put(answer.build);
	destroy(reader);
}

int program_reader_ask(struct program_reader *reader, const struct program_question *question)
{
	return send(reader->own, question, sizeof(*question), MSG_DONTWAIT | MSG_NOSIGNAL) == sizeof(*question)
		       ? 0 : -EAGAIN;
}

bool program_reader_take(struct program_reader *reader, struct program_answer *answer)
{
	return recv(reader->own, answer, sizeof(*answer), MSG_DONTWAIT) == sizeof(*answer);
}
