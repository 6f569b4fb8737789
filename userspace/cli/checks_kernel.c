/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "checks_parts.h"

/* The oldest kernel that the module builds for. */
#define OLDEST_VERSION		6
#define OLDEST_PATCHLEVEL	1

void look_at_release(const struct host *host, struct finding *finding)
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

void look_at_machine(const struct host *host, struct finding *finding)
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

void look_at_config(const struct host *host, struct finding *finding)
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

/* ---- what happened to the running kernel ---- */

/* Bits of /proc/sys/kernel/tainted: Documentation/admin-guide/tainted-kernels.rst. */
enum { TAINT_DIED = 7, TAINT_WARNED = 9 };

static void name_taints(uint64_t bits, char *names, size_t size)
{
	static const char letters[] = "PFSRMBUDAWCIOELKXTNJ";
	size_t length = 0;

	for (size_t i = 0; letters[i] && length + 1 < size; i++)
		if (bits & 1ULL << i)
			names[length++] = letters[i];
	names[length] = '\0';
}

void look_at_taint(const struct host *host, struct finding *finding)
{
	char text[32], names[32];
	uint64_t bits;

	host_line(host, "/proc/sys/kernel/tainted", text, sizeof(text));
	if (!text[0]) {
		conclude(finding, VERDICT_UNKNOWN, "/proc/sys/kernel/tainted cannot be read");
		return;
	}
	bits = strtoull(text, NULL, 10);
	name_taints(bits, names, sizeof(names));
	if (bits & 1ULL << TAINT_DIED) {
		conclude(finding, VERDICT_BAD, "the kernel has had an oops since it was booted (%s)", names);
		mend_by(finding, "dmesg | grep -B 5 -A 40 -E 'Oops|BUG' shows it; then reboot. Where hadal is in it: hadal support, and report it");
	} else if (bits & 1ULL << TAINT_WARNED) {
		conclude(finding, VERDICT_GOOD, "tainted: %s; it has warned, dmesg shows of what", names);
	} else {
		conclude(finding, VERDICT_GOOD, bits ? "tainted: %s" : "not tainted%s", names);
	}
}
