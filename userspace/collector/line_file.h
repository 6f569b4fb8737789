/* SPDX-License-Identifier: MIT */
/*
 * A file that lines are added to, or standard output. The file is rotated by
 * size: PATH becomes PATH.1, that PATH.2, and so on; what would exceed the number
 * of old ones goes. If something else has moved it (logrotate), it is opened anew.
 *
 * What was written is on the disk, in whole lines; whatever interrupts it, no line
 * that was is lost, nor another one joined to half a line.
 */
#ifndef HADALD_LINE_FILE_H
#define HADALD_LINE_FILE_H

#include <stddef.h>
#include <stdint.h>

#define LINE_FILE_STANDARD_OUTPUT	"-"

struct line_file_config {
	const char *path;	/* or LINE_FILE_STANDARD_OUTPUT */
	uint64_t size;		/* bytes that the file may grow to; 0: it is never rotated */
	unsigned int count;	/* old ones that are kept, at least 1 */
};

struct line_file;

/**
 * line_file_new() - what writes to a file; opening it is left to the first write
 * @config: copied
 * @file: set to it, for line_file_free()
 *
 * Return: 0; -EINVAL: the path is none; -ENAMETOOLONG; -ENOMEM.
 */
int line_file_new(const struct line_file_config *config, struct line_file **file);

/**
 * line_file_write() - add lines, all of them or none
 *
 * A file that is made is of mode 0640. Symbolic links are not followed.
 *
 * @text: ends with a newline
 * @patience: asked again and again how many more milliseconds standard output,
 *	which may be a pipe that nobody reads, may take; 0 ends it
 * @error: gets what is wrong
 *
 * Return: 0; -ETIMEDOUT: patience ended; -EINVAL: it is no regular file; -errno of a system call.
 */
int line_file_write(struct line_file *file, const char *text, size_t size, unsigned int (*patience)(void *context),
		    void *context, char *error, size_t error_size);

/* Opens it anew at the next write. */
void line_file_reopen(struct line_file *file);

void line_file_free(struct line_file *file);

/* How often it was rotated. Any thread may ask. */
uint64_t line_file_rotations(const struct line_file *file);

#endif
