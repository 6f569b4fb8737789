// SPDX-License-Identifier: MIT
#include "recorder.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "harness.h"
#include "patience.h"

/* Smallest sizes by type; the ABI adds only at the end. */
static size_t least_size(uint16_t type)
{
	switch (type) {
	case HADAL_RECORD_LOST:
		return sizeof(struct hadal_record_lost);
	case HADAL_RECORD_CLOCK_SYNC:
		return sizeof(struct hadal_record_clock_sync);
	case HADAL_RECORD_DUMP_START:
	case HADAL_RECORD_DUMP_END:
		return sizeof(struct hadal_record_dump);
	case HADAL_RECORD_RING_ADDED:
		return sizeof(struct hadal_record_ring_added);
	case HADAL_RECORD_PROCESS_FORK:
	case HADAL_RECORD_PROCESS_EXISTING:
	case HADAL_RECORD_PROCESS_OOM:
		return sizeof(struct hadal_record_process);
	case HADAL_RECORD_PROCESS_EXEC:
		return sizeof(struct hadal_record_process_exec);
	case HADAL_RECORD_PROCESS_EXIT:
		return sizeof(struct hadal_record_process_exit);
	case HADAL_RECORD_CGROUP_MKDIR:
	case HADAL_RECORD_CGROUP_RMDIR:
	case HADAL_RECORD_CGROUP_EXISTING:
		return sizeof(struct hadal_record_cgroup);
	case HADAL_RECORD_TCP_ESTABLISHED:
		return sizeof(struct hadal_record_tcp_established);
	case HADAL_RECORD_TCP_FAILED:
		return sizeof(struct hadal_record_tcp_failed);
	case HADAL_RECORD_TCP_ACCEPTED:
		return sizeof(struct hadal_record_tcp_accepted);
	case HADAL_RECORD_TCP_CLOSED:
		return sizeof(struct hadal_record_tcp_closed);
	case HADAL_RECORD_TCP_SNAPSHOT:
		return sizeof(struct hadal_record_tcp_snapshot);
	case HADAL_RECORD_TCP_LISTENING:
	case HADAL_RECORD_TCP_LISTENER_CLOSED:
		return sizeof(struct hadal_record_tcp_listener);
	case HADAL_RECORD_UDP_FLOW:
		return sizeof(struct hadal_record_udp_flow);
	case HADAL_RECORD_DNS_ANSWER:
		return sizeof(struct hadal_record_dns_answer);
	default:
		return 0;
	}
}

static uint8_t class_of(uint16_t type)
{
	if (type >= HADAL_RECORD_DNS_ANSWER)
		return HADAL_CLASS_DNS;
	if (type >= HADAL_RECORD_UDP_FLOW)
		return HADAL_CLASS_UDP;
	if (type >= HADAL_RECORD_TCP_ESTABLISHED)
		return HADAL_CLASS_TCP;
	if (type >= HADAL_RECORD_CGROUP_MKDIR)
		return HADAL_CLASS_CGROUP;
	return type >= HADAL_RECORD_PROCESS_FORK ? HADAL_CLASS_PROCESS : HADAL_CLASS_CONTROL;
}

static void __attribute__((format(printf, 3, 4)))
fault(struct recorder *recorder, const struct hadal_record *record, const char *format, ...)
{
	va_list args;
	int at;

	if (recorder->fault[0])
		return;
	at = snprintf(recorder->fault, sizeof(recorder->fault),
		      "cpu %u lane %u sequence %u type %u size %u: ", record->cpu, record->lane,
		      record->sequence, record->type, record->size);
	va_start(args, format);
	vsnprintf(recorder->fault + at, sizeof(recorder->fault) - (size_t)at, format, args);
	va_end(args);
}

static void check_exec_size(struct recorder *recorder, const struct hadal_record *record)
{
	const struct hadal_record_process_exec *exec = (const void *)record;
	size_t strings = (size_t)exec->path_len + exec->script_len + exec->argv_len;

	if (exec->strings_offset != sizeof(*exec) ||
	    record->size != ((sizeof(*exec) + strings + 7) & ~(size_t)7))
		fault(recorder, record, "strings of %zu bytes", strings);
}

static void check_cgroup_size(struct recorder *recorder, const struct hadal_record *record)
{
	const struct hadal_record_cgroup *cgroup = (const void *)record;

	if (cgroup->path_offset != sizeof(*cgroup) ||
	    record->size != ((sizeof(*cgroup) + cgroup->path_len + 7) & ~(size_t)7))
		fault(recorder, record, "a path of %u bytes", cgroup->path_len);
}

