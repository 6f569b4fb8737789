/* SPDX-License-Identifier: MIT */
/*
 * A session of /dev/hadal: its life, its mappings, its dumps.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device.h"
#include "reader.h"

#define LIFECYCLE_RING_SIZE	(256u << 10)
#define FLOW_RING_SIZE		(1u << 20)
#define ARGV_MAX		256u

/* What the module asks of the lifecycle ring: EINVAL below it. */
#define ARGV_PER_RING		4

/* While records are visible but may not be handed out yet. Nanoseconds. */
#define HELD_WAIT		500000

struct mapping {
	void *consumer;
	void *data;
};

struct hadal_session {
	int fd;
	struct hadal_query query;
	struct hadal_config config;
	struct mapping (*mappings)[HADAL_LANES];	/* by CPU; [query.possible_cpus] */
	struct hadal_reader *reader;
	struct hadal_dump dump;
	bool dumping;
	bool stopped;
	bool progress;	/* a record was handed out since the last wait */
	char error[200];
};

__attribute__((format(printf, 3, 4)))
static int fail(struct hadal_session *session, int result, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(session->error, sizeof(session->error), format, arguments);
	va_end(arguments);
	return result;
}

/* Says which ioctl failed and why, if one did. */
static int call(struct hadal_session *session, unsigned long request, void *argument, const char *name)
{
	int result = device_ioctl(session->fd, request, argument);

	return result < 0 ? fail(session, result, "%s: %s", name, strerror(-result)) : 0;
}

HADAL_API const char *hadal_version(void)
{
	return HADAL_VERSION;
}

static uint64_t read_clock(void *context)
{
	(void)context;
	return monotonic_now();
}

/* ---- mappings ---- */

static uint32_t ring_size(const struct hadal_session *session, uint32_t lane)
{
	return lane == HADAL_LANE_LIFECYCLE ? session->config.lifecycle_ring_size :
					      session->config.flow_ring_size;
}

static size_t data_length(const struct hadal_session *session, uint32_t lane)
{
	return session->query.page_size + 2 * (size_t)ring_size(session, lane);
}

static void unmap_ring(const struct hadal_session *session, struct mapping *mapping, uint32_t lane)
{
	device_unmap(mapping->consumer, session->query.page_size);
	device_unmap(mapping->data, data_length(session, lane));
	*mapping = (struct mapping){ NULL, NULL };
}

static int add_ring(struct hadal_session *session, const struct mapping *mapping, uint32_t cpu,
		    uint32_t lane)
{
	const struct hadal_ring_producer *producer = mapping->data;
	struct ring ring;

	if (producer->data_size != ring_size(session, lane) || producer->cpu != cpu ||
	    producer->lane != lane)
		return -EPROTO;
	ring_init(&ring, producer, mapping->consumer,
		  (const uint8_t *)mapping->data + session->query.page_size, producer->data_size,
		  cpu, lane);
	return reader_add_ring(session->reader, &ring);
}

static int map_ring(struct hadal_session *session, uint32_t cpu, uint32_t lane)
{
	struct mapping *mapping = &session->mappings[cpu][lane];
	int result;

	result = device_map(session->fd, cpu, lane, HADAL_RING_CONSUMER, session->query.page_size,
			    &mapping->consumer);
	if (result < 0)
		return result;
	result = device_map(session->fd, cpu, lane, HADAL_RING_DATA, data_length(session, lane),
			    &mapping->data);
	if (result == 0)
		result = add_ring(session, mapping, cpu, lane);
	if (result < 0)
		unmap_ring(session, mapping, lane);
	return result;
}

/* Returns how many of the CPU's rings are new; a CPU without is none. */
static int map_cpu(struct hadal_session *session, uint32_t cpu)
{
	int added = 0, result;
	uint32_t lane;

	for (lane = 0; lane < HADAL_LANES; lane++) {
		if (session->mappings[cpu][lane].data)
			continue;
		result = map_ring(session, cpu, lane);
		if (result == -ENXIO)
			continue;
		if (result < 0)
			return fail(session, result, "mapping the ring of CPU %u, lane %u: %s", cpu,
				    lane, strerror(-result));
		added++;
	}
	return added;
}

