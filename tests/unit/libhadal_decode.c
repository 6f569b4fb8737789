/* SPDX-License-Identifier: MIT */
/*
 * What passes as a record.
 */
#include "memory_ring.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define SPACE	512

struct shape {
	uint16_t type;
	uint8_t record_class;
	uint32_t size;
};

static const struct shape shapes[] = {
	{ HADAL_RECORD_LOST, HADAL_CLASS_CONTROL, 88 },
	{ HADAL_RECORD_CLOCK_SYNC, HADAL_CLASS_CONTROL, 48 },
	{ HADAL_RECORD_DUMP_START, HADAL_CLASS_CONTROL, 40 },
	{ HADAL_RECORD_DUMP_END, HADAL_CLASS_CONTROL, 40 },
	{ HADAL_RECORD_RING_ADDED, HADAL_CLASS_CONTROL, 32 },
	{ HADAL_RECORD_PROCESS_FORK, HADAL_CLASS_PROCESS, 96 },
	{ HADAL_RECORD_PROCESS_EXEC, HADAL_CLASS_PROCESS, 120 },
	{ HADAL_RECORD_PROCESS_EXIT, HADAL_CLASS_PROCESS, 184 },
	{ HADAL_RECORD_PROCESS_EXISTING, HADAL_CLASS_PROCESS, 96 },
	{ HADAL_RECORD_PROCESS_OOM, HADAL_CLASS_PROCESS, 96 },
	{ HADAL_RECORD_CGROUP_MKDIR, HADAL_CLASS_CGROUP, 48 },
	{ HADAL_RECORD_CGROUP_RMDIR, HADAL_CLASS_CGROUP, 48 },
	{ HADAL_RECORD_CGROUP_EXISTING, HADAL_CLASS_CGROUP, 48 },
	{ HADAL_RECORD_TCP_ESTABLISHED, HADAL_CLASS_TCP, 136 },
	{ HADAL_RECORD_TCP_FAILED, HADAL_CLASS_TCP, 144 },
	{ HADAL_RECORD_TCP_ACCEPTED, HADAL_CLASS_TCP, 128 },
	{ HADAL_RECORD_TCP_CLOSED, HADAL_CLASS_TCP, 224 },
	{ HADAL_RECORD_TCP_SNAPSHOT, HADAL_CLASS_TCP, 216 },
	{ HADAL_RECORD_TCP_LISTENING, HADAL_CLASS_TCP, 144 },
	{ HADAL_RECORD_TCP_LISTENER_CLOSED, HADAL_CLASS_TCP, 144 },
	{ HADAL_RECORD_UDP_FLOW, HADAL_CLASS_UDP, 160 },
	{ HADAL_RECORD_DNS_ANSWER, HADAL_CLASS_DNS, 112 },
};

#define SHAPES	(sizeof(shapes) / sizeof(shapes[0]))

/* Exactly size bytes on the heap, so that a read beyond them is seen. */
static struct hadal_record *record_create(const struct shape *shape, uint32_t size)
{
	struct hadal_record *record = calloc(1, size);

	assert_non_null(record);
	record->size = size;
	record->type = shape->type;
	record->record_class = shape->record_class;
	if (shape->record_class == HADAL_CLASS_TCP && size >= shape->size)
		((struct hadal_record_tcp_accepted *)record)->tcp.family = AF_INET;
	if (shape->record_class == HADAL_CLASS_UDP && size >= shape->size)
		((struct hadal_record_udp_flow *)record)->udp.family = AF_INET;
	if (shape->type == HADAL_RECORD_DNS_ANSWER && size >= shape->size)
		((struct hadal_record_dns_answer *)record)->dns = (struct hadal_dns){
			.family = AF_INET, .payload_offset = (uint16_t)shape->size,
		};
	if (shape->type == HADAL_RECORD_PROCESS_EXEC && size >= shape->size)
		((struct hadal_record_process_exec *)record)->strings_offset = (uint16_t)shape->size;
	if (shape->record_class == HADAL_CLASS_CGROUP && size >= shape->size)
		((struct hadal_record_cgroup *)record)->path_offset = (uint16_t)shape->size;
	return record;
}

static void expect_fault(const struct hadal_record *record, size_t available, const char *words)
{
	const char *reason = NULL;

	assert_int_equal(hadal_record_validate(record, available, &reason), -EBADMSG);
	assert_non_null(reason);
	assert_non_null(strstr(reason, words));
	assert_int_equal(hadal_record_validate(record, available, NULL), -EBADMSG);
}

