/* SPDX-License-Identifier: MIT */
/*
 * Of libelf it takes the formats and their translation (byte order, 32 and 64
 * bits), over bytes read here. elf_begin() on the file itself would either
 * map it, which is SIGBUS when its owner truncates it then, or allocate by
 * what its header claims, which a sparse file lets claim anything.
 */
#include <errno.h>
#include <gelf.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "build.h"

enum {
	SEGMENTS_MAX = 128,	/* looked at, of what the header claims */
	SECTIONS_MAX = 1024,
	NOTES_MAX = 8,		/* segments or sections with notes that are read */
	NOTES_SIZE = 8 << 10,	/* of each, the first bytes */
	NOTE_GO_ID = 4,		/* type of Go's note of its build id */
	GO_INFOS_MAX = 4,	/* places where one may be that are read */
	GO_INFO_HEADER = 32,
	GO_INFO_SIZE = 2 << 10,	/* the version, and the beginning of the module's description */
	GO_INFO_INLINE = 2,	/* flag: strings follow the header; Go 1.18 and later */
	GO_MODULE_MARK = 16,	/* bytes on either side of the module's description */
};

static const char go_info_section[] = ".go.buildinfo";
static const uint8_t go_info_magic[14] = "\xff Go buildinf:";

struct elf_file {
	int fd;
	uint64_t size;
	unsigned int class, encoding;	/* e_ident's */
	GElf_Ehdr header;
	struct build_facts *facts;
	unsigned int notes, infos;	/* read so far */
};

/* ---- bytes ---- */

/* Reads what there is of @size bytes: returns how many. The file may have shrunk since. */
static size_t read_some(const struct elf_file *file, uint64_t offset, void *buffer, size_t size)
{
	size_t length = 0;
	ssize_t got;

	if (offset >= file->size)
		return 0;
	if (size > file->size - offset)
		size = (size_t)(file->size - offset);
	while (length < size) {
		got = pread(file->fd, (char *)buffer + length, size - length, (off_t)(offset + length));
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		length += (size_t)got;
	}
	return length;
}

/* Reads one thing of @type, in the machine's own byte order then. */
static bool read_as(const struct elf_file *file, Elf_Type type, uint64_t offset, void *into, size_t size)
{
	union {
		Elf64_Ehdr header;
		Elf64_Shdr section;
		Elf64_Phdr segment;
	} raw;
	Elf_Data from = { .d_buf = &raw, .d_type = type, .d_version = EV_CURRENT, .d_size = size };
	Elf_Data to = { .d_buf = into, .d_type = type, .d_version = EV_CURRENT, .d_size = size };

	if (read_some(file, offset, &raw, size) < size)
		return false;
	return file->class == ELFCLASS64 ? elf64_xlatetom(&to, &from, file->encoding)
					 : elf32_xlatetom(&to, &from, file->encoding);
}

static uint32_t word_at(const struct elf_file *file, const uint8_t *bytes)
{
	uint32_t word, raw;
	Elf_Data from = { .d_buf = &raw, .d_type = ELF_T_WORD, .d_version = EV_CURRENT, .d_size = sizeof(raw) };
	Elf_Data to = { .d_buf = &word, .d_type = ELF_T_WORD, .d_version = EV_CURRENT, .d_size = sizeof(word) };

	memcpy(&raw, bytes, sizeof(raw));
	return elf32_xlatetom(&to, &from, file->encoding) ? word : 0;
}

/* Nothing that a terminal, a query or a line of text might take for more than a name. */
static void take_text(char *to, size_t size, const void *bytes, size_t length)
{
	const char *text = bytes;

	if (*to || length >= size)
		return;
	for (size_t i = 0; i < length; i++) {
		if (text[i] <= ' ' || text[i] > '~')
			return;
	}
	memcpy(to, text, length);
	to[length] = '\0';
}

/* ---- headers ---- */

static bool read_header_32(struct elf_file *file)
{
	GElf_Ehdr *header = &file->header;
	Elf32_Ehdr small;

	if (!read_as(file, ELF_T_EHDR, 0, &small, sizeof(small)))
		return false;
	header->e_phoff = small.e_phoff;
	header->e_shoff = small.e_shoff;
	header->e_phentsize = small.e_phentsize;
	header->e_phnum = small.e_phnum;
	header->e_shentsize = small.e_shentsize;
	header->e_shnum = small.e_shnum;
	header->e_shstrndx = small.e_shstrndx;
	return true;
}

static bool read_header(struct elf_file *file)
{
	uint8_t ident[EI_NIDENT];

	if (read_some(file, 0, ident, sizeof(ident)) < sizeof(ident) || memcmp(ident, ELFMAG, SELFMAG))
		return false;
	file->class = ident[EI_CLASS];
	file->encoding = ident[EI_DATA];
	if (file->encoding != ELFDATA2LSB && file->encoding != ELFDATA2MSB)
		return false;
	if (file->class == ELFCLASS32)
		return read_header_32(file);
	return file->class == ELFCLASS64 &&
	       read_as(file, ELF_T_EHDR, 0, &file->header, sizeof(file->header));
}

