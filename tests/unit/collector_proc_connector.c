// SPDX-License-Identifier: MIT
/* What the process connector says, in the kernel's bytes and in broken ones. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <linux/netlink.h>
#include <linux/cn_proc.h>
#include <linux/connector.h>

#include "proc_connector.h"

struct connector_message {
	struct nlmsghdr header;
	struct cn_msg head;
	unsigned char event[sizeof(struct proc_event)];
} __attribute__((packed));

static struct connector_message connector_message(const struct proc_event *event, uint32_t sequence)
{
	struct connector_message message = {
		.header = { .nlmsg_len = sizeof(message), .nlmsg_type = NLMSG_DONE },
		.head = { .id = { CN_IDX_PROC, CN_VAL_PROC }, .seq = sequence, .len = sizeof(message.event) },
	};

	memcpy(message.event, event, sizeof(*event));
	return message;
}

static struct proc_event fork_event(int tgid, int pid)
{
	struct proc_event event = { .cpu = 1, .timestamp_ns = 5000 };

	event.what = (unsigned int)PROC_EVENT_FORK;
	event.event_data.fork.parent_pid = event.event_data.fork.parent_tgid = 10;
	event.event_data.fork.child_tgid = tgid;
	event.event_data.fork.child_pid = pid;
	return event;
}

static struct proc_event exit_event(int tgid, int pid, uint32_t code)
{
	struct proc_event event = { .cpu = 1, .timestamp_ns = 6000 };

	event.what = (unsigned int)PROC_EVENT_EXIT;
	event.event_data.exit.process_tgid = tgid;
	event.event_data.exit.process_pid = pid;
	event.event_data.exit.exit_code = code;
	return event;
}

static struct proc_event_facts parsed(const struct proc_event *event)
{
	struct connector_message message = connector_message(event, 3);
	struct proc_event_facts facts;

	assert_int_equal(proc_connector_parse(&message, sizeof(message), &facts), 0);
	assert_int_equal(facts.sequence, 3);
	return facts;
}

static void connector_tells_processes_from_threads(void **state)
{
	struct proc_event event = fork_event(20, 20);
	struct proc_event_facts facts = parsed(&event);

	(void)state;
	assert_int_equal(facts.kind, PROC_FORKED);
	assert_int_equal(facts.tgid, 20);
	assert_int_equal(facts.parent_tgid, 10);
	assert_int_equal(facts.time, 5000);
	assert_int_equal(facts.cpu, 1);
	event = fork_event(20, 21);
	assert_int_equal(parsed(&event).kind, PROC_OTHER);
	event = exit_event(20, 20, 7 << 8);
	facts = parsed(&event);
	assert_int_equal(facts.kind, PROC_EXITED);
	assert_int_equal(facts.exit_code, 7 << 8);
	event = exit_event(20, 21, 0);
	assert_int_equal(parsed(&event).kind, PROC_THREAD_EXITED);
	event.what = (unsigned int)PROC_EVENT_COMM;
	assert_int_equal(parsed(&event).kind, PROC_OTHER);
}

/* Each length in memory that ends there: a sanitizer sees what is read beyond. */
static void connector_refuses_what_is_cut(void **state)
{
	struct proc_event event = exit_event(20, 20, 0);
	struct connector_message message = connector_message(&event, 0);
	const size_t needed = offsetof(struct connector_message, event) + offsetof(struct proc_event, event_data) +
			      offsetof(struct exit_proc_event, parent_pid);
	struct proc_event_facts facts;
	unsigned char *bytes;
	int result;

	(void)state;
	for (size_t length = 0; length <= sizeof(message); length++) {
		bytes = malloc(length ? length : 1);
		memcpy(bytes, &message, length);
		result = proc_connector_parse(bytes, length, &facts);
		assert_int_equal(result, length == sizeof(message) ? 0 : -EBADMSG);
		free(bytes);
	}
	/* An older kernel's event is shorter, and says so. */
	message.header.nlmsg_len = (uint32_t)needed;
	message.head.len = (uint16_t)(needed - offsetof(struct connector_message, event));
	assert_int_equal(proc_connector_parse(&message, needed, &facts), 0);
	message.head.len--;
	assert_int_equal(proc_connector_parse(&message, needed, &facts), -EBADMSG);
	message.head.len = UINT16_MAX;
	assert_int_equal(proc_connector_parse(&message, sizeof(message), &facts), -EBADMSG);
	message = connector_message(&event, 0);
	message.head.id.idx = CN_IDX_PROC + 1;
	assert_int_equal(proc_connector_parse(&message, sizeof(message), &facts), -EBADMSG);
	event = fork_event(-5, -5);
	message = connector_message(&event, 0);
	assert_int_equal(proc_connector_parse(&message, sizeof(message), &facts), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(connector_tells_processes_from_threads),
		cmocka_unit_test(connector_refuses_what_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
