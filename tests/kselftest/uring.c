// SPDX-License-Identifier: MIT
#include "uring.h"

#include <errno.h>
#include <linux/io_uring.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "harness.h"

#define ENTRIES	4

struct uring {
	int fd;
	char *rings;		/* both queues in one mapping */
	size_t rings_size;
	struct io_uring_sqe *entries;
	struct io_uring_params params;
};

static void map_rings(struct uring *uring)
{
	const struct io_uring_params *params = &uring->params;
	size_t submissions = params->sq_off.array + params->sq_entries * sizeof(unsigned int);
	size_t completions = params->cq_off.cqes +
			     params->cq_entries * sizeof(struct io_uring_cqe);

	ASSERT_TRUE(params->features & IORING_FEAT_SINGLE_MMAP);
	uring->rings_size = submissions > completions ? submissions : completions;
	uring->rings = MUST(mmap(NULL, uring->rings_size, PROT_READ | PROT_WRITE, MAP_SHARED,
				 uring->fd, IORING_OFF_SQ_RING));
	uring->entries = MUST(mmap(NULL, ENTRIES * sizeof(*uring->entries),
				   PROT_READ | PROT_WRITE, MAP_SHARED, uring->fd,
				   IORING_OFF_SQES));
}

static void open_uring(struct uring *uring)
{
	memset(uring, 0, sizeof(*uring));
	uring->fd = (int)syscall(SYS_io_uring_setup, ENTRIES, &uring->params);
	if (uring->fd < 0 && (errno == ENOSYS || errno == EPERM))
		harness_skip("no io_uring");
	MUST(uring->fd);
	map_rings(uring);
}

static unsigned int *word(const struct uring *uring, unsigned int offset)
{
	return (unsigned int *)(void *)(uring->rings + offset);
}

/* Submits the first entry and waits for its completion. */
static int run_one(const struct uring *uring)
{
	const struct io_uring_params *params = &uring->params;
	const struct io_uring_cqe *completions;
	unsigned int head;

	*word(uring, params->sq_off.array) = 0;
	__atomic_store_n(word(uring, params->sq_off.tail), 1, __ATOMIC_RELEASE);
	ASSERT_EQ(1, MUST(syscall(SYS_io_uring_enter, uring->fd, 1, 1, IORING_ENTER_GETEVENTS,
				  NULL, 0)));
	head = *word(uring, params->cq_off.head);
	ASSERT_NE(head, __atomic_load_n(word(uring, params->cq_off.tail), __ATOMIC_ACQUIRE));
	completions = (const void *)(uring->rings + params->cq_off.cqes);
	return completions[head & *word(uring, params->cq_off.ring_mask)].res;
}

/* What it ends with; asserts that it succeeds. */
static int run_alone(const struct io_uring_sqe *entry, bool by_worker)
{
	struct uring uring;
	int result;

	open_uring(&uring);
	uring.entries[0] = *entry;
	uring.entries[0].flags |= by_worker ? IOSQE_ASYNC : 0;
	result = run_one(&uring);
	ASSERT_LE(0, result);
	munmap(uring.entries, ENTRIES * sizeof(*uring.entries));
	munmap(uring.rings, uring.rings_size);
	close(uring.fd);
	return result;
}

int uring_accept(int listener, bool by_worker)
{
	struct io_uring_sqe entry = { .opcode = IORING_OP_ACCEPT, .fd = listener };

	return run_alone(&entry, by_worker);
}

size_t uring_receive(int fd, void *bytes, size_t size, bool by_worker)
{
	struct io_uring_sqe entry = {
		.opcode = IORING_OP_RECV,
		.fd = fd,
		.addr = (uintptr_t)bytes,
		.len = (uint32_t)size,
	};

	return (size_t)run_alone(&entry, by_worker);
}
