/* SPDX-License-Identifier: MIT */
/*
 * What records say as events, to the last attribute, and the texts in them.
 */
#include "dns_messages.h"
#include "memory_ring.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <hadal/event.h>
#include <hadal/names.h>

/* 2026-01-02T03:04:05Z; 100 s after boot, 40 of them asleep. */
static const struct hadal_clock clocks = {
	.monotonic = 60000000000, .boottime = 100000000000, .realtime = 1767323045000000000,
};

/* All attributes, one "name=value" a line. */
struct listing {
	char text[8192];
	size_t length;
};

__attribute__((format(printf, 2, 3)))
static void append(struct listing *listing, const char *format, ...)
{
	size_t room = sizeof(listing->text) - listing->length;
	va_list arguments;
	int written;

	va_start(arguments, format);
	written = vsnprintf(listing->text + listing->length, room, format, arguments);
	va_end(arguments);
	assert_true(written >= 0 && (size_t)written < room);
	listing->length += (size_t)written;
}

static int list(void *context, const struct hadal_attribute *attribute)
{
	struct hadal_text texts = attribute->text, text;

	append(context, "%s=", attribute->name);
	switch (attribute->type) {
	case HADAL_ATTRIBUTE_TEXT:
		append(context, "%.*s", (int)attribute->text.length, attribute->text.data);
		break;
	case HADAL_ATTRIBUTE_TEXTS:
		while (hadal_texts_next(&texts, &text))
			append(context, "<%.*s>", (int)text.length, text.data);
		break;
	case HADAL_ATTRIBUTE_INTEGER:
		append(context, "%lld", (long long)attribute->integer);
		break;
	case HADAL_ATTRIBUTE_REAL:
		append(context, "%.9g", attribute->real);
		break;
	case HADAL_ATTRIBUTE_BOOLEAN:
		append(context, "%s", attribute->boolean ? "true" : "false");
		break;
	}
	append(context, "\n");
	return 0;
}

static void expect(const void *record, const char *name, const char *attributes)
{
	static struct listing listing;
	const char *event = hadal_event_name(record);

	assert_non_null(event);
	assert_string_equal(event, name);
	listing.length = 0;
	listing.text[0] = 0;
	assert_int_equal(hadal_event_attributes(record, &clocks, list, &listing), 0);
	assert_string_equal(listing.text, attributes);
}

static struct hadal_record header_of(uint16_t type, size_t size)
{
	return (struct hadal_record){ .type = type, .size = (uint32_t)size, .time = 61000000000 };
}

static const struct hadal_process process = {
	.start_boottime = 100500000000, .cgroup_id = 77, .tgid = 42, .parent_tgid = 7,
	.ns_tgid = 1, .pid_ns = 501, .net_ns = 502, .mnt_ns = 503, .uid = 1000, .gid = 100,
	.comm = "worker",
};

#define PROCESS_TEXT						\
	"process.pid=42\n"					\
	"process.parent_pid=7\n"				\
	"process.vpid=1\n"					\
	"process.creation.time=2026-01-02T03:04:05.500000000Z\n"	\
	"hadal.process.comm=worker\n"				\
	"process.real_user.id=1000\n"				\
	"hadal.process.real_group.id=100\n"			\
	"hadal.cgroup.id=77\n"					\
	"hadal.cgroup.hierarchy=0\n"				\
	"hadal.process.pid_namespace.id=501\n"			\
	"hadal.process.mount_namespace.id=503\n"		\
	"hadal.network.namespace.id=502\n"

static void fork_and_existing(void **state)
{
	struct hadal_record_process record = {
		.header = header_of(HADAL_RECORD_PROCESS_FORK, sizeof(record)), .process = process,
	};

	(void)state;
	expect(&record, "hadal.process.fork", PROCESS_TEXT);
	record.header.type = HADAL_RECORD_PROCESS_EXISTING;
	expect(&record, "hadal.process.existing", PROCESS_TEXT);
	record.header.type = HADAL_RECORD_PROCESS_OOM;
	expect(&record, "hadal.process.oom", PROCESS_TEXT);
	record.header.type = HADAL_RECORD_PROCESS_EXISTING;
	record.process.flags = HADAL_PROCESS_ENDED;
	assert_null(hadal_event_name(&record.header));
}