static uint32_t reserved_of(const struct hadal_record *record)
{
	const uint16_t *words;

	switch (record->type) {
	case HADAL_RECORD_PROCESS_EXEC:
		words = ((const struct hadal_record_process_exec *)(const void *)record)->reserved;
		return words[0] | words[1] | words[2];
	case HADAL_RECORD_PROCESS_EXIT:
		return ((const struct hadal_record_process_exit *)(const void *)record)->reserved;
	case HADAL_RECORD_CGROUP_MKDIR:
	case HADAL_RECORD_CGROUP_RMDIR:
	case HADAL_RECORD_CGROUP_EXISTING:
		return ((const struct hadal_record_cgroup *)(const void *)record)->reserved;
	case HADAL_RECORD_TCP_SNAPSHOT:
		return ((const struct hadal_record_tcp_snapshot *)(const void *)record)->reserved;
	case HADAL_RECORD_TCP_LISTENING:
	case HADAL_RECORD_TCP_LISTENER_CLOSED:
		return ((const struct hadal_record_tcp_listener *)(const void *)record)->reserved;
	default:
		return 0;
	}
}

/* The module always knows one. */
static void check_ending(struct recorder *recorder, const struct hadal_record *record)
{
	uint32_t ending = ((const struct hadal_record_tcp_closed *)(const void *)record)->ending;

	if (!ending || ending > HADAL_TCP_ENDING_KERNEL)
		fault(recorder, record, "ending %u", ending);
}

static bool is_blank(const uint8_t *bytes, size_t count)
{
	while (count--)
		if (bytes[count])
			return false;
	return true;
}

static void check_udp(struct recorder *recorder, const struct hadal_record *record)
{
	const struct hadal_udp *udp = record_udp(record);

	if (!udp)
		return;
	if (record->lane != HADAL_LANE_FLOW)
		fault(recorder, record, "in the wrong lane");
	if (udp->family == AF_INET &&
	    !(is_blank(udp->local_address + 4, 12) && is_blank(udp->peer_address + 4, 12)))
		fault(recorder, record, "an IPv4 address of more than 4 bytes");
	if (!(udp->flags & HADAL_UDP_OTHER) == !udp->id)
		fault(recorder, record, "id %llu", (unsigned long long)udp->id);
	if (udp->last_time < udp->start_time || udp->last_time > record->time)
		fault(recorder, record, "last at %llu, began at %llu",
		      (unsigned long long)udp->last_time, (unsigned long long)udp->start_time);
	if (!udp->sent_datagrams && !udp->received_datagrams && !udp->id)
		fault(recorder, record, "nothing was counted");
}

/* What must hold of its size: the payload, and zero up to the record's end. */
static void check_dns_size(struct recorder *recorder, const struct hadal_record *record,
			   const struct hadal_dns *dns)
{
	uint32_t end = (uint32_t)dns->payload_offset + dns->captured;

	if (dns->payload_offset != sizeof(struct hadal_record_dns_answer) ||
	    record->size != ((end + 7) & ~7U))
		fault(recorder, record, "%u bytes captured", dns->captured);
	else if (!is_blank((const uint8_t *)record + end, record->size - end))
		fault(recorder, record, "bytes behind the payload");
	if (dns->captured != (dns->length < HADAL_DNS_CAPTURED_MAX ? dns->length :
								     HADAL_DNS_CAPTURED_MAX) ||
	    !(dns->flags & HADAL_DNS_TRUNCATED) != (dns->captured == dns->length))
		fault(recorder, record, "%u bytes captured of %u, flags 0x%x", dns->captured,
		      dns->length, dns->flags);
}

static void check_dns(struct recorder *recorder, const struct hadal_record *record)
{
	const struct hadal_dns *dns = record_dns(record);

	if (!dns)
		return;
	if (record->lane != HADAL_LANE_FLOW)
		fault(recorder, record, "in the wrong lane");
	if (dns->reserved || dns->peer_port != HADAL_DNS_PORT ||
	    dns->length < HADAL_DNS_HEADER_MIN)
		fault(recorder, record, "port %u, %u bytes", dns->peer_port, dns->length);
	if (dns->family == AF_INET &&
	    !(is_blank(dns->local_address + 4, 12) && is_blank(dns->peer_address + 4, 12)))
		fault(recorder, record, "an IPv4 address of more than 4 bytes");
	check_dns_size(recorder, record, dns);
}

