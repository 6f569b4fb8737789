/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <hadal/hadal.h>

#include "checks_parts.h"

void look_at_device(const struct host *host, struct finding *finding)
{
	char path[PATH_MAX];

	host_path(host, path, "%s", HADAL_DEVICE_PATH);
	if (access(path, R_OK | W_OK) == 0) {
		conclude(finding, VERDICT_GOOD, "%s can be opened", HADAL_DEVICE_PATH);
	} else if (errno == ENOENT) {
		conclude(finding, VERDICT_BAD, "no %s", HADAL_DEVICE_PATH);
		mend_by(finding, is_loaded(host) ? "udevadm trigger --name-match=hadal" : "hadal module load");
	} else {
		conclude(finding, VERDICT_BAD, "%s: %s", HADAL_DEVICE_PATH, strerror(errno));
		mend_by(finding, "be root, or: usermod --append --groups hadal USER, and log in again");
	}
}

void look_at_abi(const struct host *host, struct finding *finding)
{
	struct hadal_session *session;
	struct hadal_query query;
	char path[PATH_MAX];
	int error;

	host_path(host, path, "%s", HADAL_DEVICE_PATH);
	error = hadal_session_open(&session, path);
	if (error < 0) {
		conclude(finding, VERDICT_UNKNOWN, "the device cannot be asked: %s", strerror(-error));
		return;
	}
	hadal_session_query(session, &query);
	hadal_session_close(session);
	if (query.abi_version == HADAL_ABI_VERSION) {
		conclude(finding, VERDICT_GOOD, "%u on both sides", query.abi_version);
		return;
	}
	conclude(finding, VERDICT_BAD, "the module's is %u, this program's %u", query.abi_version,
		 HADAL_ABI_VERSION);
	mend_by(finding, "install hadal and hadal-dkms of one version, then: hadal module reload");
}

/* ---- who else may open it ---- */

/* Of the system examined, which may be another than getgrnam() knows. False: there is none. */
static bool find_group(const struct host *host, const char *name, gid_t *id)
{
	struct group *entry;
	char path[PATH_MAX];
	bool found = false;
	FILE *file;

	host_path(host, path, "/etc/group");
	file = fopen(path, "re");
	while (file && !found && (entry = fgetgrent(file))) {
		found = !strcmp(entry->gr_name, name);
		*id = entry->gr_gid;
	}
	if (file)
		fclose(file);
	return found;
}

/* hadald is no root: it opens the device by its group. */
void look_at_access(const struct host *host, struct finding *finding)
{
	struct stat status;
	char path[PATH_MAX];
	gid_t group;

	host_path(host, path, "%s", HADAL_DEVICE_PATH);
	if (!find_group(host, "hadal", &group)) {
		conclude(finding, VERDICT_NOT_NEEDED, "no group hadal: " HADAL_DEVICE_PATH " is for root alone");
	} else if (stat(path, &status)) {
		conclude(finding, VERDICT_UNKNOWN, "%s: %s", HADAL_DEVICE_PATH, strerror(errno));
	} else if (status.st_mode & 07) {
		conclude(finding, VERDICT_BAD, "anybody may open %s: its mode is %04o", HADAL_DEVICE_PATH,
			 status.st_mode & 07777);
		mend_by(finding, "chmod o= %s; a rule of udev's of this site's may have set it", HADAL_DEVICE_PATH);
	} else if (status.st_gid != group || (status.st_mode & 060) != 060) {
		conclude(finding, VERDICT_BAD, "the group hadal, as which hadald runs, may not open %s", HADAL_DEVICE_PATH);
		mend_by(finding, "udevadm control --reload; udevadm trigger --name-match=hadal");
	} else {
		conclude(finding, VERDICT_GOOD, "the group hadal may open %s, others may not", HADAL_DEVICE_PATH);
	}
}
