/* SPDX-License-Identifier: MIT */
#include "decompress.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

/* That a decoder of xz may take: modules are compressed with far smaller dictionaries. */
#define MEMORY_MOST	(256ULL << 20)

struct output {
	unsigned char *data;
	size_t size, room, most;
};

/* Each tells in *@ended whether the stream has come to its end. */
typedef int (*decoder)(const unsigned char *data, size_t size, struct output *output, bool *ended);

static int grow(struct output *output)
{
	size_t room = output->room ? output->room * 2 : 1 << 16;
	unsigned char *data;

	if (output->size >= output->most)
		return -EFBIG;
	if (room > output->most)
		room = output->most;
	data = realloc(output->data, room);
	if (!data)
		return -ENOMEM;
	output->data = data;
	output->room = room;
	return 0;
}

static int decode_xz(const unsigned char *data, size_t size, struct output *output, bool *ended)
{
	lzma_stream stream = LZMA_STREAM_INIT;
	lzma_ret result = lzma_stream_decoder(&stream, MEMORY_MOST, 0);
	int error = 0;

	stream.next_in = data;
	stream.avail_in = size;
	while (result == LZMA_OK && !error) {
		error = output->size == output->room ? grow(output) : 0;
		stream.next_out = output->data + output->size;
		stream.avail_out = error ? 0 : output->room - output->size;
		if (!error)
			result = lzma_code(&stream, LZMA_FINISH);
		output->size = output->room - stream.avail_out;
	}
	lzma_end(&stream);
	*ended = result == LZMA_STREAM_END;
	return error;
}

static int decode_zstd(const unsigned char *data, size_t size, struct output *output, bool *ended)
{
	ZSTD_inBuffer in = { data, size, 0 };
	ZSTD_DStream *stream = ZSTD_createDStream();
	size_t result = 1, before;
	int error = stream ? 0 : -ENOMEM;

	while (!error && result && !ZSTD_isError(result)) {
		error = output->size == output->room ? grow(output) : 0;
		if (error)
			break;
		ZSTD_outBuffer out = { output->data, output->room, output->size };

		before = out.pos;
		result = ZSTD_decompressStream(stream, &out, &in);
		output->size = out.pos;
		if (in.pos == size && out.pos == before)
			break;
	}
	ZSTD_freeDStream(stream);
	*ended = result == 0;
	return error;
}

static int decode_gzip(const unsigned char *data, size_t size, struct output *output, bool *ended)
{
	z_stream stream = { .next_in = (Bytef *)(uintptr_t)data, .avail_in = (uInt)size };
	int result = inflateInit2(&stream, 15 + 16), error = 0;

	while (result == Z_OK && !error) {
		error = output->size == output->room ? grow(output) : 0;
		stream.next_out = output->data + output->size;
		stream.avail_out = error ? 0 : (uInt)(output->room - output->size);
		if (!error)
			result = inflate(&stream, Z_NO_FLUSH);
		output->size = output->room - stream.avail_out;
	}
	inflateEnd(&stream);
	*ended = result == Z_STREAM_END;
	return error;
}

static decoder decoder_of(const unsigned char *data, size_t size)
{
	static const struct {
		unsigned char magic[6];
		size_t length;
		decoder decode;
	} formats[] = {
		{ { 0xfd, '7', 'z', 'X', 'Z', 0 }, 6, decode_xz },
		{ { 0x28, 0xb5, 0x2f, 0xfd }, 4, decode_zstd },
		{ { 0x1f, 0x8b }, 2, decode_gzip },
	};

	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
		if (size >= formats[i].length && !memcmp(data, formats[i].magic, formats[i].length))
			return formats[i].decode;
	return NULL;
}

int decompress(unsigned char **data, size_t *size, size_t most)
{
	struct output output = { .most = most };
	decoder decode = decoder_of(*data, *size);
	bool ended = false;
	int error;

	if (!decode)
		return 0;
	error = decode(*data, *size, &output, &ended);
	if (!error && !ended)
		error = -EINVAL;
	if (error) {
		free(output.data);
		return error;
	}
	free(*data);
	*data = output.data;
	*size = output.size;
	return 0;
}