static void expect_valid(const struct hadal_record *record)
{
	const char *reason;

	assert_int_equal(hadal_record_validate(record, record->size, &reason), 0);
	assert_null(reason);
}

static void each_type_has_its_least_size(void **state)
{
	struct hadal_record *record;
	size_t i;

	(void)state;
	for (i = 0; i < SHAPES; i++) {
		record = record_create(&shapes[i], shapes[i].size);
		expect_valid(record);
		free(record);
		record = record_create(&shapes[i], shapes[i].size - 8);
		expect_fault(record, record->size, "below that of its type");
		free(record);
	}
}

static void longer_records_are_of_later_modules(void **state)
{
	struct hadal_record *record;
	size_t i;

	(void)state;
	for (i = 0; i < SHAPES; i++) {
		record = record_create(&shapes[i], shapes[i].size + 16);
		expect_valid(record);
		free(record);
	}
}

static void unknown_types_need_a_sound_header(void **state)
{
	const struct shape unknown = { 999, HADAL_CLASS_DNS, 24 };
	struct hadal_record *record = record_create(&unknown, 24);

	(void)state;
	expect_valid(record);
	record->record_class = HADAL_CLASS_SLOTS;
	expect_fault(record, 24, "unknown class");
	record->record_class = HADAL_CLASS_DNS;
	record->lane = HADAL_LANES;
	expect_fault(record, 24, "unknown lane");
	free(record);
}

static void truncated_records_are_refused(void **state)
{
	struct hadal_record *record;
	size_t i, available;

	(void)state;
	for (i = 0; i < SHAPES; i++) {
		record = record_create(&shapes[i], shapes[i].size);
		for (available = 0; available < sizeof(*record); available++)
			expect_fault(record, available, "cut within its header");
		for (; available < record->size; available++)
			expect_fault(record, available, "beyond what was written");
		free(record);
	}
}

static void class_must_fit_type(void **state)
{
	struct hadal_record *record;
	size_t i;

	(void)state;
	for (i = 0; i < SHAPES; i++) {
		record = record_create(&shapes[i], shapes[i].size);
		record->record_class = HADAL_CLASS_SLOTS - 1;
		expect_fault(record, record->size, "class is not that of its type");
		free(record);
	}
}

static void comm_needs_its_nul(void **state)
{
	struct hadal_record_process *process = (void *)record_create(&shapes[5], shapes[5].size);

	(void)state;
	memset(process->process.comm, 'x', HADAL_COMM_LEN);
	expect_fault(&process->header, process->header.size, "comm");
	process->process.comm[HADAL_COMM_LEN - 1] = 0;
	expect_valid(&process->header);
	free(process);
}

static void flows_have_addresses_and_others_none(void **state)
{
	const struct shape shape = { HADAL_RECORD_UDP_FLOW, HADAL_CLASS_UDP, 160 };
	struct hadal_record_udp_flow *flow = (void *)record_create(&shape, 160);

	(void)state;
	assert_ptr_equal(hadal_record_udp(&flow->header), &flow->udp);
	assert_null(hadal_record_tcp(&flow->header));
	flow->udp.family = 0;
	expect_fault(&flow->header, 160, "address family");
	flow->udp.flags = HADAL_UDP_OTHER;
	expect_valid(&flow->header);
	flow->udp.family = AF_INET6;
	expect_fault(&flow->header, 160, "address family");
	flow->udp.flags = 0;
	expect_valid(&flow->header);
	free(flow);
}

static void payloads_are_within_their_record(void **state)
{
	const struct shape shape = { HADAL_RECORD_DNS_ANSWER, HADAL_CLASS_DNS, 112 };
	struct hadal_record_dns_answer *answer = (void *)record_create(&shape, 136);

	(void)state;
	answer->dns.length = answer->dns.captured = 24;
	expect_valid(&answer->header);
	assert_ptr_equal(hadal_record_dns(&answer->header), &answer->dns);
	assert_null(hadal_record_udp(&answer->header));
	assert_ptr_equal(hadal_record_dns_payload(answer).data, answer + 1);
	assert_int_equal(hadal_record_dns_payload(answer).length, 24);
	answer->dns.length = 23;
	expect_fault(&answer->header, 136, "more captured");
	answer->dns.length = answer->dns.captured = 25;
	expect_fault(&answer->header, 136, "beyond the record");
	answer->dns.captured = 16;
	answer->dns.payload_offset = 111;
	expect_fault(&answer->header, 136, "within the struct");
	answer->dns.payload_offset = 120;
	expect_valid(&answer->header);
	answer->dns.payload_offset = UINT16_MAX;
	expect_fault(&answer->header, 136, "beyond the record");
	answer->dns.payload_offset = 112;
	answer->dns.family = 0;
	expect_fault(&answer->header, 136, "address family");
	free(answer);
}

