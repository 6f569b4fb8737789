/* SPDX-License-Identifier: MIT */
/* What the fuzz targets share. */
#ifndef HADAL_FUZZ_H
#define HADAL_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Called by libFuzzer. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A copy that ends where the data ends, so that a read beyond is seen. */
static inline void *fuzz_copy(const uint8_t *data, size_t size)
{
	void *copy = malloc(size ? size : 1);

	if (!copy)
		abort();
	memcpy(copy, data, size);
	return copy;
}

/* The same with a NUL behind it: what libraries give as text. */
static inline char *fuzz_text(const uint8_t *data, size_t size)
{
	char *copy = malloc(size + 1);

	if (!copy)
		abort();
	memcpy(copy, data, size);
	copy[size] = '\0';
	return copy;
}

/*
 * What happens to rings: the input of fuzz_reader is a sequence of these bytes,
 * each with its operands, little-endian.
 */
enum fuzz_step {
	FUZZ_APPEND,	/* ring u8, length u16, bytes: a record with its header made right */
	FUZZ_APPEND_RAW,	/* the same, header and all as it is */
	FUZZ_DROP,	/* ring u8: a number without a record */
	FUZZ_BUSY,	/* ring u8, value u8 */
	FUZZ_COMMIT,	/* ring u8, value u64 */
	FUZZ_CONSUMER,	/* ring u8, value u32 */
	FUZZ_CLOCK,	/* ns u32: time goes on */
	FUZZ_READ,	/* count u8 */
	FUZZ_RELEASE,
	FUZZ_FINAL,	/* value u8 */
	FUZZ_STEPS,
};

#endif
