/* SPDX-License-Identifier: MIT */
#include "support_facts.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <curl/curl.h>
#include <hadal/hadal.h>

#include "cli.h"
#include "command_output.h"

enum {
	LOG_LINES = 400,
	LOG_RECORD = 8192,		/* bytes: the kernel's own bound of one record */
	BUILD_LOG_END = 64 << 10,	/* bytes of each log of a build */
	SYSTEMCTL_OUTPUT = 64 << 10,
	SYSTEMCTL_TIMEOUT = 5000,	/* ms */
	JOURNAL_OUTPUT = 256 << 10,
};

/* ---- versions ---- */

static void print_file(const struct host *host, const char *below, FILE *to)
{
	char path[PATH_MAX], line[512];
	FILE *file;

	host_path(host, path, "%s", below);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		fputs(line, to);
	if (file)
		fclose(file);
}

void support_versions(const struct host *host, FILE *to)
{
	struct utsname name;

	uname(&name);
	fprintf(to, "hadal %s, abi %u\n", hadal_version(), HADAL_ABI_VERSION);
	fprintf(to, "kernel %s %s %s\n", name.release, name.version, name.machine);
	fprintf(to, "curl %s\n", curl_version());
	fprintf(to, "module file %s\n", host->module_path[0] ? host->module_path : "none");
	if (host->has_module_file)
		fprintf(to, "  version %s\n  vermagic %s\n  signer %s\n", host->module_file.version,
			host->module_file.vermagic, host->module_file.is_signed ? host->module_file.signer : "none");
	fputc('\n', to);
	print_file(host, "/etc/os-release", to);
}

/* ---- the kernel's log ---- */

/* The last lines that were put in. */
struct lines {
	char *texts[LOG_LINES];
	size_t count;	/* ever */
};

static void keep_line(struct lines *lines, const char *text)
{
	char **place = &lines->texts[lines->count++ % LOG_LINES];

	free(*place);
	*place = strdup(text);
}

/*
 * What stands on the kernel's command line, and what of it becomes init's arguments and
 * environment (a line each, four blanks before it), may be anybody's.
 */
static bool is_ours(const char *line)
{
	const char *text = strchr(line, ';');

	return text && line[0] != ' ' && strncmp(text + 1, "    ", 4) && strcasestr(text, "hadal") &&
	       !strcasestr(text, "command line");
}

/* "PRIORITY,SEQUENCE,MICROSECONDS,FLAGS;TEXT", and below it lines that begin with a blank. */
static void take_record(struct lines *lines, char *record)
{
	char *line, *rest = record;

	while ((line = strsep(&rest, "\n")))
		if (is_ours(line))
			keep_line(lines, line);
}

static void print_lines(struct lines *lines, FILE *to)
{
	size_t first = lines->count > LOG_LINES ? lines->count - LOG_LINES : 0;

	for (size_t i = first; i < lines->count; i++) {
		const char *text = lines->texts[i % LOG_LINES];

		fprintf(to, "%s\n", text ? text : "");
	}
	for (size_t i = 0; i < LOG_LINES; i++)
		free(lines->texts[i]);
}

void support_kernel_log(const struct host *host, FILE *to)
{
	struct lines lines = { .count = 0 };
	char path[PATH_MAX], record[LOG_RECORD + 1];
	ssize_t length;
	int fd;

	host_path(host, path, "/dev/kmsg");
	fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0) {
		fprintf(to, "/dev/kmsg: %s\n", strerror(errno));
		return;
	}
	/* EPIPE: records were overwritten meanwhile; the next is there. */
	while ((length = read(fd, record, LOG_RECORD)) > 0 || (length < 0 && errno == EPIPE)) {
		record[length > 0 ? length : 0] = '\0';
		take_record(&lines, record);
	}
	close(fd);
	print_lines(&lines, to);
}

/* ---- builds ---- */

static void print_end(const char *path, const char *shown, FILE *to)
{
	FILE *file = fopen(path, "re");
	char bytes[4096];
	size_t length;

	if (!file)
		return;
	fprintf(to, "==== %s\n", shown);
	if (!fseek(file, 0, SEEK_END) && ftell(file) > BUILD_LOG_END)
		fseek(file, -BUILD_LOG_END, SEEK_END);
	else
		rewind(file);
	while ((length = fread(bytes, 1, sizeof(bytes), file)))
		fwrite(bytes, 1, length, to);
	fputc('\n', to);
	fclose(file);
}

