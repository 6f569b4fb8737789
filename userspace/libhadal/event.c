/* SPDX-License-Identifier: MIT */
/*
 * Each type of record as its list of attributes.
 */
#include <hadal/dns.h>
#include <hadal/event.h>
#include <hadal/names.h>

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define NSEC_PER_SEC	1e9
#define USEC_PER_SEC	1e6

/* A walk: once visit has returned other than 0, nothing more is visited. */
struct walk {
	hadal_attribute_fn visit;
	void *context;
	const struct hadal_clock *clock;
	int result;
};

static void visit(struct walk *walk, const struct hadal_attribute *attribute)
{
	if (!walk->result)
		walk->result = walk->visit(walk->context, attribute);
}

static void give_text(struct walk *walk, const char *name, struct hadal_text text)
{
	visit(walk, &(struct hadal_attribute){ .name = name, .type = HADAL_ATTRIBUTE_TEXT, .text = text });
}

static void give_string(struct walk *walk, const char *name, const char *string)
{
	if (string)
		give_text(walk, name, (struct hadal_text){ string, strlen(string) });
}

static void give_texts(struct walk *walk, const char *name, struct hadal_text texts)
{
	if (texts.length)
		visit(walk, &(struct hadal_attribute){ .name = name, .type = HADAL_ATTRIBUTE_TEXTS,
						       .text = texts });
}

static void give_integer(struct walk *walk, const char *name, uint64_t value)
{
	visit(walk, &(struct hadal_attribute){ .name = name, .type = HADAL_ATTRIBUTE_INTEGER,
					       .integer = (int64_t)value });
}

/* Where 0 means that there is none. */
static void give_integer_if(struct walk *walk, const char *name, uint64_t value)
{
	if (value)
		give_integer(walk, name, value);
}

static void give_seconds(struct walk *walk, const char *name, double seconds)
{
	visit(walk, &(struct hadal_attribute){ .name = name, .type = HADAL_ATTRIBUTE_REAL,
					       .real = seconds });
}

static void give_true_if(struct walk *walk, const char *name, uint32_t set)
{
	if (set)
		visit(walk, &(struct hadal_attribute){ .name = name, .type = HADAL_ATTRIBUTE_BOOLEAN,
						       .boolean = true });
}

static void give_boottime(struct walk *walk, const char *name, uint64_t boottime)
{
	uint64_t realtime = hadal_clock_from_boottime(walk->clock, boottime);
	char text[HADAL_TIMESTAMP_SIZE];

	if (!boottime || !realtime)
		return;
	hadal_timestamp(realtime, text);
	give_string(walk, name, text);
}

struct flag_name {
	uint32_t flag;
	const char *name;
};

/* The names of the flags that are set, as TEXTS. */
static void give_flags(struct walk *walk, const char *name, uint32_t flags,
		       const struct flag_name *names, size_t count)
{
	char texts[256];
	size_t i, length = 0, size;

	for (i = 0; i < count; i++) {
		size = strlen(names[i].name) + 1;
		if (!(flags & names[i].flag) || length + size > sizeof(texts))
			continue;
		memcpy(texts + length, names[i].name, size);
		length += size;
	}
	give_texts(walk, name, (struct hadal_text){ texts, length });
}

#define GIVE_FLAGS(walk, name, flags, names) \
	give_flags(walk, name, flags, names, sizeof(names) / sizeof((names)[0]))

static void give_cgroup(struct walk *walk, uint64_t id, uint32_t hierarchy)
{
	if (!id)
		return;
	give_integer(walk, HADAL_ATTR_CGROUP_ID, id);
	give_integer(walk, HADAL_ATTR_CGROUP_HIERARCHY, hierarchy);
}

/* ---- processes ---- */

