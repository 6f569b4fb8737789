/* SPDX-License-Identifier: MIT */
/*
 * ELF files made by hand, of either class and byte order, which the compiler at
 * hand can't all make. They have what linkers put into segments: the notes of
 * the GNU build id and of Go's, and what Go (1.18 and later) writes of itself,
 * by the format that its debug/buildinfo reads.
 */
#ifndef HADAL_TESTS_ELF_IMAGES_H
#define HADAL_TESTS_ELF_IMAGES_H

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define IMAGE_GNU_ID		"0123456789abcdef0123456789abcdef01234567"
#define IMAGE_GO_ID		"aaaaaaaaaaaaaaaaaaaa/bbbb/cccc/dddddddddddddddddddd"
#define IMAGE_GO_VERSION	"go1.22.1"
#define IMAGE_MODULE_PATH	"example.org/shop/api"
#define IMAGE_MODULE_VERSION	"v1.4.2"

enum {
	IMAGE_NOTES = 0x200,
	IMAGE_INFO = 0x400,
	IMAGE_NAMES = 0x600,
	IMAGE_SECTIONS = 0x640,
};

struct elf_image {
	uint8_t bytes[2048];
	size_t size;
	bool wide, big;		/* 64 bits; most significant byte first */
};

static inline void image_put(struct elf_image *image, uint64_t value, size_t width)
{
	for (size_t i = 0; i < width; i++)
		image->bytes[image->size++] = (uint8_t)(value >> 8 * (image->big ? width - 1 - i : i));
}

static inline void image_put_bytes(struct elf_image *image, const void *bytes, size_t size)
{
	memcpy(image->bytes + image->size, bytes, size);
	image->size += size;
}

static inline void image_pad(struct elf_image *image, size_t to)
{
	image->size = (image->size + to - 1) / to * to;
}

static inline void image_header(struct elf_image *image, uint16_t segments, uint64_t sections)
{
	size_t word = image->wide ? 8 : 4;

	image_put_bytes(image, ELFMAG, SELFMAG);
	image_put(image, image->wide ? ELFCLASS64 : ELFCLASS32, 1);
	image_put(image, image->big ? ELFDATA2MSB : ELFDATA2LSB, 1);
	image_put(image, EV_CURRENT, 1);
	image->size = EI_NIDENT;
	image_put(image, ET_EXEC, 2);
	image_put(image, EM_NONE, 2);
	image_put(image, EV_CURRENT, 4);
	image_put(image, 0, word);	/* entry */
	image_put(image, image->wide ? sizeof(Elf64_Ehdr) : sizeof(Elf32_Ehdr), word);
	image_put(image, sections, word);
	image_put(image, 0, 4);
	image_put(image, image->wide ? sizeof(Elf64_Ehdr) : sizeof(Elf32_Ehdr), 2);
	image_put(image, image->wide ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr), 2);
	image_put(image, segments, 2);
	image_put(image, image->wide ? sizeof(Elf64_Shdr) : sizeof(Elf32_Shdr), 2);
	image_put(image, sections ? 3 : 0, 2);
	image_put(image, 0, 2);		/* which of them has the names */
}

static inline void image_segment(struct elf_image *image, uint32_t type, uint32_t flags, uint64_t offset,
				 uint64_t size)
{
	size_t word = image->wide ? 8 : 4;

	image_put(image, type, 4);
	if (image->wide)
		image_put(image, flags, 4);
	image_put(image, offset, word);
	image_put(image, 0, word);	/* addresses */
	image_put(image, 0, word);
	image_put(image, size, word);
	image_put(image, size, word);
	if (!image->wide)
		image_put(image, flags, 4);
	image_put(image, 4, word);
}

static inline void image_note(struct elf_image *image, const char name[4], uint32_t type, const void *bytes,
			      size_t size)
{
	image_put(image, 4, 4);
	image_put(image, size, 4);
	image_put(image, type, 4);
	image_put_bytes(image, name, 4);
	image_put_bytes(image, bytes, size);
	image_pad(image, 4);
}

/* @module: lines as Go has them; between two marks, in the file. */
static inline void image_go_info(struct elf_image *image, const char *version, const char *module)
{
	size_t length = strlen(module) + 32;

	image->size = IMAGE_INFO;
	image_put_bytes(image, "\xff Go buildinf:\x08\x02", 16);
	image->size = IMAGE_INFO + 32;
	image_put(image, strlen(version), 1);
	image_put_bytes(image, version, strlen(version));
	image_put(image, (length & 0x7f) | 0x80, 1);
	image_put(image, length >> 7, 1);
	image_put_bytes(image, "0w\xaf\x0c\x92t\x08\x02""A\xe1\xc1\x07\xe6\xd6\x18\xe6", 16);
	image_put_bytes(image, module, strlen(module));
	image_put_bytes(image, "\xf9""2C1\x86\x18 r\x00\x82""B\x10""A\x16\xd8\xf2", 16);
}

/* With @id for GNU's, of any size. */
static inline void image_make(struct elf_image *image, bool wide, bool big, const void *id, size_t id_size)
{
	size_t notes;

	*image = (struct elf_image){ .wide = wide, .big = big };
	image->size = IMAGE_NOTES;
	image_note(image, "ABI\0", 1, "unknown", 7);
	image_note(image, "GNU\0", 3, id, id_size);
	image_note(image, "Go\0\0", 4, IMAGE_GO_ID, strlen(IMAGE_GO_ID));
	notes = image->size - IMAGE_NOTES;
	image->size = 0;
	image_header(image, 2, 0);
	image_segment(image, PT_NOTE, PF_R, IMAGE_NOTES, notes);
	image_segment(image, PT_LOAD, PF_R | PF_W, IMAGE_INFO, sizeof(image->bytes) - IMAGE_INFO);
	image_go_info(image, IMAGE_GO_VERSION,
		      "path\t" IMAGE_MODULE_PATH "/cmd\nmod\t" IMAGE_MODULE_PATH "\t" IMAGE_MODULE_VERSION
		      "\th1:abc=\ndep\texample.org/other\tv0.1.0\th1:def=\nbuild\t-compiler=gc\n");
}

static inline void image_usual(struct elf_image *image, bool wide, bool big)
{
	static const uint8_t id[20] = { 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0x01, 0x23,
					0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0x01, 0x23, 0x45, 0x67 };

	image_make(image, wide, big, id, sizeof(id));
}

static inline void image_section(struct elf_image *image, uint32_t name, uint32_t type, uint64_t offset, uint64_t size)
{
	size_t word = image->wide ? 8 : 4;

	image_put(image, name, 4);
	image_put(image, type, 4);
	image_put(image, 0, word);	/* flags */
	image_put(image, 0, word);	/* address */
	image_put(image, offset, word);
	image_put(image, size, word);
	image_put(image, 0, 8);		/* link, info */
	image_put(image, 4, word);	/* alignment */
	image_put(image, 0, word);
}

/* Makes sections of the segments of a usual one. */
static inline void image_by_sections(struct elf_image *image)
{
	image->size = 0;
	image_header(image, 0, IMAGE_SECTIONS);
	image->size = IMAGE_NAMES;
	image_put_bytes(image, "\0.go.buildinfo", 15);
	image->size = IMAGE_SECTIONS;
	image_section(image, 0, SHT_STRTAB, IMAGE_NAMES, 15);
	image_section(image, 0, SHT_NOTE, IMAGE_NOTES, IMAGE_INFO - IMAGE_NOTES);
	image_section(image, 1, SHT_PROGBITS, IMAGE_INFO, IMAGE_NAMES - IMAGE_INFO);
}

#endif
