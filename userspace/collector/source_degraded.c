/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <linux/netlink.h>

#include "clock.h"
#include "degraded_sockets.h"
#include "procfs.h"
#include "socket_holders.h"
#include "source.h"

#define SECOND		1000000000ULL
#define SLICE		(20 * SECOND / 1000)	/* ns: others are let in after it */
#define READ_TIME	(5 * SECOND)	/* a namespace's sockets are waited for no longer */
#define SPACE_AGE	(2 * SECOND)	/* after its last process a namespace's connections still close */
#define POLL_SHARE	50		/* polls take at most one part of so many of the time */

enum {
	QUEUE_BYTES = 64 * 1024 * 1024,
	MESSAGES = 256,		/* of one socket in a row */
	BUFFER = 32 * 1024,	/* bytes: what the kernel fills at most */
	CGROUPS_A_STEP = 64,
	PROCESSES_A_STEP = 32,
	EVENTS = 64,
};

/* What is under way; phases follow each other as they stand. */
enum phase {
	PHASE_IDLE,
	PHASE_CGROUPS,
	PHASE_PROCESSES,
	PHASE_SOCKETS,	/* being read from all namespaces */
	PHASE_HOLDERS,	/* being looked for */
	PHASE_TELL,
};

struct degraded_source {
	struct source source;
	const struct config *config;
	struct counts *counts;
	struct record_queue queue;
	struct degraded_cgroups cgroups;
	struct net_spaces spaces;
	struct degraded_processes processes;
	struct degraded_sockets sockets;
	int connector;			/* -1: processes are known by walks alone */
	int connector_failure;		/* -errno */
	int wake;			/* readable while more is to be done */
	enum phase phase;
	uint32_t wanted;		/* HADAL_DUMP_*: asked for, not begun */
	uint32_t dumping;		/* of the dump under way; 0: a poll of its own */
	uint32_t dumps;
	uint64_t dumped;		/* records of it */
	struct socket_holders holders;
	bool whole;			/* all namespaces have been read by this poll */
	int sockets_failure;		/* -errno: the own namespace's sockets may not be read */
	uint64_t slice;			/* ns, CLOCK_MONOTONIC: when this turn's work began; 0: none was done */
	uint64_t cost;			/* ns of CPU: of this poll */
	uint64_t next_poll;		/* ns, CLOCK_MONOTONIC */
	bool has_read;			/* since the last step: whoever floods us is read on after others had their turn */
	bool stopped;
	char reason[sizeof(((struct source_failure *)0)->reason)];
	char limits[512];
	_Alignas(uint64_t) char buffer[BUFFER];
};

static struct degraded_source *degraded_of(struct source *source)
{
	return (struct degraded_source *)source;
}

/* ---- what is not allowed ---- */

__attribute__((format(printf, 2, 3)))
static void add_limit(struct degraded_source *degraded, const char *format, ...)
{
	size_t length = strlen(degraded->limits);
	va_list arguments;

	if (length && length + 2 < sizeof(degraded->limits)) {
		memcpy(degraded->limits + length, "; ", 3);
		length += 2;
	}
	va_start(arguments, format);
	vsnprintf(degraded->limits + length, sizeof(degraded->limits) - length, format, arguments);
	va_end(arguments);
}

static void note_limits(struct degraded_source *degraded)
{
	degraded->limits[0] = '\0';
	if (degraded->connector < 0)
		add_limit(degraded, "short processes and exits are not seen: the process connector: %s%s",
			  strerror(-degraded->connector_failure),
			  degraded->connector_failure == -EPERM ? " (CAP_NET_ADMIN)" : "");
	if (degraded->sockets_failure)
		add_limit(degraded, "connections are not seen: sock_diag: %s", strerror(-degraded->sockets_failure));
	if (degraded->spaces.refused)
		add_limit(degraded, "connections of containers with a network of their own are not seen: "
			  "their namespaces may not be entered (CAP_SYS_ADMIN)");
	if (degraded->holders.refused)
		add_limit(degraded, "which process has a connection is not seen: /proc/PID/fd may not be read "
			  "(CAP_DAC_READ_SEARCH)");
}

