/* SPDX-License-Identifier: MIT */
/*
 * The system that hadal doctor examines: this one, or one below a directory.
 */
#ifndef HADAL_CLI_HOST_H
#define HADAL_CLI_HOST_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "module_file.h"

struct collector_setup;

enum distribution {
	DISTRIBUTION_OTHER,
	DISTRIBUTION_DEBIAN,
	DISTRIBUTION_AMAZON,
	DISTRIBUTION_FEDORA,
	DISTRIBUTION_SUSE,
	DISTRIBUTION_ARCH,
};

struct host {
	const char *root;	/* "" for this system */
	bool running;	/* whether the kernel examined is the one that runs here */
	bool living;	/* whether the system is, and those around it may be asked */
	char release[65];	/* of the kernel */
	char machine[65];
	enum distribution distribution;
	char *config;	/* of the kernel, NUL-terminated; NULL: not found */
	char module_path[PATH_MAX];	/* of hadal.ko for the kernel; "": none is installed */
	bool has_module_file;
	struct module_file module_file;	/* what it says */
	char module_error[PATH_MAX + 64];	/* or why it could not be read */
	struct collector_setup *collector;	/* hadald's configuration */
};

/* root: "" or a directory. release: NULL for the running kernel's. Returns 0 or -ENOMEM, for host_release() too. */
int host_examine(struct host *host, const char *root, const char *release);
void host_release(struct host *host);

/* Path of format below the host's root, in a buffer of PATH_MAX. */
__attribute__((format(printf, 3, 4)))
void host_path(const struct host *host, char path[PATH_MAX], const char *format, ...);

__attribute__((format(printf, 2, 3)))
bool host_has(const struct host *host, const char *format, ...);

/* Whether a program of that name stands in one of the usual directories. */
bool host_has_program(const struct host *host, const char *name);

/* First line of a file; "" when it cannot be read. */
void host_line(const struct host *host, const char *path, char *text, size_t size);

/* Whether the kernel's configuration has NAME=y or NAME=m; config must be known. */
bool host_config_has(const struct host *host, const char *name);

/* Has the host's module be that of @path, and reads it. */
void host_take_module(struct host *host, const char *path);

/* Whether hadal.ko is installed for the kernel, below updates or extra. */
bool host_has_module(const struct host *host);

/* Whether DKMS was given the module to build: then a boot finds none that is not installed. */
bool host_has_dkms_build(const struct host *host);

/* Whether it has the module from archives of built modules (dkms/prebuilt), for whichever kernel: it need not build. */
bool host_is_prebuilt(const struct host *host);

#endif
