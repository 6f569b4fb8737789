/* SPDX-License-Identifier: MIT */
/*
 * What 'hadal module load' leaves on the disk. The note of a trial is there before the
 * module is loaded, and goes when the module has done well for ten minutes or was
 * unloaded: who finds it in another boot knows how the one before ended. Another note
 * says who had switched the module off.
 *
 * The directory is root's and not hadald's own: what keeps a module off the host is
 * not for who reads the network to change.
 */
#ifndef HADALD_QUARANTINE_H
#define HADALD_QUARANTINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define QUARANTINE_DIRECTORY	"/var/lib/hadal-module"
#define QUARANTINE_FILE		"trial"
#define QUARANTINE_OFF_FILE	"off"

enum {
	QUARANTINE_TEXT_SIZE = 1024,	/* bytes of the file, with NUL */
	QUARANTINE_ID_SIZE = 37,
};

enum quarantine {
	QUARANTINE_NONE,
	QUARANTINE_TRIAL,	/* the module was loaded in this boot, and is not trusted yet */
	QUARANTINE_HELD,	/* in another, which ended before it was */
};

/* All "" where the file is no longer to be read: that it is there is enough. */
struct quarantine_marker {
	char boot[QUARANTINE_ID_SIZE];		/* as the kernel has it in boot_id */
	char machine[QUARANTINE_ID_SIZE];	/* /etc/machine-id: an image made of a disk is no crash */
	char module[64];			/* its version */
	char kernel[72];			/* its release */
	char time[32];				/* when it was loaded, UTC */
	uint64_t taint;				/* of the kernel, then; a bit of it is never taken back */
	uint64_t oopses;			/* that it had had by then, where it counts them */
	bool counts_oopses;			/* from 6.2 on */
};

/* What this boot would write, but for the module's version. @root: "", or a directory that stands for "/". */
void quarantine_describe(const char *root, struct quarantine_marker *marker);

/* Text of the file. Returns its length. */
size_t quarantine_format(const struct quarantine_marker *marker, char text[QUARANTINE_TEXT_SIZE]);

/* Whether the module is on trial or in quarantine. @marker: filled from the file; zeros where there is none. */
enum quarantine quarantine_look(const char *root, struct quarantine_marker *marker);

/* Text of the other note. Returns its length. */
size_t quarantine_format_off(const char *root, const char *reason, char text[QUARANTINE_TEXT_SIZE]);

/* Whether the module was found switched off in this boot. @reason: by whom. */
bool quarantine_is_off(const char *root, char *reason, size_t size);

#endif
