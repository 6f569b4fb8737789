/* SPDX-License-Identifier: MIT */
/*
 * Files of cgroups of both versions and of the host: what they say, and what
 * none of them can say. And the reading of a tree of them.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "cgroup_reader.h"
#include "host_usage.h"

#define SECOND 1000000000ULL

/* A heap copy of just that length, so that a sanitizer sees what is read beyond. */
static int parse(enum cgroup_file file, const char *text, struct usage *usage)
{
	size_t length = strlen(text);
	char *copy = malloc(length + 1);
	int result;

	assert_non_null(copy);
	copy = realloc(copy, length ? length : 1);
	assert_non_null(copy);
	memcpy(copy, text, length);
	result = cgroup_file_parse(file, copy, length, usage);
	free(copy);
	return result;
}

static void expect(const struct usage *usage, enum usage_value value, uint64_t number)
{
	if (!usage_knows(usage, value) || usage->value[value] != number)
		fail_msg("value %d is %llu (known: %d) and not %llu", (int)value, (unsigned long long)usage->value[value],
			 usage_knows(usage, value), (unsigned long long)number);
}

static const struct {
	enum cgroup_file file;
	const char *text;
	struct {
		enum usage_value value;
		uint64_t number;
	} says[3];	/* 0, 0: nothing more */
} told[] = {
	{ CGROUP_CPU_STAT, "usage_usec 30\nuser_usec 10\nsystem_usec 20\nnr_periods 5\nnr_throttled 2\n"
			   "throttled_usec 7\nnr_bursts 0\nburst_usec 0\n",
	  { { USAGE_CPU_SYSTEM, 20000 }, { USAGE_CPU_PERIODS_THROTTLED, 2 }, { USAGE_CPU_THROTTLED, 7000 } } },
	{ CGROUP_MEMORY_CURRENT, "1048576\n", { { USAGE_MEMORY, 1048576 } } },
	{ CGROUP_MEMORY_MAX, "536870912\n", { { USAGE_MEMORY_LIMIT, 536870912 } } },
	{ CGROUP_MEMORY_STAT, "anon 4096\nfile 8192\ninactive_anon 1\ninactive_file 5000\n",
	  { { USAGE_MEMORY_INACTIVE_FILE, 5000 } } },
	{ CGROUP_MEMORY_EVENTS, "low 0\nhigh 3\nmax 4\noom 2\noom_kill 1\noom_group_kill 0\n",
	  { { USAGE_MEMORY_HIGH_HITS, 3 }, { USAGE_MEMORY_MAX_HITS, 4 }, { USAGE_MEMORY_OOM_KILLS, 1 } } },
	{ CGROUP_IO_STAT, "259:0 rbytes=100 wbytes=7 rios=1 wios=1 dbytes=0 dios=0\n8:0 \n"
			  "254:1 rbytes=1 wbytes=2 rios=0 wios=0 dbytes=0 dios=0 cost.usage=5\n",
	  { { USAGE_DISK_READ, 101 }, { USAGE_DISK_WRITTEN, 9 } } },
	{ CGROUP_IO_STAT, "", { { USAGE_DISK_READ, 0 }, { USAGE_DISK_WRITTEN, 0 } } },
	{ CGROUP_MEMORY_PRESSURE, "some avg10=0.00 avg60=0.12 avg300=0.00 total=42\n"
				  "full avg10=0.00 avg60=0.00 avg300=0.00 total=40\n",
	  { { USAGE_MEMORY_SOME, 42000 }, { USAGE_MEMORY_FULL, 40000 } } },
	{ CGROUP_CPU_PRESSURE, "some avg10=0.00 avg60=0.00 avg300=0.00 total=1\n", { { USAGE_CPU_SOME, 1000 } } },
	{ CGROUP_PIDS_CURRENT, "12\n", { { USAGE_THREADS, 12 } } },
	{ CGROUP_V1_CPU_USER, "12345678\n", { { USAGE_CPU_USER, 12345678 } } },
	{ CGROUP_V1_CPU_STAT, "nr_periods 9\nnr_throttled 8\nthrottled_time 7\n", { { USAGE_CPU_THROTTLED, 7 } } },
	{ CGROUP_V1_MEMORY_STAT, "inactive_file 1\ntotal_inactive_file 2\n", { { USAGE_MEMORY_INACTIVE_FILE, 2 } } },
	{ CGROUP_V1_MEMORY_OOM, "oom_kill_disable 0\nunder_oom 0\noom_kill 6\n", { { USAGE_MEMORY_OOM_KILLS, 6 } } },
	{ CGROUP_V1_DISK_BYTES, "8:0 Read 10\n8:0 Write 20\n8:0 Sync 5\n8:0 Total 30\n8:16 Read 1\nTotal 31\n",
	  { { USAGE_DISK_READ, 11 }, { USAGE_DISK_WRITTEN, 20 } } },
};

