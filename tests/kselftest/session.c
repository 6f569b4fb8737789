// SPDX-License-Identifier: MIT
#include "session.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

static int ioctl_errno(int fd, unsigned long request, void *argument)
{
	return ioctl(fd, request, argument) < 0 ? -errno : 0;
}

void session_defaults(struct hadal_config *config)
{
	*config = (struct hadal_config){
		.size = sizeof(*config),
		.abi_version = HADAL_ABI_VERSION,
		.classes = HADAL_CLASS_BIT(HADAL_CLASS_PROCESS) | HADAL_CLASS_BIT(HADAL_CLASS_TCP),
		.lifecycle_ring_size = 1U << 20,
		.flow_ring_size = 1U << 20,
		.key = "kselftest's key",
	};
}

int session_query(struct session *session)
{
	session->query.size = sizeof(session->query);
	return ioctl_errno(session->fd, HADAL_IOC_QUERY, &session->query);
}

int session_open(struct session *session)
{
	int err;

	memset(session, 0, sizeof(*session));
	session->fd = open(HADAL_DEVICE_PATH, O_RDWR | O_CLOEXEC);
	if (session->fd < 0)
		return -errno;
	err = session_query(session);
	if (err)
		session_close(session);
	return err;
}

int session_configure(struct session *session, const struct hadal_config *config)
{
	session->config = *config;
	return ioctl_errno(session->fd, HADAL_IOC_CONFIGURE, &session->config);
}

static uint32_t data_size(const struct session *session, unsigned int lane)
{
	return lane == HADAL_LANE_FLOW ? session->config.flow_ring_size
				       : session->config.lifecycle_ring_size;
}

size_t ring_part_length(const struct session *session, unsigned int lane, unsigned int part)
{
	size_t page = session->query.page_size;

	if (part == HADAL_RING_CONSUMER)
		return page;
	return page + 2 * (size_t)data_size(session, lane);
}

void *ring_map_part(const struct session *session, unsigned int cpu, unsigned int lane,
		    unsigned int part, int protection)
{
	return mmap(NULL, ring_part_length(session, lane, part), protection, MAP_SHARED,
		    session->fd, (off_t)HADAL_RING_OFFSET(cpu, lane, part));
}

static int map_ring(const struct session *session, struct ring *ring)
{
	void *consumer, *data;

	consumer = ring_map_part(session, ring->cpu, ring->lane, HADAL_RING_CONSUMER,
				 PROT_READ | PROT_WRITE);
	if (consumer == MAP_FAILED)
		return -errno;
	data = ring_map_part(session, ring->cpu, ring->lane, HADAL_RING_DATA, PROT_READ);
	if (data == MAP_FAILED) {
		int err = -errno;

		munmap(consumer, session->query.page_size);
		return err;
	}
	ring->consumer = consumer;
	ring->producer = data;
	ring->data = (const unsigned char *)data + session->query.page_size;
	ring->data_size = data_size(session, ring->lane);
	return 0;
}

static int allocate_rings(struct session *session)
{
	unsigned int i, count = session->query.possible_cpus * HADAL_LANES;

	session->rings = calloc(count, sizeof(*session->rings));
	if (!session->rings)
		return -ENOMEM;
	for (i = 0; i < count; i++) {
		session->rings[i].cpu = i / HADAL_LANES;
		session->rings[i].lane = i % HADAL_LANES;
	}
	return 0;
}

int session_map(struct session *session)
{
	unsigned int i;
	int err = session->rings ? 0 : allocate_rings(session);

	for (i = 0; !err && i < session->query.possible_cpus * HADAL_LANES; i++) {
		struct ring *ring = &session->rings[i];

		if (!ring->consumer)
			err = map_ring(session, ring);
		if (err == -ENXIO)
			err = 0;
	}
	return err;
}

int session_start(struct session *session)
{
	return ioctl_errno(session->fd, HADAL_IOC_START, NULL);
}

int session_stop(struct session *session)
{
	return ioctl_errno(session->fd, HADAL_IOC_STOP, NULL);
}

int session_dump(struct session *session, struct hadal_dump *dump)
{
	dump->size = sizeof(*dump);
	return ioctl_errno(session->fd, HADAL_IOC_DUMP, dump);
}

int session_stats(const struct session *session, uint32_t cpu, struct hadal_stats *stats)
{
	memset(stats, 0, sizeof(*stats));
	stats->size = sizeof(*stats);
	stats->cpu = cpu;
	return ioctl_errno(session->fd, HADAL_IOC_STATS, stats);
}

static void unmap_ring(const struct session *session, struct ring *ring)
{
	if (!ring->consumer)
		return;
	munmap(ring->consumer, session->query.page_size);
	munmap(ring->producer, session->query.page_size + 2 * (size_t)ring->data_size);
	ring->consumer = NULL;
}

void session_close(struct session *session)
{
	unsigned int i;

	if (session->rings) {
		for (i = 0; i < session->query.possible_cpus * HADAL_LANES; i++)
			unmap_ring(session, &session->rings[i]);
		free(session->rings);
		session->rings = NULL;
	}
	if (session->fd >= 0)
		close(session->fd);
	session->fd = -1;
}

int session_try(const struct hadal_config *config)
{
	struct session session;
	int err = session_open(&session);

	if (err)
		return err;
	err = session_configure(&session, config);
	session_close(&session);
	return err;
}

uint64_t ring_commit(const struct ring *ring)
{
	const __u64 *commit = &ring->producer->commit;

	return __atomic_load_n(commit, __ATOMIC_ACQUIRE);
}

const struct hadal_record *ring_peek(const struct ring *ring)
{
	if (ring->position == HADAL_COMMIT_POSITION(ring_commit(ring)))
		return NULL;
	return (const void *)(ring->data + (ring->position & (ring->data_size - 1)));
}

void ring_step(struct ring *ring, uint32_t bytes)
{
	ring->position += bytes;
}

/* The release orders the loads of the records before the module's reuse of their space. */
void ring_release(struct ring *ring)
{
	__atomic_store_n(&ring->consumer->position, ring->position, __ATOMIC_RELEASE);
}
