// SPDX-License-Identifier: MIT
/* Wrong use gets the right errno, each. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "children.h"
#include "harness.h"
#include "host.h"
#include "load_process.h"
#include "recorder.h"

#define PAGE		4096U
#define NOBODY		65534
#define RING_MEMORY_MAX	"/sys/module/hadal/parameters/ring_memory_max"

FIXTURE(abuse) {
	struct session session;
	struct hadal_config config;
};

FIXTURE_SETUP(abuse)
{
	self->session.fd = -1;
	ASSERT_EQ(0, session_open(&self->session));
	session_defaults(&self->config);
	self->config.lifecycle_ring_size = PAGE;
	self->config.flow_ring_size = PAGE;
}

FIXTURE_TEARDOWN(abuse)
{
	session_close(&self->session);
}

static int command(const struct abuse *self, unsigned long request, void *argument)
{
	return ioctl(self->session.fd, request, argument) < 0 ? -errno : 0;
}

static int configure(struct abuse *self)
{
	return session_configure(&self->session, &self->config);
}

/* ---- ioctl: which, how long, where ---- */

TEST_F(abuse, unknown_command)
{
	unsigned int number;

	for (number = 0; number < 256; number++) {
		if (number >= 0xd0 && number <= 0xd5)
			continue;
		EXPECT_EQ(-ENOTTY, command(self, _IO(HADAL_IOC_MAGIC, number), NULL));
	}
	EXPECT_EQ(-ENOTTY, command(self, _IO('h', 0xd0), &self->session.query));
	EXPECT_EQ(-ENOTTY, command(self, _IOWR(HADAL_IOC_MAGIC, 0xd0, struct hadal_query),
				   &self->session.query));
	EXPECT_EQ(-ENOTTY, command(self, 0x5401, &self->session.query));	/* TCGETS */
}

static const struct {
	unsigned long request;
	uint32_t size;
	uint32_t first_size;
} sized[] = {
	{ HADAL_IOC_QUERY, sizeof(struct hadal_query), HADAL_QUERY_SIZE_FIRST },
	{ HADAL_IOC_CONFIGURE, sizeof(struct hadal_config), HADAL_CONFIG_SIZE_FIRST },
	{ HADAL_IOC_DUMP, sizeof(struct hadal_dump), HADAL_DUMP_SIZE_FIRST },
	{ HADAL_IOC_STATS, sizeof(struct hadal_stats), HADAL_STATS_SIZE_FIRST },
};

#define SIZED	(sizeof(sized) / sizeof(sized[0]))

TEST_F(abuse, size_too_small)
{
	static const uint32_t sizes[] = { 0, 1, 3, 4 };
	uint32_t block[1024];
	size_t i, j;

	for (i = 0; i < SIZED; i++) {
		for (j = 0; j < sizeof(sizes) / sizeof(sizes[0]); j++) {
			memset(block, 0, sizeof(block));
			block[0] = sizes[j];
			EXPECT_EQ(-EINVAL, command(self, sized[i].request, block));
		}
	}
}

/* One byte less than the struct's first version; a query is filled up to what it gives. */
TEST_F(abuse, size_one_short)
{
	uint32_t block[1024];
	size_t i;

	for (i = 0; i < SIZED; i++) {
		memset(block, 0, sizeof(block));
		block[0] = sized[i].first_size - 1;
		if (sized[i].request != HADAL_IOC_QUERY)
			EXPECT_EQ(-EINVAL, command(self, sized[i].request, block));
	}
}

TEST_F(abuse, size_absurd)
{
	static const uint32_t sizes[] = { PAGE + 8, 1U << 20, 0x7fffffff, 0x80000000, 0xffffffff };
	uint32_t *block = calloc(1, 2 << 20);
	size_t i, j;

	for (i = 0; i < SIZED; i++) {
		for (j = 0; j < sizeof(sizes) / sizeof(sizes[0]); j++) {
			block[0] = sizes[j];
			EXPECT_EQ(-E2BIG, command(self, sized[i].request, block));
		}
	}
	free(block);
}