static void files_are_understood(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(told) / sizeof(told[0]); i++) {
		struct usage usage = { .known = 0 };

		assert_int_equal(parse(told[i].file, told[i].text, &usage), 0);
		for (unsigned int j = 0; j < 3 && (told[i].says[j].value || told[i].says[j].number); j++)
			expect(&usage, told[i].says[j].value, told[i].says[j].number);
	}
}

static void no_limit_is_none(void **state)
{
	struct usage usage = { .known = 0 };

	(void)state;
	assert_int_equal(parse(CGROUP_MEMORY_MAX, "max\n", &usage), 0);
	assert_int_equal(parse(CGROUP_CPU_MAX, "max 100000\n", &usage), 0);
	assert_int_equal(parse(CGROUP_V1_MEMORY_LIMIT, "9223372036854771712\n", &usage), 0);
	assert_int_equal(parse(CGROUP_V1_CPU_QUOTA, "-1\n", &usage), 0);
	cgroup_files_finish(&usage);
	assert_false(usage_knows(&usage, USAGE_MEMORY_LIMIT));
	assert_false(usage_knows(&usage, USAGE_CPU_LIMIT));
}

static void several_files_tell_together(void **state)
{
	struct usage usage = { .known = 0 };

	(void)state;
	assert_int_equal(parse(CGROUP_CPU_MAX, "150000 100000\n", &usage), 0);
	assert_int_equal(parse(CGROUP_MEMORY_CURRENT, "9000\n", &usage), 0);
	assert_int_equal(parse(CGROUP_MEMORY_STAT, "inactive_file 2000\n", &usage), 0);
	cgroup_files_finish(&usage);
	expect(&usage, USAGE_CPU_LIMIT, 3 * SECOND / 2);
	expect(&usage, USAGE_MEMORY_WORKING_SET, 7000);
	/* More than there is, since it is read later. */
	assert_int_equal(parse(CGROUP_MEMORY_STAT, "inactive_file 9001\n", &usage), 0);
	cgroup_files_finish(&usage);
	expect(&usage, USAGE_MEMORY_WORKING_SET, 0);
	usage = (struct usage){ .known = 0 };
	assert_int_equal(parse(CGROUP_V1_CPU_QUOTA, "50000\n", &usage), 0);
	assert_int_equal(parse(CGROUP_V1_CPU_PERIOD, "0\n", &usage), 0);
	cgroup_files_finish(&usage);
	assert_false(usage_knows(&usage, USAGE_CPU_LIMIT));
	assert_int_equal(parse(CGROUP_V1_CPU_PERIOD, "100000\n", &usage), 0);
	cgroup_files_finish(&usage);
	expect(&usage, USAGE_CPU_LIMIT, SECOND / 2);
}

