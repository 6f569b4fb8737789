/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include <hadal/hadal.h>

#include "checks_parts.h"

/* Concludes that there is nothing to look at, where that is so. */
static bool has_no_file(const struct host *host, struct finding *finding)
{
	if (host->has_module_file)
		return false;
	if (host->module_path[0])
		conclude(finding, VERDICT_BAD, "%s", host->module_error);
	else
		conclude(finding, VERDICT_NOT_NEEDED, "no hadal.ko is installed");
	if (host->module_path[0])
		mend_by_another_module(host, finding);
	return true;
}

/* The first word is the release; what follows says how the kernel was configured. */
static bool is_for_kernel(const struct host *host)
{
	const char *vermagic = host->module_file.vermagic;
	size_t length = strcspn(vermagic, " ");

	return length == strlen(host->release) && !strncmp(vermagic, host->release, length);
}

void look_at_vermagic(const struct host *host, struct finding *finding)
{
	const char *vermagic = host->module_file.vermagic;

	if (has_no_file(host, finding))
		return;
	if (is_for_kernel(host)) {
		conclude(finding, VERDICT_GOOD, "%s", vermagic);
		return;
	}
	conclude(finding, VERDICT_BAD, "%s is built for kernel %.*s, not for %s", host->module_path,
		 (int)strcspn(vermagic, " "), vermagic, host->release);
	mend_by_another_module(host, finding);
}

/* /proc/keys lists what keys the kernel has, for who may see them, one a line with its name in it. */
static bool is_known_key(const struct host *host, const char *signer)
{
	char path[PATH_MAX], line[512];
	bool known = false;
	FILE *file;

	host_path(host, path, "/proc/keys");
	file = fopen(path, "re");
	while (file && !known && fgets(line, sizeof(line), file))
		known = strstr(line, "asymmetri") && strstr(line, signer);
	if (file)
		fclose(file);
	return known;
}

/* By whom its signature does not say is left to the kernel. */
bool module_would_be_refused(const struct host *host, char *why, size_t size)
{
	const struct module_file *file = &host->module_file;
	const char *demand = signature_demand(host);

	if (!host->has_module_file)
		snprintf(why, size, "%s", host->module_error);
	else if (!is_for_kernel(host))
		snprintf(why, size, "%s is built for kernel %.*s, not for %s", host->module_path,
			 (int)strcspn(file->vermagic, " "), file->vermagic, host->release);
	else if (demand && !file->is_signed)
		snprintf(why, size, "%s is not signed, and %s", host->module_path, demand);
	else if (demand && file->signer[0] && !is_known_key(host, file->signer))
		snprintf(why, size, "%s is signed by %s, whose key is not seen among the kernel's, and %s", host->module_path,
			 file->signer, demand);
	else
		return false;
	return true;
}

void look_at_signature(const struct host *host, struct finding *finding)
{
	const struct module_file *file = &host->module_file;
	const char *demand = host->running && !is_loaded(host) ? signature_demand(host) : NULL;

	if (has_no_file(host, finding))
		return;
	if (!file->is_signed) {
		conclude(finding, demand ? VERDICT_BAD : VERDICT_GOOD, "not signed%s%s", demand ? ", and " : "",
			 demand ? demand : "");
	} else if (!file->signer[0]) {
		conclude(finding, demand ? VERDICT_UNKNOWN : VERDICT_GOOD, "signed, by whom its signature does not say");
	} else if (host->running && is_known_key(host, file->signer)) {
		conclude(finding, VERDICT_GOOD, "signed by %s, whose key the kernel has", file->signer);
	} else {
		conclude(finding, demand ? VERDICT_BAD : VERDICT_GOOD, "signed by %s%s%s", file->signer,
			 demand ? ", whose key is not seen among the kernel's, and " : "", demand ? demand : "");
	}
	if (finding->verdict == VERDICT_BAD)
		mend_signature(host, finding);
}
