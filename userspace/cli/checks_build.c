/* SPDX-License-Identifier: MIT */
#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include <hadal/hadal.h>

#include "checks_parts.h"

#define DKMS_TREE	"/var/lib/dkms/hadal"

/* Amazon Linux names the packages of its later kernels by version. */
static const char *amazon_devel_package(const struct host *host)
{
	if (!strncmp(host->release, "6.12.", 5))
		return "kernel6.12-devel";
	if (!strncmp(host->release, "6.18.", 5))
		return "kernel6.18-devel";
	return "kernel-devel";
}

static void mend_headers(const struct host *host, struct finding *finding)
{
	switch (host->distribution) {
	case DISTRIBUTION_DEBIAN:
		mend_by(finding, "apt-get install linux-headers-%s", host->release);
		break;
	case DISTRIBUTION_AMAZON:
		mend_by(finding, "dnf install %s-%s", amazon_devel_package(host), host->release);
		break;
	case DISTRIBUTION_FEDORA:
		mend_by(finding, "dnf install kernel-devel-%s", host->release);
		break;
	case DISTRIBUTION_SUSE:
		mend_by(finding, "zypper install kernel-default-devel");
		break;
	case DISTRIBUTION_ARCH:
		mend_by(finding, "pacman -S linux-headers");
		break;
	case DISTRIBUTION_OTHER:
		mend_by(finding, "install the headers of kernel %s, so that /lib/modules/%s/build is there",
			host->release, host->release);
		break;
	}
}

void look_at_headers(const struct host *host, struct finding *finding)
{
	if (host_has(host, "/lib/modules/%s/build/Makefile", host->release)) {
		conclude(finding, VERDICT_GOOD, "/lib/modules/%s/build", host->release);
		return;
	}
	conclude(finding, VERDICT_BAD, "none for %s: no /lib/modules/%s/build/Makefile",
		 host->release, host->release);
	mend_headers(host, finding);
}

static void look_for_program(const struct host *host, const char *name, struct finding *finding)
{
	if (host_has_program(host, name)) {
		conclude(finding, VERDICT_GOOD, "%s", name);
		return;
	}
	conclude(finding, VERDICT_BAD, "no %s", name);
	mend_by_package(host, name, finding);
}

/* Modules are built with what the kernel was built with. */
void look_at_compiler(const struct host *host, struct finding *finding)
{
	bool clang = host->config && host_config_has(host, "CONFIG_CC_IS_CLANG");

	look_for_program(host, clang ? "clang" : "gcc", finding);
}

void look_at_make(const struct host *host, struct finding *finding)
{
	look_for_program(host, "make", finding);
}

void look_at_dkms(const struct host *host, struct finding *finding)
{
	look_for_program(host, "dkms", finding);
}

/* ---- what DKMS has made of it ---- */

/* The first error of a log, as the later ones come of it; "": the log has none, or is not there. */
static void find_error(const struct host *host, const char *below, char *text, size_t size)
{
	static const char *const signs[] = { "error:", "Error ", "undefined", "No rule to make target", "not found" };
	char path[PATH_MAX], line[1024];
	bool found = false;
	FILE *file;

	host_path(host, path, "%s", below);
	file = fopen(path, "re");
	while (file && !found && fgets(line, sizeof(line), file))
		for (size_t i = 0; !found && i < sizeof(signs) / sizeof(signs[0]); i++)
			found = strstr(line, signs[i]) != NULL;
	if (file)
		fclose(file);
	line[found ? strcspn(line, "\n") : 0] = '\0';
	snprintf(text, size, "%.200s", found ? line : "");
}

/* The log of a build that failed for this kernel. */
static bool find_failed_log(const struct host *host, char log[PATH_MAX])
{
	snprintf(log, PATH_MAX, "/var/log/hadal-dkms-%s.log", host->release);
	if (host_has(host, "%s", log))
		return true;
	/* DKMS leaves the tree of a build only if that failed; it may be of another kernel. */
	snprintf(log, PATH_MAX, DKMS_TREE "/%s/build/make.log", hadal_version());
	return host_has(host, "%s", log);
}

/* A version whose module is built for the kernel. */
static bool is_built(const struct host *host, const char *version)
{
	return host_has(host, DKMS_TREE "/%s/%s/%s/module", version, host->release, host->machine);
}

/* Which versions DKMS knows besides this program's; "" for none. */
static void list_other_versions(const struct host *host, char *text, size_t size)
{
	struct dirent *entry;
	char path[PATH_MAX];
	size_t length = 0;
	DIR *directory;

	text[0] = '\0';
	host_path(host, path, DKMS_TREE);
	directory = opendir(path);
	while (directory && (entry = readdir(directory))) {
		if (entry->d_name[0] < '0' || entry->d_name[0] > '9' || !strcmp(entry->d_name, hadal_version()))
			continue;
		length += (size_t)snprintf(text + length, size - length, "%s%.32s", length ? ", " : "", entry->d_name);
		if (length >= size)
			break;
	}
	if (directory)
		closedir(directory);
}