static void addresses_need_a_known_family(void **state)
{
	static const struct shape shape = { HADAL_RECORD_TCP_ACCEPTED, HADAL_CLASS_TCP, 128 };
	struct hadal_record_tcp_accepted *tcp = (void *)record_create(&shape, shape.size);

	(void)state;
	tcp->tcp.family = AF_INET6;
	expect_valid(&tcp->header);
	tcp->tcp.family = AF_UNIX;
	expect_fault(&tcp->header, tcp->header.size, "address family");
	free(tcp);
}

static struct hadal_record_process_exec *exec_create(const char *strings, size_t length)
{
	uint32_t size = (uint32_t)(sizeof(struct hadal_record_process_exec) + length + 7) & ~7u;
	struct hadal_record_process_exec *exec = (void *)record_create(&shapes[6], size);

	memcpy(exec + 1, strings, length);
	return exec;
}

static void exec_strings_stand_behind_one_another(void **state)
{
	static const char strings[] = "/bin/sh/tmp/run\0" "run\0-x\0";
	struct hadal_record_process_exec *exec = exec_create(strings, sizeof(strings));
	struct hadal_text text;

	(void)state;
	exec->path_len = 7;
	exec->script_len = 8;
	exec->argv_len = 8;
	expect_valid(&exec->header);
	text = hadal_exec_path(exec);
	assert_int_equal(text.length, 7);
	assert_memory_equal(text.data, "/bin/sh", 7);
	text = hadal_exec_script(exec);
	assert_int_equal(text.length, 8);
	assert_memory_equal(text.data, "/tmp/run", 8);
	text = hadal_exec_argv(exec);
	assert_int_equal(text.length, 8);
	free(exec);
}

static void exec_strings_must_lie_within(void **state)
{
	struct hadal_record_process_exec *exec = exec_create("0123456789abcdef", 16);

	(void)state;
	exec->path_len = 16;
	expect_valid(&exec->header);
	exec->script_len = 1;
	expect_fault(&exec->header, exec->header.size, "exec strings");
	exec->path_len = UINT16_MAX;
	exec->script_len = UINT16_MAX;
	exec->argv_len = UINT16_MAX;
	expect_fault(&exec->header, exec->header.size, "exec strings");
	free(exec);
}

/* A later module's exec record has more in front of its strings. */
static void exec_strings_are_found_by_their_offset(void **state)
{
	struct hadal_record_process_exec *exec = exec_create("newfield/bin/true", 17);

	(void)state;
	exec->strings_offset += 8;
	exec->path_len = 9;
	expect_valid(&exec->header);
	assert_memory_equal(hadal_exec_path(exec).data, "/bin/true", 9);
	exec->strings_offset = sizeof(*exec) - 1;
	expect_fault(&exec->header, exec->header.size, "exec strings");
	exec->strings_offset = UINT16_MAX;
	expect_fault(&exec->header, exec->header.size, "exec strings");
	free(exec);
}

static void cgroup_paths_stay_within(void **state)
{
	static const struct shape shape = { HADAL_RECORD_CGROUP_MKDIR, HADAL_CLASS_CGROUP, 48 };
	struct hadal_record *record = record_create(&shape, 56);
	struct hadal_record_cgroup *cgroup = (void *)record;

	(void)state;
	memcpy(cgroup + 1, "/a/b/c/d", 8);
	cgroup->path_len = 8;
	expect_valid(record);
	assert_int_equal(hadal_record_cgroup_path(cgroup).length, 8);
	assert_memory_equal(hadal_record_cgroup_path(cgroup).data, "/a/b/c/d", 8);
	cgroup->path_len = 9;
	expect_fault(record, record->size, "cgroup path");
	cgroup->path_len = 0;
	cgroup->path_offset = 47;
	expect_fault(record, record->size, "cgroup path");
	cgroup->path_offset = UINT16_MAX;
	expect_fault(record, record->size, "cgroup path");
	free(record);
}

