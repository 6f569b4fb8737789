/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "checks_parts.h"
#include "collector_setup.h"

void conclude(struct finding *finding, enum verdict verdict, const char *format, ...)
{
	va_list arguments;

	finding->verdict = verdict;
	va_start(arguments, format);
	vsnprintf(finding->text, sizeof(finding->text), format, arguments);
	va_end(arguments);
}

void mend_by(struct finding *finding, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(finding->remedy, sizeof(finding->remedy), format, arguments);
	va_end(arguments);
}

void mend_by_package(const struct host *host, const char *package, struct finding *finding)
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

bool is_loaded(const struct host *host)
{
	return host->running && host_has(host, "/sys/module/hadal");
}

/* In the order in which one thing needs the other. */
const struct check checks[] = {
	{ .name = "kernel", .look = look_at_release },
	{ .name = "machine", .look = look_at_machine },
	{ .name = "kernel configuration", .look = look_at_config },
	{ .name = "kernel taint", .look = look_at_taint, .running = true },
	{ .name = "kernel headers", .look = look_at_headers, .building = true },
	{ .name = "compiler", .look = look_at_compiler, .building = true },
	{ .name = "make", .look = look_at_make, .building = true },
	{ .name = "dkms", .look = look_at_dkms, .building = true },
	{ .name = "dkms module", .look = look_at_dkms_module, .building = true },
	{ .name = "module installed", .look = look_at_installed },
	{ .name = "module vermagic", .look = look_at_vermagic },
	{ .name = "module signature", .look = look_at_signature },
	{ .name = "module loading", .look = look_at_modules_disabled, .running = true },
	{ .name = "signature enforcement", .look = look_at_enforcement, .running = true },
	{ .name = "module switch", .look = look_at_switch, .running = true },
	{ .name = "module quarantine", .look = look_at_quarantine, .running = true },
	{ .name = "module loaded", .look = look_at_loaded, .running = true },
	{ .name = "device", .look = look_at_device, .running = true },
	{ .name = "device access", .look = look_at_access, .running = true },
	{ .name = "abi", .look = look_at_abi, .running = true },
	{ .name = "configuration", .look = look_at_configuration },
	{ .name = "hadald", .look = look_at_hadald, .living = true },
	{ .name = "docker", .look = look_at_docker, .living = true },
	{ .name = "ecs agent", .look = look_at_ecs_agent, .living = true },
	{ .name = "instance metadata", .look = look_at_metadata, .living = true },
	{ .name = "token", .look_at_sink = look_at_token, .living = true },
	{ .name = "endpoint", .look_at_sink = look_at_endpoint, .living = true },
	{ .name = "clock", .look = look_at_clock, .living = true },
};

const size_t check_count = sizeof(checks) / sizeof(checks[0]);

size_t check_findings(const struct check *check, const struct host *host)
{
	size_t sinks = host->collector->receiver_count;

	return check->look_at_sink && sinks ? sinks : 1;
}

static void look(const struct check *check, const struct host *host, size_t number, struct finding *finding)
{
	struct collector_setup *collector = host->collector;

	if (!check->look_at_sink) {
		check->look(host, finding);
	} else if (!collector->receiver_count) {
		conclude(finding, VERDICT_NOT_NEEDED, "no receiver is configured: nothing leaves this host");
	} else {
		finding->sink = collector->receivers[number].sink.name;
		check->look_at_sink(host, &collector->receivers[number], finding);
	}
}

/* What is loaded of a module that DKMS has since taken away, as where an upgrade could not build, is gone with the next boot. */
static bool need_not_build(const struct host *host)
{
	if (is_left_by_an_upgrade(host))
		return false;
	return host_has_module(host) || host_is_prebuilt(host) || (is_loaded(host) && !host_has_dkms_build(host));
}

void check_run(const struct check *check, const struct host *host, size_t number, struct finding *finding)
{
	*finding = (struct finding){ .verdict = VERDICT_UNKNOWN };
	if (check->running && !host->running) {
		conclude(finding, VERDICT_UNKNOWN, "kernel %s does not run here", host->release);
		return;
	}
	if (check->living && !host->living) {
		conclude(finding, VERDICT_UNKNOWN, "not looked at: nobody is to be asked");
		return;
	}
	look(check, host, number, finding);
	if (finding->verdict == VERDICT_BAD && check->building && need_not_build(host))
		finding->verdict = VERDICT_NOT_NEEDED;
}