static void give_process(struct walk *walk, const struct hadal_process *process)
{
	give_integer(walk, HADAL_ATTR_PROCESS_PID, process->tgid);
	give_integer_if(walk, HADAL_ATTR_PROCESS_PARENT_PID, process->parent_tgid);
	give_integer_if(walk, HADAL_ATTR_PROCESS_VPID, process->ns_tgid);
	give_boottime(walk, HADAL_ATTR_PROCESS_CREATION_TIME, process->start_boottime);
	give_string(walk, HADAL_ATTR_PROCESS_COMM, process->comm);
	give_integer(walk, HADAL_ATTR_PROCESS_REAL_USER_ID, process->uid);
	give_integer(walk, HADAL_ATTR_PROCESS_REAL_GROUP_ID, process->gid);
	give_true_if(walk, HADAL_ATTR_PROCESS_KERNEL_THREAD, process->flags & HADAL_PROCESS_KERNEL);
	give_true_if(walk, HADAL_ATTR_PROCESS_OOM_KILLED, process->flags & HADAL_PROCESS_OOM);
	give_cgroup(walk, process->cgroup_id, process->cgroup_hierarchy);
	give_integer_if(walk, HADAL_ATTR_PROCESS_PID_NAMESPACE, process->pid_ns);
	give_integer_if(walk, HADAL_ATTR_PROCESS_MOUNT_NAMESPACE, process->mnt_ns);
	give_integer_if(walk, HADAL_ATTR_NETWORK_NAMESPACE, process->net_ns);
}

static struct hadal_text last_component(struct hadal_text path)
{
	const char *slash = path.length ? memrchr(path.data, '/', path.length) : NULL;
	size_t skipped = slash ? (size_t)(slash + 1 - path.data) : 0;

	return (struct hadal_text){ path.data + skipped, path.length - skipped };
}

static void give_exec(struct walk *walk, const struct hadal_record_process_exec *exec)
{
	static const struct flag_name names[] = {
		{ HADAL_EXEC_PATH_TRUNCATED, HADAL_ATTR_PROCESS_EXECUTABLE_PATH },
		{ HADAL_EXEC_SCRIPT_TRUNCATED, HADAL_ATTR_PROCESS_SCRIPT_PATH },
		{ HADAL_EXEC_ARGV_TRUNCATED, HADAL_ATTR_PROCESS_COMMAND_ARGS },
	};
	struct hadal_text path = hadal_exec_path(exec), script = hadal_exec_script(exec);

	if (path.length) {
		give_text(walk, HADAL_ATTR_PROCESS_EXECUTABLE_NAME, last_component(path));
		give_text(walk, HADAL_ATTR_PROCESS_EXECUTABLE_PATH, path);
	}
	if (script.length)
		give_text(walk, HADAL_ATTR_PROCESS_SCRIPT_PATH, script);
	give_texts(walk, HADAL_ATTR_PROCESS_COMMAND_ARGS, hadal_exec_argv(exec));
	give_integer(walk, HADAL_ATTR_PROCESS_ARGUMENT_COUNT, exec->argc);
	GIVE_FLAGS(walk, HADAL_ATTR_PROCESS_TRUNCATED, exec->flags, names);
	if (exec->old_tid != exec->process.tgid)
		give_integer_if(walk, HADAL_ATTR_PROCESS_EXEC_THREAD, exec->old_tid);
}

/* As wait() has it; a death by signal as shells and Docker put it. */
static void give_exit_code(struct walk *walk, uint32_t status)
{
	uint32_t signal = status & 0x7f;

	give_integer(walk, HADAL_ATTR_PROCESS_EXIT_CODE, signal ? 128 + signal : status >> 8 & 0xff);
	give_integer_if(walk, HADAL_ATTR_PROCESS_EXIT_SIGNAL, signal);
	give_true_if(walk, HADAL_ATTR_PROCESS_CORE_DUMPED, signal ? status & 0x80 : 0);
}

/* Both times on the wall clock, so that a suspend in between counts. */
static void give_lifetime(struct walk *walk, const struct hadal_record_process_exit *exit)
{
	uint64_t start = hadal_clock_from_boottime(walk->clock, exit->process.start_boottime);
	uint64_t end = hadal_clock_from_monotonic(walk->clock, exit->header.time);

	if (start && exit->process.start_boottime && end >= start)
		give_seconds(walk, HADAL_ATTR_PROCESS_DURATION, (double)(end - start) / NSEC_PER_SEC);
}

