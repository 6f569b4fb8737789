/* SPDX-License-Identifier: MIT */
#include "checks.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <hadal/hadal.h>

/* The oldest kernel that the module builds for. */
#define OLDEST_VERSION		6
#define OLDEST_PATCHLEVEL	1

__attribute__((format(printf, 3, 4)))
static void conclude(struct finding *finding, enum verdict verdict, const char *format, ...)
{
	va_list arguments;

	finding->verdict = verdict;
	va_start(arguments, format);
	vsnprintf(finding->text, sizeof(finding->text), format, arguments);
	va_end(arguments);
}

__attribute__((format(printf, 2, 3)))
static void mend_by(struct finding *finding, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(finding->remedy, sizeof(finding->remedy), format, arguments);
	va_end(arguments);
}

/* ---- the kernel ---- */

static void look_at_release(const struct host *host, struct finding *finding)
{
	unsigned int version = 0, patchlevel = 0;

	sscanf(host->release, "%u.%u", &version, &patchlevel);
	if (version > OLDEST_VERSION || (version == OLDEST_VERSION && patchlevel >= OLDEST_PATCHLEVEL)) {
		conclude(finding, VERDICT_GOOD, "%s", host->release);
		return;
	}
	conclude(finding, VERDICT_BAD, "%s is older than %u.%u", host->release, OLDEST_VERSION,
		 OLDEST_PATCHLEVEL);
	mend_by(finding, "boot a kernel of %u.%u or later", OLDEST_VERSION, OLDEST_PATCHLEVEL);
}

static void look_at_machine(const struct host *host, struct finding *finding)
{
	if (!strcmp(host->machine, "x86_64") || !strcmp(host->machine, "aarch64")) {
		conclude(finding, VERDICT_GOOD, "%s", host->machine);
		return;
	}
	conclude(finding, VERDICT_BAD, "%s is neither x86_64 nor aarch64", host->machine);
	mend_by(finding, "none: the module does not build for it");
}

static bool needs_acct_process(const struct host *host)
{
	unsigned int version = 0, patchlevel = 0;

	/* From 6.16 on a tracepoint tells the last thread's exit. */
	sscanf(host->release, "%u.%u", &version, &patchlevel);
	return version < 6 || (version == 6 && patchlevel < 16);
}

static void note_missing(const struct host *host, const char *name, struct finding *finding)
{
	size_t length = strlen(finding->text);

	if (host_config_has(host, name))
		return;
	finding->verdict = VERDICT_BAD;
	snprintf(finding->text + length, sizeof(finding->text) - length, "%s%s",
		 length ? ", " : "without ", name);
}