static void cgroups(void **state)
{
	struct {
		struct hadal_record_cgroup cgroup;
		char path[8];
	} record = {
		.cgroup = {
			.header = header_of(HADAL_RECORD_CGROUP_MKDIR, sizeof(record)),
			.cgroup_id = 77, .level = 2, .path_len = 4,
			.path_offset = sizeof(record.cgroup),
		},
		.path = "/a/b",
	};

	(void)state;
	expect(&record, "hadal.cgroup.mkdir", "hadal.cgroup.id=77\nhadal.cgroup.hierarchy=0\n"
	       "hadal.cgroup.level=2\nhadal.cgroup.path=/a/b\n");
	record.cgroup.header.type = HADAL_RECORD_CGROUP_RMDIR;
	record.cgroup.path_len = 0;
	expect(&record, "hadal.cgroup.rmdir", "hadal.cgroup.id=77\nhadal.cgroup.hierarchy=0\n"
	       "hadal.cgroup.level=2\n");
	record.cgroup.header.type = HADAL_RECORD_CGROUP_EXISTING;
	record.cgroup.flags = HADAL_CGROUP_PATH_TRUNCATED;
	expect(&record, "hadal.cgroup.existing", "hadal.cgroup.id=77\nhadal.cgroup.hierarchy=0\n"
	       "hadal.cgroup.level=2\nhadal.cgroup.path.truncated=true\n");
	record.cgroup.flags = HADAL_CGROUP_REMOVED;
	assert_null(hadal_event_name(&record.cgroup.header));
}

static void what_is_not_known_is_left_out(void **state)
{
	struct hadal_record_process record = {
		.header = header_of(HADAL_RECORD_PROCESS_FORK, sizeof(record)),
		.process = { .tgid = 2, .flags = HADAL_PROCESS_KERNEL, .comm = "kthreadd" },
	};

	(void)state;
	expect(&record, "hadal.process.fork",
	       "process.pid=2\nhadal.process.comm=kthreadd\nprocess.real_user.id=0\n"
	       "hadal.process.real_group.id=0\nhadal.process.kernel_thread=true\n");
}

static void times_are_left_out_before_any_sync(void **state)
{
	const struct hadal_clock never = { 0, 0, 0 };
	static struct listing listing;
	struct hadal_record_process record = {
		.header = header_of(HADAL_RECORD_PROCESS_FORK, sizeof(record)), .process = process,
	};

	(void)state;
	assert_int_equal(hadal_event_attributes(&record.header, &never, list, &listing), 0);
	assert_null(strstr(listing.text, "process.creation.time"));
	assert_int_equal(hadal_clock_from_monotonic(&never, 5), 0);
}

static void exec_has_its_strings(void **state)
{
	struct {
		struct hadal_record_process_exec record;
		char strings[40];
	} exec = {
		.record = {
			.header = header_of(HADAL_RECORD_PROCESS_EXEC, sizeof(exec)),
			.process = process, .old_tid = 43, .argc = 3,
			.strings_offset = sizeof(exec.record), .path_len = 12, .script_len = 6, .argv_len = 14,
			.flags = HADAL_EXEC_SCRIPT_TRUNCATED | HADAL_EXEC_ARGV_TRUNCATED,
		},
		.strings = "/usr/bin/env./work\0" "-x\0two words",
	};

	(void)state;
	exec.record.path_len = 12;
	exec.record.script_len = 6;
	exec.record.argv_len = 13;
	assert_int_equal(hadal_record_validate(&exec.record.header, sizeof(exec), NULL), -EBADMSG);
	exec.record.header.record_class = HADAL_CLASS_PROCESS;
	assert_int_equal(hadal_record_validate(&exec.record.header, sizeof(exec), NULL), 0);
	expect(&exec, "hadal.process.exec", PROCESS_TEXT
	       "process.executable.name=env\n"
	       "process.executable.path=/usr/bin/env\n"
	       "hadal.process.script.path=./work\n"
	       "process.command_args=<><-x><two words>\n"
	       "hadal.process.argument.count=3\n"
	       "hadal.process.truncated=<hadal.process.script.path><process.command_args>\n"
	       "hadal.process.exec.thread.id=43\n");
}

