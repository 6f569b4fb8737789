/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "checks_parts.h"
#include "module.h"

void look_at_modules_disabled(const struct host *host, struct finding *finding)
{
	char text[8];

	if (!host_has(host, "/proc/modules")) {
		conclude(finding, VERDICT_BAD, "the kernel was built without modules");
		mend_by(finding, "boot a kernel with CONFIG_MODULES");
		return;
	}
	host_line(host, "/proc/sys/kernel/modules_disabled", text, sizeof(text));
	if (strcmp(text, "1")) {
		conclude(finding, VERDICT_GOOD, "the kernel takes modules");
		return;
	}
	conclude(finding, VERDICT_BAD, "kernel.modules_disabled is 1: no module can be loaded until the next boot");
	mend_by(finding, "take kernel.modules_disabled out of sysctl.d and reboot");
}

/* The fifth byte of the EFI variable; attributes stand before it. */
static bool secure_boot_is_on(const struct host *host)
{
	unsigned char bytes[5] = { 0 };
	char path[PATH_MAX];
	ssize_t length;
	int fd;

	host_path(host, path, "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c");
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	length = read(fd, bytes, sizeof(bytes));
	close(fd);
	return length == sizeof(bytes) && bytes[4] == 1;
}

const char *signature_demand(const struct host *host)
{
	char lockdown[128], enforce[8];

	host_line(host, "/sys/kernel/security/lockdown", lockdown, sizeof(lockdown));
	host_line(host, "/sys/module/module/parameters/sig_enforce", enforce, sizeof(enforce));
	if (strstr(lockdown, "[integrity]") || strstr(lockdown, "[confidentiality]"))
		return "the kernel is locked down";
	if (!strcmp(enforce, "Y"))
		return "module.sig_enforce is on";
	return NULL;
}

/* The certificate of the key that DKMS signs with. */
static const char *signing_certificate(const struct host *host)
{
	static const char *const paths[] = {
		"/var/lib/shim-signed/mok/MOK.der",	/* Ubuntu's */
		"/var/lib/dkms/mok.pub",
	};

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		if (host_has(host, "%s", paths[i]))
			return paths[i];
	return paths[1];
}

void mend_signature(const struct host *host, struct finding *finding)
{
	if (!secure_boot_is_on(host))
		mend_by(finding, "take lockdown= and module.sig_enforce off the kernel command line, or sign hadal.ko with a key that the kernel trusts");
	else if (host->distribution == DISTRIBUTION_AMAZON)
		mend_by(finding, "start the instance without Secure Boot: with it Amazon Linux loads modules signed by Amazon alone, there is no key of one's own. Else leave it to hadald's degraded mode");
	else
		mend_by(finding, "mokutil --import %s, reboot and enrol the key at the console; or switch Secure Boot off",
			signing_certificate(host));
}

void look_at_enforcement(const struct host *host, struct finding *finding)
{
	const char *demand = signature_demand(host);
	const char *boot = secure_boot_is_on(host) ? "Secure Boot is on" : "Secure Boot is off";

	if (!demand) {
		conclude(finding, VERDICT_GOOD, "unsigned modules are taken; %s", boot);
		return;
	}
	if (is_loaded(host)) {
		conclude(finding, VERDICT_GOOD, "%s, and the module was taken; %s", demand, boot);
		return;
	}
	conclude(finding, VERDICT_BAD, "%s: only signed modules are taken; %s", demand, boot);
	mend_signature(host, finding);
}

/* What the last load at boot found is on the disk; the command line is looked at again, which may be another's. */
void look_at_switch(const struct host *host, struct finding *finding)
{
	char text[4096];

	host_line(host, "/proc/cmdline", text, sizeof(text));
	if (module_disabled_by(text)) {
		conclude(finding, VERDICT_BAD, "the module is switched off: hadal.disable is on the kernel command line");
		mend_by(finding, "if it is not meant: take hadal.disable off the kernel command line and reboot");
	} else if (quarantine_is_off(host->root, text, sizeof(text)) && !is_loaded(host)) {
		conclude(finding, VERDICT_BAD, "the module is switched off: %.300s", text);
		mend_by(finding, "if it is not meant: switch it on there, then: hadal module load");
	} else {
		conclude(finding, VERDICT_GOOD, "no switch keeps the module from being loaded");
	}
}

void look_at_quarantine(const struct host *host, struct finding *finding)
{
	struct quarantine_marker marker;

	switch (quarantine_look(host->root, &marker)) {
	case QUARANTINE_NONE:
		conclude(finding, VERDICT_GOOD, "the module is not in quarantine");
		break;
	case QUARANTINE_TRIAL:
		conclude(finding, VERDICT_GOOD, "the module is on probation since %s", marker.time);
		break;
	case QUARANTINE_HELD:
		conclude(finding, VERDICT_BAD, "the module is in quarantine: loaded at %s on kernel %s, the host did not stay well for ten minutes",
			 marker.time, marker.kernel);
		mend_by(finding, "look for the cause (dmesg, the console's log), then: hadal module release");
		break;
	}
}

void look_at_loaded(const struct host *host, struct finding *finding)
{
	char version[64];

	if (!is_loaded(host)) {
		conclude(finding, VERDICT_BAD, "the module is not loaded");
		mend_by(finding, "hadal module load");
		return;
	}
	host_line(host, "/sys/module/hadal/version", version, sizeof(version));
	if (!host->has_module_file || !strcmp(version, host->module_file.version)) {
		conclude(finding, VERDICT_GOOD, "version %s", version);
		return;
	}
	conclude(finding, VERDICT_BAD, "version %s is loaded, %s is installed", version, host->module_file.version);
	mend_by(finding, "hadal module reload");
}
