/* SPDX-License-Identifier: MIT */
/*
 * Whether bytes are a record, and the parts of one.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include <hadal/hadal.h>

struct shape {
	uint16_t type;
	uint8_t record_class;
	uint16_t size;	/* bytes, without variable parts */
};

static const struct shape shapes[] = {
	{ HADAL_RECORD_LOST, HADAL_CLASS_CONTROL, sizeof(struct hadal_record_lost) },
	{ HADAL_RECORD_CLOCK_SYNC, HADAL_CLASS_CONTROL, sizeof(struct hadal_record_clock_sync) },
	{ HADAL_RECORD_DUMP_START, HADAL_CLASS_CONTROL, sizeof(struct hadal_record_dump) },
	{ HADAL_RECORD_DUMP_END, HADAL_CLASS_CONTROL, sizeof(struct hadal_record_dump) },
	{ HADAL_RECORD_RING_ADDED, HADAL_CLASS_CONTROL, sizeof(struct hadal_record_ring_added) },
	{ HADAL_RECORD_PROCESS_FORK, HADAL_CLASS_PROCESS, sizeof(struct hadal_record_process) },
	{ HADAL_RECORD_PROCESS_EXEC, HADAL_CLASS_PROCESS, sizeof(struct hadal_record_process_exec) },
	{ HADAL_RECORD_PROCESS_EXIT, HADAL_CLASS_PROCESS, sizeof(struct hadal_record_process_exit) },
	{ HADAL_RECORD_PROCESS_EXISTING, HADAL_CLASS_PROCESS, sizeof(struct hadal_record_process) },
	{ HADAL_RECORD_TCP_ESTABLISHED, HADAL_CLASS_TCP, sizeof(struct hadal_record_tcp_established) },
	{ HADAL_RECORD_TCP_FAILED, HADAL_CLASS_TCP, sizeof(struct hadal_record_tcp_failed) },
	{ HADAL_RECORD_TCP_ACCEPTED, HADAL_CLASS_TCP, sizeof(struct hadal_record_tcp_accepted) },
	{ HADAL_RECORD_TCP_CLOSED, HADAL_CLASS_TCP, sizeof(struct hadal_record_tcp_closed) },
	{ HADAL_RECORD_TCP_SNAPSHOT, HADAL_CLASS_TCP, sizeof(struct hadal_record_tcp_snapshot) },
	{ HADAL_RECORD_TCP_LISTENING, HADAL_CLASS_TCP, sizeof(struct hadal_record_tcp_listener) },
	{ HADAL_RECORD_TCP_LISTENER_CLOSED, HADAL_CLASS_TCP, sizeof(struct hadal_record_tcp_listener) },
};

static const struct shape *shape_of(uint16_t type)
{
	size_t i;

	for (i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
		if (shapes[i].type == type)
			return &shapes[i];
	return NULL;
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

static const char *process_fault(const struct hadal_process *process)
{
	return memchr(process->comm, 0, sizeof(process->comm)) ? NULL : "comm without its NUL";
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

static const char *body_fault(const struct hadal_record *record)
{
	const struct hadal_process *process = hadal_record_process(record);
	const struct hadal_tcp *tcp = hadal_record_tcp(record);
	const char *fault = NULL;

	if (process)
		fault = process_fault(process);
	if (tcp)
		fault = tcp_fault(tcp);
	if (!fault && record->type == HADAL_RECORD_PROCESS_EXEC)
		fault = exec_fault((const struct hadal_record_process_exec *)record);
	return fault;
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
	return body_fault(record);
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

/* In all records of processes, and in all of tcp, these stand in one place. */
HADAL_API const struct hadal_process *hadal_record_process(const struct hadal_record *record)
{
	switch (record->type) {
	case HADAL_RECORD_PROCESS_FORK:
	case HADAL_RECORD_PROCESS_EXEC:
	case HADAL_RECORD_PROCESS_EXIT:
	case HADAL_RECORD_PROCESS_EXISTING:
		return &((const struct hadal_record_process *)record)->process;
	default:
		return NULL;
	}
}

HADAL_API const struct hadal_tcp *hadal_record_tcp(const struct hadal_record *record)
{
	switch (record->type) {
	case HADAL_RECORD_TCP_ESTABLISHED:
	case HADAL_RECORD_TCP_FAILED:
	case HADAL_RECORD_TCP_ACCEPTED:
	case HADAL_RECORD_TCP_CLOSED:
	case HADAL_RECORD_TCP_SNAPSHOT:
	case HADAL_RECORD_TCP_LISTENING:
	case HADAL_RECORD_TCP_LISTENER_CLOSED:
		return &((const struct hadal_record_tcp_accepted *)record)->tcp;
	default:
		return NULL;
	}
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
