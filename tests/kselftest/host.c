// SPDX-License-Identifier: MIT
#include "host.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "harness.h"
#include "patience.h"

bool file_exists(const char *path)
{
	return access(path, F_OK) == 0;
}

size_t file_read(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t done = 0;
	ssize_t count;

	if (fd < 0)
		harness_fail_at(__FILE__, __LINE__, true, "%s: %m", path);
	while (done < size - 1) {
		count = read(fd, text + done, size - 1 - done);
		if (count < 0)
			harness_fail_at(__FILE__, __LINE__, true, "%s: %m", path);
		if (count == 0)
			break;
		done += (size_t)count;
	}
	close(fd);
	text[done] = '\0';
	return done;
}

bool file_has_number(const char *path, uint64_t *number)
{
	char text[64], *end;

	file_read(path, text, sizeof(text));
	errno = 0;
	*number = strtoull(text, &end, 10);
	return !errno && end != text && (*end == '\n' || *end == '\0');
}

uint64_t file_number(const char *path)
{
	uint64_t number;

	if (!file_has_number(path, &number))
		harness_fail_at(__FILE__, __LINE__, true, "%s: not a number", path);
	return number;
}

int file_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int err = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		err = -errno;
	close(fd);
	return err;
}

uint64_t hadal_sys(const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), HADAL_SYS "%s", name);
	return file_number(path);
}

void hadal_sys_wait(const char *name, uint64_t number)
{
	struct patience patience = patience_begin();
	uint64_t seen;

	while ((seen = hadal_sys(name)) != number && patience_left(&patience))
		;
	if (seen != number)
		harness_fail_at(__FILE__, __LINE__, true, "%s is %llu, not %llu", name,
				(unsigned long long)seen, (unsigned long long)number);
}

uint32_t namespace_of(pid_t pid, const char *name)
{
	char path[64];
	struct stat status;

	snprintf(path, sizeof(path), "/proc/%d/ns/%s", pid, name);
	MUST(stat(path, &status));
	return (uint32_t)status.st_ino;
}

uint64_t start_ticks(pid_t pid)
{
	char path[64], text[1024], *field;
	int i;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	file_read(path, text, sizeof(text));
	field = strrchr(text, ')');	/* comm may hold anything; field 2 ends here */
	for (i = 3; field && i <= 22; i++)
		field = strchr(field + 1, ' ');
	ASSERT_TRUE(field != NULL);
	return strtoull(field + 1, NULL, 10);
}

uint64_t ticks_of(uint64_t start_boottime)
{
	return start_boottime / (1000000000U / (uint64_t)sysconf(_SC_CLK_TCK));
}

long module_references(const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/module/%s/refcnt", name);
	return file_exists(path) ? (long)file_number(path) : -1;
}

bool is_realtime(void)
{
	struct utsname name;

	MUST(uname(&name));
	return strstr(name.version, "PREEMPT_RT") != NULL;
}

void tracing_mount(void)
{
	if (!file_exists(TRACING "trace"))
		MUST(mount("tracefs", TRACING, "tracefs", 0, NULL));
}

bool is_hooked(const char *function)
{
	FILE *file;
	char line[512], name[64];
	bool found = false;

	tracing_mount();
	file = fopen(TRACING "enabled_functions", "re");
	ASSERT_TRUE(file != NULL);
	while (fgets(line, sizeof(line), file))
		found |= sscanf(line, "%63s", name) == 1 && !strcmp(name, function);
	fclose(file);
	return found;
}