TEST_F(abuse, tail_not_zero)
{
	unsigned char block[PAGE] __attribute__((aligned(8)));
	size_t i, at;

	for (i = 0; i < SIZED; i++) {
		for (at = sized[i].size; at < sized[i].size + 64; at += 7) {
			memset(block, 0, sizeof(block));
			*(uint32_t *)(void *)block = sized[i].size + 64;
			block[at] = 1;
			EXPECT_EQ(-E2BIG, command(self, sized[i].request, block));
		}
	}
}

/* A longer struct of a later header, whose new part asks for nothing. */
TEST_F(abuse, tail_of_zero_is_right)
{
	union {
		unsigned char bytes[PAGE];
		struct hadal_query query;
		struct hadal_config config;
		struct hadal_stats stats;
	} block = { .query = { .size = sizeof(block.query) + 128 } };

	EXPECT_EQ(0, command(self, HADAL_IOC_QUERY, &block));
	EXPECT_EQ(HADAL_ABI_VERSION, block.query.abi_version);
	memset(&block, 0, sizeof(block));
	block.config = self->config;
	block.config.size = sizeof(block.config) + 128;
	EXPECT_EQ(0, command(self, HADAL_IOC_CONFIGURE, &block));
	memset(&block, 0, sizeof(block));
	block.stats.size = sizeof(block.stats) + 128;
	block.stats.cpu = HADAL_CPU_ALL;
	EXPECT_EQ(0, command(self, HADAL_IOC_STATS, &block));
}

TEST_F(abuse, bad_pointers)
{
	unsigned char *pages = mmap(NULL, 2UL * PAGE, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	size_t i;

	ASSERT_TRUE(pages != MAP_FAILED);
	MUST(munmap(pages + PAGE, PAGE));
	for (i = 0; i < SIZED; i++) {
		uint32_t *last = (void *)(pages + PAGE - 4);

		EXPECT_EQ(-EFAULT, command(self, sized[i].request, NULL));
		EXPECT_EQ(-EFAULT, command(self, sized[i].request, (void *)8));
		EXPECT_EQ(-EFAULT, command(self, sized[i].request, (void *)-8L));
		EXPECT_EQ(-EFAULT, command(self, sized[i].request, pages + PAGE));
		*last = sized[i].size;	/* the struct begins on the page and ends behind it */
		EXPECT_EQ(-EFAULT, command(self, sized[i].request, last));
	}
}

/* What cannot be written back is told. */
TEST_F(abuse, read_only_argument)
{
	struct hadal_query *query = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
					 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_TRUE(query != MAP_FAILED);
	query->size = sizeof(*query);
	MUST(mprotect(query, PAGE, PROT_READ));
	EXPECT_EQ(-EFAULT, command(self, HADAL_IOC_QUERY, query));
}

/* ---- query ---- */

TEST_F(abuse, query_makes_sense)
{
	const struct hadal_query *query = &self->session.query;

	EXPECT_EQ(HADAL_ABI_VERSION, query->abi_version);
	EXPECT_EQ(sysconf(_SC_PAGESIZE), query->page_size);
	EXPECT_LE(sysconf(_SC_NPROCESSORS_ONLN), query->possible_cpus);
	EXPECT_EQ(query->page_size, query->ring_size_min);
	EXPECT_LT(query->ring_size_min, query->ring_size_max);
	EXPECT_EQ(hadal_sys("connections_max"), query->connections_max);
	EXPECT_EQ(hadal_sys("abi"), query->abi_version);
	EXPECT_TRUE(memchr(query->version, '\0', sizeof(query->version)) != NULL);
	EXPECT_LT(0, strlen(query->version));
	EXPECT_EQ(HADAL_CLASS_BIT(HADAL_CLASS_CONTROL) | HADAL_CLASS_BIT(HADAL_CLASS_PROCESS) |
		  HADAL_CLASS_BIT(HADAL_CLASS_CGROUP) | HADAL_CLASS_BIT(HADAL_CLASS_TCP) |
		  HADAL_CLASS_BIT(HADAL_CLASS_UDP) | HADAL_CLASS_BIT(HADAL_CLASS_DNS),
		  query->classes);
}

/* ---- configure ---- */

TEST_F(abuse, wrong_version)
{
	static const uint32_t versions[] = { 0, 2, 0xffffffff };
	size_t i;

	for (i = 0; i < 3; i++) {
		self->config.abi_version = versions[i];
		EXPECT_EQ(-EPROTONOSUPPORT, configure(self));
	}
}

TEST_F(abuse, ring_sizes)
{
	static const uint32_t sizes[] = {
		0, 1, 8, 2048, 4095, 4097, 6000, 12288,
		0x7fffffff, 0x80000000, 0x80001000, 0xffffffff,
	};
	const uint32_t over = 2 * self->session.query.ring_size_max;
	struct hadal_config config;
	size_t i;

	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		config = self->config;
		config.lifecycle_ring_size = sizes[i];
		EXPECT_EQ(-EINVAL, session_try(&config));
		config = self->config;
		config.flow_ring_size = sizes[i];
		EXPECT_EQ(-EINVAL, session_try(&config));
	}
	config = self->config;
	config.flow_ring_size = over;
	EXPECT_EQ(-EINVAL, session_try(&config));
	EXPECT_EQ(0, session_try(&self->config));
}

