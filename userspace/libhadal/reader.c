/* SPDX-License-Identifier: MIT */
/*
 * A round begins with a clock reading T. Each ring is then looked at: where no
 * writer is busy, all of its records up to T (less a slack) are visible; where
 * one is, those up to the last round that found it idle. What is older than
 * the least of these bounds is handed out, merged by a heap of the rings; what
 * is newer waits for the next round.
 *
 * Mostly a ring's next record comes before those of all others, too. As long as
 * that goes on, a run, the heap is left alone, and each record is looked at when it
 * is handed out, not before.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "reader.h"

struct hadal_reader {
	struct reader_sources sources;
	struct ring **rings;
	uint32_t ring_count;
	uint32_t ring_room;
	struct ring **heap;	/* rings whose head lies within the bound, oldest first */
	uint32_t heap_size;
	struct ring *last;	/* whose record was handed out last */
	struct ring *run;	/* the last, first in the heap still, its head not looked at; or NULL */
	uint64_t run_end;	/* ns: its records before this come before those of others */
	uint64_t reading;	/* ns, this round's */
	uint64_t bound;		/* ns, this round's */
	bool in_round;
	bool final;
	bool held;
	uint32_t faults_untold;
	uint64_t rounds_held;
	char error[200];
};

int reader_create(struct hadal_reader **reader, const struct reader_sources *sources)
{
	*reader = calloc(1, sizeof(**reader));
	if (!*reader)
		return -ENOMEM;
	(*reader)->sources = *sources;
	return 0;
}

void reader_destroy(struct hadal_reader *reader)
{
	uint32_t i;

	if (!reader)
		return;
	for (i = 0; i < reader->ring_count; i++)
		free(reader->rings[i]);
	free(reader->rings);
	free(reader->heap);
	free(reader);
}

void reader_set_final(struct hadal_reader *reader, bool final)
{
	uint32_t i;

	reader->final = final;
	/* A round that began before ends without what came since. */
	reader->in_round = false;
	reader->run = NULL;
	for (i = 0; i < reader->ring_count; i++)
		if (!final && reader->rings[i]->safe == UINT64_MAX)
			reader->rings[i]->safe = 0;
}

bool reader_was_held(const struct hadal_reader *reader)
{
	return reader->held;
}

int reader_fail(struct hadal_reader *reader, int result, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(reader->error, sizeof(reader->error), format, arguments);
	va_end(arguments);
	return result;
}

/* ---- the heap ---- */

/* At one time a process comes before its connections. */
static bool comes_before(const struct ring *a, const struct ring *b)
{
	if (a->head_time != b->head_time)
		return a->head_time < b->head_time;
	if (a->lane != b->lane)
		return a->lane < b->lane;
	return a->cpu < b->cpu;
}

static void heap_sink(struct hadal_reader *reader)
{
	struct ring **heap = reader->heap;
	struct ring *ring = heap[0];
	uint32_t at = 0, child;

	for (;;) {
		child = 2 * at + 1;
		if (child >= reader->heap_size)
			break;
		if (child + 1 < reader->heap_size && comes_before(heap[child + 1], heap[child]))
			child++;
		if (!comes_before(heap[child], ring))
			break;
		heap[at] = heap[child];
		at = child;
	}
	heap[at] = ring;
}

static void heap_push(struct hadal_reader *reader, struct ring *ring)
{
	struct ring **heap = reader->heap;
	uint32_t at = reader->heap_size++, parent;

	while (at) {
		parent = (at - 1) / 2;
		if (!comes_before(ring, heap[parent]))
			break;
		heap[at] = heap[parent];
		at = parent;
	}
	heap[at] = ring;
}

static void heap_drop_first(struct hadal_reader *reader)
{
	reader->heap[0] = reader->heap[--reader->heap_size];
	if (reader->heap_size)
		heap_sink(reader);
}

/* ---- rounds ---- */

static void note_fault(struct hadal_reader *reader, const struct ring *ring)
{
	if (ring->fault)
		reader->faults_untold++;
}

