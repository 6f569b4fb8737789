/* SPDX-License-Identifier: MIT */
/*
 * Whether bytes are a record, and the parts of one.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include <hadal/hadal.h>

enum body {
	BODY_PLAIN,
	BODY_PROCESS,
	BODY_EXEC,
	BODY_TCP,
};

/* The size is that without variable parts; 0: the type is not known. */
struct shape {
	uint16_t size;	/* bytes */
	uint8_t record_class;
	uint8_t body;	/* enum body */
};

#define SHAPE(name, suffix, class, kind) \
	[HADAL_RECORD_##name] = { sizeof(struct hadal_record_##suffix), HADAL_CLASS_##class, BODY_##kind }

/* By type: this is asked of each record. */
static const struct shape shapes[] = {
	SHAPE(LOST, lost, CONTROL, PLAIN),
	SHAPE(CLOCK_SYNC, clock_sync, CONTROL, PLAIN),
	SHAPE(DUMP_START, dump, CONTROL, PLAIN),
	SHAPE(DUMP_END, dump, CONTROL, PLAIN),
	SHAPE(RING_ADDED, ring_added, CONTROL, PLAIN),
	SHAPE(PROCESS_FORK, process, PROCESS, PROCESS),
	SHAPE(PROCESS_EXEC, process_exec, PROCESS, EXEC),
	SHAPE(PROCESS_EXIT, process_exit, PROCESS, PROCESS),
	SHAPE(PROCESS_EXISTING, process, PROCESS, PROCESS),
	SHAPE(TCP_ESTABLISHED, tcp_established, TCP, TCP),
	SHAPE(TCP_FAILED, tcp_failed, TCP, TCP),
	SHAPE(TCP_ACCEPTED, tcp_accepted, TCP, TCP),
	SHAPE(TCP_CLOSED, tcp_closed, TCP, TCP),
	SHAPE(TCP_SNAPSHOT, tcp_snapshot, TCP, TCP),
	SHAPE(TCP_LISTENING, tcp_listener, TCP, TCP),
	SHAPE(TCP_LISTENER_CLOSED, tcp_listener, TCP, TCP),
};

static const struct shape *shape_of(uint16_t type)
{
	if (type >= sizeof(shapes) / sizeof(shapes[0]) || !shapes[type].size)
		return NULL;
	return &shapes[type];
}

static const char *header_fault(const struct hadal_record *record, size_t available)
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
static const struct hadal_process *process_of(const struct hadal_record *record)
{
	return &((const struct hadal_record_process *)record)->process;
}

static const struct hadal_tcp *tcp_of(const struct hadal_record *record)
{
	return &((const struct hadal_record_tcp_accepted *)record)->tcp;
}

/* The module fills comm up with NULs. */
static const char *process_fault(const struct hadal_process *process)
{
	return process->comm[HADAL_COMM_LEN - 1] ? "comm without its NUL" : NULL;
}

static const char *exec_fault(const struct hadal_record_process_exec *exec)
{
	size_t variable = (size_t)exec->path_len + exec->script_len + exec->argv_len;

	if (exec->strings_offset < sizeof(*exec))
		return "exec strings within the struct";
	return exec->strings_offset + variable <= exec->header.size ? NULL :
		"exec strings beyond the record";
}

static const char *tcp_fault(const struct hadal_tcp *tcp)
{
	return tcp->family == AF_INET || tcp->family == AF_INET6 ? NULL : "unknown address family";
}

static const char *body_fault(const struct hadal_record *record, enum body body)
{
	const char *fault;

	switch (body) {
	case BODY_PROCESS:
		return process_fault(process_of(record));
	case BODY_EXEC:
		fault = process_fault(process_of(record));
		return fault ? fault : exec_fault((const struct hadal_record_process_exec *)record);
	case BODY_TCP:
		return tcp_fault(tcp_of(record));
	default:
		return NULL;
	}
}

static const char *record_fault(const struct hadal_record *record, size_t available)
{
	const char *fault = header_fault(record, available);
	const struct shape *shape;

	if (fault)
		return fault;
	shape = shape_of(record->type);
	if (!shape)
		return NULL;
	if (record->size < shape->size)
		return "size below that of its type";
	if (record->record_class != shape->record_class)
		return "class is not that of its type";
	return body_fault(record, shape->body);
}

HADAL_API int hadal_record_validate(const struct hadal_record *record, size_t available,
				    const char **reason)
{
	const char *fault = record_fault(record, available);

	if (reason)
		*reason = fault;
	return fault ? -EBADMSG : 0;
}

static const char *exec_strings(const struct hadal_record_process_exec *exec)
{
	return (const char *)exec + exec->strings_offset;
}

HADAL_API struct hadal_text hadal_exec_path(const struct hadal_record_process_exec *exec)
{
	return (struct hadal_text){ exec_strings(exec), exec->path_len };
}

HADAL_API struct hadal_text hadal_exec_script(const struct hadal_record_process_exec *exec)
{
	return (struct hadal_text){ exec_strings(exec) + exec->path_len, exec->script_len };
}

HADAL_API struct hadal_text hadal_exec_argv(const struct hadal_record_process_exec *exec)
{
	return (struct hadal_text){ exec_strings(exec) + exec->path_len + exec->script_len,
				    exec->argv_len };
}

HADAL_API const struct hadal_process *hadal_record_process(const struct hadal_record *record)
{
	const struct shape *shape = shape_of(record->type);

	return shape && (shape->body == BODY_PROCESS || shape->body == BODY_EXEC) ? process_of(record) : NULL;
}

HADAL_API const struct hadal_tcp *hadal_record_tcp(const struct hadal_record *record)
{
	const struct shape *shape = shape_of(record->type);

	return shape && shape->body == BODY_TCP ? tcp_of(record) : NULL;
}

HADAL_API const struct hadal_tcp_counters *hadal_record_tcp_counters(const struct hadal_record *record)
{
	switch (record->type) {
	case HADAL_RECORD_TCP_CLOSED:
		return &((const struct hadal_record_tcp_closed *)record)->counters;
	case HADAL_RECORD_TCP_SNAPSHOT:
		return &((const struct hadal_record_tcp_snapshot *)record)->counters;
	default:
		return NULL;
	}
}

HADAL_API const char *hadal_class_name(unsigned int record_class)
{
	static const char *const names[HADAL_CLASS_SLOTS] = {
		[HADAL_CLASS_CONTROL] = "control",
		[HADAL_CLASS_PROCESS] = "process",
		[HADAL_CLASS_CGROUP] = "cgroup",
		[HADAL_CLASS_TCP] = "tcp",
		[HADAL_CLASS_UDP] = "udp",
		[HADAL_CLASS_DNS] = "dns",
	};

	return record_class < HADAL_CLASS_SLOTS ? names[record_class] : NULL;
}