/* ---- the process connector ---- */

/* The next dump holds processes again where the kernel had no room: see records_lost() of the model. */
static void connector_overran(struct degraded_source *degraded)
{
	count(degraded->counts, COUNT_NOTICES_LOST);
	record_queue_lost(&degraded->queue, HADAL_CLASS_PROCESS, 1);
}

static void read_connector(struct degraded_source *degraded)
{
	struct sockaddr_nl from;
	socklen_t size;
	struct proc_event_facts event;
	ssize_t length;

	for (unsigned int i = 0; i < MESSAGES; i++) {
		size = sizeof(from);
		length = recvfrom(degraded->connector, degraded->buffer, BUFFER, MSG_DONTWAIT,
				  (struct sockaddr *)&from, &size);
		if (length < 0 && errno == ENOBUFS) {
			connector_overran(degraded);
			continue;
		}
		if (length < 0)
			return;
		/* Other processes may write to it too. */
		if (from.nl_pid == 0 && !proc_connector_parse(degraded->buffer, (size_t)length, &event))
			degraded_processes_event(&degraded->processes, &event, now_ns());
	}
}

/* ---- sock_diag ---- */

static void request_sockets(struct degraded_source *degraded, struct net_space *space, uint8_t family)
{
	int result = inet_diag_request(space->fd, family);

	space->reading = result ? 0 : family;
	degraded->whole &= !result;
	if (space->net_ns == degraded->spaces.own)
		degraded->sockets_failure = result;
}

/* IPv6 follows IPv4. */
static void family_read(struct degraded_source *degraded, struct net_space *space, int error)
{
	if (space->net_ns == degraded->spaces.own)
		degraded->sockets_failure = error;
	if (!error && space->reading == AF_INET) {
		request_sockets(degraded, space, AF_INET6);
		return;
	}
	space->reading = 0;
	degraded->whole &= !error;
	if (error)
		return;
	space->read_once = true;
	space->polled = space->reading_since;
}

static void space_message(struct degraded_source *degraded, struct net_space *space,
			  const struct diag_message *message)
{
	uint64_t now = now_ns();

	switch (message->kind) {
	case DIAG_SOCKET:
		degraded_sockets_seen(&degraded->sockets, space, &message->socket, now);
		break;
	case DIAG_DESTROYED:
		degraded_sockets_destroyed(&degraded->sockets, space, &message->socket, now);
		break;
	case DIAG_END:
		family_read(degraded, space, 0);
		break;
	case DIAG_REFUSED:
		family_read(degraded, space, message->error);
		break;
	case DIAG_OTHER:
		break;
	}
}

static void take_messages(struct degraded_source *degraded, struct net_space *space, size_t length)
{
	struct diag_message message;
	const char *at = degraded->buffer;
	long taken;

	while (length) {
		taken = inet_diag_parse(at, length, &message);
		if (taken <= 0)
			return;
		space_message(degraded, space, &message);
		at += taken;
		length -= (size_t)taken;
	}
}

static void read_space(struct degraded_source *degraded, struct net_space *space)
{
	struct sockaddr_nl from;
	socklen_t size;
	ssize_t length;

	for (unsigned int i = 0; i < MESSAGES; i++) {
		size = sizeof(from);
		length = recvfrom(space->fd, degraded->buffer, BUFFER, MSG_DONTWAIT, (struct sockaddr *)&from, &size);
		if (length < 0 && errno == ENOBUFS) {
			count(degraded->counts, COUNT_NOTICES_LOST);
			continue;
		}
		if (length < 0)
			return;
		if (from.nl_pid == 0)
			take_messages(degraded, space, (size_t)length);
	}
}

/* ---- records ---- */

static void read_sockets(struct degraded_source *degraded)
{
	struct epoll_event events[EVENTS];
	uint64_t before = clock_ns(CLOCK_THREAD_CPUTIME_ID);
	int ready = epoll_wait(degraded->source.fd, events, EVENTS, 0);

	/* Processes first: who has a socket is known by them. */
	if (degraded->connector >= 0)
		read_connector(degraded);
	for (int i = 0; i < ready; i++) {
		if (events[i].data.ptr != &degraded->connector && events[i].data.ptr != &degraded->wake)
			read_space(degraded, events[i].data.ptr);
	}
	if (degraded->phase != PHASE_IDLE)
		degraded->cost += clock_ns(CLOCK_THREAD_CPUTIME_ID) - before;
}