static const struct {
	enum cgroup_file file;
	const char *text;
} hostile[] = {
	{ CGROUP_CPU_STAT, "user_usec 10" },	/* cut */
	{ CGROUP_CPU_STAT, "user_usec 10\nsystem_usec 2" },
	{ CGROUP_CPU_STAT, "user_usec\n" },
	{ CGROUP_CPU_STAT, "user_usec -1\n" },
	{ CGROUP_CPU_STAT, "user_usec 1 2\n" },
	{ CGROUP_CPU_STAT, "user_usec 0x10\n" },
	{ CGROUP_CPU_STAT, "user_usec 18446744073709551616\n" },	/* 2^64 */
	{ CGROUP_CPU_STAT, "user_usec 18446744073709551615\n" },	/* in ns too much */
	{ CGROUP_CPU_STAT, "user_usec 10\n\n" },
	{ CGROUP_CPU_STAT, "\n" },
	{ CGROUP_CPU_MAX, "\n" },
	{ CGROUP_CPU_MAX, "" },
	{ CGROUP_CPU_MAX, "max\n" },
	{ CGROUP_CPU_MAX, "100000 max\n" },
	{ CGROUP_CPU_MAX, "1 2 3\n" },
	{ CGROUP_CPU_MAX, "1 2\n1 2\n" },
	{ CGROUP_MEMORY_CURRENT, "" },
	{ CGROUP_MEMORY_CURRENT, "\n" },
	{ CGROUP_MEMORY_CURRENT, "1\n2\n" },
	{ CGROUP_MEMORY_CURRENT, "12 \n" },
	{ CGROUP_MEMORY_CURRENT, "1e9\n" },
	{ CGROUP_IO_STAT, "rbytes=1 wbytes=1\n" },
	{ CGROUP_IO_STAT, "8 rbytes=1\n" },
	{ CGROUP_IO_STAT, ":0 rbytes=1\n" },
	{ CGROUP_IO_STAT, "8: rbytes=1\n" },
	{ CGROUP_IO_STAT, "8:0 rbytes=\n" },
	{ CGROUP_IO_STAT, "8:0 rbytes=1x\n" },
	{ CGROUP_IO_STAT, "8:0 rbytes=18446744073709551615\n8:1 rbytes=1\n" },
	{ CGROUP_CPU_PRESSURE, "some total=\n" },
	{ CGROUP_CPU_PRESSURE, "some avg10=0.00\n" },
	{ CGROUP_CPU_PRESSURE, "none total=1\n" },
	{ CGROUP_V1_DISK_BYTES, "8:0 Read\n" },
	{ CGROUP_V1_DISK_BYTES, "8:0 Read x\n" },
	{ CGROUP_V1_DISK_BYTES, "Total\n" },
	{ CGROUP_V1_DISK_BYTES, "Total many\n" },
};

static void what_is_not_of_its_form_says_nothing(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++) {
		struct usage usage = { .known = 0 }, before;

		usage_set(&usage, USAGE_CPU_USER, 4711);
		before = usage;
		if (parse(hostile[i].file, hostile[i].text, &usage) != -EBADMSG)
			fail_msg("taken: %s", hostile[i].text);
		assert_memory_equal(&usage, &before, sizeof(usage));
	}
}

/* ---- a tree ---- */

static char root[] = "/tmp/hadal-cgroups.XXXXXX";

static void make(const char *path, const char *content)
{
	char full[512], *slash;
	FILE *file;

	snprintf(full, sizeof(full), "%s/%s", root, path);
	for (slash = full + strlen(root) + 1; (slash = strchr(slash, '/')); *slash++ = '/') {
		*slash = '\0';
		mkdir(full, 0700);
	}
	file = fopen(full, "we");
	assert_non_null(file);
	fputs(content, file);
	assert_int_equal(fclose(file), 0);
}

static int make_root(void **state)
{
	(void)state;
	strcpy(root + strlen(root) - 6, "XXXXXX");
	return mkdtemp(root) ? 0 : -1;
}

static int remove_root(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -r %s", root);
	return system(command);
}

static void a_tree_of_version_2_is_read(void **state)
{
	struct cgroup_reader *reader;
	struct usage usage;

	(void)state;
	make("cgroup.controllers", "cpu io memory pids\n");
	make("a/b/cpu.stat", "user_usec 5\nsystem_usec 6\n");
	make("a/b/memory.current", "77\n");
	make("a/b/pids.current", "many\n");
	make("a/empty/cgroup.procs", "");
	assert_int_equal(cgroup_reader_open(root, &reader), 0);
	assert_int_equal(cgroup_reader_read(reader, "/a/b", &usage), 1);
	expect(&usage, USAGE_CPU_SYSTEM, 6000);
	expect(&usage, USAGE_MEMORY, 77);
	assert_false(usage_knows(&usage, USAGE_THREADS));
	assert_int_equal(cgroup_reader_read(reader, "/a/c", &usage), -ENOENT);
	assert_int_equal(cgroup_reader_read(reader, "/a/empty", &usage), -ENOENT);
	cgroup_reader_close(reader);
}