TEST_F(abuse, classes_and_flags)
{
	static const uint32_t classes[] = {
		0, HADAL_CLASS_BIT(HADAL_CLASS_CONTROL), HADAL_CLASS_BIT(HADAL_CLASS_DNS + 1),
		HADAL_CLASS_BIT(HADAL_CLASS_PROCESS) | HADAL_CLASS_BIT(HADAL_CLASS_DNS + 1),
		HADAL_CLASS_BIT(HADAL_CLASS_DNS) | HADAL_CLASS_BIT(HADAL_CLASS_SLOTS - 1),
		HADAL_CLASS_BIT(HADAL_CLASS_TCP) | 0x80000000, 0xffffffff,
	};
	struct hadal_config config;
	size_t i;

	for (i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
		config = self->config;
		config.classes = classes[i];
		EXPECT_EQ(-EINVAL, session_try(&config));
	}
	for (i = 0; i < 32; i++) {
		config = self->config;
		config.flags = 1U << i;
		EXPECT_EQ(config.flags == HADAL_CONFIG_NO_LOOPBACK ? 0 : -EINVAL,
			  session_try(&config));
	}
}

TEST_F(abuse, watermark_and_argv)
{
	struct hadal_config config = self->config;

	config.watermark = PAGE;
	EXPECT_EQ(0, session_try(&config));
	config.watermark = PAGE + 1;
	EXPECT_EQ(-EINVAL, session_try(&config));
	config.watermark = 0xffffffff;
	EXPECT_EQ(-EINVAL, session_try(&config));
	config = self->config;
	config.argv_max = PAGE / 4;
	EXPECT_EQ(0, session_try(&config));
	config.argv_max = PAGE / 4 + 1;
	EXPECT_EQ(-EINVAL, session_try(&config));
	config.argv_max = 0x40000000;	/* four times it is 0 */
	EXPECT_EQ(-EINVAL, session_try(&config));
	config.lifecycle_ring_size = 1U << 20;
	config.argv_max = self->session.query.argv_limit;
	EXPECT_EQ(0, session_try(&config));
	config.argv_max++;
	EXPECT_EQ(-EINVAL, session_try(&config));
}

TEST_F(abuse, configure_twice)
{
	EXPECT_EQ(0, configure(self));
	EXPECT_EQ(-EBUSY, configure(self));
	self->config.abi_version = 7;
	EXPECT_NE(0, configure(self));
}

/* A refused configuration leaves the session as it was. */
TEST_F(abuse, configure_after_refusal)
{
	self->config.flow_ring_size = 5000;
	EXPECT_EQ(-EINVAL, configure(self));
	self->config.flow_ring_size = PAGE;
	EXPECT_EQ(0, configure(self));
}

TEST_F(abuse, ring_memory_is_bounded)
{
	const uint64_t before = hadal_sys("ring_memory"), most = hadal_sys("ring_memory_max");
	struct hadal_config config = self->config;
	char text[32];

	config.lifecycle_ring_size = 1U << 20;
	ASSERT_EQ(0, file_write(RING_MEMORY_MAX, "1048576"));
	EXPECT_EQ(-ENOSPC, session_try(&config));
	EXPECT_EQ(before, hadal_sys("ring_memory"));
	config.lifecycle_ring_size = PAGE;
	EXPECT_EQ(0, session_try(&config));
	snprintf(text, sizeof(text), "%llu", (unsigned long long)most);
	ASSERT_EQ(0, file_write(RING_MEMORY_MAX, text));
	EXPECT_EQ(before, hadal_sys("ring_memory"));
}

