/* SPDX-License-Identifier: MIT */
/*
 * Whether bytes are a record. The reader asks this of each one that it hands out:
 * it is inline.
 */
#ifndef LIBHADAL_VALIDATE_H
#define LIBHADAL_VALIDATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include <hadal/hadal.h>

#define likely(x)	__builtin_expect(!!(x), 1)
#define unlikely(x)	__builtin_expect(!!(x), 0)

enum record_body {
	BODY_PLAIN,
	BODY_PROCESS,
	BODY_EXEC,
	BODY_CGROUP,
	BODY_TCP,
	BODY_UDP,
	BODY_DNS,
};

/* The size is that without variable parts; 0: the type is not known. */
struct record_shape {
	uint16_t size;	/* bytes */
	uint8_t record_class;
	uint8_t body;	/* enum record_body */
};

#define SHAPE(name, suffix, class, kind) \
	[HADAL_RECORD_##name] = { sizeof(struct hadal_record_##suffix), HADAL_CLASS_##class, BODY_##kind }

/* By type: this is asked of each record. */
static const struct record_shape record_shapes[] = {
	SHAPE(LOST, lost, CONTROL, PLAIN),
	SHAPE(CLOCK_SYNC, clock_sync, CONTROL, PLAIN),
	SHAPE(DUMP_START, dump, CONTROL, PLAIN),
	SHAPE(DUMP_END, dump, CONTROL, PLAIN),
	SHAPE(RING_ADDED, ring_added, CONTROL, PLAIN),
	SHAPE(PROCESS_FORK, process, PROCESS, PROCESS),
	SHAPE(PROCESS_EXEC, process_exec, PROCESS, EXEC),
	SHAPE(PROCESS_EXIT, process_exit, PROCESS, PROCESS),
	SHAPE(PROCESS_EXISTING, process, PROCESS, PROCESS),
	SHAPE(PROCESS_OOM, process, PROCESS, PROCESS),
	SHAPE(CGROUP_MKDIR, cgroup, CGROUP, CGROUP),
	SHAPE(CGROUP_RMDIR, cgroup, CGROUP, CGROUP),
	SHAPE(CGROUP_EXISTING, cgroup, CGROUP, CGROUP),
	SHAPE(TCP_ESTABLISHED, tcp_established, TCP, TCP),
	SHAPE(TCP_FAILED, tcp_failed, TCP, TCP),
	SHAPE(TCP_ACCEPTED, tcp_accepted, TCP, TCP),
	SHAPE(TCP_CLOSED, tcp_closed, TCP, TCP),
	SHAPE(TCP_SNAPSHOT, tcp_snapshot, TCP, TCP),
	SHAPE(TCP_LISTENING, tcp_listener, TCP, TCP),
	SHAPE(TCP_LISTENER_CLOSED, tcp_listener, TCP, TCP),
	SHAPE(UDP_FLOW, udp_flow, UDP, UDP),
	SHAPE(DNS_ANSWER, dns_answer, DNS, DNS),
};

#define RECORD_SHAPES	(sizeof(record_shapes) / sizeof(record_shapes[0]))

static inline const struct record_shape *record_shape_of(uint16_t type)
{
	if (type >= RECORD_SHAPES || !record_shapes[type].size)
		return NULL;
	return &record_shapes[type];
}

static inline const char *header_fault(const struct hadal_record *record, size_t available)
{
	if (available < sizeof(*record))
		return "cut within its header";
	if (record->size < sizeof(*record))
		return "size below that of a header";
	if (record->size % 8)
		return "size not a multiple of 8";
	if (record->size > available)
		return "size beyond what was written";
	if (record->record_class >= HADAL_CLASS_SLOTS)
		return "unknown class";
	if (record->lane >= HADAL_LANES)
		return "unknown lane";
	return NULL;
}

/* In all records of processes, and in all of tcp, these stand in one place. */
static inline const struct hadal_process *process_of(const struct hadal_record *record)
{
	return &((const struct hadal_record_process *)record)->process;
}

static inline const struct hadal_tcp *tcp_of(const struct hadal_record *record)
{
	return &((const struct hadal_record_tcp_accepted *)record)->tcp;
}

static inline const struct hadal_udp *udp_of(const struct hadal_record *record)
{
	return &((const struct hadal_record_udp_flow *)record)->udp;
}

static inline const struct hadal_dns *dns_of(const struct hadal_record *record)
{
	return &((const struct hadal_record_dns_answer *)record)->dns;
}

/* The module fills comm up with NULs. */
static inline const char *process_fault(const struct hadal_process *process)
{
	return process->comm[HADAL_COMM_LEN - 1] ? "comm without its NUL" : NULL;
}

static inline const char *exec_fault(const struct hadal_record_process_exec *exec)
{
	size_t variable = (size_t)exec->path_len + exec->script_len + exec->argv_len;

	if (exec->strings_offset < sizeof(*exec))
		return "exec strings within the struct";
	return exec->strings_offset + variable <= exec->header.size ? NULL :
		"exec strings beyond the record";
}

static inline const char *cgroup_fault(const struct hadal_record_cgroup *cgroup)
{
	if (cgroup->path_offset < sizeof(*cgroup))
		return "cgroup path within the struct";
	return (size_t)cgroup->path_offset + cgroup->path_len <= cgroup->header.size ? NULL :
		"cgroup path beyond the record";
}

static inline const char *tcp_fault(const struct hadal_tcp *tcp)
{
	return tcp->family == AF_INET || tcp->family == AF_INET6 ? NULL : "unknown address family";
}

/* What found no room in the table has no ends. */
static inline const char *udp_fault(const struct hadal_udp *udp)
{
	bool has_family = udp->family == AF_INET || udp->family == AF_INET6;

	return has_family == !(udp->flags & HADAL_UDP_OTHER) ? NULL : "unknown address family";
}

static inline const char *dns_fault(const struct hadal_record_dns_answer *answer)
{
	const struct hadal_dns *dns = &answer->dns;

	if (dns->family != AF_INET && dns->family != AF_INET6)
		return "unknown address family";
	if (dns->captured > dns->length)
		return "more captured than there is";
	if (dns->payload_offset < sizeof(*answer))
		return "payload within the struct";
	return (size_t)dns->payload_offset + dns->captured <= answer->header.size ? NULL :
		"payload beyond the record";
}

static inline __attribute__((always_inline)) const char *
other_body_fault(const struct hadal_record *record, enum record_body body)
{
	const char *fault;

	switch (body) {
	case BODY_EXEC:
		fault = process_fault(process_of(record));
		return fault ? fault : exec_fault((const struct hadal_record_process_exec *)record);
	case BODY_CGROUP:
		return cgroup_fault((const struct hadal_record_cgroup *)record);
	case BODY_UDP:
		return udp_fault(udp_of(record));
	case BODY_DNS:
		return dns_fault((const struct hadal_record_dns_answer *)record);
	default:
		return NULL;
	}
}

/* What comes in floods is not looked up in a table of jumps. */
static inline __attribute__((always_inline)) const char *
body_fault(const struct hadal_record *record, enum record_body body)
{
	if (likely(body == BODY_TCP))
		return tcp_fault(tcp_of(record));
	if (likely(body == BODY_PROCESS))
		return process_fault(process_of(record));
	return other_body_fault(record, body);
}

/* NULL, or why these bytes, as many as are available, are no record. */
static inline const char *record_fault(const struct hadal_record *record, size_t available)
{
	const char *fault = header_fault(record, available);
	const struct record_shape *shape;

	if (fault)
		return fault;
	shape = record_shape_of(record->type);
	if (!shape)
		return NULL;
	if (record->size < shape->size)
		return "size below that of its type";
	if (record->record_class != shape->record_class)
		return "class is not that of its type";
	return body_fault(record, shape->body);
}

#endif