static int next_record(struct source *source, const struct hadal_record **record)
{
	struct degraded_source *degraded = degraded_of(source);

	*record = record_queue_take(&degraded->queue);
	if (*record || degraded->stopped || degraded->has_read)
		return *record != NULL;
	read_sockets(degraded);
	degraded->has_read = true;
	*record = record_queue_take(&degraded->queue);
	return *record != NULL;
}

static void tell_clock(struct degraded_source *degraded)
{
	struct hadal_record_clock_sync sync = {
		.header = { .type = HADAL_RECORD_CLOCK_SYNC, .record_class = HADAL_CLASS_CONTROL },
		.monotonic = now_ns(), .boottime = clock_ns(CLOCK_BOOTTIME), .realtime = wall_ns(),
	};

	sync.header.time = sync.monotonic;
	degraded->processes.boot_offset = sync.boottime - sync.monotonic;
	record_queue_add(&degraded->queue, &sync.header, sizeof(sync));
}

static void tell_dump(struct degraded_source *degraded, uint16_t type)
{
	struct hadal_record_dump record = {
		.header = { .type = type, .record_class = HADAL_CLASS_CONTROL, .time = now_ns() },
		.what = degraded->dumping, .dump = degraded->dumps, .records = degraded->dumped,
	};

	record_queue_add(&degraded->queue, &record.header, sizeof(record));
}

/* ---- phases ---- */

static void begin_sockets(struct degraded_source *degraded)
{
	struct net_space *space;
	uint64_t now = now_ns();

	degraded->sockets.poll++;
	degraded->whole = true;
	for (space = degraded->spaces.table; space; space = space->hh.next) {
		if (space->fd < 0 || space->reading)
			continue;
		space->reading_since = now;
		request_sockets(degraded, space, AF_INET);
	}
}

/* Who does not answer is asked again with the next poll. */
static bool sockets_read(struct degraded_source *degraded)
{
	struct net_space *space;
	uint64_t now = now_ns();

	for (space = degraded->spaces.table; space; space = space->hh.next) {
		if (space->reading && now - space->reading_since < READ_TIME)
			return false;
		degraded->whole &= !space->reading;
		space->reading = 0;
	}
	return true;
}

static void set_next_poll(struct degraded_source *degraded, uint64_t now)
{
	uint64_t wait = degraded->config->degraded_poll * SECOND, least = degraded->cost * POLL_SHARE;

	degraded->next_poll = now + (wait > least ? wait : least);
	degraded->cost = 0;
}

static void finish_poll(struct degraded_source *degraded)
{
	uint64_t now = now_ns();

	degraded_processes_place(&degraded->processes);
	degraded_sockets_polled(&degraded->sockets, degraded->whole, now);
	if (degraded->dumping & HADAL_DUMP_CONNECTIONS)
		degraded->dumped += degraded_sockets_tell_all(&degraded->sockets, now);
	net_spaces_sweep(&degraded->spaces, now, SPACE_AGE);
	set_next_poll(degraded, now);
}

/* ---- from phase to phase ---- */

static bool is_due(const struct degraded_source *degraded, enum phase phase)
{
	bool connections = !degraded->dumping || degraded->dumping & HADAL_DUMP_CONNECTIONS;

	switch (phase) {
	case PHASE_CGROUPS:
		return degraded->dumping & HADAL_DUMP_CGROUPS;
	case PHASE_PROCESSES:
		return degraded->dumping & HADAL_DUMP_PROCESSES;
	default:
		return connections;
	}
}

static void enter(struct degraded_source *degraded, enum phase phase)
{
	degraded->phase = phase;
	switch (phase) {
	case PHASE_CGROUPS:
		degraded_cgroups_walk(&degraded->cgroups, now_ns());
		break;
	case PHASE_PROCESSES:
		degraded_processes_walk(&degraded->processes);
		break;
	case PHASE_SOCKETS:
		begin_sockets(degraded);
		break;
	case PHASE_HOLDERS:
		socket_holders_begin(&degraded->holders, &degraded->processes, &degraded->sockets);
		break;
	case PHASE_IDLE:
	case PHASE_TELL:
		break;
	}
}