/* What says nothing is zero, and not what the kernel's stack held there. */
static void check_blanks(struct recorder *recorder, const struct hadal_record *record)
{
	const struct hadal_tcp *tcp = &((const struct hadal_record_tcp_accepted *)(const void *)record)->tcp;
	const struct hadal_process *process =
		&((const struct hadal_record_process *)(const void *)record)->process;
	bool has_no_ns_tgid = record->type == HADAL_RECORD_PROCESS_EXEC ||
			       record->type == HADAL_RECORD_PROCESS_EXIT ||
			       record->type == HADAL_RECORD_PROCESS_OOM;

	if (reserved_of(record))
		fault(recorder, record, "a reserved field is not zero");
	if (record->record_class == HADAL_CLASS_TCP && tcp->family == AF_INET &&
	    !(is_blank(tcp->local_address + 4, 12) && is_blank(tcp->peer_address + 4, 12)))
		fault(recorder, record, "an IPv4 address of more than 4 bytes");
	if (record->record_class == HADAL_CLASS_PROCESS &&
	    (process->mnt_ns || (has_no_ns_tgid && process->ns_tgid)))
		fault(recorder, record, "an id that is not read is not zero");
}

static void check_shape(struct recorder *recorder, const struct ring *ring,
			const struct hadal_record *record)
{
	size_t least = least_size(record->type);

	if (!least)
		fault(recorder, record, "unknown type");
	else if (record->size < least)
		fault(recorder, record, "at least %zu bytes were due", least);
	else if (record->record_class != class_of(record->type))
		fault(recorder, record, "class %u", record->record_class);
	if (record->cpu != ring->cpu || record->lane != ring->lane)
		fault(recorder, record, "in the ring of cpu %u lane %u", ring->cpu, ring->lane);
	check_blanks(recorder, record);
	check_udp(recorder, record);
	check_dns(recorder, record);
	if (record->type == HADAL_RECORD_PROCESS_EXEC)
		check_exec_size(recorder, record);
	if (record->record_class == HADAL_CLASS_CGROUP)
		check_cgroup_size(recorder, record);
	if (record->type == HADAL_RECORD_TCP_CLOSED)
		check_ending(recorder, record);
	if (record->record_class == HADAL_CLASS_TCP && record->lane != HADAL_LANE_FLOW)
		fault(recorder, record, "in the wrong lane");
	if ((record->record_class == HADAL_CLASS_PROCESS ||
	     record->record_class == HADAL_CLASS_CGROUP) && record->lane != HADAL_LANE_LIFECYCLE)
		fault(recorder, record, "in the wrong lane");
	if (record->record_class == HADAL_CLASS_CONTROL && record->type != HADAL_RECORD_LOST &&
	    record->lane != HADAL_LANE_LIFECYCLE)
		fault(recorder, record, "in the wrong lane");
}

static void check_lost(struct recorder *recorder, const struct hadal_record *record, uint32_t gap)
{
	const struct hadal_record_lost *lost = (const void *)record;
	uint64_t sum = 0;
	unsigned int i;

	for (i = 0; i < HADAL_CLASS_SLOTS; i++) {
		sum += lost->count[i];
		recorder->lost[i] += lost->count[i];
	}
	if (sum != gap)
		fault(recorder, record, "LOST says %llu, the gap is %u",
		      (unsigned long long)sum, gap);
	if (!sum)
		fault(recorder, record, "LOST of nothing");
}

static void check_place(struct recorder *recorder, struct ring_history *history,
			const struct hadal_record *record)
{
	uint32_t gap = record->sequence - history->next_sequence;

	if (record->time < history->time)
		fault(recorder, record, "time %llu after %llu", (unsigned long long)record->time,
		      (unsigned long long)history->time);
	if (record->type == HADAL_RECORD_LOST)
		check_lost(recorder, record, gap);
	else if (gap)
		fault(recorder, record, "gap of %u without LOST", gap);
	history->time = record->time;
	history->next_sequence = record->sequence + 1;
}

static void keep(struct recorder *recorder, const struct hadal_record *record)
{
	struct hadal_record *copy = malloc(record->size);

	if (recorder->count == recorder->capacity) {
		recorder->capacity = recorder->capacity ? 2 * recorder->capacity : 1024;
		recorder->records = reallocarray(recorder->records, recorder->capacity,
						 sizeof(*recorder->records));
	}
	ASSERT_TRUE(copy && recorder->records);
	memcpy(copy, record, record->size);
	recorder->records[recorder->count++] = copy;
}

