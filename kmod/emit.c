// SPDX-License-Identifier: GPL-2.0-only
/*
 * A record is built once, as an image without its header, and copied into the
 * ring of this CPU in each session. All callers have preemption disabled.
 */
#include <linux/percpu.h>
#include <linux/preempt.h>
#include <linux/rculist.h>
#include <linux/sched/signal.h>
#include <linux/siphash.h>
#include <linux/smp.h>
#include <linux/string.h>

#include "conn_table.h"
#include "emit.h"
#include "filter.h"

#ifdef HADAL_DEBUG
atomic64_t hadal_debug_probes;
atomic64_t hadal_debug_preemptible;

static void check_context(void)
{
	atomic64_inc(&hadal_debug_probes);
	if (preemptible())
		atomic64_inc(&hadal_debug_preemptible);
}
#else
static inline void check_context(void) { }
#endif

static __always_inline enum hadal_class class_of(u16 type)
{
	if (type >= HADAL_RECORD_TCP_ESTABLISHED)
		return HADAL_CLASS_TCP;
	if (type >= HADAL_RECORD_PROCESS_FORK)
		return HADAL_CLASS_PROCESS;
	return HADAL_CLASS_CONTROL;
}

static enum hadal_lane lane_of(enum hadal_class class)
{
	return class >= HADAL_CLASS_TCP ? HADAL_LANE_FLOW : HADAL_LANE_LIFECYCLE;
}

static inline struct hadal_ring *this_ring(const struct hadal_session *session,
					   enum hadal_lane lane)
{
	struct hadal_cpu_rings *rings;

	/* Pairs with the release in prepare_rings(). */
	rings = smp_load_acquire(&session->rings[smp_processor_id()]);
	return rings ? &rings->lane[lane]->ring : NULL;
}

static inline void end_record(struct hadal_session *session, struct hadal_ring *ring)
{
	if (hadal_ring_end(ring) && !READ_ONCE(session->wake_wanted) &&
	    !test_and_set_bit(0, &session->wake_wanted))
		irq_work_queue(&session->wake);
}

/* The place for a record of @size bytes, and its ring; NULL: lost and counted. */
static inline struct hadal_record *begin_record(struct hadal_session *session, u32 size, u16 type,
					 struct hadal_ring **ring)
{
	enum hadal_class class = class_of(type);
	struct hadal_record *record;

	check_context();
	*ring = this_ring(session, lane_of(class));
	if (unlikely(!*ring)) {
		atomic64_inc(&session->no_ring[class]);
		return NULL;
	}
	record = hadal_ring_begin(*ring, size, type, class);
	if (unlikely(!record))
		end_record(session, *ring);
	return record;
}

/* @to, @image: whole records, not just their headers. */
static inline void copy_body(void *to, const void *image, u32 size)
{
	const u32 header = sizeof(struct hadal_record);

	memcpy(to + header, image + header, size - header);
}

static bool wants(const struct hadal_session *session, enum hadal_class class)
{
	return READ_ONCE(session->classes) & HADAL_CLASS_BIT(class);
}

#define for_each_wanting(session, class) \
	list_for_each_entry_rcu(session, &hadal_running_sessions, running) \
		if (wants(session, class))

struct hadal_wanted hadal_wanted;

/* The list of running sessions has changed; its lock is held. */
void hadal_emit_note_sessions(void)
{
	struct hadal_session *session;
	u32 classes = 0, argv = 0;
	bool filters = false;

	list_for_each_entry(session, &hadal_running_sessions, running) {
		classes |= session->classes;
		filters |= session->filter != NULL;
		if (wants(session, HADAL_CLASS_PROCESS))
			argv = max(argv, session->config.argv_max);
	}
	WRITE_ONCE(hadal_wanted.argv, argv);
	WRITE_ONCE(hadal_wanted.filters, filters);
	WRITE_ONCE(hadal_wanted.classes, classes);
}

