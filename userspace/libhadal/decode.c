/* SPDX-License-Identifier: MIT */
/*
 * The parts of a record.
 */
#include <errno.h>
#include <string.h>

#include "validate.h"

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

HADAL_API struct hadal_text hadal_record_cgroup_path(const struct hadal_record_cgroup *cgroup)
{
	return (struct hadal_text){ (const char *)cgroup + cgroup->path_offset, cgroup->path_len };
}

HADAL_API const struct hadal_record_cgroup *hadal_record_cgroup(const struct hadal_record *record)
{
	const struct record_shape *shape = record_shape_of(record->type);

	return shape && shape->body == BODY_CGROUP ? (const struct hadal_record_cgroup *)record : NULL;
}

HADAL_API const struct hadal_process *hadal_record_process(const struct hadal_record *record)
{
	const struct record_shape *shape = record_shape_of(record->type);

	return shape && (shape->body == BODY_PROCESS || shape->body == BODY_EXEC) ? process_of(record) : NULL;
}

HADAL_API const struct hadal_tcp *hadal_record_tcp(const struct hadal_record *record)
{
	const struct record_shape *shape = record_shape_of(record->type);

	return shape && shape->body == BODY_TCP ? tcp_of(record) : NULL;
}

HADAL_API const struct hadal_udp *hadal_record_udp(const struct hadal_record *record)
{
	const struct record_shape *shape = record_shape_of(record->type);

	return shape && shape->body == BODY_UDP ? udp_of(record) : NULL;
}

HADAL_API const struct hadal_dns *hadal_record_dns(const struct hadal_record *record)
{
	const struct record_shape *shape = record_shape_of(record->type);

	return shape && shape->body == BODY_DNS ? dns_of(record) : NULL;
}

HADAL_API struct hadal_text hadal_record_dns_payload(const struct hadal_record_dns_answer *answer)
{
	return (struct hadal_text){ (const char *)answer + answer->dns.payload_offset,
				    answer->dns.captured };
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