static void mend_by_archive(const struct host *host, struct finding *finding)
{
	mend_by(finding, "/usr/share/hadal/module/prebuilt install ARCHIVE, which 'make module-archive KERNEL=%s' makes where "
		"that kernel's headers are; or boot a kernel that has the module", host->release);
}

void mend_by_another_module(const struct host *host, struct finding *finding)
{
	if (host_is_prebuilt(host))
		mend_by_archive(host, finding);
	else
		mend_by(finding, "dkms install hadal/%s -k %s --force", hadal_version(), host->release);
}

static void mend_dkms_module(const struct host *host, struct finding *finding)
{
	if (host_is_prebuilt(host))
		mend_by_archive(host, finding);
	else if (host_has(host, "/usr/src/hadal-%s/PACKAGED", hadal_version()))
		mend_by(finding, "/usr/share/hadal-dkms/dkms/package configure");
	else if (host_has(host, "/usr/src/hadal-%s/dkms.conf", hadal_version()))
		mend_by(finding, "dkms install hadal/%s -k %s", hadal_version(), host->release);
	else
		mend_by(finding, "install the package hadal-dkms, or as root in Hadal's source tree: dkms/install");
}

static void tell_failure(const struct host *host, const char *log, struct finding *finding)
{
	char error[256];

	find_error(host, log, error, sizeof(error));
	conclude(finding, VERDICT_BAD, "hadal %s could not be built for %s: %s (%s)", hadal_version(), host->release,
		 error[0] ? error : "no error is told", log);
}

void look_at_dkms_module(const struct host *host, struct finding *finding)
{
	char log[PATH_MAX], others[128];

	list_other_versions(host, others, sizeof(others));
	if (is_built(host, hadal_version())) {
		conclude(finding, VERDICT_GOOD, "hadal %s is built for %s", hadal_version(), host->release);
		return;
	}
	if (find_failed_log(host, log))
		tell_failure(host, log, finding);
	else if (host_has(host, DKMS_TREE "/%s", hadal_version()))
		conclude(finding, VERDICT_BAD, "DKMS has hadal %s and has not built it for %s", hadal_version(), host->release);
	else
		conclude(finding, VERDICT_BAD, "DKMS does not have hadal %s%s%s", hadal_version(),
			 others[0] ? ", but " : "", others);
	mend_dkms_module(host, finding);
}

/* ---- what came of it ---- */

static bool is_of_another_version(const struct host *host)
{
	return host->has_module_file && host->module_file.version[0] && strcmp(host->module_file.version, hadal_version()) != 0;
}

bool is_left_by_an_upgrade(const struct host *host)
{
	return is_of_another_version(host) && host_has(host, "/var/log/hadal-dkms-%s.log", host->release);
}

static void tell_installed(const struct host *host, struct finding *finding)
{
	const char *version = host->module_file.version;

	if (is_left_by_an_upgrade(host)) {
		conclude(finding, VERDICT_BAD,
			 "hadal.ko for %s is still of %s: the build of %s failed, /var/log/hadal-dkms-%s.log says why",
			 host->release, version, hadal_version(), host->release);
		mend_dkms_module(host, finding);
	} else if (is_of_another_version(host)) {
		conclude(finding, VERDICT_GOOD, "hadal.ko for %s, of version %s", host->release, version);
	} else {
		conclude(finding, VERDICT_GOOD, "hadal.ko for %s", host->release);
	}
}

void look_at_installed(const struct host *host, struct finding *finding)
{
	if (host_has_module(host)) {
		tell_installed(host, finding);
		return;
	}
	if (is_loaded(host) && !host_has_dkms_build(host)) {
		conclude(finding, VERDICT_NOT_NEEDED,
			 "no hadal.ko below /lib/modules/%s: it was loaded from elsewhere and will not be back after a reboot",
			 host->release);
		return;
	}
	if (host_is_prebuilt(host))
		conclude(finding, VERDICT_BAD, "no hadal.ko below /lib/modules/%s: this host gets it built, and has none for this kernel",
			 host->release);
	else if (host_has(host, "/var/log/hadal-dkms-%s.log", host->release))
		conclude(finding, VERDICT_BAD,
			 "no hadal.ko below /lib/modules/%s: its build failed, /var/log/hadal-dkms-%s.log says why",
			 host->release, host->release);
	else
		conclude(finding, VERDICT_BAD, "no hadal.ko below /lib/modules/%s", host->release);
	mend_dkms_module(host, finding);
}