/* ---- what is due ---- */

static void count_filtered(struct hadal_session *session, enum hadal_class class)
{
	this_cpu_inc(session->unrecorded->filtered[class]);
}

/* No session was found whose filter lets it pass: each of them counts it. */
static bool count_filtered_by_all(enum hadal_class class)
{
	struct hadal_session *session;

	for_each_wanting(session, class)
		if (session->filter)
			count_filtered(session, class);
	return false;
}

static inline bool process_passes(const struct hadal_session *session, struct task_struct *task)
{
	return likely(!session->filter) || hadal_filter_passes_task(session->filter, task);
}

static inline bool tcp_passes(const struct hadal_session *session, const struct sock *sk,
			      const struct hadal_conn *conn, u16 type)
{
	return likely(!session->filter) ||
	       hadal_filter_passes_tcp(session->filter, sk, conn, type);
}

/* For hadal_process_due(). */
bool hadal_filters_pass_process(struct task_struct *task)
{
	struct hadal_session *session;

	for_each_wanting(session, HADAL_CLASS_PROCESS)
		if (process_passes(session, task))
			return true;
	return count_filtered_by_all(HADAL_CLASS_PROCESS);
}

/* For hadal_tcp_due(). */
bool hadal_filters_pass_tcp(const struct sock *sk, const struct hadal_conn *conn, u16 type)
{
	struct hadal_session *session;

	for_each_wanting(session, HADAL_CLASS_TCP)
		if (tcp_passes(session, sk, conn, type))
			return true;
	return count_filtered_by_all(HADAL_CLASS_TCP);
}

/* As hadal_process_due() for one session; counts it if it is filtered. */
inline bool hadal_process_due_to(struct hadal_session *session, struct task_struct *task)
{
	if (process_passes(session, task))
		return true;
	count_filtered(session, HADAL_CLASS_PROCESS);
	return false;
}

/* As hadal_tcp_due() for one session; counts it if it is filtered. */
inline bool hadal_tcp_due_to(struct hadal_session *session, const struct sock *sk,
			     const struct hadal_conn *conn, u16 type)
{
	if (tcp_passes(session, sk, conn, type))
		return true;
	count_filtered(session, HADAL_CLASS_TCP);
	return false;
}

/**
 * hadal_emit_has_room() - would a dump do harm by writing more here and now?
 * @session: whose ring
 * @lane: enum hadal_lane
 * @size: bytes to write
 *
 * A quarter of the ring is left to events. Into an empty ring anything may be
 * written, or it would never be; and where this CPU has no ring, what is
 * written is lost and counted.
 */
bool hadal_emit_has_room(struct hadal_session *session, enum hadal_lane lane, u32 size)
{
	const struct hadal_ring *ring = this_ring(session, lane);
	u32 room;

	if (!ring)
		return true;
	room = hadal_ring_room(ring);
	return room == ring->size || room >= size + ring->size / 4;
}

static __always_inline bool emit_to(struct hadal_session *session,
				    const struct hadal_record *image, u32 size, u16 type)
{
	struct hadal_ring *ring;
	struct hadal_record *record = begin_record(session, size, type, &ring);

	if (unlikely(!record))
		return false;
	copy_body(record, image, size);
	end_record(session, ring);
	return true;
}

/**
 * hadal_emit_to() - write a record into one session
 * @session: a running session
 * @image: a record of which the header is not filled in
 * @size: bytes, header included, a multiple of 8
 * @type: enum hadal_record_type
 *
 * Return: whether it was written; if not it is counted as lost.
 */
bool hadal_emit_to(struct hadal_session *session, const struct hadal_record *image, u32 size,
		   u16 type)
{
	return emit_to(session, image, size, type);
}

/* Write a record of a process into each session that gets it. */
void hadal_emit_process(struct task_struct *task, const struct hadal_record *image, u32 size,
			u16 type)
{
	struct hadal_session *session;

	for_each_wanting(session, HADAL_CLASS_PROCESS)
		if (hadal_process_due_to(session, task))
			emit_to(session, image, size, type);
}