static void enter_next(struct degraded_source *degraded)
{
	for (enum phase phase = degraded->phase + 1; phase <= PHASE_TELL; phase++) {
		if (is_due(degraded, phase)) {
			enter(degraded, phase);
			return;
		}
	}
	degraded->phase = PHASE_IDLE;
	if (degraded->dumping)
		tell_dump(degraded, HADAL_RECORD_DUMP_END);
	degraded->dumping = 0;
	note_limits(degraded);
}

/* One slice of the phase; returns whether it is over. */
static bool work(struct degraded_source *degraded)
{
	switch (degraded->phase) {
	case PHASE_CGROUPS:
		if (degraded_cgroups_step(&degraded->cgroups, CGROUPS_A_STEP, now_ns()))
			return false;
		degraded->dumped += degraded->cgroups.found;
		return true;
	case PHASE_PROCESSES:
		if (degraded_processes_step(&degraded->processes, PROCESSES_A_STEP, now_ns()))
			return false;
		degraded->dumped += degraded->processes.found;
		return true;
	case PHASE_SOCKETS:
		return sockets_read(degraded);
	case PHASE_HOLDERS:
		return !socket_holders_step(&degraded->holders, &degraded->processes, &degraded->sockets, PROCESSES_A_STEP);
	case PHASE_TELL:
		finish_poll(degraded);
		return true;
	case PHASE_IDLE:
		break;
	}
	return true;
}

static void begin_dump(struct degraded_source *degraded)
{
	degraded->dumping = degraded->wanted;
	degraded->wanted = 0;
	degraded->dumps++;
	degraded->dumped = 0;
	tell_clock(degraded);
	tell_dump(degraded, HADAL_RECORD_DUMP_START);
	enter_next(degraded);
}

static bool begin(struct degraded_source *degraded)
{
	if (degraded->wanted) {
		begin_dump(degraded);
		return true;
	}
	if (now_ns() < degraded->next_poll || !degraded->dumps)
		return false;
	enter(degraded, PHASE_SOCKETS);
	return true;
}

static void set_awake(struct degraded_source *degraded, bool awake)
{
	uint64_t value = 1;
	ssize_t done;

	if (awake)
		done = write(degraded->wake, &value, sizeof(value));
	else
		done = read(degraded->wake, &value, sizeof(value));
	(void)done;	/* it says what it said before */
}

/* Returns whether there is more to do that need not be waited for. */
static bool slice(struct degraded_source *degraded)
{
	if (degraded->phase == PHASE_IDLE && !begin(degraded))
		return false;
	if (work(degraded))
		enter_next(degraded);
	return degraded->phase != PHASE_SOCKETS && (degraded->phase != PHASE_IDLE || degraded->wanted);
}

static int step(struct source *source)
{
	struct degraded_source *degraded = degraded_of(source);
	uint64_t before = clock_ns(CLOCK_THREAD_CPUTIME_ID), now = now_ns();
	bool more;

	if (degraded->stopped)
		return 0;
	degraded->has_read = false;
	if (!degraded->slice)
		degraded->slice = now;
	set_awake(degraded, false);
	more = slice(degraded);
	if (degraded->phase != PHASE_IDLE)
		degraded->cost += clock_ns(CLOCK_THREAD_CPUTIME_ID) - before;
	if (more && now_ns() - degraded->slice < SLICE)
		return 1;
	degraded->slice = 0;
	set_awake(degraded, more);
	return 0;
}

static int request_dump(struct source *source, uint32_t what)
{
	struct degraded_source *degraded = degraded_of(source);

	if (degraded->wanted || degraded->dumping)
		return -EBUSY;
	degraded->wanted = what;
	return 0;
}

static int stats(struct source *source, struct hadal_stats *stats)
{
	*stats = degraded_of(source)->queue.stats;
	return 0;
}

