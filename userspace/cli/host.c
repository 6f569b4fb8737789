/* SPDX-License-Identifier: MIT */
#include "host.h"

#include <fts.h>
#include <glob.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <zlib.h>

#include "cli.h"
#include "collector_setup.h"

/* A kernel's configuration is a few hundred KiB. */
#define CONFIG_LIMIT	(8u << 20)

void host_path(const struct host *host, char path[PATH_MAX], const char *format, ...)
{
	size_t length = strlen(host->root);
	va_list arguments;

	if (length >= PATH_MAX)
		length = PATH_MAX - 1;
	memcpy(path, host->root, length);
	va_start(arguments, format);
	vsnprintf(path + length, PATH_MAX - length, format, arguments);
	va_end(arguments);
}

bool host_has(const struct host *host, const char *format, ...)
{
	char path[PATH_MAX], below[PATH_MAX / 2];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(below, sizeof(below), format, arguments);
	va_end(arguments);
	host_path(host, path, "%s", below);
	return access(path, F_OK) == 0;
}

bool host_has_program(const struct host *host, const char *name)
{
	static const char *const directories[] = {
		"/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin",
	};
	char path[PATH_MAX];
	size_t i;

	for (i = 0; i < sizeof(directories) / sizeof(directories[0]); i++) {
		host_path(host, path, "%s/%s", directories[i], name);
		if (access(path, X_OK) == 0)
			return true;
	}
	return false;
}

void host_line(const struct host *host, const char *below, char *text, size_t size)
{
	char path[PATH_MAX];

	host_path(host, path, "%s", below);
	if (read_line_of(path, text, size) < 0)
		text[0] = 0;
}

/* ---- distribution ---- */

static enum distribution distribution_named(const char *id, size_t length)
{
	static const struct {
		const char *id;
		enum distribution distribution;
	} known[] = {
		{ "amzn", DISTRIBUTION_AMAZON }, { "debian", DISTRIBUTION_DEBIAN },
		{ "ubuntu", DISTRIBUTION_DEBIAN }, { "fedora", DISTRIBUTION_FEDORA },
		{ "rhel", DISTRIBUTION_FEDORA }, { "centos", DISTRIBUTION_FEDORA },
		{ "suse", DISTRIBUTION_SUSE }, { "opensuse", DISTRIBUTION_SUSE },
		{ "arch", DISTRIBUTION_ARCH },
	};
	size_t i;

	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strlen(known[i].id) == length && !memcmp(known[i].id, id, length))
			return known[i].distribution;
	return DISTRIBUTION_OTHER;
}

/* The first known name in a value of os-release, as "rhel fedora". */
static enum distribution distribution_of_value(const char *value)
{
	enum distribution distribution;
	size_t length;

	while (value += strspn(value, " \"'\n"), *value) {
		length = strcspn(value, " \"'\n");
		distribution = distribution_named(value, length);
		if (distribution)
			return distribution;
		value += length;
	}
	return DISTRIBUTION_OTHER;
}

/* ID says it better than ID_LIKE. */
static enum distribution read_distribution(const struct host *host)
{
	enum distribution id = DISTRIBUTION_OTHER, like = DISTRIBUTION_OTHER;
	char path[PATH_MAX], line[256];
	FILE *file;

	host_path(host, path, "/etc/os-release");
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file)) {
		if (!strncmp(line, "ID=", 3))
			id = distribution_of_value(line + 3);
		else if (!strncmp(line, "ID_LIKE=", 8))
			like = distribution_of_value(line + 8);
	}
	if (file)
		fclose(file);
	return id ? id : like;
}

/* ---- configuration ---- */

/* gzread() also reads what is not compressed. */
static char *read_config_file(const char *path)
{
	gzFile file = gzopen(path, "rbe");
	char *text;
	int length;

	if (!file)
		return NULL;
	text = malloc(CONFIG_LIMIT + 1);
	length = text ? gzread(file, text, CONFIG_LIMIT) : -1;
	gzclose(file);
	if (length <= 0) {
		free(text);
		return NULL;
	}
	text[length] = 0;
	return text;
}

