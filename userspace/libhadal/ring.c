/* SPDX-License-Identifier: MIT */
#include "ring.h"

#include "barrier.h"

/* A record takes well under a microsecond; who is busy longer was interrupted. */
#define BUSY_LOOKS	100

void ring_init(struct ring *ring, const struct hadal_ring_producer *producer,
	       struct hadal_ring_consumer *consumer, const void *data, uint32_t data_size,
	       uint32_t cpu, uint32_t lane)
{
	*ring = (struct ring){
		.producer = producer,
		.consumer = consumer,
		.data = data,
		.data_size = data_size,
		.cpu = cpu,
		.lane = lane,
		.position = consumer->position,
	};
	ring->released = ring->position;
	ring->committed = ring->position;
	/* At position 0 nothing was read, so the first number is 0. */
	ring->sequence_known = ring->position == 0;
	ring->gap_known = ring->sequence_known;
}

static bool writer_is_idle(const struct ring *ring)
{
	unsigned int looks;

	for (looks = 0; looks < BUSY_LOOKS; looks++) {
		if (!load_busy(ring->producer))
			return true;
		relax();
	}
	return false;
}

static const char *commit_fault(const struct ring *ring, uint32_t position, uint32_t sequence)
{
	if (ring->position % 8)
		return "the reader's position is not a multiple of 8";
	if (position % 8)
		return "the committed position is not a multiple of 8";
	if (position - ring->position > ring->data_size)
		return "the committed position is further than the ring is large";
	if (position - ring->position < ring->committed - ring->position)
		return "the committed position stepped back";
	if (ring->sequence_known && sequence - ring->next_sequence > INT32_MAX)
		return "the committed sequence stepped back";
	return NULL;
}

bool ring_refresh(struct ring *ring, uint64_t reading)
{
	bool idle = writer_is_idle(ring);
	uint64_t commit = load_commit(ring->producer);

	ring->head_is_old = ring->head != NULL;
	ring->fault = commit_fault(ring, HADAL_COMMIT_POSITION(commit), HADAL_COMMIT_SEQUENCE(commit));
	if (ring->fault)
		return false;
	ring->committed = HADAL_COMMIT_POSITION(commit);
	ring->committed_sequence = HADAL_COMMIT_SEQUENCE(commit);
	if (idle)
		ring->safe = reading;
	return idle;
}

static const char *foreign_fault(const struct ring *ring, const struct hadal_record *record)
{
	if (record->cpu != ring->cpu || record->lane != ring->lane)
		return "a record of another ring";
	if (ring->sequence_known && record->sequence - ring->next_sequence > INT32_MAX)
		return "the sequence stepped back";
	return NULL;
}

/* Why the record at position can't be handed out; or NULL. */
static const char *head_fault(const struct ring *ring, const struct hadal_record *record)
{
	const char *fault = record_fault(record, ring->committed - ring->position);

	return fault ? fault : foreign_fault(ring, record);
}

void ring_look(struct ring *ring)
{
	const struct hadal_record *record;

	ring->head = NULL;
	if (ring->position == ring->committed)
		return;
	record = (const void *)(ring->data + (ring->position & (ring->data_size - 1)));
	ring->fault = head_fault(ring, record);
	if (ring->fault)
		return;
	if (record->time < ring->head_time)
		ring->time_steps_back++;
	else
		ring->head_time = record->time;
	ring->head = record;
}

static void count_gap(struct ring *ring, const struct hadal_record *record)
{
	uint32_t missed = ring->sequence_known ? record->sequence - ring->next_sequence : 0;

	ring->next_sequence = record->sequence;
	ring->sequence_known = true;
	ring->gap += missed;
	ring->lost_by_gap += missed;
}

static void count_lost(struct ring *ring, const struct hadal_record *record)
{
	const struct hadal_record_lost *lost = (const void *)record;
	uint64_t sum = 0;
	unsigned int i;

	for (i = 0; i < HADAL_CLASS_SLOTS; i++) {
		ring->lost[i] += lost->count[i];
		sum += lost->count[i];
	}
	if (ring->gap_known && sum != ring->gap)
		ring->lost_unexplained++;
	ring->gap = 0;
	ring->gap_known = true;
}

const struct hadal_record *ring_take(struct ring *ring)
{
	const struct hadal_record *record = ring->head;

	count_gap(ring, record);
	if (record->type == HADAL_RECORD_LOST)
		count_lost(ring, record);
	ring->next_sequence++;
	ring->records++;
	ring->position += record->size;
	ring->head = NULL;
	return record;
}

void ring_release(struct ring *ring)
{
	if (ring->released == ring->position)
		return;
	store_position(ring->consumer, ring->position);
	ring->bytes += ring->position - ring->released;
	ring->released = ring->position;
}

uint32_t ring_lost_at_end(const struct ring *ring)
{
	if (!ring->sequence_known || ring->fault || ring->position != ring->committed)
		return 0;
	return ring->committed_sequence - ring->next_sequence;
}
