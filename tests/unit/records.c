/* SPDX-License-Identifier: MIT */
#include "records.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void emit(struct recorder *recorder, struct hadal_record *header, size_t size, uint16_t type,
		 uint8_t record_class)
{
	const char *reason = NULL;

	header->size = (uint32_t)size;
	header->type = type;
	header->record_class = record_class;
	header->time = recorder->time++;
	if (hadal_record_validate(header, size, &reason)) {
		fprintf(stderr, "the test made a record that is none: %s\n", reason);
		abort();
	}
	recorder->sink(recorder->context, header);
	recorder->dumped++;
}

#define EMIT(recorder, record, type, record_class) \
	emit(recorder, &(record).header, sizeof(record), type, record_class)

void record_clock(struct recorder *recorder, uint64_t monotonic, uint64_t realtime)
{
	struct hadal_record_clock_sync record = {
		.monotonic = monotonic, .boottime = monotonic, .realtime = realtime,
	};

	EMIT(recorder, record, HADAL_RECORD_CLOCK_SYNC, HADAL_CLASS_CONTROL);
}

void record_dump(struct recorder *recorder, uint16_t type, uint32_t what)
{
	struct hadal_record_dump record = { .what = what, .records = recorder->dumped };

	if (type == HADAL_RECORD_DUMP_START)
		record.records = 0;
	EMIT(recorder, record, type, HADAL_CLASS_CONTROL);
	recorder->dumped = 0;
}