/* Whether one can step over it: anything else ends the test at once. */
static bool is_steppable(const struct ring *ring, const struct hadal_record *record)
{
	uint32_t left = HADAL_COMMIT_POSITION(ring_commit(ring)) - ring->position;

	return record->size >= sizeof(*record) && record->size % 8 == 0 && record->size <= left;
}

static void drain_ring(struct recorder *recorder, struct ring *ring, struct ring_history *history)
{
	const struct hadal_record *record;

	while ((record = ring_peek(ring))) {
		if (!is_steppable(ring, record))
			harness_fail_at(__FILE__, __LINE__, true,
					"cpu %u lane %u: record of %u bytes", ring->cpu,
					ring->lane, record->size);
		check_shape(recorder, ring, record);
		check_place(recorder, history, record);
		keep(recorder, record);
		if (record->record_class < HADAL_CLASS_SLOTS) {
			recorder->seen[record->record_class]++;
			recorder->bytes[record->record_class] += record->size;
		}
		ring_step(ring, record->size);
	}
	ring_release(ring);
}

static void drain_rings(struct recorder *recorder)
{
	size_t i;

	for (i = 0; i < recorder->session.query.possible_cpus * HADAL_LANES; i++) {
		struct ring *ring = &recorder->session.rings[i];

		if (ring->consumer)
			drain_ring(recorder, ring, &recorder->histories[i]);
	}
}

/* Maps what the records since tell of; returns whether there was anything. */
static bool map_added(struct recorder *recorder, size_t since)
{
	bool added = false;
	size_t i;

	for (i = since; i < recorder->count; i++)
		added |= recorder->records[i]->type == HADAL_RECORD_RING_ADDED;
	if (added)
		ASSERT_EQ(0, session_map(&recorder->session));
	return added;
}

size_t recorder_drain(struct recorder *recorder)
{
	size_t before = recorder->count, since;

	do {
		since = recorder->count;
		drain_rings(recorder);
	} while (map_added(recorder, since));
	return recorder->count - before;
}

void recorder_prepare(struct recorder *recorder, const struct hadal_config *config)
{
	struct hadal_config defaults;

	memset(recorder, 0, sizeof(*recorder));
	session_defaults(&defaults);
	ASSERT_EQ(0, session_open(&recorder->session));
	ASSERT_EQ(0, session_configure(&recorder->session, config ? config : &defaults));
	ASSERT_EQ(0, session_map(&recorder->session));
	recorder->histories = calloc(recorder->session.query.possible_cpus * HADAL_LANES,
				     sizeof(*recorder->histories));
	ASSERT_TRUE(recorder->histories);
}

void recorder_start(struct recorder *recorder)
{
	ASSERT_EQ(0, session_start(&recorder->session));
}

void recorder_begin(struct recorder *recorder, const struct hadal_config *config)
{
	recorder_prepare(recorder, config);
	recorder_start(recorder);
}

uint64_t recorder_dump(struct recorder *recorder, uint32_t what)
{
	struct hadal_dump dump = { .what = what };

	do {
		ASSERT_EQ(0, session_dump(&recorder->session, &dump));
		recorder_drain(recorder);
	} while (dump.state == HADAL_DUMP_MORE);
	ASSERT_EQ(HADAL_DUMP_DONE, dump.state);
	return dump.records;
}

void recorder_end_lossy(struct recorder *recorder)
{
	ASSERT_EQ(0, session_stop(&recorder->session));
	recorder_drain(recorder);
	ASSERT_STREQ("", recorder->fault);
}

void recorder_end(struct recorder *recorder)
{
	struct hadal_stats stats;
	unsigned int i;

	recorder_end_lossy(recorder);
	ASSERT_EQ(0, session_stats(&recorder->session, HADAL_CPU_ALL, &stats));
	for (i = 0; i < HADAL_CLASS_SLOTS; i++)
		ASSERT_EQ(0, stats.class_stats[i].lost);
}

void recorder_check_counts(const struct recorder *recorder)
{
	struct hadal_stats stats;
	unsigned int class;

	ASSERT_EQ(0, session_stats(&recorder->session, HADAL_CPU_ALL, &stats));
	for (class = 0; class < HADAL_CLASS_SLOTS; class++) {
		EXPECT_EQ(stats.class_stats[class].produced,
			  stats.class_stats[class].delivered + stats.class_stats[class].lost);
		EXPECT_GE(stats.class_stats[class].lost, stats.governed[class]);
	}
}

