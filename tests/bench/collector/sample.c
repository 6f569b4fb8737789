// SPDX-License-Identifier: MIT
/*
 * What it costs to look at what processes use; one JSON object on standard output.
 *
 *     sample PROCESSES ROUNDS    CPU time of one look at so many, the best of the rounds
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "model.h"
#include "process_stat.h"
#include "process_usage.h"
#include "procfs.h"
#include "records.h"
#include "whole_file.h"

static void die(const char *what)
{
	fprintf(stderr, "sample: %s: %s\n", what, strerror(errno));
	exit(EXIT_FAILURE);
}

static uint64_t cpu_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * SECOND + (uint64_t)now.tv_nsec;
}

static void to_model(void *context, const struct hadal_record *record)
{
	model_record(context, record);
}

/* One that sleeps until its parent ends. */
static pid_t start_process(void)
{
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	pause();
	_exit(EXIT_SUCCESS);
}

static uint64_t start_of(int proc, pid_t pid)
{
	struct process_stat stat;
	char name[32], text[PROCESS_STAT_SIZE];
	ssize_t length;

	snprintf(name, sizeof(name), "%d/stat", (int)pid);
	length = small_file_at(proc, name, text, sizeof(text));
	if (length < 0 || process_stat_parse(text, (size_t)length, &stat))
		die(name);
	return stat.started * (SECOND / (uint64_t)sysconf(_SC_CLK_TCK));
}

static void add_process(struct recorder *recorder, int proc, pid_t pid)
{
	struct actor actor = {
		.tgid = (uint32_t)pid, .parent = (uint32_t)getpid(), .ns_tgid = (uint32_t)pid, .start = start_of(proc, pid),
		.path = "/usr/bin/sample",
	};

	record_existing(recorder, &actor);
}

static unsigned int count_sampled(const struct model *model)
{
	const struct process *process;
	unsigned int count = 0;

	for (process = model->processes.by_tgid; process; process = process->hh_tgid.next)
		count += process->sampled;
	return count;
}

int main(int argc, char **argv)
{
	unsigned int count = argc == 3 ? (unsigned int)strtoul(argv[1], NULL, 10) : 0;
	unsigned int rounds = argc == 3 ? (unsigned int)strtoul(argv[2], NULL, 10) : 0;
	struct model_config config = { .processes = 0 };
	struct recorder recorder = { .sink = to_model, .time = SECOND };
	uint64_t best = UINT64_MAX, began, took;
	struct model *model;
	int proc = procfs_root();
	pid_t *pids;

	if (!count || !rounds) {
		fprintf(stderr, "usage: sample PROCESSES ROUNDS\n");
		return 2;
	}
	pids = calloc(count, sizeof(*pids));
	if (proc < 0 || !pids || model_new(&config, &model))
		die("beginning");
	recorder.context = model;
	for (unsigned int i = 0; i < count; i++) {
		pids[i] = start_process();
		add_process(&recorder, proc, pids[i]);
	}
	for (unsigned int i = 0; i < rounds; i++) {
		began = cpu_ns();
		process_usage_sample(&model->processes, proc, count);
		took = cpu_ns() - began;
		best = took < best ? took : best;
	}
	printf("{\"processes\":%u,\"sampled\":%u,\"cpu_ns\":%" PRIu64 "}\n", count, count_sampled(model), best);
	for (unsigned int i = 0; i < count; i++) {
		kill(pids[i], SIGKILL);
		waitpid(pids[i], NULL, 0);
	}
	model_free(model);
	free(pids);
	close(proc);
	return EXIT_SUCCESS;
}
