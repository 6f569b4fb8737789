// SPDX-License-Identifier: MIT
#include "spool_batch.h"

#include <errno.h>
#include <libdeflate.h>
#include <stdlib.h>

#include "spool.h"
#include "spool_form.h"

enum {
	VERSION = 2,		/* 1 was OTLP's requests */
	LEVEL = 1,		/* each byte is written once and read by each sink: speed counts for more than size */
	RAW_MAX = 128 << 20,	/* bytes before compression */
	RATIO_MAX = 1100,	/* DEFLATE packs a thousand to one at most */
};

static int compress_form(const struct hadal_wire *form, struct libdeflate_compressor *compressor, uint8_t **data,
			 size_t *size)
{
	const size_t room = 1 + HADAL_VARINT_BYTES + libdeflate_deflate_compress_bound(compressor, form->size);
	uint8_t *bytes = malloc(room), *at;

	if (!bytes)
		return -ENOMEM;
	bytes[0] = VERSION;
	at = hadal_varint_put(bytes + 1, form->size);
	/* With room for the bound, it always fits. */
	at += libdeflate_deflate_compress(compressor, form->bytes, form->size, at, room - (size_t)(at - bytes));
	*size = (size_t)(at - bytes);
	*data = bytes;
	return 0;
}

static int compress(const struct hadal_wire *form, uint8_t **data, size_t *size)
{
	struct libdeflate_compressor *compressor;
	int ret = -ENOMEM;

	if (form->size > RAW_MAX)
		return -EFBIG;
	compressor = libdeflate_alloc_compressor(LEVEL);
	if (compressor)
		ret = compress_form(form, compressor, data, size);
	libdeflate_free_compressor(compressor);
	if (ret || *size <= HADAL_SPOOL_RECORD_BYTES)
		return ret;
	free(*data);
	return -EFBIG;
}

int hadal_spool_pack(const struct hadal_batch *batch, uint8_t **data, size_t *size)
{
	struct hadal_wire form = { 0 };
	int ret = hadal_spool_form_write(batch, &form);

	if (!ret)
		ret = compress(&form, data, size);
	free(form.bytes);
	return ret;
}

/* Returns the bytes of the header; 0: it is none. */
static size_t read_header(const uint8_t *data, size_t size, size_t *raw_size, const char **wrong)
{
	uint64_t raw = 0;
	size_t at = 1;

	*wrong = "another version";
	if (!size || data[0] != VERSION)
		return 0;
	*wrong = "no size that can be believed";
	for (unsigned int shift = 0; at < size && shift <= 28; shift += 7) {
		raw |= (uint64_t)(data[at] & 0x7f) << shift;
		if (data[at++] & 0x80)
			continue;
		/* A small record that claims much is not believed. */
		if (raw > RAW_MAX || raw / RATIO_MAX > size)
			return 0;
		*raw_size = (size_t)raw;
		return at;
	}
	return 0;
}

static int inflate(const uint8_t *data, size_t size, uint8_t *raw, size_t raw_size, const char **wrong)
{
	struct libdeflate_decompressor *decompressor = libdeflate_alloc_decompressor();
	enum libdeflate_result result;
	size_t used = 0;

	if (!decompressor)
		return -ENOMEM;
	result = libdeflate_deflate_decompress_ex(decompressor, data, size, raw, raw_size, &used, NULL);
	libdeflate_free_decompressor(decompressor);
	if (result == LIBDEFLATE_SUCCESS && used == size)
		return 0;
	*wrong = "not compressed as it is here";
	return -EBADMSG;
}

int hadal_spool_unpack(const uint8_t *data, size_t size, struct hadal_batch **batch, const char **wrong)
{
	size_t raw_size = 0;
	const size_t header = read_header(data, size, &raw_size, wrong);
	uint8_t *raw;
	int ret;

	*batch = NULL;
	if (!header)
		return -EBADMSG;
	*wrong = "no memory to read it";
	raw = malloc(raw_size + 1);
	if (!raw)
		return -ENOMEM;
	ret = inflate(data + header, size - header, raw, raw_size, wrong);
	if (!ret)
		ret = hadal_spool_form_read(raw, raw_size, batch, wrong);
	free(raw);
	return ret;
}
