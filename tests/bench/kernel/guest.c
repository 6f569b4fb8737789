// SPDX-License-Identifier: MIT
/*
 * guest MODULE ROUNDS [SUBJECT...]: as root in a guest whose clock counts
 * instructions. Each round runs each load under each subject, so that what
 * drifts, drifts for all. A line a measurement:
 *
 *	sample ROUND SUBJECT LOAD INSTRUCTIONS-PER-UNIT RECORDS-PER-UNIT LOOKS
 *
 * LOOKS is how often the reader woke up meanwhile. The reader is a process of
 * its own on the same CPU, and what it does counts. At the end of a measurement
 * it drains once more: the same question and answer under each subject.
 */
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "loads.h"
#include "must.h"
#include "subjects.h"

#define INTERVAL	100	/* ms between two looks, as hadald has it */
#define CGROUP		"/sys/fs/cgroup/hadal-bench"

static const struct subject *const subjects[] = {
	&subject_none, &subject_loaded, &subject_session, &subject_flows, &subject_dns,
	&subject_full, &subject_ebpf,
};
#define SUBJECTS (sizeof(subjects) / sizeof(subjects[0]))

/* Written by the reader's process. */
struct told {
	uint64_t records;
	uint64_t looks;
};

static volatile struct told *told;
static int to_reader, from_reader;

/* ---- the reader ---- */

static void watch(int epoll, int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

	MUST(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event));
}

static bool contains(const struct epoll_event *events, int count, int fd)
{
	while (count--)
		if (events[count].data.fd == fd)
			return true;
	return false;
}

/* Until the other end of the questions is closed. */
static void answer_questions(const struct subject *subject, int questions, int answers)
{
	int epoll = MUST(epoll_create1(EPOLL_CLOEXEC)), count;
	struct epoll_event events[2];
	char question;

	watch(epoll, questions);
	if (subject->fd)
		watch(epoll, subject->fd());
	for (;;) {
		count = MUST(epoll_wait(epoll, events, 2, subject->drain ? INTERVAL : -1));
		if (subject->drain)
			told->records += subject->drain();
		told->looks++;
		if (!contains(events, count, questions))
			continue;
		if (!MUST(read(questions, &question, 1)))
			return;
		MUST(write(answers, &question, 1));
	}
}

static void be_reader(const struct subject *subject, int questions, int answers)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (subject->start)
		subject->start();
	MUST(write(answers, "r", 1));
	answer_questions(subject, questions, answers);
	if (subject->stop)
		subject->stop();
	_exit(0);
}

static void hear(void)
{
	char answer;

	if (MUST(read(from_reader, &answer, 1)) != 1) {
		fprintf(stderr, "the reader ended\n");
		exit(1);
	}
}

static void ask_to_drain(void)
{
	MUST(write(to_reader, "d", 1));
	hear();
}

static pid_t start_reader(const struct subject *subject)
{
	int questions[2], answers[2];
	pid_t reader;

	MUST(pipe2(questions, O_CLOEXEC));
	MUST(pipe2(answers, O_CLOEXEC));
	reader = MUST(fork());
	if (!reader) {
		close(questions[1]);
		be_reader(subject, questions[0], answers[1]);
	}
	close(questions[0]);
	close(answers[1]);
	to_reader = questions[1];
	from_reader = answers[0];
	hear();
	return reader;
}

static void stop_reader(pid_t reader)
{
	close(to_reader);
	MUST(waitpid(reader, NULL, 0));
	close(from_reader);
}

/* ---- measuring ---- */

static uint64_t instructions(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void measure(unsigned int round, const struct subject *subject, const struct load *load)
{
	struct told before;
	uint64_t start, end;

	load->run(load->count / 8 + 1);
	ask_to_drain();
	before = *told;
	start = instructions();
	load->run(load->count);
	ask_to_drain();
	end = instructions();
	printf("sample %u %s %s %.2f %.3f %llu\n", round, subject->name, load->name,
	       (double)(end - start) / load->count,
	       (double)(told->records - before.records) / load->count,
	       (unsigned long long)(told->looks - before.looks));
	fflush(stdout);
	sleep(load->rest);
}

static void load_module(const char *path)
{
	int fd = MUST(open(path, O_RDONLY | O_CLOEXEC));

	MUST(syscall(SYS_finit_module, fd, "", 0));
	close(fd);
}

static void measure_subject(unsigned int round, const struct subject *subject, const char *module)
{
	unsigned int i;
	pid_t reader;

	if (subject->module)
		load_module(module);
	reader = start_reader(subject);
	for (i = 0; i < load_count; i++)
		measure(round, subject, &loads[i]);
	stop_reader(reader);
	if (subject->module)
		MUST(syscall(SYS_delete_module, "hadal", O_NONBLOCK));
	/* What the kernel frees later is not to fall on the next. */
	sleep(1);
}

/* As a container's process, not in the root of the hierarchy. */
static void enter_cgroup(void)
{
	int fd;

	mkdir(CGROUP, 0755);
	fd = MUST(open(CGROUP "/cgroup.procs", O_WRONLY | O_CLOEXEC));
	MUST(write(fd, "0", 1));
	close(fd);
}

static bool is_chosen(const struct subject *subject, char **names)
{
	if (!*names)
		return true;
	for (; *names; names++)
		if (!strcmp(*names, subject->name))
			return true;
	return false;
}

int main(int argc, char **argv)
{
	unsigned int round, rounds, i;

	if (argc < 3) {
		fprintf(stderr, "usage: guest MODULE ROUNDS [SUBJECT...]\n");
		return 2;
	}
	rounds = (unsigned int)atoi(argv[2]);
	told = mmap(NULL, sizeof(*told), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	enter_cgroup();
	for (i = 0; i < load_count; i++)
		if (loads[i].prepare)
			loads[i].prepare();
	for (round = 0; round < rounds; round++)
		for (i = 0; i < SUBJECTS; i++)
			if (is_chosen(subjects[i], argv + 3))
				measure_subject(round, subjects[i], argv[1]);
	return 0;
}