static void give_usage(struct walk *walk, const struct hadal_record_process_exit *exit)
{
	give_seconds(walk, HADAL_ATTR_PROCESS_CPU_USER, (double)exit->user_time / NSEC_PER_SEC);
	give_seconds(walk, HADAL_ATTR_PROCESS_CPU_SYSTEM, (double)exit->system_time / NSEC_PER_SEC);
	give_seconds(walk, HADAL_ATTR_PROCESS_CPU_TOTAL, (double)exit->cpu_time / NSEC_PER_SEC);
	give_integer(walk, HADAL_ATTR_PROCESS_MEMORY_PEAK, exit->max_rss);
	give_integer(walk, HADAL_ATTR_PROCESS_FAULT_MINOR, exit->minor_faults);
	give_integer(walk, HADAL_ATTR_PROCESS_FAULT_MAJOR, exit->major_faults);
	give_integer(walk, HADAL_ATTR_PROCESS_SWITCH_VOLUNTARY, exit->voluntary_switches);
	give_integer(walk, HADAL_ATTR_PROCESS_SWITCH_INVOLUNTARY, exit->involuntary_switches);
	give_integer(walk, HADAL_ATTR_PROCESS_STORAGE_READ, exit->read_bytes);
	give_integer(walk, HADAL_ATTR_PROCESS_STORAGE_WRITTEN, exit->write_bytes);
}

/* What it used only the module knows. */
static void give_exit(struct walk *walk, const struct hadal_record_process_exit *exit)
{
	give_exit_code(walk, exit->exit_code);
	give_lifetime(walk, exit);
	if (!(exit->process.flags & HADAL_PROCESS_INDIRECT))
		give_usage(walk, exit);
}

/* ---- cgroups ---- */

static void give_cgroup_record(struct walk *walk, const struct hadal_record_cgroup *record)
{
	struct hadal_text path = hadal_record_cgroup_path(record);

	give_cgroup(walk, record->cgroup_id, record->hierarchy);
	give_integer(walk, HADAL_ATTR_CGROUP_LEVEL, record->level);
	if (path.length)
		give_text(walk, HADAL_ATTR_CGROUP_PATH, path);
	give_true_if(walk, HADAL_ATTR_CGROUP_TRUNCATED, record->flags & HADAL_CGROUP_PATH_TRUNCATED);
}

/* ---- tcp ---- */

static const char *role_name(uint8_t role)
{
	switch (role) {
	case HADAL_TCP_CLIENT:
		return HADAL_VALUE_ROLE_CLIENT;
	case HADAL_TCP_SERVER:
		return HADAL_VALUE_ROLE_SERVER;
	case HADAL_TCP_LISTENER:
		return HADAL_VALUE_ROLE_LISTENER;
	default:
		return NULL;
	}
}

static const char *owner_name(uint8_t owner)
{
	switch (owner) {
	case HADAL_TCP_OWNER_CALLER:
		return HADAL_VALUE_OWNER_CALLER;
	case HADAL_TCP_OWNER_HOLDER:
		return HADAL_VALUE_OWNER_HOLDER;
	case HADAL_TCP_OWNER_KERNEL:
		return HADAL_VALUE_OWNER_KERNEL;
	default:
		return NULL;
	}
}

static void give_address(struct walk *walk, uint16_t family, const uint8_t *address,
			 const char *name)
{
	char text[HADAL_ADDRESS_SIZE];

	hadal_address_text(family, address, text);
	give_string(walk, name, text);
}

static void give_network_type(struct walk *walk, uint16_t family)
{
	give_string(walk, HADAL_ATTR_NETWORK_TYPE,
		    family == AF_INET ? HADAL_VALUE_TYPE_IPV4 : HADAL_VALUE_TYPE_IPV6);
}

static void give_addresses(struct walk *walk, const struct hadal_tcp *tcp)
{
	give_string(walk, HADAL_ATTR_NETWORK_TRANSPORT, HADAL_VALUE_TRANSPORT_TCP);
	give_network_type(walk, tcp->family);
	give_address(walk, tcp->family, tcp->local_address, HADAL_ATTR_NETWORK_LOCAL_ADDRESS);
	if (!(tcp->flags & HADAL_TCP_PORT_UNKNOWN))
		give_integer(walk, HADAL_ATTR_NETWORK_LOCAL_PORT, tcp->local_port);
	if (tcp->role == HADAL_TCP_LISTENER)
		return;
	give_address(walk, tcp->family, tcp->peer_address, HADAL_ATTR_NETWORK_PEER_ADDRESS);
	give_integer(walk, HADAL_ATTR_NETWORK_PEER_PORT, tcp->peer_port);
}

static void give_key(struct walk *walk, uint64_t key)
{
	char text[17];

	if (!key)
		return;
	snprintf(text, sizeof(text), "%016llx", (unsigned long long)key);
	give_string(walk, HADAL_ATTR_CONNECTION_KEY, text);
}

