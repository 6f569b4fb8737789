// SPDX-License-Identifier: MIT
/*
 * The reader over rings whose positions and contents are anybody's: the input
 * says step by step what a writer, sound or not, does to them, and when is read.
 * One thing no writer does: change what lies there unread, which the reader may
 * have looked at.
 */
#include <assert.h>

#include "fuzz.h"
#include "memory_ring.h"

#define RINGS		3
#define RING_SIZE	4096U
#define CPU_ADDED	7	/* its ring joins when a RING_ADDED says so */

/* What a round may hand out: all that fits, and a fault of each ring. */
#define MOST_A_ROUND	((RINGS + 1) * (RING_SIZE / (uint32_t)sizeof(struct hadal_record) + 2))

struct input {
	const uint8_t *data;
	size_t left;
};

struct fuzz {
	struct input input;
	struct memory_ring rings[RINGS + 1];
	uint32_t read[RINGS + 1];	/* positions */
	struct hadal_reader *reader;
	uint64_t now;
	uint64_t records;	/* handed out */
	bool added;
};

/* 0 where the input has ended. */
static uint64_t take(struct input *input, size_t bytes)
{
	uint64_t value = 0;

	if (bytes > input->left)
		bytes = input->left;
	memcpy(&value, input->data, bytes);
	input->data += bytes;
	input->left -= bytes;
	return value;
}

static struct memory_ring *take_ring(struct fuzz *fuzz)
{
	return &fuzz->rings[take(&fuzz->input, 1) % (RINGS + 1)];
}

static bool has_room(const struct fuzz *fuzz, const struct memory_ring *ring, uint32_t size)
{
	uint32_t unread = ring->position - fuzz->read[ring - fuzz->rings];

	return unread <= RING_SIZE && size <= RING_SIZE - unread;
}

static uint64_t clock_of(void *context)
{
	const struct fuzz *fuzz = context;

	return fuzz->now;
}

static int rings_of(void *context, uint32_t cpu)
{
	struct fuzz *fuzz = context;

	if (cpu % 8 == CPU_ADDED && !fuzz->added) {
		fuzz->added = true;
		memory_ring_add_to(&fuzz->rings[RINGS], fuzz->reader);
	}
	return cpu % 16 == 3 ? reader_fail(fuzz->reader, -1, "none for CPU %u", cpu) : 0;
}

static void make_right(struct memory_ring *ring, struct hadal_record *record, uint32_t size,
		       uint64_t now)
{
	record->size = size;
	record->record_class %= HADAL_CLASS_SLOTS;
	record->lane = (uint8_t)ring->producer.lane;
	record->cpu = ring->producer.cpu;
	record->sequence = ring->sequence;
	if (record->time > now)
		record->time = now;
}

static void append(struct fuzz *fuzz, bool right)
{
	struct memory_ring *ring = take_ring(fuzz);
	uint32_t length = (uint32_t)take(&fuzz->input, 2) % RING_SIZE;
	uint32_t size = (length + 7) & ~7U;
	uint8_t *place = ring->data + (ring->position & (RING_SIZE - 1));

	if (length > fuzz->input.left)
		length = (uint32_t)fuzz->input.left;
	if (!has_room(fuzz, ring, size))
		return;
	memset(place, 0, size);
	memcpy(place, fuzz->input.data, length);
	fuzz->input.data += length;
	fuzz->input.left -= length;
	if (right && size >= sizeof(struct hadal_record))
		make_right(ring, (struct hadal_record *)place, size, fuzz->now);
	ring->position += size;
	ring->sequence++;
	memory_ring_publish(ring);
}

static bool lies_in(const struct memory_ring *ring, const struct hadal_record *record)
{
	const uint8_t *start = (const uint8_t *)record;

	return start >= ring->data && start < ring->data + RING_SIZE &&
	       start + record->size <= ring->data + 2 * RING_SIZE;
}

static void check_record(struct fuzz *fuzz, const struct hadal_record *record)
{
	unsigned int i;

	for (i = 0; !lies_in(&fuzz->rings[i], record); i++)
		assert(i < RINGS);
	fuzz->read[i] += record->size;
	assert(hadal_record_validate(record, record->size, NULL) == 0);
	fuzz->records++;
}

static void read_some(struct fuzz *fuzz, unsigned int count)
{
	const struct hadal_record *record;
	int result = 1;

	for (; count && result; count--) {
		result = hadal_reader_next(fuzz->reader, &record);
		if (result > 0)
			check_record(fuzz, record);
	}
}

/* A round ends, whatever is in the rings, unless new ones cannot be had. */
static void read_round(struct fuzz *fuzz)
{
	const struct hadal_record *record;
	unsigned int calls = 0;
	int result;

	while ((result = hadal_reader_next(fuzz->reader, &record)) != 0 && result != -1) {
		assert(calls++ < MOST_A_ROUND);
		if (result > 0)
			check_record(fuzz, record);
	}
}

static void step(struct fuzz *fuzz)
{
	struct input *input = &fuzz->input;
	struct memory_ring *ring;

	switch (take(input, 1) % FUZZ_STEPS) {
	case FUZZ_APPEND:
		append(fuzz, true);
		break;
	case FUZZ_APPEND_RAW:
		append(fuzz, false);
		break;
	case FUZZ_DROP:
		memory_ring_drop(take_ring(fuzz));
		break;
	case FUZZ_BUSY:
		ring = take_ring(fuzz);
		ring->producer.busy = (uint32_t)take(input, 1) % 2;
		break;
	case FUZZ_COMMIT:
		ring = take_ring(fuzz);
		ring->producer.commit = take(input, 8);
		break;
	case FUZZ_CONSUMER:
		ring = take_ring(fuzz);
		ring->consumer.position = (uint32_t)take(input, 4);
		break;
	case FUZZ_CLOCK:
		fuzz->now += take(input, 4);
		break;
	case FUZZ_READ:
		read_some(fuzz, (unsigned int)take(input, 1));
		break;
	case FUZZ_RELEASE:
		hadal_reader_release(fuzz->reader);
		break;
	case FUZZ_FINAL:
		reader_set_final(fuzz->reader, take(input, 1) % 2);
		break;
	}
}

static void check_totals(const struct fuzz *fuzz)
{
	struct hadal_totals totals;

	hadal_reader_totals(fuzz->reader, &totals);
	assert(totals.records == fuzz->records);
	assert(totals.rings == RINGS + fuzz->added);
	assert(totals.rings_failed <= totals.rings);
	assert(totals.bytes >= totals.records * sizeof(struct hadal_record));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz fuzz = { .input = { data, size }, .now = 1000000 };
	const struct reader_sources sources = {
		.clock = clock_of, .rings_of = rings_of, .context = &fuzz,
	};
	uint32_t i;

	/* Where they stand at first: also right before positions wrap. */
	for (i = 0; i <= RINGS; i++) {
		fuzz.read[i] = i == 2 ? 0U - 64 : 0;
		memory_ring_create(&fuzz.rings[i], RING_SIZE, i / 2, i % 2, fuzz.read[i]);
	}
	assert(reader_create(&fuzz.reader, &sources) == 0);
	for (i = 0; i < RINGS; i++)
		memory_ring_add_to(&fuzz.rings[i], fuzz.reader);
	while (fuzz.input.left)
		step(&fuzz);
	read_round(&fuzz);
	check_totals(&fuzz);
	reader_destroy(fuzz.reader);
	for (i = 0; i <= RINGS; i++)
		memory_ring_destroy(&fuzz.rings[i]);
	return 0;
}
