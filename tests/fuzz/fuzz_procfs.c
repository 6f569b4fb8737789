// SPDX-License-Identifier: MIT
/*
 * Files of /proc: the first byte chooses between a line of stat, the range of
 * ephemeral ports, a line of cgroup with its path, and a machine's id.
 */
#include <assert.h>
#include <string.h>

#include <hadal/cgroup.h>

#include "cgroup_line.h"
#include "fuzz.h"
#include "process_stat.h"
#include "procfs.h"

static void read_stat(char *text)
{
	struct process_stat stat;

	assert(process_stat_parse(text, strlen(text), &stat) || strchr(text, ')'));
}

static void read_ports(char *text)
{
	uint16_t low = 32768, high = 60999;

	procfs_parse_ports(text, &low, &high);
	assert(low <= high);
}

static void read_cgroup(char *text)
{
	char container[HADAL_CONTAINER_ID_SIZE], task[HADAL_TASK_ID_SIZE];
	struct hadal_cgroup_line line;

	if (!hadal_cgroup_line_parse(text, &line))
		return;
	assert(!strchr(line.path, '\n') && !strchr(line.controllers, ':'));
	assert(hadal_cgroup_parse(line.path, container, task) == !!container[0]);
	assert(!container[0] || strlen(container) == sizeof(container) - 1);
	assert(!task[0] || strlen(task) == 32 || strlen(task) == sizeof(task) - 1);
	assert(strspn(container, "0123456789abcdef") == strlen(container));
	assert(strspn(task, "0123456789abcdef-") == strlen(task));
}

static void read_machine_id(char *text)
{
	machine_id_clean(text);
	assert(strspn(text, "0123456789abcdef") == strlen(text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const readers[])(char *text) = { read_stat, read_ports, read_cgroup, read_machine_id };
	char *copy;

	if (!size)
		return 0;
	copy = fuzz_text(data + 1, size - 1);
	readers[data[0] % 4](copy);
	free(copy);
	return 0;
}