static void give_tcp(struct walk *walk, const struct hadal_tcp *tcp)
{
	static const struct flag_name names[] = {
		{ HADAL_TCP_DUMPED, "dumped" },
		{ HADAL_TCP_NO_OPEN_SEEN, "no_open_seen" },
		{ HADAL_TCP_NOT_ACCEPTED, "not_accepted" },
		{ HADAL_TCP_ACCEPTED_AFTER_CLOSE, "accepted_after_close" },
		{ HADAL_TCP_FASTOPEN, "fastopen" },
		{ HADAL_TCP_V4MAPPED, "v4mapped" },
		{ HADAL_TCP_KERNEL_SOCKET, "kernel_socket" },
		{ HADAL_TCP_MPTCP, "mptcp" },
		{ HADAL_TCP_PORT_UNKNOWN, "port_unknown" },
		{ HADAL_TCP_RESET_SENT, "reset_sent" },
		{ HADAL_TCP_RESET_RECEIVED, "reset_received" },
		{ HADAL_TCP_INDIRECT, "indirect" },
	};

	give_addresses(walk, tcp);
	give_string(walk, HADAL_ATTR_TCP_ROLE, role_name(tcp->role));
	give_integer_if(walk, HADAL_ATTR_CONNECTION_ID, tcp->id);
	give_key(walk, tcp->key);
	give_integer_if(walk, HADAL_ATTR_PROCESS_PID, tcp->owner_tgid);
	give_string(walk, HADAL_ATTR_TCP_OWNER, owner_name(tcp->owner));
	give_cgroup(walk, tcp->cgroup_id, tcp->cgroup_hierarchy);
	give_integer_if(walk, HADAL_ATTR_TCP_SOCKET_CGROUP_ID, tcp->socket_cgroup_id);
	give_integer_if(walk, HADAL_ATTR_NETWORK_NAMESPACE, tcp->net_ns);
	GIVE_FLAGS(walk, HADAL_ATTR_TCP_FLAGS, tcp->flags, names);
}

static void give_rtt(struct walk *walk, const struct hadal_tcp_counters *counters)
{
	if (counters->srtt) {
		give_seconds(walk, HADAL_ATTR_TCP_RTT, counters->srtt / USEC_PER_SEC);
		give_seconds(walk, HADAL_ATTR_TCP_RTT_DEVIATION, counters->rttvar / USEC_PER_SEC);
	}
	if (counters->min_rtt)
		give_seconds(walk, HADAL_ATTR_TCP_RTT_MIN, counters->min_rtt / USEC_PER_SEC);
}

static void give_counters(struct walk *walk, const struct hadal_tcp_counters *counters)
{
	give_integer(walk, HADAL_ATTR_TCP_PAYLOAD_WRITTEN, counters->written);
	give_integer(walk, HADAL_ATTR_TCP_PAYLOAD_SENT, counters->sent);
	give_integer(walk, HADAL_ATTR_TCP_PAYLOAD_ACKED, counters->acked);
	give_integer(walk, HADAL_ATTR_TCP_PAYLOAD_RECEIVED, counters->received);
	give_integer(walk, HADAL_ATTR_TCP_PAYLOAD_RETRANSMITTED, counters->retransmitted);
	give_integer(walk, HADAL_ATTR_TCP_PAYLOAD_UNREAD, counters->unread);
	give_integer(walk, HADAL_ATTR_TCP_SEGMENT_SENT, counters->segments_out);
	give_integer(walk, HADAL_ATTR_TCP_SEGMENT_RECEIVED, counters->segments_in);
	give_integer(walk, HADAL_ATTR_TCP_SEGMENT_RETRANSMITTED, counters->segments_retransmitted);
	give_integer(walk, HADAL_ATTR_TCP_DATA_SEGMENT_SENT, counters->data_segments_out);
	give_integer(walk, HADAL_ATTR_TCP_DATA_SEGMENT_RECEIVED, counters->data_segments_in);
	give_rtt(walk, counters);
	give_integer(walk, HADAL_ATTR_TCP_CONGESTION_WINDOW, counters->congestion_window);
}