static int rings_of(void *context, uint32_t cpu)
{
	struct hadal_session *session = context;
	int result;

	if (cpu != READER_ALL_CPUS && cpu >= session->query.possible_cpus)
		return reader_fail(session->reader, -EBADMSG,
				   "a record announces rings of CPU %u, of %u possible", cpu,
				   session->query.possible_cpus);
	result = cpu == READER_ALL_CPUS ? hadal_session_map_new(session) : map_cpu(session, cpu);
	return result < 0 ? reader_fail(session->reader, result, "%s", session->error) : 0;
}

HADAL_API int hadal_session_map_new(struct hadal_session *session)
{
	int added = 0, result;
	uint32_t cpu;

	if (!session->config.size)
		return fail(session, -ENOTCONN, "the session is not configured");
	for (cpu = 0; cpu < session->query.possible_cpus; cpu++) {
		result = map_cpu(session, cpu);
		if (result < 0)
			return result;
		added += result;
	}
	return added;
}

static void unmap_all(struct hadal_session *session)
{
	uint32_t cpu, lane;

	for (cpu = 0; session->mappings && cpu < session->query.possible_cpus; cpu++)
		for (lane = 0; lane < HADAL_LANES; lane++)
			unmap_ring(session, &session->mappings[cpu][lane], lane);
}

/* ---- life ---- */

static int ask(struct hadal_session *session)
{
	session->query.size = sizeof(session->query);
	return device_ioctl(session->fd, HADAL_IOC_QUERY, &session->query);
}

static int prepare(struct hadal_session *session)
{
	struct reader_sources sources = {
		.clock = read_clock, .rings_of = rings_of, .context = session,
	};
	int result = ask(session);

	if (result < 0)
		return result;
	session->mappings = calloc(session->query.possible_cpus, sizeof(*session->mappings));
	if (!session->mappings)
		return -ENOMEM;
	return reader_create(&session->reader, &sources);
}

HADAL_API int hadal_session_open(struct hadal_session **session, const char *path)
{
	struct hadal_session *opened = calloc(1, sizeof(*opened));
	int result;

	*session = NULL;
	if (!opened)
		return -ENOMEM;
	opened->fd = device_open(path ? path : HADAL_DEVICE_PATH);
	result = opened->fd < 0 ? opened->fd : prepare(opened);
	if (result < 0) {
		hadal_session_close(opened);
		return result;
	}
	*session = opened;
	return 0;
}

HADAL_API void hadal_session_close(struct hadal_session *session)
{
	if (!session)
		return;
	reader_destroy(session->reader);
	unmap_all(session);
	free(session->mappings);
	if (session->fd >= 0)
		device_close(session->fd);
	free(session);
}

HADAL_API void hadal_session_query(const struct hadal_session *session, struct hadal_query *query)
{
	*query = session->query;
}

static uint32_t within(uint32_t value, uint32_t low, uint32_t high)
{
	if (value < low)
		return low;
	return value > high ? high : value;
}

HADAL_API void hadal_config_default(struct hadal_config *config, const struct hadal_query *query)
{
	uint32_t least = query->ring_size_min, most = query->ring_size_max;
	uint32_t lifecycle = within(LIFECYCLE_RING_SIZE, least, most);

	*config = (struct hadal_config){
		.size = sizeof(*config),
		.abi_version = HADAL_ABI_VERSION,
		.classes = query->classes & (HADAL_CLASS_BIT(HADAL_CLASS_PROCESS) |
					     HADAL_CLASS_BIT(HADAL_CLASS_TCP)),
		.lifecycle_ring_size = lifecycle,
		.flow_ring_size = within(FLOW_RING_SIZE, least, most),
		.argv_max = within(within(ARGV_MAX, 0, lifecycle / ARGV_PER_RING), 0,
				   query->argv_limit),
	};
}

HADAL_API int hadal_session_configure(struct hadal_session *session, const struct hadal_config *config)
{
	struct hadal_config sized = *config;
	int result;

	sized.size = sizeof(sized);
	sized.abi_version = HADAL_ABI_VERSION;
	result = call(session, HADAL_IOC_CONFIGURE, &sized, "configuring the session");
	if (result < 0)
		return result;
	session->config = sized;
	result = hadal_session_map_new(session);
	return result < 0 ? result : 0;
}