/* Where entry @index of a table begins; false: that is nowhere. */
static bool entry_offset(uint64_t table, unsigned int index, size_t size, uint64_t *offset)
{
	return table && !__builtin_add_overflow(table, (uint64_t)index * size, offset);
}

static bool read_segment(const struct elf_file *file, unsigned int index, GElf_Phdr *segment)
{
	size_t size = file->class == ELFCLASS64 ? sizeof(*segment) : sizeof(Elf32_Phdr);
	uint64_t offset;
	Elf32_Phdr small;

	if (file->header.e_phentsize != size || !entry_offset(file->header.e_phoff, index, size, &offset))
		return false;
	if (file->class == ELFCLASS64)
		return read_as(file, ELF_T_PHDR, offset, segment, size);
	if (!read_as(file, ELF_T_PHDR, offset, &small, size))
		return false;
	*segment = (GElf_Phdr){ .p_type = small.p_type, .p_flags = small.p_flags, .p_offset = small.p_offset,
				.p_filesz = small.p_filesz, .p_align = small.p_align };
	return true;
}

static bool read_section(const struct elf_file *file, unsigned int index, GElf_Shdr *section)
{
	size_t size = file->class == ELFCLASS64 ? sizeof(*section) : sizeof(Elf32_Shdr);
	uint64_t offset;
	Elf32_Shdr small;

	if (file->header.e_shentsize != size || !entry_offset(file->header.e_shoff, index, size, &offset))
		return false;
	if (file->class == ELFCLASS64)
		return read_as(file, ELF_T_SHDR, offset, section, size);
	if (!read_as(file, ELF_T_SHDR, offset, &small, size))
		return false;
	*section = (GElf_Shdr){ .sh_name = small.sh_name, .sh_type = small.sh_type, .sh_offset = small.sh_offset,
				.sh_size = small.sh_size, .sh_addralign = small.sh_addralign };
	return true;
}

/* ---- notes ---- */

static void take_gnu_id(struct build_facts *facts, const uint8_t *bytes, size_t length)
{
	if (facts->gnu_id[0] || length > (sizeof(facts->gnu_id) - 1) / 2)
		return;
	for (size_t i = 0; i < length; i++)
		snprintf(facts->gnu_id + 2 * i, 3, "%02x", bytes[i]);
}

static void take_note(struct build_facts *facts, uint32_t type, const char name[4], const uint8_t *bytes,
		      size_t length)
{
	if (type == NT_GNU_BUILD_ID && memcmp(name, "GNU", 4) == 0)
		take_gnu_id(facts, bytes, length);
	else if (type == NOTE_GO_ID && memcmp(name, "Go\0", 4) == 0)
		take_text(facts->go_id, sizeof(facts->go_id), bytes, length);
}

static uint64_t aligned(uint64_t offset, uint64_t to)
{
	return (offset + to - 1) & ~(to - 1);
}

/*
 * Notes of both classes have the same header. Sizes are below 2^32 each and
 * their sums below 2^64: nothing here runs over.
 */
static void take_notes(const struct elf_file *file, const uint8_t *bytes, uint64_t size, uint64_t alignment)
{
	uint64_t at = 0, name_size, length, name, description;

	while (size >= sizeof(Elf64_Nhdr) && at <= size - sizeof(Elf64_Nhdr)) {
		name_size = word_at(file, bytes + at);
		length = word_at(file, bytes + at + 4);
		name = at + sizeof(Elf64_Nhdr);
		description = aligned(name + name_size, alignment);
		if (description > size || length > size - description)
			return;
		if (name_size == 4)
			take_note(file->facts, word_at(file, bytes + at + 8), (const char *)bytes + name,
				  bytes + description, length);
		at = aligned(description + length, alignment);
	}
}

static void read_notes(struct elf_file *file, uint64_t offset, uint64_t size, uint64_t alignment)
{
	uint8_t bytes[NOTES_SIZE];

	if (file->notes++ >= NOTES_MAX)
		return;
	take_notes(file, bytes, read_some(file, offset, bytes, size < sizeof(bytes) ? (size_t)size : sizeof(bytes)),
		   alignment == 8 ? 8 : 4);
}

/* ---- what Go writes of itself ---- */

/* Go's encoding/binary.Uvarint, then as many bytes; NULL: they are not all there. */
static const uint8_t *take_string(const uint8_t **at, const uint8_t *end, size_t *length)
{
	uint64_t value = 0;
	unsigned int shift = 0;
	const uint8_t *text;

	do {
		if (*at == end || shift > 28)
			return NULL;
		value |= (uint64_t)(**at & 0x7f) << shift;
		shift += 7;
	} while (*(*at)++ & 0x80);
	*length = (size_t)value;
	text = *at;
	*at += value < (uint64_t)(end - text) ? (ptrdiff_t)value : end - text;
	return text;
}