TEST_F(abuse, many_sessions_share_the_bound)
{
	struct hadal_config config = self->config;
	struct session sessions[256];
	int count = 0, err = 0;

	config.lifecycle_ring_size = 4U << 20;
	config.flow_ring_size = 4U << 20;
	while (count < 256 && !err) {
		ASSERT_EQ(0, session_open(&sessions[count]));
		err = session_configure(&sessions[count++], &config);
	}
	EXPECT_EQ(-ENOSPC, err);
	EXPECT_GE(hadal_sys("ring_memory_max"), hadal_sys("ring_memory"));
	while (count--)
		session_close(&sessions[count]);
}

/* ---- order ---- */

TEST_F(abuse, before_configure)
{
	struct hadal_dump dump = { .what = HADAL_DUMP_PROCESSES };
	struct hadal_stats stats;

	EXPECT_EQ(-ENOTCONN, session_start(&self->session));
	EXPECT_EQ(-ENOTCONN, session_stop(&self->session));
	EXPECT_EQ(-ENOTCONN, session_dump(&self->session, &dump));
	EXPECT_EQ(-ENOTCONN, session_stats(&self->session, HADAL_CPU_ALL, &stats));
	EXPECT_EQ(-ENOTCONN, session_stats(&self->session, 0, &stats));
	EXPECT_EQ(MAP_FAILED, mmap(NULL, PAGE, PROT_READ, MAP_SHARED, self->session.fd, 0));
}

TEST_F(abuse, dump_before_start)
{
	struct hadal_dump dump = { .what = HADAL_DUMP_PROCESSES };

	ASSERT_EQ(0, configure(self));
	EXPECT_EQ(-ENOTCONN, session_dump(&self->session, &dump));
	ASSERT_EQ(0, session_start(&self->session));
	EXPECT_EQ(0, session_dump(&self->session, &dump));
	ASSERT_EQ(0, session_stop(&self->session));
	EXPECT_EQ(-ENOTCONN, session_dump(&self->session, &dump));
}

static int try_dump(struct abuse *self, uint32_t what, uint32_t reserved)
{
	struct hadal_dump dump = { .what = what, .reserved = reserved };

	return session_dump(&self->session, &dump);
}

TEST_F(abuse, dump_of_what)
{
	ASSERT_EQ(0, configure(self));
	ASSERT_EQ(0, session_start(&self->session));
	EXPECT_EQ(-EINVAL, try_dump(self, 0, 0));
	EXPECT_EQ(-EINVAL, try_dump(self, 8, 0));
	EXPECT_EQ(-EINVAL, try_dump(self, 0x80000001, 0));
	EXPECT_EQ(-EINVAL, try_dump(self, HADAL_DUMP_PROCESSES, 1));
	EXPECT_EQ(0, try_dump(self, HADAL_DUMP_PROCESSES, 0));
}

/* Rings of a page are full before the dump is done: it cannot be another then. */
TEST_F(abuse, dump_of_something_else)
{
	struct hadal_dump dump = { .what = HADAL_DUMP_PROCESSES };

	ASSERT_EQ(0, configure(self));
	ASSERT_EQ(0, session_start(&self->session));
	ASSERT_EQ(0, session_dump(&self->session, &dump));
	ASSERT_EQ(HADAL_DUMP_MORE, dump.state);
	EXPECT_EQ(-EINVAL, try_dump(self, HADAL_DUMP_CONNECTIONS, 0));
	EXPECT_EQ(-EINVAL, try_dump(self, HADAL_DUMP_CONNECTIONS | HADAL_DUMP_PROCESSES, 0));
	EXPECT_EQ(0, try_dump(self, HADAL_DUMP_PROCESSES, 0));
}

TEST_F(abuse, stats_of_no_cpu)
{
	struct hadal_stats stats;

	ASSERT_EQ(0, configure(self));
	EXPECT_EQ(0, session_stats(&self->session, 0, &stats));
	EXPECT_EQ(-ENXIO, session_stats(&self->session, self->session.query.possible_cpus, &stats));
	EXPECT_EQ(-ENXIO, session_stats(&self->session, 0x7fffffff, &stats));
	EXPECT_EQ(-ENXIO, session_stats(&self->session, 0xfffffffe, &stats));
}