HADAL_API int hadal_session_start(struct hadal_session *session)
{
	int result = call(session, HADAL_IOC_START, NULL, "starting the session");

	if (result < 0)
		return result;
	session->stopped = false;
	reader_set_final(session->reader, false);
	return 0;
}

HADAL_API int hadal_session_stop(struct hadal_session *session)
{
	int result = call(session, HADAL_IOC_STOP, NULL, "stopping the session");

	if (result < 0)
		return result;
	session->stopped = true;
	session->dumping = false;
	reader_set_final(session->reader, true);
	return 0;
}

HADAL_API int hadal_session_stats(struct hadal_session *session, uint32_t cpu, struct hadal_stats *stats)
{
	memset(stats, 0, sizeof(*stats));
	stats->size = sizeof(*stats);
	stats->cpu = cpu;
	return call(session, HADAL_IOC_STATS, stats, "reading the counters");
}

HADAL_API int hadal_session_fd(const struct hadal_session *session)
{
	return session->fd;
}

HADAL_API struct hadal_reader *hadal_session_reader(struct hadal_session *session)
{
	return session->reader;
}

HADAL_API const char *hadal_session_error(const struct hadal_session *session)
{
	return session->error;
}

/* ---- dumps ---- */

HADAL_API int hadal_session_request_dump(struct hadal_session *session, uint32_t what)
{
	const uint32_t known = HADAL_DUMP_PROCESSES | HADAL_DUMP_CONNECTIONS | HADAL_DUMP_CGROUPS |
			       HADAL_DUMP_UDP;

	if (!what || (what & ~known))
		return fail(session, -EINVAL, "dump of 0x%x: nothing or something unknown", what);
	if (session->dumping)
		return fail(session, -EBUSY, "a dump is under way");
	session->dump = (struct hadal_dump){ .size = sizeof(session->dump), .what = what };
	session->dumping = true;
	return 0;
}

HADAL_API int hadal_session_dump_step(struct hadal_session *session)
{
	int result;

	if (!session->dumping)
		return 0;
	result = call(session, HADAL_IOC_DUMP, &session->dump, "dumping what exists");
	session->dumping = result == 0 && session->dump.state == HADAL_DUMP_MORE;
	return result < 0 ? result : session->dumping;
}

HADAL_API uint64_t hadal_session_dump_records(const struct hadal_session *session)
{
	return session->dump.records;
}

/* ---- the blocking reader ---- */

static int to_milliseconds(uint64_t duration)
{
	uint64_t milliseconds = (duration + 999999) / 1000000;

	return milliseconds < HADAL_READ_INTERVAL ? (int)milliseconds : HADAL_READ_INTERVAL;
}

/*
 * Until the rings are worth another look. Where poll() returns at once though
 * the last round gave nothing, records are held back: those take a moment.
 */
static int wait_for_records(struct hadal_session *session, uint64_t left)
{
	bool progress = session->progress;
	int result;

	session->progress = false;
	result = device_poll(session->fd, to_milliseconds(left));
	if (result <= 0 || progress)
		return result;
	return sleep_for(left < HELD_WAIT ? left : HELD_WAIT);
}

HADAL_API int hadal_session_next(struct hadal_session *session, const struct hadal_record **record,
				 int timeout)
{
	uint64_t now = monotonic_now();
	uint64_t deadline = timeout < 0 ? UINT64_MAX : now + (uint64_t)timeout * 1000000;
	int result;

	for (;;) {
		result = hadal_reader_next(session->reader, record);
		if (result < 0)
			return fail(session, result, "%s", hadal_reader_error(session->reader));
		if (result > 0) {
			session->progress = true;
			return 1;
		}
		if (session->stopped && !reader_was_held(session->reader))
			return 0;
		result = hadal_session_dump_step(session);
		if (result < 0)
			return result;
		now = monotonic_now();
		if (now >= deadline)
			return 0;
		result = wait_for_records(session, deadline - now);
		if (result < 0)
			return result;
	}
}
