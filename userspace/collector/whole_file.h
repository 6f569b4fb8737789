/* SPDX-License-Identifier: MIT */
/*
 * Reading small files of the kernel's, all of one or nothing.
 */
#ifndef HADALD_WHOLE_FILE_H
#define HADALD_WHOLE_FILE_H

#include <stddef.h>
#include <sys/types.h>

/*
 * All of file @name in @directory, a descriptor or AT_FDCWD. Returns how many bytes that
 * were; -EFBIG: @size or more; -errno.
 */
ssize_t whole_file_at(int directory, const char *name, char *content, size_t size);

/*
 * The beginning of such a file, up to @size, as one read has it: saves the read that
 * sees the end, where the kernel gives a file in one piece.
 */
ssize_t small_file_at(int directory, const char *name, char *content, size_t size);

#endif