static void give_connection_duration(struct walk *walk, const struct hadal_record *record)
{
	uint64_t start = hadal_record_tcp(record)->start_time;

	if (start && start <= record->time)
		give_seconds(walk, HADAL_ATTR_TCP_CONNECTION_DURATION,
			     (double)(record->time - start) / NSEC_PER_SEC);
}

static void give_established(struct walk *walk, const struct hadal_record_tcp_established *record)
{
	if (record->connect_latency)
		give_seconds(walk, HADAL_ATTR_TCP_CONNECT_DURATION,
			     (double)record->connect_latency / NSEC_PER_SEC);
}

static void give_failed(struct walk *walk, const struct hadal_record_tcp_failed *record)
{
	give_string(walk, HADAL_ATTR_ERROR_TYPE, hadal_error_type(record->error));
	if (record->duration)
		give_seconds(walk, HADAL_ATTR_TCP_CONNECT_DURATION,
			     (double)record->duration / NSEC_PER_SEC);
	give_integer(walk, HADAL_ATTR_TCP_SEGMENT_RETRANSMITTED, record->syn_retransmitted);
}

static void give_closed(struct walk *walk, const struct hadal_record_tcp_closed *record)
{
	give_connection_duration(walk, &record->header);
	give_string(walk, HADAL_ATTR_NETWORK_CONNECTION_STATE, hadal_tcp_state_name(record->old_state));
	if (record->error)
		give_string(walk, HADAL_ATTR_ERROR_TYPE, hadal_error_type(record->error));
	give_string(walk, HADAL_ATTR_TCP_ENDING, hadal_tcp_ending_name(record->ending));
	give_integer_if(walk, HADAL_ATTR_TCP_CLOSER_PID, record->closer_tgid);
	give_counters(walk, &record->counters);
}

static void give_snapshot(struct walk *walk, const struct hadal_record_tcp_snapshot *record)
{
	give_connection_duration(walk, &record->header);
	give_string(walk, HADAL_ATTR_NETWORK_CONNECTION_STATE, hadal_tcp_state_name(record->state));
	give_counters(walk, &record->counters);
}

static void give_listener(struct walk *walk, const struct hadal_record_tcp_listener *record)
{
	give_integer(walk, HADAL_ATTR_TCP_BACKLOG, record->backlog);
	give_integer(walk, HADAL_ATTR_TCP_BACKLOG_WAITING, record->waiting);
	give_integer(walk, HADAL_ATTR_TCP_BACKLOG_DROPPED, record->dropped);
}

/* ---- loss ---- */

static void give_lost(struct walk *walk, const struct hadal_record_lost *record)
{
	static const char *const names[HADAL_CLASS_SLOTS] = {
		[HADAL_CLASS_CONTROL] = HADAL_ATTR_RECORD_LOST_CONTROL,
		[HADAL_CLASS_PROCESS] = HADAL_ATTR_RECORD_LOST_PROCESS,
		[HADAL_CLASS_CGROUP] = HADAL_ATTR_RECORD_LOST_CGROUP,
		[HADAL_CLASS_TCP] = HADAL_ATTR_RECORD_LOST_TCP,
		[HADAL_CLASS_UDP] = HADAL_ATTR_RECORD_LOST_UDP,
		[HADAL_CLASS_DNS] = HADAL_ATTR_RECORD_LOST_DNS,
	};
	uint64_t sum = 0, governed = 0;
	size_t i;

	give_integer(walk, HADAL_ATTR_RECORD_CPU, record->header.cpu);
	give_string(walk, HADAL_ATTR_RECORD_LANE,
		    record->header.lane == HADAL_LANE_LIFECYCLE ? HADAL_VALUE_LANE_LIFECYCLE :
								  HADAL_VALUE_LANE_FLOW);
	for (i = 0; i < HADAL_CLASS_SLOTS; i++) {
		sum += record->count[i];
		governed += record->governed[i];
	}
	give_integer(walk, HADAL_ATTR_RECORD_LOST_COUNT, sum);
	for (i = 0; i < HADAL_CLASS_SLOTS; i++)
		if (names[i])
			give_integer_if(walk, names[i], record->count[i]);
	give_integer_if(walk, HADAL_ATTR_RECORD_LOST_GOVERNED, governed);
}

/* ---- udp ---- */

