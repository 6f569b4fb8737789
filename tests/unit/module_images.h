/* SPDX-License-Identifier: MIT */
/* Kernel modules as far as hadal reads them: the section .modinfo, and what is appended to sign one. */
#ifndef HADAL_TESTS_MODULE_IMAGES_H
#define HADAL_TESTS_MODULE_IMAGES_H

#include <arpa/inet.h>
#include <gelf.h>
#include <libelf.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MODULE_IMAGE_SIZE = 1 << 16 };

struct module_image {
	unsigned char bytes[MODULE_IMAGE_SIZE];
	size_t size;
};

static inline void module_image_need(bool good)
{
	if (!good)
		abort();
}

static inline void module_image_section(Elf *elf, const char *content, size_t size, GElf_Word name, GElf_Word type)
{
	Elf_Scn *section = elf_newscn(elf);
	Elf_Data *data = elf_newdata(section);
	GElf_Shdr header;

	module_image_need(gelf_getshdr(section, &header));
	data->d_buf = (void *)(uintptr_t)content;
	data->d_size = size;
	data->d_align = 1;
	data->d_version = EV_CURRENT;
	header.sh_name = name;
	header.sh_type = type;
	gelf_update_shdr(section, &header);
}

/* @info: texts of the form NAME=VALUE, a NUL behind each. */
static inline void module_image_make(struct module_image *image, const char *info, size_t size)
{
	static const char names[] = "\0.modinfo\0.shstrtab";
	FILE *file = tmpfile();
	GElf_Ehdr header;
	Elf *elf;

	module_image_need(file && elf_version(EV_CURRENT) != EV_NONE);
	elf = elf_begin(fileno(file), ELF_C_WRITE, NULL);
	module_image_need(elf && gelf_newehdr(elf, ELFCLASS64));
	module_image_section(elf, info, size, 1, SHT_PROGBITS);
	module_image_section(elf, names, sizeof(names), 10, SHT_STRTAB);
	module_image_need(gelf_getehdr(elf, &header));
	header.e_type = ET_REL;
	header.e_machine = EM_X86_64;
	header.e_shstrndx = 2;
	gelf_update_ehdr(elf, &header);
	module_image_need(elf_update(elf, ELF_C_WRITE) > 0);
	elf_end(elf);
	rewind(file);
	image->size = fread(image->bytes, 1, MODULE_IMAGE_SIZE, file);
	fclose(file);
}

static inline void module_image_append(struct module_image *image, const void *bytes, size_t size)
{
	module_image_need(image->size + size <= MODULE_IMAGE_SIZE);
	memcpy(image->bytes + image->size, bytes, size);
	image->size += size;
}

/* Behind a signature of @length bytes. */
static inline void module_image_trailer(struct module_image *image, uint32_t length)
{
	const unsigned char info[8] = { 0, 0, 2 };
	const uint32_t size = htonl(length);

	module_image_append(image, info, sizeof(info));
	module_image_append(image, &size, sizeof(size));
	module_image_append(image, "~Module signature appended~\n", 28);
}

#endif
