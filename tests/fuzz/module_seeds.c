// SPDX-License-Identifier: MIT
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#include "module_images.h"
#include "module_seeds.h"
#include "spool_seeds.h"

static void write_seed(const char *directory, const char *name, const void *bytes, size_t size)
{
	FILE *file = seed_create(directory, "module", name);

	module_image_need(fwrite(bytes, size, 1, file) == 1 && fclose(file) == 0);
}

static size_t pack_gzip(const struct module_image *image, unsigned char *packed, size_t most)
{
	z_stream stream = { .next_in = (Bytef *)(uintptr_t)image->bytes, .avail_in = (uInt)image->size,
			    .next_out = packed, .avail_out = (uInt)most };

	module_image_need(deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK &&
			  deflate(&stream, Z_FINISH) == Z_STREAM_END);
	deflateEnd(&stream);
	return stream.total_out;
}

static void write_packed(const char *directory, const struct module_image *image)
{
	unsigned char packed[MODULE_IMAGE_SIZE];
	size_t size = 0;

	module_image_need(lzma_easy_buffer_encode(6, LZMA_CHECK_CRC32, NULL, image->bytes, image->size, packed, &size,
						  sizeof(packed)) == LZMA_OK);
	write_seed(directory, "xz", packed, size);
	size = ZSTD_compress(packed, sizeof(packed), image->bytes, image->size, 3);
	module_image_need(!ZSTD_isError(size));
	write_seed(directory, "zst", packed, size);
	write_seed(directory, "gz", packed, pack_gzip(image, packed, sizeof(packed)));
}

/* CMS: one signer, whose issuer has the name k, and no more of it than it takes to be read. */
static const unsigned char signature[] = {
	0x30, 0x65, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02, 0xa0, 0x58, 0x30, 0x56, 0x02, 0x01, 0x01,
	0x31, 0x0d, 0x30, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x30, 0x0b, 0x06, 0x09, 0x2a,
	0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01, 0x31, 0x35, 0x30, 0x33, 0x02, 0x01, 0x01, 0x30, 0x11, 0x30, 0x0c, 0x31,
	0x0a, 0x30, 0x08, 0x06, 0x03, 0x55, 0x04, 0x03, 0x0c, 0x01, 0x6b, 0x02, 0x01, 0x01, 0x30, 0x0b, 0x06, 0x09, 0x60, 0x86,
	0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x30, 0x0b, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01,
	0x04, 0x01, 0x00,
};

void module_seeds_write(const char *directory)
{
	static const char info[] = "license=GPL\0version=1.2.3\0vermagic=6.12.40-cloud-amd64 SMP preempt mod_unload modversions ";
	struct module_image image;

	module_image_make(&image, info, sizeof(info));
	write_seed(directory, "plain", image.bytes, image.size);
	write_packed(directory, &image);
	module_image_append(&image, signature, sizeof(signature));
	module_image_trailer(&image, sizeof(signature));
	write_seed(directory, "signed", image.bytes, image.size);
}
