/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <libkmod.h>
#include <stdio.h>
#include <string.h>
#include <sys/syslog.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"
#include "module.h"

#define REMOVE_TRIES	10
#define REMOVE_PAUSE	500	/* ms */

/* The module as modprobe finds it, with what modprobe.d says of it. */
struct found {
	struct kmod_ctx *context;
	struct kmod_module *module;	/* NULL: no memory */
};

static struct found find(void)
{
	struct found found = { .context = kmod_new(NULL, NULL) };

	if (!found.context)
		return found;
	/* What went wrong is said here. */
	kmod_set_log_priority(found.context, LOG_EMERG);
	if (kmod_module_new_from_name(found.context, MODULE_NAME, &found.module) < 0)
		found.module = NULL;
	return found;
}

static void release(struct found *found)
{
	if (found->module)
		kmod_module_unref(found->module);
	if (found->context)
		kmod_unref(found->context);
}

bool module_loaded(char *version, size_t size)
{
	if (access("/sys/module/" MODULE_NAME, F_OK)) {
		version[0] = '\0';
		return false;
	}
	read_line_of("/sys/module/" MODULE_NAME "/version", version, size);
	return true;
}

static void copy_version(const struct kmod_list *information, char *version, size_t size)
{
	const struct kmod_list *entry;

	kmod_list_foreach(entry, information) {
		if (!strcmp(kmod_module_info_get_key(entry), "version"))
			snprintf(version, size, "%s", kmod_module_info_get_value(entry));
	}
}

bool module_installed(char *version, size_t size)
{
	struct kmod_list *information = NULL;
	struct found found = find();
	bool installed = found.module && kmod_module_get_path(found.module);

	version[0] = '\0';
	if (installed && kmod_module_get_info(found.module, &information) >= 0)
		copy_version(information, version, size);
	kmod_module_info_free_list(information);
	release(&found);
	return installed;
}

bool module_find(char *path, size_t size)
{
	struct found found = find();
	const char *installed = found.module ? kmod_module_get_path(found.module) : NULL;

	snprintf(path, size, "%s", installed ? installed : "");
	release(&found);
	return path[0];
}

static void explain_insert(int result, char error[MODULE_ERROR_SIZE])
{
	struct utsname name;

	uname(&name);
	switch (result) {
	case -ENOENT:
		snprintf(error, MODULE_ERROR_SIZE, "no hadal.ko is installed for kernel %s, or it lacks what it needs: "
			 "'hadal doctor' says what", name.release);
		break;
	case -EKEYREJECTED:
	case -ENOKEY:
		snprintf(error, MODULE_ERROR_SIZE, "the kernel takes signed modules alone, and does not trust who signed "
			 "this one: 'hadal doctor' says what mends that");
		break;
	case -EPERM:
		snprintf(error, MODULE_ERROR_SIZE, "%s", geteuid() ? "not permitted: it takes root" :
			 "the kernel does not permit it: locked down, or kernel.modules_disabled is 1");
		break;
	case -ENOEXEC:
		snprintf(error, MODULE_ERROR_SIZE, "hadal.ko was built for another kernel than %s: the kernel's log has more",
			 name.release);
		break;
	default:
		snprintf(error, MODULE_ERROR_SIZE, "%s: the kernel's log may have more", strerror(-result));
	}
}

int module_insert(char error[MODULE_ERROR_SIZE])
{
	struct found found = find();
	int result = -ENOMEM;

	if (found.module && !kmod_module_get_path(found.module))
		result = -ENOENT;
	else if (found.module)
		result = kmod_module_probe_insert_module(found.module, 0, NULL, NULL, NULL, NULL);
	release(&found);
	if (result)
		explain_insert(result, error);
	return result;
}

static int remove_once(void)
{
	struct found found = find();
	int result = found.module ? kmod_module_remove_module(found.module, 0) : -ENOMEM;

	release(&found);
	return result;
}

/* Who has just let go of the device may not be gone from it yet. */
int module_remove(char error[MODULE_ERROR_SIZE])
{
	const struct timespec pause = { .tv_nsec = REMOVE_PAUSE * 1000000L };
	uint64_t sessions = 0;
	int result = remove_once();

	for (int tries = 1; tries < REMOVE_TRIES && (result == -EAGAIN || result == -EBUSY); tries++) {
		nanosleep(&pause, NULL);
		result = remove_once();
	}
	if (!result || result == -ENOENT)
		return 0;
	read_number_of("/sys/class/misc/hadal/sessions", &sessions);
	if (result == -EAGAIN || result == -EBUSY)
		snprintf(error, MODULE_ERROR_SIZE, "it is in use, by %llu sessions that record: who has " HADAL_DEVICE_PATH
			 " open must close it ('fuser " HADAL_DEVICE_PATH "' tells who)", (unsigned long long)sessions);
	else
		snprintf(error, MODULE_ERROR_SIZE, "%s", result == -EPERM && geteuid() ? "not permitted: it takes root" :
			 strerror(-result));
	return result == -EBUSY ? -EAGAIN : result;
}