static bool within_bound(const struct hadal_reader *reader, const struct ring *ring)
{
	return ring->head && ring->head_time <= reader->bound;
}

/* A committed record was stamped before the round's reading, if seen in an earlier one. */
static void check_future(const struct hadal_reader *reader, struct ring *ring)
{
	if (ring->head_is_old && ring->head_time > reader->reading + READER_FUTURE_LIMIT)
		ring->fault = "a record from the future";
}

/* Up to which time an idle ring shows all of its records. */
static uint64_t reach(const struct hadal_reader *reader)
{
	if (reader->final)
		return UINT64_MAX;
	return reader->reading > READER_SLACK ? reader->reading - READER_SLACK : 0;
}

static void ring_join(struct hadal_reader *reader, struct ring *ring)
{
	if (!ring_refresh(ring, reach(reader)) && !ring->fault)
		reader->held = true;
	if (!ring->fault)
		check_future(reader, ring);
	if (!ring->fault && !ring->head)
		ring_look(ring);
	note_fault(reader, ring);
	if (!ring->fault && ring->safe < reader->bound)
		reader->bound = ring->safe;
}

static void round_begin(struct hadal_reader *reader)
{
	uint32_t i;

	reader->reading = reader->sources.clock(reader->sources.context);
	reader->bound = UINT64_MAX;
	reader->held = false;
	reader->heap_size = 0;
	reader->in_round = true;
	for (i = 0; i < reader->ring_count; i++)
		if (!reader->rings[i]->fault)
			ring_join(reader, reader->rings[i]);
	for (i = 0; i < reader->ring_count; i++)
		if (!reader->rings[i]->fault && within_bound(reader, reader->rings[i]))
			heap_push(reader, reader->rings[i]);
	reader->rounds_held += reader->held;
}

HADAL_API void hadal_reader_release(struct hadal_reader *reader)
{
	uint32_t i;

	for (i = 0; i < reader->ring_count; i++)
		ring_release(reader->rings[i]);
}

static int round_end(struct hadal_reader *reader)
{
	reader->in_round = false;
	hadal_reader_release(reader);
	return 0;
}

/* The first ring of the heap gets its place by what it has next, or leaves. */
static void leave_run(struct hadal_reader *reader)
{
	struct ring *ring = reader->run;

	if (!ring)
		return;
	reader->run = NULL;
	ring_look(ring);
	note_fault(reader, ring);
	if (within_bound(reader, ring))
		heap_sink(reader);
	else
		heap_drop_first(reader);
}

static int grow(struct hadal_reader *reader)
{
	uint32_t room = reader->ring_room ? 2 * reader->ring_room : 8;
	struct ring **rings, **heap;

	rings = realloc(reader->rings, room * sizeof(*rings));
	if (!rings)
		return -ENOMEM;
	reader->rings = rings;
	heap = realloc(reader->heap, room * sizeof(*heap));
	if (!heap)
		return -ENOMEM;
	reader->heap = heap;
	reader->ring_room = room;
	return 0;
}

int reader_add_ring(struct hadal_reader *reader, const struct ring *ring)
{
	struct ring *added;

	if (reader->ring_count == reader->ring_room && grow(reader) < 0)
		return -ENOMEM;
	added = malloc(sizeof(*added));
	if (!added)
		return -ENOMEM;
	*added = *ring;
	leave_run(reader);
	reader->rings[reader->ring_count++] = added;
	if (!reader->in_round)
		return 0;
	ring_join(reader, added);
	if (!added->fault && within_bound(reader, added))
		heap_push(reader, added);
	return 0;
}

static bool lost_announcements(const struct hadal_record *record)
{
	return record->type == HADAL_RECORD_LOST &&
	       ((const struct hadal_record_lost *)record)->count[HADAL_CLASS_CONTROL];
}

