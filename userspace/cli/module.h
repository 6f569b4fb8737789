/* SPDX-License-Identifier: MIT */
/*
 * What the parts of hadal module share.
 */
#ifndef HADAL_CLI_MODULE_H
#define HADAL_CLI_MODULE_H

#include <stdbool.h>
#include <stddef.h>

#include <hadal/hadal.h>

#include "config.h"
#include "quarantine.h"

#define MODULE_NAME	"hadal"
#define MODULE_UNIT	"hadal-module.service"
#define COLLECTOR_UNIT	"hadald.service"

/* Exit statuses, beside those of cli.h. */
enum {
	EXIT_SWITCHED_OFF = 3,	/* a switch says that it is not to be loaded */
	EXIT_QUARANTINED = 4,
};

enum { MODULE_ERROR_SIZE = 384 };

/* ---- module_switch.c: whether it is to be loaded ---- */

struct module_verdict {
	bool load;
	char reason[1024];	/* why not; or, if it is, who could not be asked: "" is nobody */
};

/* Whether the kernel's command line has hadal.disable. */
bool module_disabled_by(const char *command_line);

/*
 * Looks at all switches: the kernel's command line, module.load, the instance's tag, the parameter. @root: "", or a
 * directory that stands for "/". Who can't be asked is asked again for @patience seconds, where it matters.
 */
void module_decide(const struct config *config, const char *root, unsigned int patience, struct module_verdict *verdict);

/* ---- module_trial.c: what is left on the disk while it is on trial ---- */

/* All return 0 or -errno; what they did is on the disk by then. */
int module_trial_begin(const char *root, const char *version);
int module_trial_end(const char *root);

/* Who has switched it off, for hadald to tell; "": nobody. */
int module_note_off(const char *root, const char *reason);

/* Whether the kernel has got over an oops or a lockup since. */
bool module_trial_failed(const char *root, const struct quarantine_marker *marker);

/* "hadal 0.1.0, loaded 2026-01-01T00:00:00Z on kernel 6.1.0". */
void module_trial_tell(const struct quarantine_marker *marker, char *text, size_t size);

/* ---- module_kernel.c: the kernel's side, by libkmod ---- */

/* false: it is not loaded, or not installed for this kernel. @version may come out "". */
bool module_loaded(char *version, size_t size);
bool module_installed(char *version, size_t size);

/* The file that modprobe would load; false: there is none. */
bool module_find(char *path, size_t size);

/* Both return 0 or -errno, and then say in @error why and what mends it. */
int module_insert(char error[MODULE_ERROR_SIZE]);
int module_remove(char error[MODULE_ERROR_SIZE]);	/* with patience: -EAGAIN: in use */

/* ---- module_status.c ---- */

struct module_state {
	bool loaded, installed;
	bool by_dkms;	/* which was given it to build */
	char version[64], installed_version[64];
	enum quarantine quarantine;
	struct quarantine_marker marker;
	char off[512];	/* who had switched it off when it was to be loaded; "": nobody */
};

void module_state_read(struct module_state *state);

/* Whether what is loaded is not what is installed. */
bool module_is_outdated(const struct module_state *state);

/* Whether what is loaded will not be back after a boot: nothing is installed, as it was to be. */
bool module_is_gone(const struct module_state *state);

/* "none", "trial", "quarantined". */
const char *module_trial_name(enum quarantine quarantine);

/* hadal module status. Returns its exit status. */
int module_status(bool json);

/* ---- module_service.c: systemd, where it runs ---- */

bool service_is_known(const char *unit);
bool service_is_active(const char *unit);

/* "start", "stop", "restart"; waits for it. Returns whether it went well. */
bool service_do(const char *verb, const char *unit);

/* Whether the host is on its way down. */
bool host_is_stopping(void);

#endif