#define EXIT_TEXT						\
	"hadal.process.cpu.user=0.004\n"			\
	"hadal.process.cpu.system=0.008\n"			\
	"hadal.process.cpu.total=0.0105\n"			\
	"hadal.process.memory.peak=4096\n"			\
	"hadal.process.page_fault.minor=1\n"			\
	"hadal.process.page_fault.major=2\n"			\
	"hadal.process.context_switch.voluntary=3\n"		\
	"hadal.process.context_switch.involuntary=4\n"		\
	"hadal.process.storage.read=5\n"			\
	"hadal.process.storage.written=6\n"

static void exit_by_code_and_by_signal(void **state)
{
	struct hadal_record_process_exit record = {
		.header = header_of(HADAL_RECORD_PROCESS_EXIT, sizeof(record)), .process = process,
		.exit_code = 3 << 8, .user_time = 4000000, .system_time = 8000000,
		.cpu_time = 10500000, .max_rss = 4096, .minor_faults = 1, .major_faults = 2,
		.voluntary_switches = 3, .involuntary_switches = 4, .read_bytes = 5,
		.write_bytes = 6,
	};

	(void)state;
	expect(&record, "hadal.process.exit", PROCESS_TEXT
	       "process.exit.code=3\nhadal.process.duration=0.5\n" EXIT_TEXT);
	record.exit_code = 11 | 0x80;
	expect(&record, "hadal.process.exit", PROCESS_TEXT
	       "process.exit.code=139\nhadal.process.exit.signal=11\nhadal.process.core_dumped=true\n"
	       "hadal.process.duration=0.5\n" EXIT_TEXT);
}

static struct hadal_tcp connection(void)
{
	struct hadal_tcp tcp = {
		.id = 9, .key = 0xabc, .start_time = 60250000000, .cgroup_id = 77,
		.socket_cgroup_id = 78, .owner_tgid = 42, .net_ns = 502, .role = HADAL_TCP_CLIENT,
		.owner = HADAL_TCP_OWNER_CALLER, .family = AF_INET, .local_port = 40000,
		.peer_port = 80, .local_address = { 10, 0, 0, 1 }, .peer_address = { 10, 0, 0, 2 },
	};

	return tcp;
}

#define OWNER_TEXT						\
	"process.pid=42\nhadal.tcp.owner=caller\nhadal.cgroup.id=77\nhadal.cgroup.hierarchy=0\n"	\
	"hadal.tcp.socket.cgroup.id=78\nhadal.network.namespace.id=502\n"

#define CONNECTION_TEXT						\
	"network.transport=tcp\n"				\
	"network.type=ipv4\n"					\
	"network.local.address=10.0.0.1\n"			\
	"network.local.port=40000\n"				\
	"network.peer.address=10.0.0.2\n"			\
	"network.peer.port=80\n"				\
	"hadal.tcp.role=client\n"				\
	"hadal.connection.id=9\n"				\
	"hadal.connection.key=0000000000000abc\n"		\
	OWNER_TEXT

static void tcp_opens(void **state)
{
	struct hadal_record_tcp_established established = {
		.header = header_of(HADAL_RECORD_TCP_ESTABLISHED, sizeof(established)),
		.tcp = connection(), .connect_latency = 1500000,
	};
	struct hadal_record_tcp_accepted accepted = {
		.header = header_of(HADAL_RECORD_TCP_ACCEPTED, sizeof(accepted)), .tcp = connection(),
	};

	(void)state;
	expect(&established, "hadal.tcp.established",
	       CONNECTION_TEXT "hadal.tcp.connect.duration=0.0015\n");
	established.connect_latency = 0;
	expect(&established, "hadal.tcp.established", CONNECTION_TEXT);
	expect(&accepted, "hadal.tcp.accepted", CONNECTION_TEXT);
}