void record_cgroup(struct recorder *recorder, uint16_t type, uint32_t hierarchy, uint64_t id, const char *path,
		   uint16_t flags)
{
	struct {
		struct hadal_record_cgroup cgroup;
		char path[512];
	} record = {
		.cgroup = { .cgroup_id = id, .hierarchy = hierarchy, .flags = flags,
			    .path_offset = sizeof(record.cgroup) },
	};
	size_t length = path ? strlen(path) : 0;

	assert(length <= sizeof(record.path));
	if (length)
		memcpy(record.path, path, length);
	record.cgroup.path_len = (uint16_t)length;
	emit(recorder, &record.cgroup.header, (sizeof(record.cgroup) + length + 7) & ~7UL, type, HADAL_CLASS_CGROUP);
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static struct hadal_process process_of(const struct actor *actor)
{
	struct hadal_process process = {
		.start_boottime = actor->start, .cgroup_id = actor->cgroup, .tgid = actor->tgid,
		.parent_tgid = actor->parent, .net_ns = actor->net_ns,
	};

	snprintf(process.comm, sizeof(process.comm), "%s", base_name(actor->path));
	return process;
}

void record_fork(struct recorder *recorder, const struct actor *actor)
{
	struct hadal_record_process record = { .process = process_of(actor) };

	record.process.ns_tgid = actor->ns_tgid;
	EMIT(recorder, record, HADAL_RECORD_PROCESS_FORK, HADAL_CLASS_PROCESS);
}

void record_fork_sibling(struct recorder *recorder, const struct actor *actor)
{
	struct hadal_record_process record = { .process = process_of(actor) };

	record.process.ns_tgid = actor->ns_tgid;
	record.process.flags = HADAL_PROCESS_SIBLING;
	EMIT(recorder, record, HADAL_RECORD_PROCESS_FORK, HADAL_CLASS_PROCESS);
}

void record_existing(struct recorder *recorder, const struct actor *actor)
{
	struct hadal_record_process record = { .process = process_of(actor) };

	record.process.ns_tgid = actor->ns_tgid;
	EMIT(recorder, record, HADAL_RECORD_PROCESS_EXISTING, HADAL_CLASS_PROCESS);
}

void record_existing_indirect(struct recorder *recorder, const struct actor *actor)
{
	struct hadal_record_process record = { .process = process_of(actor) };

	record.process.ns_tgid = actor->ns_tgid;
	record.process.flags = HADAL_PROCESS_INDIRECT;
	EMIT(recorder, record, HADAL_RECORD_PROCESS_EXISTING, HADAL_CLASS_PROCESS);
}

void record_ended(struct recorder *recorder, const struct actor *actor)
{
	struct hadal_record_process record = { .process = process_of(actor) };

	record.process.flags = HADAL_PROCESS_ENDED;
	EMIT(recorder, record, HADAL_RECORD_PROCESS_EXISTING, HADAL_CLASS_PROCESS);
}

void record_oom(struct recorder *recorder, const struct actor *actor)
{
	struct hadal_record_process record = { .process = process_of(actor) };

	record.process.flags = HADAL_PROCESS_OOM;
	EMIT(recorder, record, HADAL_RECORD_PROCESS_OOM, HADAL_CLASS_PROCESS);
}

void record_exec(struct recorder *recorder, const struct actor *actor)
{
	static const char argv[] = "program\0--secret=42";
	struct {
		struct hadal_record_process_exec exec;
		char text[512];
	} record = { 0 };
	size_t length = strlen(actor->path), size;

	assert(length + sizeof(argv) <= sizeof(record.text));
	record.exec.process = process_of(actor);
	record.exec.strings_offset = sizeof(record.exec);
	record.exec.path_len = (uint16_t)length;
	record.exec.argc = 2;
	record.exec.argv_len = sizeof(argv);
	memcpy(record.text, actor->path, length);
	memcpy(record.text + length, argv, sizeof(argv));
	size = (sizeof(record.exec) + length + sizeof(argv) + 7) & ~7UL;
	emit(recorder, &record.exec.header, size, HADAL_RECORD_PROCESS_EXEC, HADAL_CLASS_PROCESS);
}

void record_exit(struct recorder *recorder, const struct actor *actor, uint32_t exit_code, uint32_t flags)
{
	struct hadal_record_process_exit record = { .process = process_of(actor), .exit_code = exit_code };

	record.process.flags = flags;
	EMIT(recorder, record, HADAL_RECORD_PROCESS_EXIT, HADAL_CLASS_PROCESS);
}

void record_exit_used(struct recorder *recorder, const struct actor *actor, uint64_t user, uint64_t system)
{
	struct hadal_record_process_exit record = {
		.process = process_of(actor), .user_time = user, .system_time = system, .cpu_time = user + system,
	};

	EMIT(recorder, record, HADAL_RECORD_PROCESS_EXIT, HADAL_CLASS_PROCESS);
}

static void parse_end(const char *text, uint16_t *family, uint8_t address[16], uint16_t *port)
{
	char host[64];
	const char *colon = strrchr(text, ':');
	size_t length = (size_t)(colon - text);

	assert(length < sizeof(host));
	memcpy(host, text, length);
	host[length] = '\0';
	*port = (uint16_t)atoi(colon + 1);
	*family = host[0] == '[' ? AF_INET6 : AF_INET;
	if (host[0] == '[') {
		host[length - 1] = '\0';
		memmove(host, host + 1, length - 1);
	}
	if (inet_pton(*family, host, address) != 1)
		abort();
}

struct end end_of(uint64_t id, uint64_t key, uint8_t role, const struct actor *owner, const char *local,
		  const char *peer)
{
	struct end end = { .tcp = { .id = id, .key = key, .role = role } };

	parse_end(local, &end.tcp.family, end.tcp.local_address, &end.tcp.local_port);
	parse_end(peer, &end.tcp.family, end.tcp.peer_address, &end.tcp.peer_port);
	if (!owner)
		return end;
	end.tcp.owner = HADAL_TCP_OWNER_CALLER;
	end.tcp.owner_tgid = owner->tgid;
	end.tcp.owner_start_boottime = owner->start;
	end.tcp.cgroup_id = owner->cgroup;
	end.tcp.socket_cgroup_id = owner->cgroup;
	end.tcp.net_ns = owner->net_ns;
	return end;
}

void record_established(struct recorder *recorder, struct end *end, uint64_t latency)
{
	struct hadal_record_tcp_established record = { .connect_latency = latency };

	if (!end->tcp.start_time)
		end->tcp.start_time = recorder->time - latency;
	record.tcp = end->tcp;
	EMIT(recorder, record, HADAL_RECORD_TCP_ESTABLISHED, HADAL_CLASS_TCP);
}

void record_accepted(struct recorder *recorder, struct end *end)
{
	struct hadal_record_tcp_accepted record = { 0 };

	if (!end->tcp.start_time)
		end->tcp.start_time = recorder->time;
	record.tcp = end->tcp;
	EMIT(recorder, record, HADAL_RECORD_TCP_ACCEPTED, HADAL_CLASS_TCP);
}

void record_failed(struct recorder *recorder, struct end *end, uint32_t error)
{
	struct hadal_record_tcp_failed record = { .tcp = end->tcp, .error = error };

	EMIT(recorder, record, HADAL_RECORD_TCP_FAILED, HADAL_CLASS_TCP);
}

void record_snapshot(struct recorder *recorder, const struct end *end)
{
	struct hadal_record_tcp_snapshot record = { .tcp = end->tcp, .counters = end->counters, .state = 1 };

	EMIT(recorder, record, HADAL_RECORD_TCP_SNAPSHOT, HADAL_CLASS_TCP);
}

void record_closed(struct recorder *recorder, const struct end *end, uint32_t old_state, uint32_t error)
{
	struct hadal_record_tcp_closed record = {
		.tcp = end->tcp, .counters = end->counters, .old_state = old_state, .error = error,
	};

	EMIT(recorder, record, HADAL_RECORD_TCP_CLOSED, HADAL_CLASS_TCP);
}

void record_ending(struct recorder *recorder, const struct end *end, uint32_t ending, uint32_t error)
{
	struct hadal_record_tcp_closed record = {
		.tcp = end->tcp, .counters = end->counters, .old_state = 1, .error = error, .ending = ending,
	};

	EMIT(recorder, record, HADAL_RECORD_TCP_CLOSED, HADAL_CLASS_TCP);
}

void record_listener(struct recorder *recorder, const struct end *end, uint16_t type, uint32_t dropped)
{
	struct hadal_record_tcp_listener record = { .tcp = end->tcp, .dropped = dropped };

	EMIT(recorder, record, type, HADAL_CLASS_TCP);
}

void record_listening(struct recorder *recorder, const struct end *end)
{
	record_listener(recorder, end, HADAL_RECORD_TCP_LISTENING, 0);
}

void record_listener_closed(struct recorder *recorder, const struct end *end)
{
	record_listener(recorder, end, HADAL_RECORD_TCP_LISTENER_CLOSED, 0);
}

void record_udp(struct recorder *recorder, const struct end *end, uint32_t flags)
{
	struct hadal_record_udp_flow record = {
		.udp = {
			.id = end->tcp.id, .start_time = end->tcp.start_time, .last_time = end->tcp.start_time,
			.cgroup_id = end->tcp.cgroup_id, .socket_cgroup_id = end->tcp.socket_cgroup_id,
			.owner_start_boottime = end->tcp.owner_start_boottime, .owner_tgid = end->tcp.owner_tgid,
			.net_ns = end->tcp.net_ns, .flags = flags, .role = end->tcp.role, .owner = end->tcp.owner,
			.sent_bytes = end->counters.acked, .received_bytes = end->counters.received,
		},
	};

	if (!(flags & HADAL_UDP_OTHER)) {
		record.udp.family = end->tcp.family;
		record.udp.local_port = end->tcp.local_port;
		record.udp.peer_port = end->tcp.peer_port;
		memcpy(record.udp.local_address, end->tcp.local_address, sizeof(record.udp.local_address));
		memcpy(record.udp.peer_address, end->tcp.peer_address, sizeof(record.udp.peer_address));
	}
	EMIT(recorder, record, HADAL_RECORD_UDP_FLOW, HADAL_CLASS_UDP);
}

void record_answer(struct recorder *recorder, const struct actor *actor, const void *message, size_t size)
{
	struct {
		struct hadal_record_dns_answer answer;
		uint8_t payload[HADAL_DNS_CAPTURED_MAX];
	} record = {
		.answer.header.lane = HADAL_LANE_FLOW,
		.answer.dns = { .family = AF_INET, .local_port = 40000, .peer_port = HADAL_DNS_PORT,
				.owner_tgid = actor->tgid, .owner_start_boottime = actor->start,
				.cgroup_id = actor->cgroup, .owner = HADAL_TCP_OWNER_CALLER,
				.net_ns = actor->net_ns, .length = (uint32_t)size,
				.payload_offset = sizeof(record.answer) },
	};
	size_t captured = size < sizeof(record.payload) ? size : sizeof(record.payload);

	memcpy(record.payload, message, captured);
	record.answer.dns.captured = (uint16_t)captured;
	if (captured < size)
		record.answer.dns.flags = HADAL_DNS_TRUNCATED;
	emit(recorder, &record.answer.header, (sizeof(record.answer) + captured + 7) & ~7UL,
	     HADAL_RECORD_DNS_ANSWER, HADAL_CLASS_DNS);
}
