// SPDX-License-Identifier: MIT
/*
 * What the kernel says by netlink: the first byte chooses between the process
 * connector, messages of sock_diag one after the other, and connection tracking.
 */
#include <assert.h>

#include "fuzz.h"
#include "inet_diag.h"
#include "nat.h"
#include "proc_connector.h"

enum { SEQUENCE = 7 };

static void read_process_event(const void *bytes, size_t size)
{
	struct proc_event_facts facts = { .kind = PROC_OTHER };

	if (!proc_connector_parse(bytes, size, &facts))
		assert(facts.kind <= PROC_THREAD_EXITED);
}

/* Each takes some of the bytes, so there is an end. */
static void read_sockets(const void *bytes, size_t size)
{
	struct diag_message message;
	long taken;

	for (size_t at = 0; at < size; at += (size_t)taken) {
		taken = inet_diag_parse((const char *)bytes + at, size - at, &message);
		if (taken < 0)
			return;
		assert(taken > 0 && (size_t)taken <= size - at);
		assert(taken % 4 == 0 || (size_t)taken == size - at);
	}
}

static void read_translation(const void *bytes, size_t size)
{
	struct nat_view seen = { .local_port = 40000, .peer_port = 80 }, real;

	address_parse("172.17.0.2", &seen.local);
	address_parse("10.0.0.5", &seen.peer);
	assert(nat_answer(bytes, size, SEQUENCE, &seen, &real) <= 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const readers[])(const void *bytes, size_t size) = {
		read_process_event, read_sockets, read_translation,
	};
	void *copy;

	if (!size)
		return 0;
	copy = fuzz_copy(data + 1, size - 1);
	readers[data[0] % 3](copy, size - 1);
	free(copy);
	return 0;
}