static void stop(struct source *source)
{
	degraded_of(source)->stopped = true;
}

/* ---- begin and end ---- */

static void close_degraded(struct source *source)
{
	struct degraded_source *degraded = degraded_of(source);

	degraded_sockets_free(&degraded->sockets);
	degraded_processes_free(&degraded->processes);
	net_spaces_free(&degraded->spaces);
	degraded_cgroups_free(&degraded->cgroups);
	record_queue_free(&degraded->queue);
	socket_holders_free(&degraded->holders);
	if (degraded->connector >= 0)
		close(degraded->connector);
	if (degraded->wake >= 0)
		close(degraded->wake);
	if (source->fd >= 0)
		close(source->fd);
	free(degraded);
}

static const struct source_ops ops = {
	.next = next_record,
	.request_dump = request_dump,
	.step = step,
	.stats = stats,
	.stop = stop,
	.close = close_degraded,
};

static int watch(struct degraded_source *degraded, int fd, void *which)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = which };

	return epoll_ctl(degraded->source.fd, EPOLL_CTL_ADD, fd, &event) ? -errno : 0;
}

static int open_descriptors(struct degraded_source *degraded)
{
	degraded->source.fd = epoll_create1(EPOLL_CLOEXEC);
	degraded->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (degraded->source.fd < 0 || degraded->wake < 0)
		return -errno;
	degraded->connector = proc_connector_open();
	if (degraded->connector < 0) {
		degraded->connector_failure = degraded->connector;
		degraded->connector = -1;
	} else if (watch(degraded, degraded->connector, &degraded->connector)) {
		return -errno;
	}
	return watch(degraded, degraded->wake, &degraded->wake);
}

/* Without the connector processes are known by walks alone. */
static void describe(struct degraded_source *degraded, const struct source_failure *why)
{
	struct source *source = &degraded->source;

	memcpy(degraded->reason, why->reason, sizeof(degraded->reason));
	source->state = why->state;
	source->reason = degraded->reason;
	source->limits = degraded->limits;
	source->version = "";
	source->counters_dump = HADAL_DUMP_CONNECTIONS | HADAL_DUMP_CGROUPS;
	if (degraded->connector < 0)
		source->counters_dump |= HADAL_DUMP_PROCESSES;
	source->state_dump = HADAL_DUMP_CONNECTIONS | HADAL_DUMP_CGROUPS | HADAL_DUMP_PROCESSES;
}

static void init_parts(struct degraded_source *degraded)
{
	const struct config *config = degraded->config;

	record_queue_init(&degraded->queue, QUEUE_BYTES);
	degraded_cgroups_init(&degraded->cgroups, 16384, &degraded->queue);
	net_spaces_init(&degraded->spaces, procfs_net_ns(), degraded->source.fd, degraded->counts);
	degraded->processes = (struct degraded_processes){
		.limit = (unsigned int)config->processes,
		.argv_max = config->arguments ? (size_t)config->argv_max : 0,
		.queue = &degraded->queue, .cgroups = &degraded->cgroups, .spaces = &degraded->spaces,
		.counts = degraded->counts,
	};
	degraded_sockets_init(&degraded->sockets, config, (unsigned int)config->connections, &degraded->queue,
			      degraded->counts);
	procfs_ephemeral_ports(&degraded->sockets.ephemeral_low, &degraded->sockets.ephemeral_high);
	net_spaces_join(&degraded->spaces, degraded->spaces.own, getpid(), true, now_ns());
}

int source_open_degraded(const struct config *config, const struct source_failure *why, struct counts *counts,
			 struct source **source)
{
	struct degraded_source *degraded = calloc(1, sizeof(*degraded));
	int result;

	if (!degraded)
		return -ENOMEM;
	degraded->source.ops = &ops;
	degraded->config = config;
	degraded->counts = counts;
	degraded->source.fd = degraded->wake = degraded->connector = -1;
	result = open_descriptors(degraded);
	if (result) {
		close_degraded(&degraded->source);
		return result;
	}
	init_parts(degraded);
	describe(degraded, why);
	note_limits(degraded);
	*source = &degraded->source;
	return 0;
}
