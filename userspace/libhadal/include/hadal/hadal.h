/* SPDX-License-Identifier: MIT */
/*
 * libhadal: sessions of /dev/hadal and their records in time order.
 *
 * An event loop:
 *
 *	hadal_session_open(&session, NULL);
 *	hadal_session_query(session, &query);
 *	hadal_config_default(&config, &query);
 *	hadal_session_configure(session, &config);
 *	hadal_session_start(session);
 *	hadal_session_request_dump(session, HADAL_DUMP_PROCESSES | HADAL_DUMP_CONNECTIONS);
 *	each time that hadal_session_fd() is readable, and at least every
 *	HADAL_READ_INTERVAL milliseconds:
 *		while ((result = hadal_reader_next(reader, &record)) > 0)
 *			use(record);
 *		hadal_session_dump_step(session);
 *	hadal_session_close(session);
 *
 * A program without one calls hadal_session_next(), which does that waiting,
 * draining and stepping by itself.
 *
 * Functions that return int return -errno on failure and do not set errno. A
 * session and its reader belong to one thread at a time. The uapi header says
 * what records, ioctls and their errors mean.
 */
#ifndef HADAL_HADAL_H
#define HADAL_HADAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <hadal/uapi.h>

#define HADAL_API __attribute__((visibility("default")))

/* The library's version, as "1.2.3"; static. */
HADAL_API const char *hadal_version(void);

/* ---- session ---- */

struct hadal_session;
struct hadal_reader;

/*
 * poll() wakes at a ring's watermark; what lies below it is for a reader that
 * comes by itself, at least this often. Milliseconds.
 */
#define HADAL_READ_INTERVAL	100

/*
 * Opens path (NULL: HADAL_DEVICE_PATH). *session is the caller's until
 * hadal_session_close(). ENOENT: the module is not loaded. EACCES: not in the
 * device's group. ENOMEM; what open() and HADAL_IOC_QUERY answer.
 */
HADAL_API int hadal_session_open(struct hadal_session **session, const char *path);

/* Unmaps, closes and frees; the module frees the rings. NULL is allowed. */
HADAL_API void hadal_session_close(struct hadal_session *session);

/* What the module can do, as it was told at open. */
HADAL_API void hadal_session_query(const struct hadal_session *session, struct hadal_query *query);

/*
 * Fills config with what suits most readers within the limits of query:
 * process and tcp, 256 KiB lifecycle and 1 MiB flow ring per CPU, up to 256
 * bytes of argv, a key of zeros.
 */
HADAL_API void hadal_config_default(struct hadal_config *config, const struct hadal_query *query);

/*
 * "80,443,8000-8099" as ranges, and how many; the rest of ranges is zero.
 * EINVAL: that is none. E2BIG: more than HADAL_FILTER_PORTS.
 */
HADAL_API int hadal_port_ranges(const char *text, struct hadal_port_range ranges[HADAL_FILTER_PORTS],
				uint32_t *count);

/*
 * Hands config to the module and maps the rings of every CPU that has some.
 * Sets config->size and abi_version itself. Errors: of HADAL_IOC_CONFIGURE and
 * of mmap(); EPROTO when the module's rings are not as configured.
 */
HADAL_API int hadal_session_configure(struct hadal_session *session, const struct hadal_config *config);

/*
 * Maps rings that came since. The reader does this by itself when it meets a
 * RING_ADDED record. Returns the number of rings added or -errno.
 */
HADAL_API int hadal_session_map_new(struct hadal_session *session);

HADAL_API int hadal_session_start(struct hadal_session *session);

/*
 * After this the reader no longer waits for stragglers: once it has returned
 * 0, all is read.
 */
HADAL_API int hadal_session_stop(struct hadal_session *session);

/*
 * Notes that a dump of what (HADAL_DUMP_*) is wanted; hadal_session_dump_step()
 * and hadal_session_next() do it, slice by slice. EINVAL: what is 0 or
 * unknown. EBUSY: one is under way.
 */
HADAL_API int hadal_session_request_dump(struct hadal_session *session, uint32_t what);

/*
 * Does one slice of the dump that was requested, if there is one; to be called
 * when the rings are drained, as a slice ends where a ring is full. Returns 1
 * while more is to come, 0 when none is under way (any more), -errno of
 * HADAL_IOC_DUMP, which also ends the dump.
 */
HADAL_API int hadal_session_dump_step(struct hadal_session *session);

/* Records that the dump under way or the last one has written so far. */
HADAL_API uint64_t hadal_session_dump_records(const struct hadal_session *session);

/* cpu: a number or HADAL_CPU_ALL. Errors: of HADAL_IOC_STATS. */
HADAL_API int hadal_session_stats(struct hadal_session *session, uint32_t cpu, struct hadal_stats *stats);

/* For poll() and its like: readable when a ring is filled to the watermark. */
HADAL_API int hadal_session_fd(const struct hadal_session *session);

/* Of the session, until it is closed. */
HADAL_API struct hadal_reader *hadal_session_reader(struct hadal_session *session);

/*
 * The next record, waiting up to timeout milliseconds for it (-1: without
 * end); drives a requested dump. Returns 1 with *record as hadal_reader_next()
 * gives it, 0 when the time is over or, after hadal_session_stop(), nothing is
 * left; -EINTR on a signal, else the errors of hadal_reader_next() and
 * hadal_session_dump_step().
 */
HADAL_API int hadal_session_next(struct hadal_session *session, const struct hadal_record **record,
				 int timeout);