/* ---- function tracing switched off ---- */

#define FTRACE_ENABLED	"/proc/sys/kernel/ftrace_enabled"

/*
 * Without it exits and owners would be missing unnoticed: so it is told, or held on.
 * From 7.3 on the kernel itself holds it on: then it must be so at all times.
 */
TEST_F(abuse, ftrace_disabled)
{
	int err;

	ASSERT_EQ(0, configure(self));
	err = file_write(FTRACE_ENABLED, "0");
	if (err == -EOPNOTSUPP) {
		ASSERT_EQ(1, file_number(FTRACE_ENABLED));
		ASSERT_EQ(0, session_start(&self->session));
		return;
	}
	ASSERT_EQ(0, err);
	EXPECT_EQ(-EBUSY, session_start(&self->session));
	ASSERT_EQ(0, file_write(FTRACE_ENABLED, "1"));
	ASSERT_EQ(0, session_start(&self->session));
	EXPECT_EQ(-EBUSY, file_write(FTRACE_ENABLED, "0"));
	EXPECT_EQ(1, file_number(FTRACE_ENABLED));
}

/* ---- mmap ---- */

static int try_mmap(const struct abuse *self, size_t length, int protection, int flags,
		    uint64_t offset)
{
	void *memory = mmap(NULL, length, protection, flags, self->session.fd, (off_t)offset);
	int err = memory == MAP_FAILED ? -errno : 0;

	if (!err)
		munmap(memory, length);
	return err;
}

#define CONSUMER	HADAL_RING_OFFSET(0, HADAL_LANE_FLOW, HADAL_RING_CONSUMER)
#define DATA		HADAL_RING_OFFSET(0, HADAL_LANE_FLOW, HADAL_RING_DATA)
#define DATA_LENGTH	(3 * PAGE)	/* of a ring of one page: producer, data, data again */

TEST_F(abuse, mmap_as_it_should_be)
{
	ASSERT_EQ(0, configure(self));
	EXPECT_EQ(0, try_mmap(self, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, CONSUMER));
	EXPECT_EQ(0, try_mmap(self, DATA_LENGTH, PROT_READ, MAP_SHARED, DATA));
}

TEST_F(abuse, mmap_wrong_length)
{
	size_t pages;

	ASSERT_EQ(0, configure(self));
	for (pages = 1; pages < 12; pages++) {
		if (pages != 1)
			EXPECT_EQ(-EINVAL, try_mmap(self, pages * PAGE, PROT_READ, MAP_SHARED,
						    CONSUMER));
		if (pages != 3)
			EXPECT_EQ(-EINVAL, try_mmap(self, pages * PAGE, PROT_READ, MAP_SHARED,
						    DATA));
	}
	EXPECT_EQ(-EINVAL, try_mmap(self, 1UL << 30, PROT_READ, MAP_SHARED, DATA));
}

TEST_F(abuse, mmap_wrong_offset)
{
	const uint32_t cpus = self->session.query.possible_cpus;

	ASSERT_EQ(0, configure(self));
	EXPECT_EQ(-EINVAL, try_mmap(self, PAGE, PROT_READ, MAP_SHARED, CONSUMER + PAGE));
	EXPECT_EQ(-EINVAL, try_mmap(self, DATA_LENGTH, PROT_READ, MAP_SHARED, DATA + PAGE));
	EXPECT_EQ(-EINVAL, try_mmap(self, PAGE, PROT_READ, MAP_SHARED, DATA - PAGE));
	EXPECT_EQ(-ENXIO, try_mmap(self, PAGE, PROT_READ, MAP_SHARED,
				   HADAL_RING_OFFSET(cpus, 0, HADAL_RING_CONSUMER)));
	EXPECT_EQ(-ENXIO, try_mmap(self, PAGE, PROT_READ, MAP_SHARED,
				   HADAL_RING_OFFSET(0x0fffffff, 0, HADAL_RING_CONSUMER)));
	EXPECT_NE(0, try_mmap(self, PAGE, PROT_READ, MAP_SHARED, 0x7ffffffffffff000));
}