static void parts_belong_to_their_types(void **state)
{
	struct hadal_record *record;
	size_t i;

	(void)state;
	for (i = 0; i < SHAPES; i++) {
		record = record_create(&shapes[i], shapes[i].size);
		assert_int_equal(hadal_record_cgroup(record) != NULL,
				 shapes[i].record_class == HADAL_CLASS_CGROUP);
		assert_int_equal(hadal_record_process(record) != NULL,
				 shapes[i].record_class == HADAL_CLASS_PROCESS);
		assert_int_equal(hadal_record_tcp(record) != NULL,
				 shapes[i].record_class == HADAL_CLASS_TCP);
		assert_int_equal(hadal_record_tcp_counters(record) != NULL,
				 record->type == HADAL_RECORD_TCP_CLOSED ||
				 record->type == HADAL_RECORD_TCP_SNAPSHOT);
		free(record);
	}
}

/* Whatever passes can be walked; the sanitizers see a step beyond. */
static void touch(const struct hadal_record *record, volatile size_t *sink)
{
	const struct hadal_record_process_exec *exec = (const void *)record;
	struct hadal_text argv;
	size_t i;

	if (hadal_record_process(record))
		*sink += strlen(hadal_record_process(record)->comm);
	if (record->type != HADAL_RECORD_PROCESS_EXEC)
		return;
	argv = hadal_exec_argv(exec);
	for (i = 0; i < argv.length; i++)
		*sink += (unsigned char)argv.data[i];
}

static void random_bytes_never_lead_astray(void **state)
{
	volatile size_t sink = 0;
	unsigned int seed = 1, round, passed = 0;
	uint8_t *space;
	size_t i, length;

	(void)state;
	for (round = 0; round < 50000; round++) {
		length = (size_t)rand_r(&seed) % (SPACE / 8) * 8;
		space = malloc(length ? length : 1);
		assert_non_null(space);
		for (i = 0; i < length; i++)
			space[i] = (uint8_t)rand_r(&seed);
		if (length >= sizeof(struct hadal_record) && round % 2) {
			struct hadal_record *record = (void *)space;
			const struct shape *shape = &shapes[(unsigned int)rand_r(&seed) % SHAPES];

			record->size = (uint32_t)length;
			record->type = shape->type;
			record->record_class = shape->record_class;
			record->lane = 0;
		}
		if (hadal_record_validate((void *)space, length, NULL) == 0) {
			touch((void *)space, &sink);
			passed++;
		}
		free(space);
	}
	assert_true(passed > 1000);
}

static void classes_have_names(void **state)
{
	(void)state;
	assert_string_equal(hadal_class_name(HADAL_CLASS_CONTROL), "control");
	assert_string_equal(hadal_class_name(HADAL_CLASS_PROCESS), "process");
	assert_string_equal(hadal_class_name(HADAL_CLASS_TCP), "tcp");
	assert_null(hadal_class_name(HADAL_CLASS_SLOTS - 1));
	assert_null(hadal_class_name(HADAL_CLASS_SLOTS));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_type_has_its_least_size),
		cmocka_unit_test(cgroup_paths_stay_within),
		cmocka_unit_test(longer_records_are_of_later_modules),
		cmocka_unit_test(unknown_types_need_a_sound_header),
		cmocka_unit_test(truncated_records_are_refused),
		cmocka_unit_test(class_must_fit_type),
		cmocka_unit_test(comm_needs_its_nul),
		cmocka_unit_test(addresses_need_a_known_family),
		cmocka_unit_test(flows_have_addresses_and_others_none),
		cmocka_unit_test(payloads_are_within_their_record),
		cmocka_unit_test(exec_strings_stand_behind_one_another),
		cmocka_unit_test(exec_strings_must_lie_within),
		cmocka_unit_test(exec_strings_are_found_by_their_offset),
		cmocka_unit_test(parts_belong_to_their_types),
		cmocka_unit_test(random_bytes_never_lead_astray),
		cmocka_unit_test(classes_have_names),
	};

	return cmocka_run_group_tests_name("decode", tests, NULL, NULL);
}