static void give_local(struct walk *walk, uint16_t family, const uint8_t *address, uint16_t port)
{
	give_network_type(walk, family);
	give_address(walk, family, address, HADAL_ATTR_NETWORK_LOCAL_ADDRESS);
	give_integer(walk, HADAL_ATTR_NETWORK_LOCAL_PORT, port);
}

static void give_peer(struct walk *walk, uint16_t family, const uint8_t *address, uint16_t port)
{
	give_address(walk, family, address, HADAL_ATTR_NETWORK_PEER_ADDRESS);
	give_integer(walk, HADAL_ATTR_NETWORK_PEER_PORT, port);
}

static void give_udp_ends(struct walk *walk, const struct hadal_udp *udp)
{
	give_string(walk, HADAL_ATTR_NETWORK_TRANSPORT, HADAL_VALUE_TRANSPORT_UDP);
	if (udp->flags & HADAL_UDP_OTHER)
		return;
	give_local(walk, udp->family, udp->local_address, udp->local_port);
	give_peer(walk, udp->family, udp->peer_address, udp->peer_port);
}

static void give_udp_counts(struct walk *walk, const struct hadal_udp *udp)
{
	if (udp->start_time && udp->last_time >= udp->start_time)
		give_seconds(walk, HADAL_ATTR_UDP_FLOW_DURATION,
			     (double)(udp->last_time - udp->start_time) / NSEC_PER_SEC);
	give_integer(walk, HADAL_ATTR_UDP_DATAGRAM_SENT, udp->sent_datagrams);
	give_integer(walk, HADAL_ATTR_UDP_PAYLOAD_SENT, udp->sent_bytes);
	give_integer(walk, HADAL_ATTR_UDP_DATAGRAM_RECEIVED, udp->received_datagrams);
	give_integer(walk, HADAL_ATTR_UDP_PAYLOAD_RECEIVED, udp->received_bytes);
}

static void give_udp(struct walk *walk, const struct hadal_udp *udp)
{
	static const struct flag_name names[] = {
		{ HADAL_UDP_ENDED, "ended" },
		{ HADAL_UDP_IDLE, "idle" },
		{ HADAL_UDP_V4MAPPED, "v4mapped" },
		{ HADAL_UDP_KERNEL_SOCKET, "kernel_socket" },
		{ HADAL_UDP_OTHER, "other" },
	};

	give_udp_ends(walk, udp);
	give_string(walk, HADAL_ATTR_UDP_ROLE, role_name(udp->role));
	give_integer_if(walk, HADAL_ATTR_CONNECTION_ID, udp->id);
	give_integer_if(walk, HADAL_ATTR_PROCESS_PID, udp->owner_tgid);
	give_string(walk, HADAL_ATTR_UDP_OWNER, owner_name(udp->owner));
	give_cgroup(walk, udp->cgroup_id, udp->cgroup_hierarchy);
	give_integer_if(walk, HADAL_ATTR_UDP_SOCKET_CGROUP_ID, udp->socket_cgroup_id);
	give_integer_if(walk, HADAL_ATTR_NETWORK_NAMESPACE, udp->net_ns);
	GIVE_FLAGS(walk, HADAL_ATTR_UDP_FLAGS, udp->flags, names);
	give_udp_counts(walk, udp);
}

/* ---- dns ---- */

/*
 * What the answers of a message say. Texts stand behind each other, each with its
 * NUL; what finds no room is left out.
 */
struct said {
	char addresses[1024];
	char aliases[2048];
	size_t addresses_length;
	size_t aliases_length;
	uint32_t ttl;		/* the least, of any */
	bool has_ttl;
	bool is_whole;
};

static void add_text(struct said *said, char *texts, size_t room, size_t *length, const char *text)
{
	size_t size = strlen(text) + 1;

	if (size > room - *length) {
		said->is_whole = false;
		return;
	}
	memcpy(texts + *length, text, size);
	*length += size;
}

static void add_resource(struct said *said, const struct hadal_dns_resource *resource)
{
	char text[HADAL_ADDRESS_SIZE];

	if (!said->has_ttl || resource->ttl < said->ttl)
		said->ttl = resource->ttl;
	said->has_ttl = true;
	if (!resource->family) {
		add_text(said, said->aliases, sizeof(said->aliases), &said->aliases_length,
			 resource->target);
		return;
	}
	hadal_address_text(resource->family, resource->address, text);
	add_text(said, said->addresses, sizeof(said->addresses), &said->addresses_length, text);
}