TEST_F(abuse, mmap_private)
{
	ASSERT_EQ(0, configure(self));
	EXPECT_EQ(-EINVAL, try_mmap(self, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, CONSUMER));
	EXPECT_EQ(-EINVAL, try_mmap(self, DATA_LENGTH, PROT_READ, MAP_PRIVATE, DATA));
}

TEST_F(abuse, mmap_executable)
{
	ASSERT_EQ(0, configure(self));
	EXPECT_EQ(-EPERM, try_mmap(self, PAGE, PROT_READ | PROT_EXEC, MAP_SHARED, CONSUMER));
	EXPECT_EQ(-EPERM, try_mmap(self, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_SHARED,
				   CONSUMER));
	EXPECT_EQ(-EPERM, try_mmap(self, DATA_LENGTH, PROT_READ | PROT_EXEC, MAP_SHARED, DATA));
}

TEST_F(abuse, mmap_writable_data)
{
	ASSERT_EQ(0, configure(self));
	EXPECT_EQ(-EPERM, try_mmap(self, DATA_LENGTH, PROT_READ | PROT_WRITE, MAP_SHARED, DATA));
	EXPECT_EQ(-EPERM, try_mmap(self, DATA_LENGTH, PROT_WRITE, MAP_SHARED, DATA));
}

TEST_F(abuse, mprotect_later)
{
	unsigned char *data, *consumer;

	ASSERT_EQ(0, configure(self));
	data = MUST(mmap(NULL, DATA_LENGTH, PROT_READ, MAP_SHARED, self->session.fd, (off_t)DATA));
	consumer = MUST(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, self->session.fd, (off_t)CONSUMER));
	ASSERT_EQ(-1, mprotect(data, DATA_LENGTH, PROT_READ | PROT_WRITE));
	EXPECT_EQ(EACCES, errno);
	ASSERT_EQ(-1, mprotect(data + PAGE, PAGE, PROT_WRITE));
	EXPECT_EQ(EACCES, errno);
	ASSERT_EQ(-1, mprotect(data, DATA_LENGTH, PROT_READ | PROT_EXEC));
	EXPECT_EQ(EACCES, errno);
	ASSERT_EQ(-1, mprotect(consumer, PAGE, PROT_READ | PROT_EXEC));
	EXPECT_EQ(EACCES, errno);
	EXPECT_EQ(0, mprotect(consumer, PAGE, PROT_READ | PROT_WRITE));
	consumer[0] = 0;
}

TEST_F(abuse, mremap_later)
{
	unsigned char *data;

	ASSERT_EQ(0, configure(self));
	data = MUST(mmap(NULL, DATA_LENGTH, PROT_READ, MAP_SHARED, self->session.fd, (off_t)DATA));
	EXPECT_EQ(MAP_FAILED, mremap(data, DATA_LENGTH, 2 * DATA_LENGTH, MREMAP_MAYMOVE));
	EXPECT_EQ(MAP_FAILED, mremap(data, DATA_LENGTH, DATA_LENGTH + PAGE, 0));
	EXPECT_EQ(MAP_FAILED, mremap(data, 0, DATA_LENGTH + PAGE, MREMAP_MAYMOVE));
}

/* Cut to pieces, moved and dropped: what is left can be read and goes away. */
TEST_F(abuse, mapping_in_pieces)
{
	volatile unsigned char *data;
	void *moved;

	ASSERT_EQ(0, configure(self));
	data = MUST(mmap(NULL, DATA_LENGTH, PROT_READ, MAP_SHARED, self->session.fd, (off_t)DATA));
	MUST(munmap((void *)(data + PAGE), PAGE));
	EXPECT_EQ(0, data[0] & 0);
	EXPECT_EQ(0, data[2 * PAGE] & 0);
	moved = mremap((void *)(data + 2 * PAGE), PAGE, PAGE, MREMAP_MAYMOVE);
	EXPECT_TRUE(moved != MAP_FAILED);
	/* Its pages may then be gone for good, for this reader alone. */
	madvise(moved, PAGE, MADV_DONTNEED);
	session_close(&self->session);
	EXPECT_EQ(0, data[8] & 0);
	MUST(munmap((void *)data, PAGE));
	MUST(munmap(moved, PAGE));
}

/* ---- who may ---- */