static uint64_t count_untold(const struct recorder *recorder)
{
	uint64_t untold = 0;
	unsigned int cpu, lane;

	for (cpu = 0; cpu < recorder->session.query.possible_cpus; cpu++) {
		for (lane = 0; lane < HADAL_LANES; lane++)
			untold += recorder_lost_at_end(recorder, cpu, lane);
	}
	return untold;
}

void recorder_check_all_read(const struct recorder *recorder)
{
	uint64_t lost = 0, told = 0;
	struct hadal_stats stats;
	unsigned int class;

	recorder_check_counts(recorder);
	ASSERT_EQ(0, session_stats(&recorder->session, HADAL_CPU_ALL, &stats));
	for (class = 0; class < HADAL_CLASS_SLOTS; class++) {
		EXPECT_EQ(stats.class_stats[class].delivered, recorder->seen[class]);
		EXPECT_EQ(stats.class_stats[class].bytes, recorder->bytes[class]);
		EXPECT_GE(stats.class_stats[class].lost, recorder->lost[class]);
		lost += stats.class_stats[class].lost;
		told += recorder->lost[class];
	}
	EXPECT_EQ(lost, told + count_untold(recorder));
}

void recorder_forget(struct recorder *recorder)
{
	size_t i;

	for (i = 0; i < recorder->count; i++)
		free(recorder->records[i]);
	recorder->count = 0;
}

void recorder_close(struct recorder *recorder)
{
	session_close(&recorder->session);
	recorder_forget(recorder);
	free(recorder->records);
	free(recorder->histories);
	memset(recorder, 0, sizeof(*recorder));
	recorder->session.fd = -1;
}

const struct hadal_record *recorder_find(const struct recorder *recorder, size_t *cursor,
					 record_match match, const void *what)
{
	while (*cursor < recorder->count) {
		const struct hadal_record *record = recorder->records[(*cursor)++];

		if (match(record, what))
			return record;
	}
	return NULL;
}

size_t recorder_count(const struct recorder *recorder, record_match match, const void *what)
{
	size_t cursor = 0, count = 0;

	while (recorder_find(recorder, &cursor, match, what))
		count++;
	return count;
}

void recorder_wait(struct recorder *recorder, record_match match, const void *what, size_t want)
{
	struct patience patience = patience_begin();
	size_t cursor = 0, count = 0;

	for (;;) {
		recorder_drain(recorder);
		while (recorder_find(recorder, &cursor, match, what))
			count++;
		if (count >= want)
			return;
		if (!patience_left(&patience))
			harness_fail_at(__FILE__, __LINE__, true, "%zu of %zu records came",
					count, want);
	}
}

static int compare_times(const void *a, const void *b)
{
	const struct hadal_record *x = *(struct hadal_record *const *)a;
	const struct hadal_record *y = *(struct hadal_record *const *)b;

	if (x->time != y->time)
		return x->time < y->time ? -1 : 1;
	if (x->cpu != y->cpu || x->lane != y->lane)
		return x->cpu * HADAL_LANES + x->lane < y->cpu * HADAL_LANES + y->lane ? -1 : 1;
	return (int32_t)(x->sequence - y->sequence) < 0 ? -1 : x->sequence != y->sequence;
}

void recorder_sort(struct recorder *recorder)
{
	if (recorder->count)
		qsort(recorder->records, recorder->count, sizeof(*recorder->records),
		      compare_times);
}

const struct hadal_process *record_process(const struct hadal_record *record)
{
	if (record->record_class != HADAL_CLASS_PROCESS)
		return NULL;
	return &((const struct hadal_record_process *)record)->process;
}

const struct hadal_tcp *record_tcp(const struct hadal_record *record)
{
	if (record->record_class != HADAL_CLASS_TCP)
		return NULL;
	return &((const struct hadal_record_tcp_accepted *)record)->tcp;
}

const struct hadal_udp *record_udp(const struct hadal_record *record)
{
	if (record->record_class != HADAL_CLASS_UDP)
		return NULL;
	return &((const struct hadal_record_udp_flow *)record)->udp;
}

const struct hadal_dns *record_dns(const struct hadal_record *record)
{
	if (record->record_class != HADAL_CLASS_DNS)
		return NULL;
	return &((const struct hadal_record_dns_answer *)record)->dns;
}

uint32_t recorder_lost_at_end(const struct recorder *recorder, unsigned int cpu, unsigned int lane)
{
	size_t i = cpu * HADAL_LANES + lane;
	const struct ring *ring = &recorder->session.rings[i];

	if (!ring->consumer)
		return 0;
	return HADAL_COMMIT_SEQUENCE(ring_commit(ring)) - recorder->histories[i].next_sequence;
}
