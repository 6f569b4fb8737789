/* SPDX-License-Identifier: MIT */
#include "memory_ring.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

void memory_ring_create(struct memory_ring *ring, uint32_t size, uint32_t cpu, uint32_t lane,
			uint32_t position)
{
	int fd = memfd_create("ring", MFD_CLOEXEC), half;
	uint8_t *space;

	memset(ring, 0, sizeof(*ring));
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, size), 0);
	space = mmap(NULL, 2 * (size_t)size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(space, MAP_FAILED);
	for (half = 0; half < 2; half++)
		assert_ptr_equal(mmap(space + (size_t)half * size, size, PROT_READ | PROT_WRITE,
				      MAP_SHARED | MAP_FIXED, fd, 0), space + (size_t)half * size);
	close(fd);
	ring->data = space;
	ring->size = size;
	ring->position = position;
	ring->consumer.position = position;
	ring->producer.commit = position;
	ring->producer.data_size = size;
	ring->producer.cpu = cpu;
	ring->producer.lane = lane;
}

void memory_ring_destroy(struct memory_ring *ring)
{
	munmap(ring->data, 2 * (size_t)ring->size);
}

void memory_ring_add_to(struct memory_ring *ring, struct hadal_reader *reader)
{
	struct ring view;

	ring_init(&view, &ring->producer, &ring->consumer, ring->data, ring->size,
		  ring->producer.cpu, ring->producer.lane);
	assert_int_equal(reader_add_ring(reader, &view), 0);
}

uint32_t memory_ring_room(const struct memory_ring *ring)
{
	uint32_t consumed = __atomic_load_n(&ring->consumer.position, __ATOMIC_ACQUIRE);

	return ring->size - (ring->position - consumed);
}

static uint8_t class_of(uint16_t type)
{
	if (type >= HADAL_RECORD_DNS_ANSWER)
		return HADAL_CLASS_DNS;
	if (type >= HADAL_RECORD_UDP_FLOW)
		return HADAL_CLASS_UDP;
	if (type >= HADAL_RECORD_TCP_ESTABLISHED)
		return HADAL_CLASS_TCP;
	return type >= HADAL_RECORD_PROCESS_FORK ? HADAL_CLASS_PROCESS : HADAL_CLASS_CONTROL;
}

struct hadal_record *memory_ring_append(struct memory_ring *ring, uint16_t type, uint32_t size,
					uint64_t time)
{
	struct hadal_record *record = (void *)(ring->data + (ring->position & (ring->size - 1)));

	memset(record, 0, size);
	record->size = size;
	record->type = type;
	record->record_class = class_of(type);
	record->lane = (uint8_t)ring->producer.lane;
	record->time = time;
	record->sequence = ring->sequence++;
	record->cpu = ring->producer.cpu;
	ring->position += size;
	return record;
}

void memory_ring_publish(struct memory_ring *ring)
{
	uint64_t commit = (uint64_t)ring->sequence << 32 | ring->position;

	__atomic_store_n(&ring->producer.commit, commit, __ATOMIC_RELEASE);
}

void memory_ring_fork(struct memory_ring *ring, uint64_t time, uint32_t tgid)
{
	struct hadal_record_process *fork;

	fork = (void *)memory_ring_append(ring, HADAL_RECORD_PROCESS_FORK, sizeof(*fork), time);
	fork->process.tgid = tgid;
	memory_ring_publish(ring);
}

void memory_ring_drop(struct memory_ring *ring)
{
	ring->sequence++;
	memory_ring_publish(ring);
}

void memory_ring_lost(struct memory_ring *ring, uint64_t time, unsigned int record_class,
		      uint32_t count)
{
	struct hadal_record_lost *lost;

	lost = (void *)memory_ring_append(ring, HADAL_RECORD_LOST, sizeof(*lost), time);
	lost->count[record_class] = count;
	memory_ring_publish(ring);
}
