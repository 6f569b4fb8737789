// SPDX-License-Identifier: MIT
/* equal.bpf.c with libbpf's ring buffer, looked at by time: no wake-ups. */
#include <bpf/libbpf.h>
#include <string.h>

#include "equal.skel.h"
#include "hadal.h"
#include "must.h"
#include "subjects.h"

static struct equal *program;
static struct ring_buffer *ring;
static uint64_t bytes;

static int on_record(void *context, void *data, size_t size)
{
	const struct hadal_record *record = data;

	(void)context;
	if (record->size != size)
		return -1;
	bytes += size;
	return 0;
}

static void start(void)
{
	program = equal__open_and_load();
	if (!program) {
		perror("equal.bpf.o");
		exit(1);
	}
	memset(program->bss->secret, 7, sizeof(program->bss->secret));
	MUST(equal__attach(program));
	ring = ring_buffer__new(bpf_map__fd(program->maps.records), on_record, NULL, NULL);
	if (!ring) {
		perror("ring_buffer__new");
		exit(1);
	}
}

static unsigned int drain(void)
{
	return (unsigned int)MUST(ring_buffer__consume(ring));
}

static void stop(void)
{
	if (program->bss->lost)
		fprintf(stderr, "eBPF lost %llu records\n", (unsigned long long)program->bss->lost);
	ring_buffer__free(ring);
	equal__destroy(program);
}

const struct subject subject_ebpf = {
	.name = "ebpf", .start = start, .drain = drain, .stop = stop,
};