static void tcp_fails(void **state)
{
	struct hadal_record_tcp_failed failed = {
		.header = header_of(HADAL_RECORD_TCP_FAILED, sizeof(failed)), .tcp = connection(),
		.duration = 2000000000, .error = ECONNREFUSED, .syn_retransmitted = 1,
	};

	(void)state;
	expect(&failed, "hadal.tcp.failed", CONNECTION_TEXT
	       "error.type=ECONNREFUSED\nhadal.tcp.connect.duration=2\n"
	       "hadal.tcp.segment.retransmitted=1\n");
	failed.error = 0;
	failed.duration = 0;
	expect(&failed, "hadal.tcp.failed", CONNECTION_TEXT
	       "error.type=_OTHER\nhadal.tcp.segment.retransmitted=1\n");
}

static const struct hadal_tcp_counters counters = {
	.written = 1, .sent = 2, .acked = 3, .received = 4, .retransmitted = 5, .unread = 6,
	.segments_out = 7, .segments_in = 8, .data_segments_out = 9, .data_segments_in = 10,
	.segments_retransmitted = 11, .srtt = 12, .rttvar = 13, .min_rtt = 14,
	.congestion_window = 15,
};

#define COUNTERS_TEXT						\
	"hadal.tcp.payload.written=1\n"				\
	"hadal.tcp.payload.sent=2\n"				\
	"hadal.tcp.payload.acked=3\n"				\
	"hadal.tcp.payload.received=4\n"			\
	"hadal.tcp.payload.retransmitted=5\n"			\
	"hadal.tcp.payload.unread=6\n"				\
	"hadal.tcp.segment.sent=7\n"				\
	"hadal.tcp.segment.received=8\n"			\
	"hadal.tcp.segment.retransmitted=11\n"			\
	"hadal.tcp.data_segment.sent=9\n"			\
	"hadal.tcp.data_segment.received=10\n"			\
	"hadal.tcp.rtt=1.2e-05\n"				\
	"hadal.tcp.rtt_deviation=1.3e-05\n"			\
	"hadal.tcp.rtt_min=1.4e-05\n"				\
	"hadal.tcp.congestion_window=15\n"

static void tcp_closes(void **state)
{
	struct hadal_record_tcp_closed closed = {
		.header = header_of(HADAL_RECORD_TCP_CLOSED, sizeof(closed)), .tcp = connection(),
		.counters = counters, .old_state = 5, .error = ECONNRESET, .closer_tgid = 43,
		.ending = HADAL_TCP_ENDING_RESET_AFTER_CLOSE,
	};

	(void)state;
	expect(&closed, "hadal.tcp.closed", CONNECTION_TEXT
	       "hadal.tcp.connection.duration=0.75\nnetwork.connection.state=fin_wait_2\n"
	       "error.type=ECONNRESET\nhadal.tcp.ending=reset_after_close\n"
	       "hadal.tcp.closer.pid=43\n" COUNTERS_TEXT);
	closed.error = 0;
	closed.closer_tgid = 0;
	closed.ending = HADAL_TCP_ENDING_UNKNOWN;
	closed.tcp.start_time = 0;
	expect(&closed, "hadal.tcp.closed",
	       CONNECTION_TEXT "network.connection.state=fin_wait_2\n" COUNTERS_TEXT);
}

static void tcp_lives(void **state)
{
	struct hadal_record_tcp_snapshot snapshot = {
		.header = header_of(HADAL_RECORD_TCP_SNAPSHOT, sizeof(snapshot)),
		.tcp = connection(), .counters = counters, .state = 1,
	};

	(void)state;
	expect(&snapshot, "hadal.tcp.snapshot", CONNECTION_TEXT
	       "hadal.tcp.connection.duration=0.75\nnetwork.connection.state=established\n"
	       COUNTERS_TEXT);
}