static void open_in_user_namespace(void *unused)
{
	(void)unused;
	MUST(unshare(CLONE_NEWUSER));
	ASSERT_EQ(0, file_write("/proc/self/setgroups", "deny"));
	ASSERT_EQ(0, file_write("/proc/self/uid_map", "0 0 1"));
	ASSERT_EQ(0, file_write("/proc/self/gid_map", "0 0 1"));
	ASSERT_EQ(0, getuid());
	ASSERT_EQ(-1, open(HADAL_DEVICE_PATH, O_RDWR));
	ASSERT_EQ(EPERM, errno);
}

TEST(root_of_a_user_namespace)
{
	child_finish(child_start(open_in_user_namespace, NULL));
}

static void open_as_nobody(void *unused)
{
	(void)unused;
	MUST(setgid(NOBODY));
	MUST(setuid(NOBODY));
	ASSERT_EQ(-1, open(HADAL_DEVICE_PATH, O_RDWR));
	ASSERT_EQ(EACCES, errno);
	ASSERT_EQ(-1, open(HADAL_DEVICE_PATH, O_RDONLY));
	ASSERT_EQ(EACCES, errno);
}

TEST(nobody)
{
	child_finish(child_start(open_as_nobody, NULL));
}

TEST(device_mode)
{
	struct stat status;

	MUST(stat(HADAL_DEVICE_PATH, &status));
	EXPECT_EQ(0, status.st_mode & 0007);
}

/* ---- other calls ---- */

TEST_F(abuse, read_write_seek)
{
	char byte = 0;

	ASSERT_EQ(0, configure(self));
	ASSERT_EQ(-1, read(self->session.fd, &byte, 1));
	EXPECT_EQ(EINVAL, errno);
	ASSERT_EQ(-1, write(self->session.fd, &byte, 1));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_LE(-1, lseek(self->session.fd, 100, SEEK_SET));
	EXPECT_EQ(-1, ftruncate(self->session.fd, 100));
}

/* ---- at random ---- */

static uint32_t random_word(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (uint32_t)(*seed >> 33);
}

/* Mostly right structs, with some words that are not. */
static void make_argument(const struct abuse *self, uint64_t *seed, uint32_t *block, size_t words)
{
	size_t i;

	memset(block, 0, words * sizeof(*block));
	if (random_word(seed) % 2)
		memcpy(block, &self->config, sizeof(self->config));
	for (i = 0; i < random_word(seed) % 8; i++)
		block[random_word(seed) % words] = random_word(seed) >> (random_word(seed) % 32);
}

/* START and STOP are seldom: they attach and detach probes, and that takes long. */
static unsigned int random_number(uint64_t *seed)
{
	static const unsigned int others[] = { 0xcf, 0xd0, 0xd1, 0xd4, 0xd5, 0xd6 };

	if (random_word(seed) % 50 == 0)
		return random_word(seed) % 2 ? 0xd2 : 0xd3;
	return others[random_word(seed) % 6];
}

TEST_F(abuse, random_commands)
{
	uint64_t seed = 20240607;
	/* Whichever struct the command fills in. */
	union {
		struct hadal_query query;
		struct hadal_config config;
		struct hadal_dump dump;
		struct hadal_stats stats;
		uint32_t words[80];
	} block;
	unsigned int round;

	for (round = 0; round < harness_share(20000); round++) {
		make_argument(self, &seed, block.words, sizeof(block) / sizeof(uint32_t));
		command(self, _IO(HADAL_IOC_MAGIC, random_number(&seed)), &block);
		if (round % 50 == 0) {
			session_close(&self->session);
			ASSERT_EQ(0, session_open(&self->session));
		}
	}
}

TEST_F(abuse, random_mappings)
{
	uint64_t seed = 7;
	unsigned int round;

	ASSERT_EQ(0, configure(self));
	ASSERT_EQ(0, session_start(&self->session));
	for (round = 0; round < harness_share(20000); round++) {
		uint64_t offset = ((uint64_t)random_word(&seed) << 32) >> (random_word(&seed) % 16);
		size_t length = PAGE * (1 + random_word(&seed) % 8);

		if (random_word(&seed) % 2)
			offset &= 0xfULL << 32;
		try_mmap(self, length, (int)(random_word(&seed) % 8),
			 random_word(&seed) % 4 ? MAP_SHARED : MAP_PRIVATE,
			 offset & ~(uint64_t)(PAGE - 1));
	}
}

HARNESS_MAIN