/**
 * hadal_emit_existing() - write a process that a dump found
 * @session: a running session
 * @image: the record without its header
 * @task: of the process
 *
 * Its record has its time before the process is looked at once more: if it
 * still lives then, its exit comes later, in time too.
 */
void hadal_emit_existing(struct hadal_session *session, struct hadal_record_process *image,
			 const struct task_struct *task)
{
	struct hadal_record_process *record;
	struct hadal_ring *ring;

	record = (void *)begin_record(session, sizeof(*record), HADAL_RECORD_PROCESS_EXISTING,
				      &ring);
	if (!record)
		return;
	copy_body(record, image, sizeof(*record));
	if (!atomic_read(&task->signal->live))
		record->process.flags |= HADAL_PROCESS_ENDED;
	end_record(session, ring);
}

/* An exec record is cut to what each session wants of argv, its last part. */
static void emit_exec_to(struct hadal_session *session, struct hadal_record_process_exec *image)
{
	u16 argv_len = min_t(u32, image->argv_len, session->config.argv_max);
	u32 used = sizeof(*image) + image->path_len + image->script_len + argv_len;
	u32 size = ALIGN(used, 8);
	struct hadal_record_process_exec *record;
	struct hadal_ring *ring;

	record = (void *)begin_record(session, size, HADAL_RECORD_PROCESS_EXEC, &ring);
	if (!record)
		return;
	copy_body(record, image, used);
	memset((u8 *)record + used, 0, size - used);
	record->argv_len = argv_len;
	if (argv_len < image->argv_len)
		record->flags |= HADAL_EXEC_ARGV_TRUNCATED;
	end_record(session, ring);
}

void hadal_emit_exec(struct task_struct *task, struct hadal_record_process_exec *image)
{
	struct hadal_session *session;

	for_each_wanting(session, HADAL_CLASS_PROCESS)
		if (hadal_process_due_to(session, task))
			emit_exec_to(session, image);
}

/*
 * Sequence numbers of a live connection help to forge segments: they leave
 * only as a hash under the session's secret.
 */
static inline u64 connection_key(const struct hadal_session *session,
				 const struct hadal_isn_pair *isn)
{
	siphash_key_t key;
	u64 hash;

	if (!isn->known)
		return 0;
	memcpy(&key, session->config.key, sizeof(key));
	hash = siphash_2u32(isn->client, isn->server, &key);
	return hash ?: 1;
}

static __always_inline void emit_tcp_to(struct hadal_session *session, struct hadal_record *image,
					u32 size, u16 type, const struct hadal_isn_pair *isn)
{
	/* Each record of the class has struct hadal_tcp behind the header. */
	struct hadal_tcp *tcp = (struct hadal_tcp *)(image + 1);

	tcp->key = connection_key(session, isn);
	emit_to(session, image, size, type);
}

void hadal_emit_tcp_to(struct hadal_session *session, struct hadal_record *image, u32 size,
		       u16 type, const struct hadal_isn_pair *isn)
{
	emit_tcp_to(session, image, size, type, isn);
}

/**
 * hadal_emit_tcp() - write a record of a socket into each session that gets it
 * @sk: the socket
 * @conn: as it was for hadal_tcp_due()
 * @image: the record without its header
 * @size: bytes
 * @type: enum hadal_record_type
 * @isn: makes the connection's key
 */
void hadal_emit_tcp(const struct sock *sk, const struct hadal_conn *conn,
		    struct hadal_record *image, u32 size, u16 type,
		    const struct hadal_isn_pair *isn)
{
	struct hadal_session *session;

	for_each_wanting(session, HADAL_CLASS_TCP)
		if (hadal_tcp_due_to(session, sk, conn, type))
			emit_tcp_to(session, image, size, type, isn);
}