/* "path\tPACKAGE\nmod\tPATH\tVERSION\tSUM\ndep\t...": a line that is cut off is no line. */
static void take_module(struct build_facts *facts, const char *text, size_t length)
{
	static const char key[] = "mod\t";
	const char *end = text + length, *line_end, *path, *version, *version_end;

	for (const char *line = text; (line_end = memchr(line, '\n', (size_t)(end - line))); line = line_end + 1) {
		if ((size_t)(line_end - line) < sizeof(key) || memcmp(line, key, sizeof(key) - 1))
			continue;
		path = line + sizeof(key) - 1;
		version = memchr(path, '\t', (size_t)(line_end - path));
		if (!version)
			return;
		take_text(facts->module_path, sizeof(facts->module_path), path, (size_t)(version - path));
		version++;
		version_end = memchr(version, '\t', (size_t)(line_end - version));
		take_text(facts->module_version, sizeof(facts->module_version), version,
			  (size_t)((version_end ? version_end : line_end) - version));
		return;
	}
}

/* Before Go 1.18 the strings were behind pointers; of those nothing is read. */
static void take_go_info(struct build_facts *facts, const uint8_t *bytes, size_t size)
{
	const uint8_t *at = bytes + GO_INFO_HEADER, *end = bytes + size, *text;
	size_t length;

	if (size < GO_INFO_HEADER || memcmp(bytes, go_info_magic, sizeof(go_info_magic)) ||
	    !(bytes[15] & GO_INFO_INLINE))
		return;
	text = take_string(&at, end, &length);
	if (!text || length > (size_t)(end - text))
		return;
	take_text(facts->go_version, sizeof(facts->go_version), text, length);
	text = take_string(&at, end, &length);
	if (!text || length < (size_t)2 * GO_MODULE_MARK || end - text < GO_MODULE_MARK)
		return;
	length -= (size_t)2 * GO_MODULE_MARK;
	text += GO_MODULE_MARK;
	take_module(facts, (const char *)text, length < (size_t)(end - text) ? length : (size_t)(end - text));
}

static void read_go_info(struct elf_file *file, uint64_t offset)
{
	uint8_t bytes[GO_INFO_SIZE];

	if (file->infos++ >= GO_INFOS_MAX)
		return;
	take_go_info(file->facts, bytes, read_some(file, offset, bytes, sizeof(bytes)));
}

static bool is_go_info(const struct elf_file *file, const GElf_Shdr *names, const GElf_Shdr *section)
{
	char name[sizeof(go_info_section)];
	uint64_t offset;

	return !__builtin_add_overflow(names->sh_offset, section->sh_name, &offset) &&
	       read_some(file, offset, name, sizeof(name)) == sizeof(name) &&
	       memcmp(name, go_info_section, sizeof(name)) == 0;
}

/* ---- the file ---- */

/* A file that runs has segments; sections may have been stripped. */
static void look_at_segments(struct elf_file *file)
{
	unsigned int count = file->header.e_phnum < SEGMENTS_MAX ? file->header.e_phnum : SEGMENTS_MAX;
	GElf_Phdr segment;

	for (unsigned int i = 0; i < count && read_segment(file, i, &segment); i++) {
		if (segment.p_type == PT_NOTE)
			read_notes(file, segment.p_offset, segment.p_filesz, segment.p_align);
		/* Go's linker has it in front of what is written to. */
		else if (segment.p_type == PT_LOAD && (segment.p_flags & (PF_W | PF_X)) == PF_W)
			read_go_info(file, segment.p_offset);
	}
}

/* Others' linkers have Go's anywhere, and some scripts of theirs leave notes out of segments. */
static void look_at_sections(struct elf_file *file)
{
	unsigned int count = file->header.e_shnum < SECTIONS_MAX ? file->header.e_shnum : SECTIONS_MAX;
	bool wants_id = !file->facts->gnu_id[0];
	GElf_Shdr section, names;

	if (!read_section(file, file->header.e_shstrndx, &names))
		return;
	file->notes = 0;
	for (unsigned int i = 0; i < count && read_section(file, i, &section); i++) {
		if (section.sh_type == SHT_NOTE && wants_id)
			read_notes(file, section.sh_offset, section.sh_size, section.sh_addralign);
		else if (section.sh_type == SHT_PROGBITS && is_go_info(file, &names, &section))
			read_go_info(file, section.sh_offset);
	}
}

int build_read(int fd, struct build_facts *facts)
{
	struct elf_file file = { .fd = fd, .facts = facts };
	struct stat status;

	*facts = (struct build_facts){ .gnu_id = "" };
	if (fstat(fd, &status))
		return -errno;
	file.size = (uint64_t)status.st_size;
	if (!read_header(&file))
		return -ENOEXEC;
	look_at_segments(&file);
	if (!facts->gnu_id[0] || !facts->go_version[0])
		look_at_sections(&file);
	return 0;
}

/* ---- sharing ---- */

struct build *build_new(const struct build_facts *facts)
{
	struct build *build = malloc(sizeof(*build));

	if (!build)
		return NULL;
	atomic_init(&build->references, 1);
	build->facts = *facts;
	return build;
}

struct build *build_ref(struct build *build)
{
	atomic_fetch_add(&build->references, 1);
	return build;
}

void build_put(struct build *build)
{
	if (build && atomic_fetch_sub(&build->references, 1) == 1)
		free(build);
}