/* What failed last in this session, for people; "" if nothing did. */
HADAL_API const char *hadal_session_error(const struct hadal_session *session);

/* ---- reader ---- */

/*
 * The next record in time order over all CPUs and lanes. Returns 1 and a
 * pointer into the mapped ring, valid until the next call with this reader; 0
 * when nothing (more) may be handed out now: records are held back while
 * another CPU may still be about to publish an older one. All that was visible
 * when a round of calls began comes before that 0, so a round ends.
 *
 * EBADMSG: a ring holds what cannot be a record; hadal_reader_error() says
 * where and what. Said once for each such ring, which is left alone from
 * then on, while the others go on; a new session makes all new. Other errors:
 * of mmap(), for a ring that a RING_ADDED record announced; the next call
 * tries again.
 */
HADAL_API int hadal_reader_next(struct hadal_reader *reader, const struct hadal_record **record);

/*
 * Gives the module back the space of all that hadal_reader_next() has handed
 * out, the last record included. Happens by itself each quarter of a ring and
 * when hadal_reader_next() returns 0.
 */
HADAL_API void hadal_reader_release(struct hadal_reader *reader);

struct hadal_totals {
	uint64_t records;	/* handed out */
	uint64_t bytes;		/* of those */
	uint64_t lost_by_gap;	/* numbers missing from the rings' sequences, up to their end */
	uint64_t lost_by_record;	/* sum of what LOST records say */
	uint64_t lost[HADAL_CLASS_SLOTS];	/* the same by class */
	uint64_t lost_unexplained;	/* LOST records that disagreed with the gap before them */
	uint64_t time_steps_back;	/* records older than the one before them in their ring */
	uint64_t rounds_held;	/* rounds cut short by a CPU in the middle of a record */
	uint32_t rings;		/* mapped */
	uint32_t rings_failed;	/* of those: left alone after EBADMSG */
};

HADAL_API void hadal_reader_totals(const struct hadal_reader *reader, struct hadal_totals *totals);

/* The last error of this reader, for people: which ring and what; "" if none. */
HADAL_API const char *hadal_reader_error(const struct hadal_reader *reader);

/* ---- records ---- */

/* Bytes that are not NUL-terminated, part of a record. */
struct hadal_text {
	const char *data;
	size_t length;
};

/*
 * Whether what lies at record, of which available bytes can be read, is a
 * whole and consistent record: its size, the least size of its type, its
 * variable parts. Types that the library does not know need a sound header
 * only. Returns 0 or -EBADMSG with *reason a static text (reason may be NULL).
 * All that the reader hands out has passed this.
 */
HADAL_API int hadal_record_validate(const struct hadal_record *record, size_t available,
				    const char **reason);

/* The variable parts of a validated exec record. */
HADAL_API struct hadal_text hadal_exec_path(const struct hadal_record_process_exec *exec);
HADAL_API struct hadal_text hadal_exec_script(const struct hadal_record_process_exec *exec);
/* Arguments, each with its NUL; a last one without was cut. */
HADAL_API struct hadal_text hadal_exec_argv(const struct hadal_record_process_exec *exec);

/* The path in a record of a cgroup; empty where it has none. */
HADAL_API struct hadal_text hadal_record_cgroup_path(const struct hadal_record_cgroup *cgroup);

/* The bytes of an answer of DNS that its record holds; hadal/dns.h parses them. */
HADAL_API struct hadal_text hadal_record_dns_payload(const struct hadal_record_dns_answer *answer);

/* What a record is about; NULL for other types, and for those that the library does not know, whatever their class. */
HADAL_API const struct hadal_record_cgroup *hadal_record_cgroup(const struct hadal_record *record);
HADAL_API const struct hadal_process *hadal_record_process(const struct hadal_record *record);
HADAL_API const struct hadal_tcp *hadal_record_tcp(const struct hadal_record *record);
HADAL_API const struct hadal_udp *hadal_record_udp(const struct hadal_record *record);
HADAL_API const struct hadal_dns *hadal_record_dns(const struct hadal_record *record);
/* Of CLOSED and SNAPSHOT, else NULL. */
HADAL_API const struct hadal_tcp_counters *hadal_record_tcp_counters(const struct hadal_record *record);

/* "control", "process", ...; NULL for a class that has no name. Static. */
HADAL_API const char *hadal_class_name(unsigned int record_class);

/* ---- clocks ---- */

/* What a CLOCK_SYNC record said last; zeros: nothing yet. Nanoseconds. */
struct hadal_clock {
	uint64_t monotonic;
	uint64_t boottime;
	uint64_t realtime;
};

/* Takes over record if it is a CLOCK_SYNC. Returns whether it was. */
HADAL_API bool hadal_clock_update(struct hadal_clock *clock, const struct hadal_record *record);

/* Nanoseconds since 1970-01-01T00:00:00Z of a time on the other clocks; 0 before any sync. */
HADAL_API uint64_t hadal_clock_from_monotonic(const struct hadal_clock *clock, uint64_t monotonic);
HADAL_API uint64_t hadal_clock_from_boottime(const struct hadal_clock *clock, uint64_t boottime);

#define HADAL_TIMESTAMP_SIZE	sizeof("1970-01-01T00:00:00.000000000Z")

/* RFC 3339 in UTC with nine digits of fraction. realtime: ns since 1970. */
HADAL_API void hadal_timestamp(uint64_t realtime, char text[HADAL_TIMESTAMP_SIZE]);

#endif
