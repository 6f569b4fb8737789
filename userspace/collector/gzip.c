// SPDX-License-Identifier: MIT
#include "gzip.h"

#include <errno.h>
#include <libdeflate.h>
#include <stdlib.h>

/* What zlib's level 3 makes, in half its time: docs/benchmarks.md. */
enum { LEVEL = 1 };

int hadal_gzip(const uint8_t *in, size_t in_size, uint8_t **out, size_t *out_size)
{
	struct libdeflate_compressor *compressor = libdeflate_alloc_compressor(LEVEL);
	size_t bound, size = 0;
	uint8_t *buffer, *exact;

	if (!compressor)
		return -ENOMEM;
	bound = libdeflate_gzip_compress_bound(compressor, in_size);
	buffer = malloc(bound);
	/* With room for the bound, it always fits. */
	if (buffer)
		size = libdeflate_gzip_compress(compressor, in, in_size, buffer, bound);
	libdeflate_free_compressor(compressor);
	if (!size) {
		free(buffer);
		return -ENOMEM;
	}
	exact = realloc(buffer, size);
	*out = exact ? exact : buffer;
	*out_size = size;
	return 0;
}