static void look_at_config(const struct host *host, struct finding *finding)
{
	static const char *const needed[] = {
		"CONFIG_64BIT", "CONFIG_MODULES", "CONFIG_NET", "CONFIG_INET", "CONFIG_IPV6",
		"CONFIG_TRACEPOINTS", "CONFIG_FUNCTION_TRACER", "CONFIG_DYNAMIC_FTRACE",
		"CONFIG_SECURITY_NETWORK", "CONFIG_CGROUPS", "CONFIG_SOCK_CGROUP_DATA",
	};
	size_t i;

	if (!host->config) {
		conclude(finding, VERDICT_UNKNOWN,
			 "no /boot/config-%s, no /proc/config.gz", host->release);
		return;
	}
	finding->verdict = VERDICT_GOOD;
	finding->text[0] = 0;
	for (i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
		note_missing(host, needed[i], finding);
	if (needs_acct_process(host))
		note_missing(host, "CONFIG_BSD_PROCESS_ACCT", finding);
	if (finding->verdict == VERDICT_GOOD)
		conclude(finding, VERDICT_GOOD, "has all that the module uses");
	else
		mend_by(finding, "boot a kernel built with them, as Debian's and Amazon Linux's are");
}

/* ---- building ---- */

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

static void look_at_headers(const struct host *host, struct finding *finding)
{
	if (host_has(host, "/lib/modules/%s/build/Makefile", host->release)) {
		conclude(finding, VERDICT_GOOD, "/lib/modules/%s/build", host->release);
		return;
	}
	conclude(finding, VERDICT_BAD, "none for %s: no /lib/modules/%s/build/Makefile",
		 host->release, host->release);
	mend_headers(host, finding);
}

static void mend_program(const struct host *host, const char *package, struct finding *finding)
{
	static const char *const installers[] = {
		[DISTRIBUTION_DEBIAN] = "apt-get install",
		[DISTRIBUTION_AMAZON] = "dnf install",
		[DISTRIBUTION_FEDORA] = "dnf install",
		[DISTRIBUTION_SUSE] = "zypper install",
		[DISTRIBUTION_ARCH] = "pacman -S",
		[DISTRIBUTION_OTHER] = "install",
	};

	mend_by(finding, "%s %s", installers[host->distribution], package);
}

static void look_for_program(const struct host *host, const char *name, struct finding *finding)
{
	if (host_has_program(host, name)) {
		conclude(finding, VERDICT_GOOD, "%s", name);
		return;
	}
	conclude(finding, VERDICT_BAD, "no %s", name);
	mend_program(host, name, finding);
}

/* Modules are built with what the kernel was built with. */
static void look_at_compiler(const struct host *host, struct finding *finding)
{
	bool clang = host->config && host_config_has(host, "CONFIG_CC_IS_CLANG");

	look_for_program(host, clang ? "clang" : "gcc", finding);
}

static void look_at_make(const struct host *host, struct finding *finding)
{
	look_for_program(host, "make", finding);
}

static void look_at_dkms(const struct host *host, struct finding *finding)
{
	look_for_program(host, "dkms", finding);
}

/* ---- loading ---- */

static bool is_loaded(const struct host *host)
{
	return host->running && host_has(host, "/sys/module/hadal");
}

static void look_at_installed(const struct host *host, struct finding *finding)
{
	if (host_has_module(host)) {
		conclude(finding, VERDICT_GOOD, "hadal.ko for %s", host->release);
		return;
	}
	if (is_loaded(host)) {
		conclude(finding, VERDICT_NOT_NEEDED,
			 "no hadal.ko below /lib/modules/%s: it was loaded from elsewhere and will not be back after a reboot",
			 host->release);
		return;
	}
	if (host_has(host, "/var/log/hadal-dkms-%s.log", host->release))
		conclude(finding, VERDICT_BAD,
			 "no hadal.ko below /lib/modules/%s: its build failed, /var/log/hadal-dkms-%s.log says why",
			 host->release, host->release);
	else
		conclude(finding, VERDICT_BAD, "no hadal.ko below /lib/modules/%s", host->release);
	if (host_has(host, "/usr/src/hadal-%s/dkms.conf", hadal_version()))
		mend_by(finding, "dkms install hadal/%s -k %s", hadal_version(), host->release);
	else
		mend_by(finding, "install the package hadal-dkms, or as root in Hadal's source tree: dkms/install");
}

static void look_at_modules_disabled(const struct host *host, struct finding *finding)
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

/* Why the kernel refuses modules that nobody it trusts has signed; NULL: it does not. */
static const char *signature_demand(const struct host *host)
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

static void mend_signature(const struct host *host, struct finding *finding)
{
	if (!secure_boot_is_on(host))
		mend_by(finding, "take lockdown= and module.sig_enforce off the kernel command line, or sign hadal.ko with a key that the kernel trusts");
	else if (host->distribution == DISTRIBUTION_AMAZON)
		mend_by(finding, "start the instance without Secure Boot: with it Amazon Linux loads modules signed by Amazon alone");
	else
		mend_by(finding, "mokutil --import /var/lib/dkms/mok.pub, reboot and enrol the key at the console; or switch Secure Boot off");
}

static void look_at_signatures(const struct host *host, struct finding *finding)
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

static void look_at_loaded(const struct host *host, struct finding *finding)
{
	char version[64];

	if (is_loaded(host)) {
		host_line(host, "/sys/class/misc/hadal/version", version, sizeof(version));
		conclude(finding, VERDICT_GOOD, "version %s", version);
		return;
	}
	conclude(finding, VERDICT_BAD, "the module is not loaded");
	mend_by(finding, "modprobe hadal");
}

/* ---- the device ---- */

static void look_at_device(const struct host *host, struct finding *finding)
{
	char path[PATH_MAX];

	host_path(host, path, "%s", HADAL_DEVICE_PATH);
	if (access(path, R_OK | W_OK) == 0) {
		conclude(finding, VERDICT_GOOD, "%s can be opened", HADAL_DEVICE_PATH);
	} else if (errno == ENOENT) {
		conclude(finding, VERDICT_BAD, "no %s", HADAL_DEVICE_PATH);
		mend_by(finding, is_loaded(host) ? "udevadm trigger --name-match=hadal" : "modprobe hadal");
	} else {
		conclude(finding, VERDICT_BAD, "%s: %s", HADAL_DEVICE_PATH, strerror(errno));
		mend_by(finding, "be root, or: usermod --append --groups hadal USER, and log in again");
	}
}

static void look_at_abi(const struct host *host, struct finding *finding)
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
	mend_by(finding, "install hadal and hadal-dkms of one version, then: rmmod hadal; modprobe hadal");
}

/* ---- the table ---- */

const struct check checks[] = {
	{ .name = "kernel", .look = look_at_release },
	{ .name = "machine", .look = look_at_machine },
	{ .name = "kernel configuration", .look = look_at_config },
	{ .name = "kernel headers", .look = look_at_headers, .building = true },
	{ .name = "compiler", .look = look_at_compiler, .building = true },
	{ .name = "make", .look = look_at_make, .building = true },
	{ .name = "dkms", .look = look_at_dkms, .building = true },
	{ .name = "module installed", .look = look_at_installed },
	{ .name = "module loading", .look = look_at_modules_disabled, .running = true },
	{ .name = "module signatures", .look = look_at_signatures, .running = true },
	{ .name = "module loaded", .look = look_at_loaded, .running = true },
	{ .name = "device", .look = look_at_device, .running = true },
	{ .name = "abi", .look = look_at_abi, .running = true },
};

const size_t check_count = sizeof(checks) / sizeof(checks[0]);

void check_run(const struct check *check, const struct host *host, struct finding *finding)
{
	*finding = (struct finding){ .verdict = VERDICT_UNKNOWN };
	if (check->running && !host->running) {
		conclude(finding, VERDICT_UNKNOWN, "kernel %s does not run here", host->release);
		return;
	}
	check->look(host, finding);
	if (finding->verdict == VERDICT_BAD && check->building &&
	    (is_loaded(host) || host_has_module(host)))
		finding->verdict = VERDICT_NOT_NEEDED;
}
