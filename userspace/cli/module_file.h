/* SPDX-License-Identifier: MIT */
/*
 * What a kernel module's file says of itself: hadal.ko, or hadal.ko.xz, .zst or .gz as
 * distributions compress them.
 */
#ifndef HADAL_CLI_MODULE_FILE_H
#define HADAL_CLI_MODULE_FILE_H

#include <stdbool.h>
#include <stddef.h>

struct module_file {
	char version[64];	/* "" where it does not say */
	char vermagic[256];
	bool is_signed;
	char signer[128];	/* name of who has signed; "": it cannot be told */
};

/**
 * module_file_read() - read a module's file
 * @error: gets what is wrong, the path in front
 *
 * Return: 0; -errno; -EINVAL: it is no module, or is damaged; -EFBIG: more than 64 MiB of it.
 */
int module_file_read(const char *path, struct module_file *module, char *error, size_t error_size);

#endif