/* Also which versions are built for which kernels: by the directories. */
static void print_tree(const struct host *host, const char *tree, FILE *to)
{
	char *const paths[] = { (char *)(uintptr_t)tree, NULL };
	FTS *walk = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	FTSENT *entry;

	while (walk && (entry = fts_read(walk))) {
		const char *shown = entry->fts_path + strlen(host->root);

		if (entry->fts_info == FTS_D)
			fprintf(to, "---- %s\n", shown);
		/* What it is built from is not what came of it. */
		if (entry->fts_info == FTS_D && !strcmp(entry->fts_name, "kmod"))
			fts_set(walk, entry, FTS_SKIP);
		if (entry->fts_info == FTS_F && !strcmp(entry->fts_name, "make.log"))
			print_end(entry->fts_path, shown, to);
	}
	if (walk)
		fts_close(walk);
}

void support_build_logs(const struct host *host, FILE *to)
{
	char path[PATH_MAX];
	glob_t found;

	host_path(host, path, "/var/lib/dkms/hadal");
	print_tree(host, path, to);
	host_path(host, path, "/var/log/hadal-dkms-*.log");
	if (glob(path, 0, NULL, &found))
		return;
	for (size_t i = 0; i < found.gl_pathc; i++)
		print_end(found.gl_pathv[i], found.gl_pathv[i] + strlen(host->root), to);
	globfree(&found);
}

/* ---- units ---- */

void support_units(const struct host *host, FILE *to)
{
	/* Neither Environment nor ExecStart, which may have secrets in them. */
	static const char *const show[] = {
		"systemctl", "show", "--no-pager",
		"--property=Id,LoadState,ActiveState,SubState,Result,UnitFileState,FragmentPath,DropInPaths,MainPID,"
		"ExecMainStartTimestamp,ExecMainExitTimestamp,ExecMainCode,ExecMainStatus,NRestarts,MemoryCurrent,MemoryMax,"
		"CPUUsageNSec,TasksCurrent,ActiveEnterTimestamp,InactiveEnterTimestamp",
		"hadald.service", "hadal-module.service", "hadal-module-confirm.timer",
		"hadal-module-confirm.service", "hadal-module-shutdown.service", "hadal-module-build.service", "dkms.service",
		"ecs.service", "docker.service", NULL,
	};

	if (host->root[0])
		fputs("not a system that runs\n", to);
	else
		command_output(show, to, SYSTEMCTL_OUTPUT, SYSTEMCTL_TIMEOUT);
}

void support_journal(const struct host *host, FILE *to)
{
	static const char *const show[] = {
		"journalctl", "--no-pager", "--quiet", "--output=short-iso", "--since=-1h", "--lines=500",
		"--unit=hadald.service", "--unit=hadal-module.service", "--unit=hadal-module-confirm.service", "--unit=hadal-module-build.service",
		"--unit=hadal-module-shutdown.service", NULL,
	};

	if (host->root[0])
		fputs("not a system that runs\n", to);
	else
		command_output(show, to, JOURNAL_OUTPUT, SYSTEMCTL_TIMEOUT);
}

/* ---- counters ---- */

static bool is_value(const FTSENT *entry)
{
	return entry->fts_info == FTS_F && entry->fts_level <= 2 && strcmp(entry->fts_name, "uevent");
}

static bool is_aside(const FTSENT *entry)
{
	return entry->fts_info == FTS_D && (!strcmp(entry->fts_name, "power") || !strcmp(entry->fts_name, "sections") ||
					    !strcmp(entry->fts_name, "notes"));
}

static void print_values(const struct host *host, char *path, FILE *to)
{
	char *const paths[] = { path, NULL };
	FTS *walk = fts_open(paths, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR, NULL);
	char value[256];
	FTSENT *entry;

	while (walk && (entry = fts_read(walk))) {
		if (is_aside(entry))
			fts_set(walk, entry, FTS_SKIP);
		else if (is_value(entry) && !read_line_of(entry->fts_path, value, sizeof(value)))
			fprintf(to, "%s %s\n", entry->fts_path + strlen(host->root), value);
	}
	if (walk)
		fts_close(walk);
}

void support_counters(const struct host *host, FILE *to)
{
	char path[PATH_MAX];

	host_path(host, path, "/sys/class/misc/hadal");
	print_values(host, path, to);
	host_path(host, path, "/sys/module/hadal");
	print_values(host, path, to);
}