/* 0, or -EBADMSG: then nothing of it is told. */
static int hear(struct said *said, struct hadal_dns_message *message)
{
	struct hadal_dns_resource resource;
	int result;

	said->addresses_length = said->aliases_length = 0;
	said->has_ttl = false;
	said->is_whole = true;
	while ((result = hadal_dns_next(message, &resource)) > 0)
		add_resource(said, &resource);
	return result;
}

static void give_named(struct walk *walk, const char *name, const char *text, unsigned int number)
{
	char digits[16];

	snprintf(digits, sizeof(digits), "%u", number);
	give_string(walk, name, text ? text : digits);
}

static void give_message(struct walk *walk, const struct hadal_dns_message *message,
			 const struct said *said)
{
	if (message->question[0]) {
		give_string(walk, HADAL_ATTR_DNS_QUESTION_NAME, message->question);
		give_named(walk, HADAL_ATTR_DNS_QUESTION_TYPE,
			   hadal_dns_type_name(message->question_type), message->question_type);
	}
	give_named(walk, HADAL_ATTR_DNS_RESPONSE_CODE,
		   hadal_dns_response_code_name(message->response_code), message->response_code);
	give_texts(walk, HADAL_ATTR_DNS_ANSWERS,
		   (struct hadal_text){ said->addresses, said->addresses_length });
	give_texts(walk, HADAL_ATTR_DNS_ALIASES,
		   (struct hadal_text){ said->aliases, said->aliases_length });
	if (said->has_ttl)
		give_integer(walk, HADAL_ATTR_DNS_TTL, said->ttl);
}

/* Flags of the event alone, above those of the record. */
#define SAID_UNSOUND	(1U << 29)
#define SAID_NOT_ALL	(1U << 30)
#define SAID_TRUNCATED	(1U << 31)

static uint32_t give_payload(struct walk *walk, const struct hadal_record *record)
{
	const struct hadal_record_dns_answer *answer = (const void *)record;
	struct hadal_text payload = hadal_record_dns_payload(answer);
	struct hadal_dns_message message;
	struct said said;

	if (hadal_dns_parse(&message, payload.data, payload.length, answer->dns.length) < 0 ||
	    hear(&said, &message) < 0)
		return SAID_UNSOUND;
	give_message(walk, &message, &said);
	return (message.server_truncated ? SAID_TRUNCATED : 0) | (said.is_whole ? 0 : SAID_NOT_ALL);
}

static void give_dns(struct walk *walk, const struct hadal_record *record,
		     const struct hadal_dns *dns)
{
	static const struct flag_name names[] = {
		{ HADAL_DNS_TRUNCATED, "cut" },
		{ HADAL_DNS_V4MAPPED, "v4mapped" },
		{ HADAL_DNS_KERNEL_SOCKET, "kernel_socket" },
		{ SAID_UNSOUND, "unsound" },
		{ SAID_NOT_ALL, "not_all" },
		{ SAID_TRUNCATED, "truncated_by_server" },
	};
	uint32_t said;

	give_string(walk, HADAL_ATTR_NETWORK_TRANSPORT, HADAL_VALUE_TRANSPORT_UDP);
	give_local(walk, dns->family, dns->local_address, dns->local_port);
	give_peer(walk, dns->family, dns->peer_address, dns->peer_port);
	give_integer_if(walk, HADAL_ATTR_PROCESS_PID, dns->owner_tgid);
	give_string(walk, HADAL_ATTR_DNS_OWNER, owner_name(dns->owner));
	give_cgroup(walk, dns->cgroup_id, dns->cgroup_hierarchy);
	give_integer_if(walk, HADAL_ATTR_DNS_SOCKET_CGROUP_ID, dns->socket_cgroup_id);
	give_integer_if(walk, HADAL_ATTR_NETWORK_NAMESPACE, dns->net_ns);
	give_integer(walk, HADAL_ATTR_DNS_SIZE, dns->length);
	said = give_payload(walk, record);
	GIVE_FLAGS(walk, HADAL_ATTR_DNS_FLAGS, dns->flags | said, names);
}

/* ---- by type ---- */