static void a_tree_of_version_1_is_read(void **state)
{
	struct cgroup_reader *reader;
	struct usage usage;

	(void)state;
	make("cpuacct/docker/c/cpuacct.usage_user", "5\n");
	make("cpuacct/docker/c/cpuacct.usage_sys", "6\n");
	make("cpu/docker/c/cpu.cfs_quota_us", "200000\n");
	make("cpu/docker/c/cpu.cfs_period_us", "100000\n");
	make("memory/docker/c/memory.usage_in_bytes", "1000\n");
	make("memory/docker/c/memory.stat", "total_inactive_file 400\n");
	make("blkio/docker/c/blkio.throttle.io_service_bytes_recursive", "8:0 Read 4096\n8:0 Write 0\nTotal 4096\n");
	make("unified/docker/c/cpu.stat", "user_usec 999\n");
	assert_int_equal(cgroup_reader_open(root, &reader), 0);
	assert_int_equal(cgroup_reader_read(reader, "/docker/c", &usage), 0);
	expect(&usage, USAGE_CPU_USER, 5);
	expect(&usage, USAGE_CPU_LIMIT, 2 * SECOND);
	expect(&usage, USAGE_MEMORY_WORKING_SET, 600);
	expect(&usage, USAGE_DISK_READ, 4096);
	assert_false(usage_knows(&usage, USAGE_MEMORY_LIMIT));
	assert_int_equal(cgroup_reader_read(reader, "/docker/d", &usage), -ENOENT);
	cgroup_reader_close(reader);
}

static void a_file_without_end_is_left_out(void **state)
{
	struct cgroup_reader *reader;
	struct usage usage;
	char path[64];

	(void)state;
	make("cgroup.controllers", "");
	make("a/cpu.stat", "user_usec 5\n");
	snprintf(path, sizeof(path), "%s/a/io.stat", root);
	assert_int_equal(symlink("/dev/zero", path), 0);
	assert_int_equal(cgroup_reader_open(root, &reader), 0);
	assert_int_equal(cgroup_reader_read(reader, "/a", &usage), 1);
	expect(&usage, USAGE_CPU_USER, 5000);
	assert_false(usage_knows(&usage, USAGE_DISK_READ));
	cgroup_reader_close(reader);
}

/* ---- the host ---- */

static int parse_host(enum host_file file, const char *text, struct host_usage *usage)
{
	return host_file_parse(file, text, strlen(text), usage);
}

static void the_host_is_understood(void **state)
{
	struct host_usage usage = { .known = 0 };

	(void)state;
	assert_int_equal(parse_host(HOST_STAT, "cpu  10 20 30 40 50 60 70 80 90 100\ncpu0 1 2 3 4 5 6 7 8 9 10\n"
					       "cpu1 1 2 3 4 5 6 7 8 9 10\nintr 5 1 1\nctxt 9\nbtime 1700000000\n",
				    &usage), 0);
	assert_int_equal(usage.cpus, 2);
	assert_int_equal(usage.cpu[HOST_CPU_USER], 10);
	assert_int_equal(usage.cpu[HOST_CPU_STEAL], 80);
	assert_int_equal(usage.boot_time, 1700000000 * SECOND);
	/* The wall clock was set. */
	assert_int_equal(parse_host(HOST_STAT, "cpu 11 20 30 40 50 60 70 80\nbtime 1700000009\n", &usage), 0);
	assert_int_equal(usage.boot_time, 1700000000 * SECOND);
	assert_int_equal(parse_host(HOST_MEMINFO, "MemTotal: 8 kB\nMemFree: 1 kB\nMemAvailable: 4 kB\nBuffers: 2 kB\n"
						  "Cached:        3 kB\nHugePages_Total:       0\n", &usage), 0);
	assert_int_equal(usage.memory[HOST_MEMORY_TOTAL], 8192);
	assert_int_equal(usage.memory[HOST_MEMORY_CACHED], 3072);
	assert_int_equal(parse_host(HOST_LOADAVG, "0.25 1.50 12.05 3/500 4711\n", &usage), 0);
	assert_true(usage.load[0] == 0.25 && usage.load[1] == 1.5 && usage.load[2] > 12.04);
	assert_int_equal(parse_host(HOST_UPTIME, "77.25 100.00\n", &usage), 0);
	assert_true(usage.uptime == 77.25);
	assert_int_equal(parse_host(HOST_IO_PRESSURE, "some avg10=0.00 avg60=0.00 avg300=0.00 total=3\n", &usage), 0);
	expect(&usage.pressure, USAGE_IO_SOME, 3000);
	assert_int_equal(usage.known, 1U << HOST_STAT | 1U << HOST_MEMINFO | 1U << HOST_LOADAVG | 1U << HOST_UPTIME |
					      1U << HOST_IO_PRESSURE);
}