/* Rings that a RING_ADDED announces take part before it is handed out. It is sent once, and may be lost. */
static int meet_new_rings(struct hadal_reader *reader, const struct hadal_record *record)
{
	const struct reader_sources *sources = &reader->sources;

	if (!sources->rings_of)
		return 0;
	if (record->type == HADAL_RECORD_RING_ADDED)
		return sources->rings_of(sources->context,
					 ((const struct hadal_record_ring_added *)record)->added_cpu);
	return lost_announcements(record) ? sources->rings_of(sources->context, READER_ALL_CPUS) : 0;
}

static int tell_fault(struct hadal_reader *reader)
{
	struct ring *ring;
	uint32_t i;

	for (i = 0; i < reader->ring_count; i++) {
		ring = reader->rings[i];
		if (!ring->fault || ring->fault_told)
			continue;
		ring->fault_told = true;
		reader->faults_untold--;
		return reader_fail(reader, -EBADMSG, "ring of CPU %u, lane %u, at position %u: %s",
				   ring->cpu, ring->lane, ring->position, ring->fault);
	}
	reader->faults_untold = 0;
	return 0;
}

/* Of what is not the first ring's, the oldest lies right below it in the heap. */
static uint64_t end_of_run(const struct hadal_reader *reader)
{
	uint64_t end = reader->bound;
	uint32_t child;

	for (child = 1; child <= 2 && child < reader->heap_size; child++)
		if (reader->heap[child]->head_time < end)
			end = reader->heap[child]->head_time;
	return end;
}

static const struct hadal_record *take_first(struct hadal_reader *reader)
{
	struct ring *ring = reader->heap[0];

	reader->last = ring;
	reader->run = ring;
	reader->run_end = end_of_run(reader);
	return ring_take(ring);
}

/* Other than in a run. */
static __attribute__((noinline)) int next_in_round(struct hadal_reader *reader,
						   const struct hadal_record **record)
{
	const struct ring *first;
	int result;

	leave_run(reader);
	if (reader->last && ring_holds_quarter(reader->last))
		ring_release(reader->last);
	reader->last = NULL;
	if (!reader->in_round)
		round_begin(reader);
	if (reader->faults_untold) {
		result = tell_fault(reader);
		if (result < 0)
			return result;
	}
	if (!reader->heap_size)
		return round_end(reader);
	do {
		first = reader->heap[0];
		result = meet_new_rings(reader, first->head);
		if (result < 0)
			return result;
	} while (first != reader->heap[0]);
	if (reader->heap[0]->head_time > reader->bound)
		return round_end(reader);
	*record = take_first(reader);
	return 1;
}

HADAL_API int hadal_reader_next(struct hadal_reader *reader, const struct hadal_record **record)
{
	const struct hadal_record *next;

	if (likely(reader->run)) {
		next = ring_take_next(reader->run, reader->run_end);
		if (likely(next)) {
			*record = next;
			return 1;
		}
	}
	return next_in_round(reader, record);
}

/* ---- what it counted ---- */

static void add_ring_totals(struct hadal_totals *totals, const struct ring *ring)
{
	unsigned int i;

	totals->records += ring->records;
	totals->bytes += ring->bytes + (ring->position - ring->released);
	totals->lost_by_gap += ring->lost_by_gap + ring_lost_at_end(ring);
	totals->lost_unexplained += ring->lost_unexplained;
	totals->time_steps_back += ring->time_steps_back;
	totals->rings++;
	totals->rings_failed += ring->fault != NULL;
	for (i = 0; i < HADAL_CLASS_SLOTS; i++) {
		totals->lost[i] += ring->lost[i];
		totals->lost_by_record += ring->lost[i];
	}
}

HADAL_API void hadal_reader_totals(const struct hadal_reader *reader, struct hadal_totals *totals)
{
	uint32_t i;

	*totals = (struct hadal_totals){ .rounds_held = reader->rounds_held };
	for (i = 0; i < reader->ring_count; i++)
		add_ring_totals(totals, reader->rings[i]);
}

HADAL_API const char *hadal_reader_error(const struct hadal_reader *reader)
{
	return reader->error;
}
