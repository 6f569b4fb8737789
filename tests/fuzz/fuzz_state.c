// SPDX-License-Identifier: MIT
/*
 * A sink's state file, and the series in it, which are saved and read once more.
 * If the first byte is odd its size and checksum are made right.
 */
#include <assert.h>
#include <errno.h>
#include <zlib.h>

#include "fuzz.h"
#include "fuzz_file.h"
#include "series.h"
#include "sink_state.h"

enum {
	CRC = 12,		/* where it is */
	POSITION = 16,		/* what it is of begins there */
	SERIES_SIZE = 40,
	HEADER = 48,
};

static void mend(uint8_t *bytes, size_t size)
{
	const uint64_t series = size - HEADER;
	uint32_t crc;

	if (size < HEADER)
		return;
	memcpy(bytes + SERIES_SIZE, &series, sizeof(series));
	crc = (uint32_t)crc32_z(0, bytes + POSITION, size - POSITION);
	memcpy(bytes + CRC, &crc, sizeof(crc));
}

static void load_series(const struct hadal_sink_state *state)
{
	struct hadal_series_table *table = hadal_series_new(0), *again = hadal_series_new(0);
	const int ret = hadal_series_load(table, state->series, state->series_size);
	uint8_t *saved = NULL;
	size_t size = 0;

	assert(ret == 0 || (ret == -EINVAL && !hadal_series_count(table)));
	assert(hadal_series_save(table, &saved, &size) == 0);
	assert(ret || size == state->series_size);
	assert(hadal_series_load(again, saved, size) == 0);
	assert(hadal_series_count(again) == hadal_series_count(table));
	free(saved);
	hadal_series_free(again);
	hadal_series_free(table);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hadal_sink_state state = { 0 };
	uint8_t *copy;
	int ret;

	if (!size)
		return 0;
	copy = fuzz_copy(data + 1, size - 1);
	if (data[0] % 2)
		mend(copy, size - 1);
	fuzz_file_write("sink-fuzz.state", copy, size - 1);
	ret = hadal_sink_state_read(fuzz_path, "fuzz", &state);
	assert(ret == 0 || ret == -EBADMSG);
	if (!ret) {
		load_series(&state);
		free(state.series);
	}
	free(copy);
	return 0;
}