static const struct {
	enum host_file file;
	const char *text;
} hostile_host[] = {
	{ HOST_STAT, "" },
	{ HOST_STAT, "cpu 1 2 3 4 5 6 7\n" },
	{ HOST_STAT, "cpu 1 2 3 4 5 6 7 8" },
	{ HOST_STAT, "cpu 1 2 3 4 5 6 7 x\n" },
	{ HOST_STAT, "cpu0 1 2 3 4 5 6 7 8\n" },
	{ HOST_STAT, "cpu 1 2 3 4 5 6 7 8\nbtime -1\n" },
	{ HOST_STAT, "cpu 1 2 3 4 5 6 7 8\nbtime 18446744073709551615\n" },
	{ HOST_MEMINFO, "MemTotal: 8 kB\n" },
	{ HOST_MEMINFO, "MemTotal: 8 MB\nMemFree: 1 kB\nMemAvailable: 4 kB\nBuffers: 2 kB\nCached: 3 kB\n" },
	{ HOST_MEMINFO, "MemTotal: 18446744073709551615 kB\nMemFree: 1 kB\nMemAvailable: 4 kB\nBuffers: 2 kB\nCached: 3 kB\n" },
	{ HOST_LOADAVG, "0.25 1.50\n" },
	{ HOST_LOADAVG, "0.25 1.5 1.00\n" },
	{ HOST_LOADAVG, "nan 1.50 1.00\n" },
	{ HOST_LOADAVG, "0.25 1.50 1.00" },
	{ HOST_UPTIME, ".25 1.00\n" },
	{ HOST_UPTIME, "-1.25 1.00\n" },
	{ HOST_CPU_PRESSURE, "some\n" },
};

static void what_the_host_cannot_say_is_not_known(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(hostile_host) / sizeof(hostile_host[0]); i++) {
		struct host_usage usage = { .known = ~0U };

		if (parse_host(hostile_host[i].file, hostile_host[i].text, &usage) != -EBADMSG)
			fail_msg("taken: %s", hostile_host[i].text);
		assert_false(host_knows(&usage, hostile_host[i].file));
	}
}

static void this_host_is_read(void **state)
{
	struct counts counts = { { 0 } };
	struct host_usage usage = { .known = 0 };

	(void)state;
	host_usage_read(&usage, &counts);
	assert_true(host_knows(&usage, HOST_STAT) && host_knows(&usage, HOST_MEMINFO));
	assert_true(host_knows(&usage, HOST_LOADAVG) && host_knows(&usage, HOST_UPTIME));
	assert_int_equal(counts.value[COUNT_USAGE_BAD], 0);
	assert_true(usage.cpus > 0 && usage.memory[HOST_MEMORY_TOTAL] > usage.memory[HOST_MEMORY_FREE]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_are_understood),
		cmocka_unit_test(no_limit_is_none),
		cmocka_unit_test(several_files_tell_together),
		cmocka_unit_test(what_is_not_of_its_form_says_nothing),
		cmocka_unit_test_setup_teardown(a_tree_of_version_2_is_read, make_root, remove_root),
		cmocka_unit_test_setup_teardown(a_tree_of_version_1_is_read, make_root, remove_root),
		cmocka_unit_test_setup_teardown(a_file_without_end_is_left_out, make_root, remove_root),
		cmocka_unit_test(the_host_is_understood),
		cmocka_unit_test(what_the_host_cannot_say_is_not_known),
		cmocka_unit_test(this_host_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