static void tcp_listens(void **state)
{
	struct hadal_record_tcp_listener listener = {
		.header = header_of(HADAL_RECORD_TCP_LISTENING, sizeof(listener)),
		.tcp = connection(), .backlog = 128, .waiting = 5, .dropped = 7,
	};

	(void)state;
	listener.tcp.key = 0;
	listener.tcp.role = HADAL_TCP_LISTENER;
	listener.tcp.family = AF_INET6;
	memset(listener.tcp.local_address, 0, sizeof(listener.tcp.local_address));
	listener.tcp.flags = HADAL_TCP_DUMPED | HADAL_TCP_MPTCP;
	expect(&listener, "hadal.tcp.listening",
	       "network.transport=tcp\nnetwork.type=ipv6\nnetwork.local.address=::\n"
	       "network.local.port=40000\nhadal.tcp.role=listener\nhadal.connection.id=9\n"
	       OWNER_TEXT "hadal.tcp.flags=<dumped><mptcp>\nhadal.tcp.backlog=128\n"
	       "hadal.tcp.backlog.waiting=5\nhadal.tcp.backlog.dropped=7\n");
	listener.header.type = HADAL_RECORD_TCP_LISTENER_CLOSED;
	listener.tcp.flags = HADAL_TCP_PORT_UNKNOWN;
	expect(&listener, "hadal.tcp.listener_closed",
	       "network.transport=tcp\nnetwork.type=ipv6\nnetwork.local.address=::\n"
	       "hadal.tcp.role=listener\nhadal.connection.id=9\n"
	       OWNER_TEXT "hadal.tcp.flags=<port_unknown>\nhadal.tcp.backlog=128\n"
	       "hadal.tcp.backlog.waiting=5\nhadal.tcp.backlog.dropped=7\n");
}

static void udp_flow(void **state)
{
	struct hadal_record_udp_flow flow = {
		.header = header_of(HADAL_RECORD_UDP_FLOW, sizeof(flow)),
		.udp = {
			.id = 9, .start_time = 60000000000, .last_time = 61500000000, .cgroup_id = 77,
			.socket_cgroup_id = 78, .sent_datagrams = 3, .sent_bytes = 120,
			.owner_tgid = 42, .net_ns = 502, .role = HADAL_TCP_SERVER,
			.owner = HADAL_TCP_OWNER_CALLER, .family = AF_INET, .local_port = 53,
			.peer_port = 40000, .local_address = { 10, 0, 0, 1 },
			.peer_address = { 10, 0, 0, 2 }, .flags = HADAL_UDP_ENDED | HADAL_UDP_IDLE,
		},
	};

	(void)state;
	expect(&flow, "hadal.udp.flow",
	       "network.transport=udp\nnetwork.type=ipv4\nnetwork.local.address=10.0.0.1\n"
	       "network.local.port=53\nnetwork.peer.address=10.0.0.2\nnetwork.peer.port=40000\n"
	       "hadal.udp.role=server\nhadal.connection.id=9\nprocess.pid=42\nhadal.udp.owner=caller\n"
	       "hadal.cgroup.id=77\nhadal.cgroup.hierarchy=0\nhadal.udp.socket.cgroup.id=78\n"
	       "hadal.network.namespace.id=502\nhadal.udp.flags=<ended><idle>\n"
	       "hadal.udp.flow.duration=1.5\nhadal.udp.datagram.sent=3\nhadal.udp.payload.sent=120\n"
	       "hadal.udp.datagram.received=0\nhadal.udp.payload.received=0\n");
	flow.udp = (struct hadal_udp){ .received_datagrams = 7, .received_bytes = 70,
				       .flags = HADAL_UDP_OTHER };
	expect(&flow, "hadal.udp.flow",
	       "network.transport=udp\nhadal.udp.flags=<other>\nhadal.udp.datagram.sent=0\n"
	       "hadal.udp.payload.sent=0\nhadal.udp.datagram.received=7\nhadal.udp.payload.received=70\n");
}

struct answer {
	struct hadal_record_dns_answer record;
	uint8_t payload[HADAL_DNS_CAPTURED_MAX];
};

