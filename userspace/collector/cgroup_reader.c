/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cgroup_reader.h"
#include "whole_file.h"

enum {
	CONTENT_SIZE = 64 << 10,	/* of io.stat with some 500 devices */
	PATH_SIZE = 4096 + 256,
};

struct cgroup_reader {
	const char *root;
	bool legacy;
	char content[CONTENT_SIZE];
};

int cgroup_reader_open(const char *root, struct cgroup_reader **reader)
{
	struct cgroup_reader *new = malloc(sizeof(*new));
	char path[PATH_SIZE];

	if (!new)
		return -ENOMEM;
	new->root = root ? root : "/sys/fs/cgroup";
	/* Beside version 1 the unified hierarchy, elsewhere, has no controllers. */
	snprintf(path, sizeof(path), "%s/cgroup.controllers", new->root);
	new->legacy = access(path, F_OK) != 0;
	*reader = new;
	return 0;
}

void cgroup_reader_close(struct cgroup_reader *reader)
{
	free(reader);
}

/* Returns a descriptor, or -1. */
static int open_directory(const struct cgroup_reader *reader, const char *controller, const char *path)
{
	static const int flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
	char full[PATH_SIZE];

	if (snprintf(full, sizeof(full), "%s%s%s%s", reader->root, *controller ? "/" : "", controller, path) >=
	    (int)sizeof(full))
		return -1;
	return open(full, flags);
}

/* Without the controller there is no such file: then its values stay unknown. Returns whether it is of another form. */
static bool is_bad(struct cgroup_reader *reader, int directory, enum cgroup_file file, struct usage *usage)
{
	ssize_t length = whole_file_at(directory, cgroup_file_name(file), reader->content, sizeof(reader->content));

	if (length == -EFBIG)
		return true;
	return length >= 0 && cgroup_file_parse(file, reader->content, (size_t)length, usage);
}

int cgroup_reader_read(struct cgroup_reader *reader, const char *path, struct usage *usage)
{
	enum cgroup_file file = reader->legacy ? CGROUP_FILES_V2 : 0;
	enum cgroup_file end = reader->legacy ? CGROUP_FILES : CGROUP_FILES_V2;
	const char *controller = NULL;
	int directory = -1, bad = 0;

	*usage = (struct usage){ .known = 0 };
	for (; file < end; file++) {
		if (!controller || strcmp(controller, cgroup_file_controller(file)) != 0) {
			if (directory >= 0)
				close(directory);
			controller = cgroup_file_controller(file);
			directory = open_directory(reader, controller, path);
		}
		if (directory >= 0)
			bad += is_bad(reader, directory, file, usage);
	}
	if (directory >= 0)
		close(directory);
	cgroup_files_finish(usage);
	return usage->known || bad ? bad : -ENOENT;
}
