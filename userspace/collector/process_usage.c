/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <unistd.h>

#include "process_stat.h"
#include "process_usage.h"
#include "whole_file.h"

#define SECOND 1000000000ULL

static bool read_stat(int proc, uint32_t pid, struct process_stat *stat)
{
	char name[32], text[PROCESS_STAT_SIZE];
	ssize_t length;

	snprintf(name, sizeof(name), "%u/stat", pid);
	length = small_file_at(proc, name, text, sizeof(text));
	return length > 0 && process_stat_parse(text, (size_t)length, stat) == 0;
}

static void sample(struct process *process, int proc, uint64_t tick, uint64_t page)
{
	struct process_stat stat;

	if (!read_stat(proc, process->key.tgid, &stat) || stat.started != process->key.start_boottime / tick)
		return;
	process->cpu_time = (stat.user + stat.system) * tick;
	process->memory = stat.pages * page;
	process->sampled = true;
}

void process_usage_sample(struct process_table *table, int proc, unsigned int limit)
{
	uint64_t tick = SECOND / (uint64_t)sysconf(_SC_CLK_TCK), page = (uint64_t)sysconf(_SC_PAGESIZE);
	struct process *process;
	unsigned int sampled = 0;

	for (process = table->by_tgid; process; process = process->hh_tgid.next) {
		if (process->kernel)
			continue;
		if (sampled == limit) {
			count(table->counts, COUNT_SAMPLES_FULL);
			return;
		}
		sample(process, proc, tick, page);
		sampled++;
	}
}