static struct answer answer_of(const struct dns_builder *built)
{
	struct answer answer = {
		.record = {
			.header = header_of(HADAL_RECORD_DNS_ANSWER, sizeof(answer)),
			.dns = {
				.cgroup_id = 77, .socket_cgroup_id = 78, .owner_tgid = 42, .net_ns = 502,
				.owner = HADAL_TCP_OWNER_CALLER, .family = AF_INET, .local_port = 40000,
				.peer_port = 53, .local_address = { 10, 0, 0, 1 },
				.peer_address = { 10, 0, 0, 2 },
				.payload_offset = sizeof(answer.record),
				.length = (uint32_t)built->size,
			},
		},
	};

	answer.record.dns.captured = (uint16_t)(built->size < sizeof(answer.payload) ?
							built->size : sizeof(answer.payload));
	if (answer.record.dns.captured < built->size)
		answer.record.dns.flags = HADAL_DNS_TRUNCATED;
	memcpy(answer.payload, built->bytes, answer.record.dns.captured);
	return answer;
}

#define ANSWER_TEXT							\
	"network.transport=udp\nnetwork.type=ipv4\nnetwork.local.address=10.0.0.1\n" \
	"network.local.port=40000\nnetwork.peer.address=10.0.0.2\nnetwork.peer.port=53\n" \
	"process.pid=42\nhadal.dns.owner=caller\nhadal.cgroup.id=77\nhadal.cgroup.hierarchy=0\n" \
	"hadal.dns.socket.cgroup.id=78\nhadal.network.namespace.id=502\n"

static void dns_answer(void **state)
{
	struct dns_builder built;
	struct answer answer;

	(void)state;
	dns_build_usual(&built);
	answer = answer_of(&built);
	expect(&answer, "hadal.dns.answer", ANSWER_TEXT
	       "hadal.dns.size=106\ndns.question.name=www.example.org\nhadal.dns.question.type=A\n"
	       "hadal.dns.response_code=NOERROR\ndns.answers=<192.0.2.7><2001:db8::1>\n"
	       "hadal.dns.aliases=<web.example.net>\nhadal.dns.ttl=60\n");
	dns_begin(&built, DNS_ANSWERED | 0x0200 | 15, 1, 0);
	dns_put_question(&built, "nowhere.example", 999);
	answer = answer_of(&built);
	expect(&answer, "hadal.dns.answer", ANSWER_TEXT
	       "hadal.dns.size=33\ndns.question.name=nowhere.example\nhadal.dns.question.type=999\n"
	       "hadal.dns.response_code=15\nhadal.dns.flags=<truncated_by_server>\n");
	/* An answer that is sound and one that is not: nothing of them is told. */
	dns_begin(&built, DNS_ANSWERED, 1, 2);
	dns_put_question(&built, "a.example", 1);
	dns_put_address(&built, DNS_QUESTION_AT, 1, "\1\2\3\4", 4);
	answer = answer_of(&built);
	expect(&answer, "hadal.dns.answer", ANSWER_TEXT
	       "hadal.dns.size=43\nhadal.dns.flags=<unsound>\n");
}

static size_t texts_length;

static int measure_texts(void *name, const struct hadal_attribute *attribute)
{
	if (!strcmp(attribute->name, name))
		texts_length = attribute->text.length;
	return 0;
}

/* More names than there is room for: a pointer each, to one as long as can be. */
static void dns_answer_of_many_names(void **state)
{
	const struct hadal_clock clock = { 0 };
	struct dns_builder built;
	struct answer answer;
	char name[] = HADAL_ATTR_DNS_ALIASES, label[64];
	unsigned int i;

	(void)state;
	memset(label, 1, sizeof(label));	/* four characters each, as text */
	label[63] = 0;
	dns_begin(&built, DNS_ANSWERED, 1, 30);
	for (i = 0; i < 3; i++) {
		dns_put(&built, "\77", 1);
		dns_put(&built, label, 63);
	}
	dns_put_question(&built, "", 1);
	for (i = 0; i < 30; i++) {
		dns_put_pointer(&built, DNS_QUESTION_AT);
		dns_put_fixed(&built, 5, i, 2);
		dns_put_pointer(&built, DNS_QUESTION_AT);
	}
	answer = answer_of(&built);
	assert_int_equal(answer.record.dns.flags, HADAL_DNS_TRUNCATED);
	assert_int_equal(hadal_event_attributes(&answer.record.header, &clock, measure_texts, name), 0);
	assert_int_equal(texts_length, 2 * (3 * 63 * 4 + 2 + 1));
}