static char *read_config(const struct host *host)
{
	char path[PATH_MAX];
	char *text;

	host_path(host, path, "/boot/config-%s", host->release);
	text = read_config_file(path);
	if (!text) {
		host_path(host, path, "/lib/modules/%s/config", host->release);
		text = read_config_file(path);
	}
	if (!text && host->running) {
		host_path(host, path, "/proc/config.gz");
		text = read_config_file(path);
	}
	if (!text) {
		host_path(host, path, "/lib/modules/%s/build/.config", host->release);
		text = read_config_file(path);
	}
	return text;
}

bool host_config_has(const struct host *host, const char *name)
{
	size_t length = strlen(name);
	const char *at = host->config;

	while ((at = strstr(at, name))) {
		if ((at == host->config || at[-1] == '\n') && at[length] == '=' &&
		    (at[length + 1] == 'y' || at[length + 1] == 'm'))
			return true;
		at += length;
	}
	return false;
}

/* ---- the module's file ---- */

/* hadal.ko, hadal.ko.xz and the like. */
static bool is_module_file(const FTSENT *entry)
{
	static const char name[] = "hadal.ko";

	return (entry->fts_info == FTS_F || entry->fts_info == FTS_SL) &&
	       !strncmp(entry->fts_name, name, strlen(name)) &&
	       (!entry->fts_name[strlen(name)] || entry->fts_name[strlen(name)] == '.');
}

void host_take_module(struct host *host, const char *path)
{
	snprintf(host->module_path, sizeof(host->module_path), "%s", path);
	host->has_module_file = !module_file_read(path, &host->module_file, host->module_error, sizeof(host->module_error));
}

/* Where DKMS and packages put modules: not below kernel/, which is large. */
static void find_module(struct host *host)
{
	char updates[PATH_MAX], extra[PATH_MAX];
	char *const paths[] = { updates, extra, NULL };
	FTSENT *entry;
	FTS *tree;

	host_path(host, updates, "/lib/modules/%s/updates", host->release);
	host_path(host, extra, "/lib/modules/%s/extra", host->release);
	tree = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	while (tree && !host->module_path[0] && (entry = fts_read(tree)))
		if (is_module_file(entry))
			host_take_module(host, entry->fts_path);
	if (tree)
		fts_close(tree);
}

bool host_has_module(const struct host *host)
{
	return host->module_path[0];
}

bool host_has_dkms_build(const struct host *host)
{
	return host_has(host, "/var/lib/dkms/hadal") || host_has(host, "/var/log/hadal-dkms-%s.log", host->release);
}

static bool has_any(const struct host *host, const char *pattern)
{
	glob_t found = { .gl_pathc = 0 };
	char path[PATH_MAX];
	bool any;

	host_path(host, path, "%s", pattern);
	any = glob(path, GLOB_NOSORT, NULL, &found) == 0;
	globfree(&found);
	return any;
}

/* With DKMS what is registered there has no sources; without it the module is where DKMS would not put one. */
bool host_is_prebuilt(const struct host *host)
{
	return has_any(host, "/usr/src/hadal-*/.prebuilt") ||
	       (!host_has_program(host, "dkms") && has_any(host, "/lib/modules/*/updates/hadal.ko*"));
}

int host_examine(struct host *host, const char *root, const char *release)
{
	struct utsname name;

	uname(&name);
	*host = (struct host){ .root = root };
	host->living = !root[0];
	host->running = !root[0] && (!release || !strcmp(release, name.release));
	snprintf(host->release, sizeof(host->release), "%s", release ? release : name.release);
	snprintf(host->machine, sizeof(host->machine), "%s", name.machine);
	host->distribution = read_distribution(host);
	host->config = read_config(host);
	find_module(host);
	return collector_setup_new(host, &host->collector);
}

void host_release(struct host *host)
{
	collector_setup_free(host->collector);
	free(host->config);
	host->collector = NULL;
	host->config = NULL;
}