HADAL_API const char *hadal_event_name(const struct hadal_record *record)
{
	switch (record->type) {
	case HADAL_RECORD_LOST:
		return HADAL_EVENT_RECORD_LOST;
	case HADAL_RECORD_PROCESS_FORK:
		return HADAL_EVENT_PROCESS_FORK;
	case HADAL_RECORD_PROCESS_EXEC:
		return HADAL_EVENT_PROCESS_EXEC;
	case HADAL_RECORD_PROCESS_EXIT:
		return HADAL_EVENT_PROCESS_EXIT;
	case HADAL_RECORD_PROCESS_EXISTING:
		return hadal_record_process(record)->flags & HADAL_PROCESS_ENDED ? NULL :
										   HADAL_EVENT_PROCESS_EXISTING;
	case HADAL_RECORD_PROCESS_OOM:
		return HADAL_EVENT_PROCESS_OOM;
	case HADAL_RECORD_CGROUP_MKDIR:
		return HADAL_EVENT_CGROUP_MKDIR;
	case HADAL_RECORD_CGROUP_RMDIR:
		return HADAL_EVENT_CGROUP_RMDIR;
	case HADAL_RECORD_CGROUP_EXISTING:
		return ((const struct hadal_record_cgroup *)record)->flags & HADAL_CGROUP_REMOVED ?
			       NULL : HADAL_EVENT_CGROUP_EXISTING;
	case HADAL_RECORD_TCP_ESTABLISHED:
		return HADAL_EVENT_TCP_ESTABLISHED;
	case HADAL_RECORD_TCP_FAILED:
		return HADAL_EVENT_TCP_FAILED;
	case HADAL_RECORD_TCP_ACCEPTED:
		return HADAL_EVENT_TCP_ACCEPTED;
	case HADAL_RECORD_TCP_CLOSED:
		return HADAL_EVENT_TCP_CLOSED;
	case HADAL_RECORD_TCP_SNAPSHOT:
		return HADAL_EVENT_TCP_SNAPSHOT;
	case HADAL_RECORD_TCP_LISTENING:
		return HADAL_EVENT_TCP_LISTENING;
	case HADAL_RECORD_TCP_LISTENER_CLOSED:
		return HADAL_EVENT_TCP_LISTENER_CLOSED;
	case HADAL_RECORD_UDP_FLOW:
		return HADAL_EVENT_UDP_FLOW;
	case HADAL_RECORD_DNS_ANSWER:
		return HADAL_EVENT_DNS_ANSWER;
	default:
		return NULL;
	}
}

static void give_body(struct walk *walk, const struct hadal_record *record)
{
	const void *typed = record;

	switch (record->type) {
	case HADAL_RECORD_LOST:
		give_lost(walk, typed);
		break;
	case HADAL_RECORD_PROCESS_EXEC:
		give_exec(walk, typed);
		break;
	case HADAL_RECORD_PROCESS_EXIT:
		give_exit(walk, typed);
		break;
	case HADAL_RECORD_CGROUP_MKDIR:
	case HADAL_RECORD_CGROUP_RMDIR:
	case HADAL_RECORD_CGROUP_EXISTING:
		give_cgroup_record(walk, typed);
		break;
	case HADAL_RECORD_TCP_ESTABLISHED:
		give_established(walk, typed);
		break;
	case HADAL_RECORD_TCP_FAILED:
		give_failed(walk, typed);
		break;
	case HADAL_RECORD_TCP_CLOSED:
		give_closed(walk, typed);
		break;
	case HADAL_RECORD_TCP_SNAPSHOT:
		give_snapshot(walk, typed);
		break;
	case HADAL_RECORD_TCP_LISTENING:
	case HADAL_RECORD_TCP_LISTENER_CLOSED:
		give_listener(walk, typed);
		break;
	}
}

HADAL_API int hadal_event_attributes(const struct hadal_record *record, const struct hadal_clock *clock,
				     hadal_attribute_fn visit_one, void *context)
{
	struct walk walk = { .visit = visit_one, .context = context, .clock = clock };
	const struct hadal_process *process = hadal_record_process(record);
	const struct hadal_tcp *tcp = hadal_record_tcp(record);
	const struct hadal_udp *udp = hadal_record_udp(record);
	const struct hadal_dns *dns = hadal_record_dns(record);

	if (process)
		give_process(&walk, process);
	if (tcp)
		give_tcp(&walk, tcp);
	if (udp)
		give_udp(&walk, udp);
	if (dns)
		give_dns(&walk, record, dns);
	give_body(&walk, record);
	return walk.result;
}