static void loss_by_class(void **state)
{
	struct hadal_record_lost lost = {
		.header = header_of(HADAL_RECORD_LOST, sizeof(lost)),
		.count = { [HADAL_CLASS_PROCESS] = 2, [HADAL_CLASS_TCP] = UINT32_MAX },
	};

	(void)state;
	lost.header.cpu = 3;
	lost.header.lane = HADAL_LANE_FLOW;
	expect(&lost, "hadal.record.lost",
	       "hadal.record.cpu=3\nhadal.record.lane=flow\nhadal.record.lost.count=4294967297\n"
	       "hadal.record.lost.process=2\nhadal.record.lost.tcp=4294967295\n");
}

static void control_records_are_no_events(void **state)
{
	struct hadal_record_clock_sync sync = {
		.header = header_of(HADAL_RECORD_CLOCK_SYNC, sizeof(sync)),
		.monotonic = 1, .boottime = 2, .realtime = 3,
	};
	struct hadal_clock clock = { 0, 0, 0 };

	(void)state;
	assert_null(hadal_event_name(&sync.header));
	assert_true(hadal_clock_update(&clock, &sync.header));
	assert_int_equal(clock.realtime, 3);
	sync.header.type = HADAL_RECORD_DUMP_END;
	assert_null(hadal_event_name(&sync.header));
	assert_false(hadal_clock_update(&clock, &sync.header));
}

static int stop_at_third(void *context, const struct hadal_attribute *attribute)
{
	(void)attribute;
	return ++*(int *)context == 3 ? -ENOSPC : 0;
}

static void a_walk_can_be_ended(void **state)
{
	struct hadal_record_process record = {
		.header = header_of(HADAL_RECORD_PROCESS_FORK, sizeof(record)), .process = process,
	};
	int visits = 0;

	(void)state;
	assert_int_equal(hadal_event_attributes(&record.header, &clocks, stop_at_third, &visits), -ENOSPC);
	assert_int_equal(visits, 3);
}

/* ---- texts ---- */

static void expect_utf8(const char *bytes, size_t length, const char *utf8)
{
	char *copy = malloc(length + 1), *out = malloc(HADAL_UTF8_SIZE(length));

	assert_non_null(copy);
	assert_non_null(out);
	memcpy(copy, bytes, length);
	assert_int_equal(hadal_utf8((struct hadal_text){ copy, length }, out), strlen(utf8));
	assert_string_equal(out, utf8);
	free(copy);
	free(out);
}

#define BAD	"\xef\xbf\xbd"

static void bytes_become_utf8(void **state)
{
	(void)state;
	expect_utf8("", 0, "");
	expect_utf8("plain", 5, "plain");
	expect_utf8("\xc3\xa9\xe2\x82\xac\xf0\x9f\x90\xa1", 9, "\xc3\xa9\xe2\x82\xac\xf0\x9f\x90\xa1");
	expect_utf8("a\0b", 3, "a" BAD "b");
	expect_utf8("\xff\xfe", 2, BAD BAD);
	expect_utf8("\x80", 1, BAD);
	expect_utf8("\xc3", 1, BAD);
	expect_utf8("\xe2\x82", 2, BAD BAD);
	expect_utf8("\xc0\xaf", 2, BAD BAD);		/* overlong */
	expect_utf8("\xe0\x9f\xbf", 3, BAD BAD BAD);	/* overlong */
	expect_utf8("\xed\xa0\x80", 3, BAD BAD BAD);	/* surrogate */
	expect_utf8("\xf4\x90\x80\x80", 4, BAD BAD BAD BAD);	/* beyond U+10FFFF */
	expect_utf8("\xc3x", 2, BAD "x");
}

