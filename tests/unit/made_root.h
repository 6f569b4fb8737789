/* SPDX-License-Identifier: MIT */
/* A directory that stands for "/", for tests of what looks at a system. */
#ifndef MADE_ROOT_H
#define MADE_ROOT_H

#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* Writes @size bytes to @path below @root, making its directories; mode 0755. */
static inline void made_root_put_bytes(const char *root, const char *path, const void *content, size_t size)
{
	char full[256], *slash;
	FILE *file;

	snprintf(full, sizeof(full), "%s%s", root, path);
	for (slash = full + strlen(root) + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = 0;
		mkdir(full, 0755);
		*slash = '/';
	}
	file = fopen(full, "we");
	assert_non_null(file);
	assert_int_equal(fwrite(content, 1, size, file), size);
	fclose(file);
	chmod(full, 0755);
}

static inline void made_root_put(const char *root, const char *path, const char *content)
{
	made_root_put_bytes(root, path, content, strlen(content));
}

static inline int made_root_remove_one(const char *path, const struct stat *status, int type, struct FTW *where)
{
	(void)status;
	(void)type;
	(void)where;
	return remove(path);
}

static inline void made_root_remove(const char *root)
{
	nftw(root, made_root_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

#endif
