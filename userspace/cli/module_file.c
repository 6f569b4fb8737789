/* SPDX-License-Identifier: MIT */
#include "module_file.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <libelf.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/cms.h>
#include <openssl/err.h>

#include "decompress.h"

#define FILE_MOST	((size_t)64 << 20)

struct image {
	unsigned char *data;
	size_t size;
};

/* ---- the file ---- */

static int read_all(int fd, size_t size, struct image *image)
{
	ssize_t length;

	image->data = malloc(size ? size : 1);
	if (!image->data)
		return -ENOMEM;
	while (image->size < size) {
		length = read(fd, image->data + image->size, size - image->size);
		if (length < 0)
			return -errno;
		if (!length)
			return -EINVAL;
		image->size += (size_t)length;
	}
	return 0;
}

static int read_image(const char *path, struct image *image)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), result;
	struct stat status;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &status))
		result = -errno;
	else if (!S_ISREG(status.st_mode))
		result = -EINVAL;
	else if ((size_t)status.st_size > FILE_MOST)
		result = -EFBIG;
	else
		result = read_all(fd, (size_t)status.st_size, image);
	close(fd);
	return result ? result : decompress(&image->data, &image->size, FILE_MOST);
}

/* ---- its signature ---- */

/* What the kernel's scripts/sign-file appends: the signature, this, and the magic text. */
struct appended {
	uint8_t algorithm, hash, kind, signer_length, key_length, padding[3];
	uint32_t length;	/* of the signature, most significant byte first */
};

static const char magic[] = "~Module signature appended~\n";

enum { MAGIC_SIZE = sizeof(magic) - 1 };

static void name_signer(CMS_ContentInfo *content, struct module_file *module)
{
	STACK_OF(CMS_SignerInfo) *signers = CMS_get0_SignerInfos(content);
	X509_NAME *issuer = NULL;

	if (sk_CMS_SignerInfo_num(signers) < 1 ||
	    !CMS_SignerInfo_get0_signer_id(sk_CMS_SignerInfo_value(signers, 0), NULL, &issuer, NULL) || !issuer)
		return;
	X509_NAME_get_text_by_NID(issuer, NID_commonName, module->signer, sizeof(module->signer));
}

static void read_signature(const unsigned char *data, size_t size, struct module_file *module)
{
	CMS_ContentInfo *content = d2i_CMS_ContentInfo(NULL, &data, (long)size);

	if (content)
		name_signer(content, module);
	CMS_ContentInfo_free(content);
	ERR_clear_error();
}

/* Cuts the signature off @image. */
static int take_signature(struct image *image, struct module_file *module)
{
	struct appended appended;
	size_t length;

	if (image->size < MAGIC_SIZE || memcmp(image->data + image->size - MAGIC_SIZE, magic, MAGIC_SIZE))
		return 0;
	image->size -= MAGIC_SIZE;
	if (image->size < sizeof(appended))
		return -EINVAL;
	image->size -= sizeof(appended);
	memcpy(&appended, image->data + image->size, sizeof(appended));
	length = be32toh(appended.length);
	if (length > image->size)
		return -EINVAL;
	image->size -= length;
	module->is_signed = true;
	read_signature(image->data + image->size, length, module);
	return 0;
}

/* ---- what it says of itself ---- */

/* The section .modinfo; NULL: there is none. */
static Elf_Data *find_info(Elf *elf)
{
	Elf_Scn *section = NULL;
	size_t names;
	GElf_Shdr header;
	const char *name;

	if (elf_getshdrstrndx(elf, &names))
		return NULL;
	while ((section = elf_nextscn(elf, section))) {
		if (!gelf_getshdr(section, &header))
			continue;
		name = elf_strptr(elf, names, header.sh_name);
		if (name && !strcmp(name, ".modinfo"))
			return elf_getdata(section, NULL);
	}
	return NULL;
}

/* Texts of the form NAME=VALUE, a NUL behind each. */
static void find_value(const Elf_Data *info, const char *name, char *value, size_t size)
{
	const char *at = info->d_buf, *end = at + info->d_size;
	size_t length = strlen(name), left;

	for (; at < end; at += strnlen(at, (size_t)(end - at)) + 1) {
		left = (size_t)(end - at);
		if (left > length && !strncmp(at, name, length) && at[length] == '=') {
			snprintf(value, size, "%.*s", (int)(left - length - 1), at + length + 1);
			return;
		}
	}
}

static int read_info(const struct image *image, struct module_file *module)
{
	Elf *elf = elf_version(EV_CURRENT) == EV_NONE ? NULL : elf_memory((char *)image->data, image->size);
	Elf_Data *info = elf && elf_kind(elf) == ELF_K_ELF ? find_info(elf) : NULL;
	const bool found = info && info->d_buf;

	if (found) {
		find_value(info, "version", module->version, sizeof(module->version));
		find_value(info, "vermagic", module->vermagic, sizeof(module->vermagic));
	}
	elf_end(elf);
	return found ? 0 : -EINVAL;
}

int module_file_read(const char *path, struct module_file *module, char *error, size_t error_size)
{
	struct image image = { .data = NULL };
	int result = read_image(path, &image);

	*module = (struct module_file){ .is_signed = false };
	if (!result)
		result = take_signature(&image, module);
	if (!result)
		result = read_info(&image, module);
	free(image.data);
	if (result == -EINVAL)
		snprintf(error, error_size, "%s: not a whole kernel module", path);
	else if (result)
		snprintf(error, error_size, "%s: %s", path, strerror(-result));
	return result;
}