static void texts_are_stepped_through(void **state)
{
	struct hadal_text texts = { "one\0\0cut", 8 }, text;

	(void)state;
	assert_true(hadal_texts_next(&texts, &text));
	assert_int_equal(text.length, 3);
	assert_true(hadal_texts_next(&texts, &text));
	assert_int_equal(text.length, 0);
	assert_true(hadal_texts_next(&texts, &text));
	assert_int_equal(text.length, 3);
	assert_memory_equal(text.data, "cut", 3);
	assert_false(hadal_texts_next(&texts, &text));
}

static void errors_and_states_have_names(void **state)
{
	(void)state;
	assert_string_equal(hadal_error_type(ETIMEDOUT), "ETIMEDOUT");
	assert_string_equal(hadal_error_type(EHOSTUNREACH), "EHOSTUNREACH");
	assert_string_equal(hadal_error_type(0), "_OTHER");
	assert_string_equal(hadal_error_type(4000), "_OTHER");
	assert_string_equal(hadal_error_type(UINT32_MAX), "_OTHER");
	assert_string_equal(hadal_tcp_state_name(1), "established");
	assert_string_equal(hadal_tcp_state_name(9), "last_ack");
	assert_null(hadal_tcp_state_name(0));
	assert_null(hadal_tcp_state_name(99));
}

static void addresses_are_written_as_usual(void **state)
{
	uint8_t address[16] = { 0x20, 0x01, 0x0d, 0xb8, [15] = 1 };
	char text[HADAL_ADDRESS_SIZE];

	(void)state;
	hadal_address_text(AF_INET6, address, text);
	assert_string_equal(text, "2001:db8::1");
	hadal_address_text(AF_INET, address, text);
	assert_string_equal(text, "32.1.13.184");
	hadal_address_text(AF_UNIX, address, text);
	assert_string_equal(text, "");
}

static void timestamps_are_rfc_3339(void **state)
{
	char text[HADAL_TIMESTAMP_SIZE];

	(void)state;
	hadal_timestamp(0, text);
	assert_string_equal(text, "1970-01-01T00:00:00.000000000Z");
	hadal_timestamp(1767323045000000007, text);
	assert_string_equal(text, "2026-01-02T03:04:05.000000007Z");
	hadal_timestamp(UINT64_MAX, text);
	assert_string_equal(text, "2554-07-21T23:34:33.709551615Z");
}

static void clocks_are_mapped(void **state)
{
	(void)state;
	assert_int_equal(hadal_clock_from_monotonic(&clocks, 60000000001), 1767323045000000001);
	assert_int_equal(hadal_clock_from_monotonic(&clocks, 59000000000), 1767323044000000000);
	assert_int_equal(hadal_clock_from_boottime(&clocks, 100000000000), 1767323045000000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fork_and_existing),
		cmocka_unit_test(cgroups),
		cmocka_unit_test(what_is_not_known_is_left_out),
		cmocka_unit_test(times_are_left_out_before_any_sync),
		cmocka_unit_test(exec_has_its_strings),
		cmocka_unit_test(exit_by_code_and_by_signal),
		cmocka_unit_test(tcp_opens),
		cmocka_unit_test(tcp_fails),
		cmocka_unit_test(tcp_closes),
		cmocka_unit_test(tcp_lives),
		cmocka_unit_test(tcp_listens),
		cmocka_unit_test(udp_flow),
		cmocka_unit_test(dns_answer),
		cmocka_unit_test(dns_answer_of_many_names),
		cmocka_unit_test(loss_by_class),
		cmocka_unit_test(control_records_are_no_events),
		cmocka_unit_test(a_walk_can_be_ended),
		cmocka_unit_test(bytes_become_utf8),
		cmocka_unit_test(texts_are_stepped_through),
		cmocka_unit_test(errors_and_states_have_names),
		cmocka_unit_test(addresses_are_written_as_usual),
		cmocka_unit_test(timestamps_are_rfc_3339),
		cmocka_unit_test(clocks_are_mapped),
	};

	return cmocka_run_group_tests_name("event", tests, NULL, NULL);
}
