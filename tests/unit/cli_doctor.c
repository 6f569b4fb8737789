/* SPDX-License-Identifier: MIT */
/*
 * hadal doctor over systems made below a directory.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include <hadal/hadal.h>

#include "host_fixture.h"
#include "made_root.h"
#include "text_file.h"

#define RELEASE		"6.12.40-cloud-amd64"

static const char full_config[] =
	"CONFIG_64BIT=y\nCONFIG_MODULES=y\nCONFIG_NET=y\nCONFIG_INET=y\nCONFIG_IPV6=y\n"
	"CONFIG_TRACEPOINTS=y\nCONFIG_FUNCTION_TRACER=y\nCONFIG_DYNAMIC_FTRACE=y\n"
	"CONFIG_SECURITY_NETWORK=y\nCONFIG_CGROUPS=y\nCONFIG_SOCK_CGROUP_DATA=y\n"
	"CONFIG_BSD_PROCESS_ACCT=y\n";

static void expect_good(struct fixture *fixture, const char *name)
{
	struct finding finding = look(fixture, RELEASE, name);

	assert_int_equal(finding.verdict, VERDICT_GOOD);
	assert_string_equal(finding.remedy, "");
}

static void expect_remedy(struct fixture *fixture, const char *release, const char *name, const char *remedy)
{
	struct finding finding = look(fixture, release, name);

	assert_int_equal(finding.verdict, VERDICT_BAD);
	assert_string_equal(finding.remedy, remedy);
}

static void old_kernels_are_refused(void **state)
{
	assert_int_equal(look(*state, "5.10.0-30", "kernel").verdict, VERDICT_BAD);
	assert_int_equal(look(*state, "6.0.9", "kernel").verdict, VERDICT_BAD);
	assert_int_equal(look(*state, "nonsense", "kernel").verdict, VERDICT_BAD);
	assert_int_equal(look(*state, "6.1.0", "kernel").verdict, VERDICT_GOOD);
	assert_int_equal(look(*state, "7.2", "kernel").verdict, VERDICT_GOOD);
}

static void config_names_what_is_missing(void **state)
{
	struct fixture *fixture = *state;
	struct finding finding;

	assert_int_equal(look(fixture, RELEASE, "kernel configuration").verdict, VERDICT_UNKNOWN);
	put(fixture, "/boot/config-" RELEASE, full_config);
	expect_good(fixture, "kernel configuration");
	put(fixture, "/boot/config-" RELEASE,
	    "# CONFIG_TRACEPOINTS is not set\nCONFIG_NET=n\nCONFIG_MODULES_EXTRA=y\n");
	finding = look(fixture, RELEASE, "kernel configuration");
	assert_int_equal(finding.verdict, VERDICT_BAD);
	assert_non_null(strstr(finding.text, "CONFIG_TRACEPOINTS"));
	assert_non_null(strstr(finding.text, "CONFIG_NET,"));
	assert_non_null(strstr(finding.text, "CONFIG_MODULES,"));
	assert_non_null(strstr(finding.text, "CONFIG_BSD_PROCESS_ACCT"));
}

static void config_of_late_kernels_needs_no_accounting(void **state)
{
	struct fixture *fixture = *state;
	char *config = strdup(full_config);

	*strstr(config, "CONFIG_BSD") = 0;
	put(fixture, "/boot/config-6.15.1", config);
	put(fixture, "/boot/config-6.16.1", config);
	put(fixture, "/boot/config-7.2.1", config);
	free(config);
	assert_int_equal(look(fixture, "6.15.1", "kernel configuration").verdict, VERDICT_BAD);
	assert_int_equal(look(fixture, "6.16.1", "kernel configuration").verdict, VERDICT_GOOD);
	assert_int_equal(look(fixture, "7.2.1", "kernel configuration").verdict, VERDICT_GOOD);
}

static void config_may_be_compressed(void **state)
{
	struct fixture *fixture = *state;
	char path[256];
	gzFile file;

	put(fixture, "/boot/config-" RELEASE, "");
	snprintf(path, sizeof(path), "%s/boot/config-" RELEASE, fixture->root);
	file = gzopen(path, "wb");
	assert_non_null(file);
	assert_true(gzputs(file, full_config) > 0);
	gzclose(file);
	expect_good(fixture, "kernel configuration");
}

struct distribution_case {
	const char *os_release;
	const char *release;
	const char *remedy;
};

static void headers_come_from_the_distribution(void **state)
{
	static const struct distribution_case cases[] = {
		{ "ID=debian\n", RELEASE, "apt-get install linux-headers-" RELEASE },
		{ "ID=ubuntu\nID_LIKE=debian\n", RELEASE, "apt-get install linux-headers-" RELEASE },
		{ "NAME=x\nID=\"amzn\"\nID_LIKE=\"fedora\"\n", "6.1.150-1.amzn2023.x86_64",
		  "dnf install kernel-devel-6.1.150-1.amzn2023.x86_64" },
		{ "ID=\"amzn\"\nID_LIKE=\"fedora\"\n", "6.12.40-1.amzn2023.x86_64",
		  "dnf install kernel6.12-devel-6.12.40-1.amzn2023.x86_64" },
		{ "ID=\"amzn\"\nID_LIKE=\"fedora\"\n", "6.18.4-1.amzn2023.aarch64",
		  "dnf install kernel6.18-devel-6.18.4-1.amzn2023.aarch64" },
		{ "ID=rocky\nID_LIKE=\"rhel centos fedora\"\n", "6.12.1", "dnf install kernel-devel-6.12.1" },
		{ "ID=opensuse-leap\nID_LIKE=\"suse opensuse\"\n", "6.4.0", "zypper install kernel-default-devel" },
		{ "ID=arch\n", "7.2.1", "pacman -S linux-headers" },
		{ "ID=other\n", "7.2.1",
		  "install the headers of kernel 7.2.1, so that /lib/modules/7.2.1/build is there" },
	};
	struct fixture *fixture = *state;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		put(fixture, "/etc/os-release", cases[i].os_release);
		expect_remedy(fixture, cases[i].release, "kernel headers", cases[i].remedy);
	}
	put(fixture, "/lib/modules/" RELEASE "/build/Makefile", "");
	expect_good(fixture, "kernel headers");
}

static void tools_come_from_the_distribution(void **state)
{
	static const char *const programs[] = { "make", "dkms" };
	struct fixture *fixture = *state;
	char text[64];
	size_t i;

	put(fixture, "/etc/os-release", "ID=debian\n");
	expect_remedy(fixture, RELEASE, "compiler", "apt-get install gcc");
	for (i = 0; i < 2; i++) {
		snprintf(text, sizeof(text), "apt-get install %s", programs[i]);
		expect_remedy(fixture, RELEASE, programs[i], text);
		snprintf(text, sizeof(text), "/usr/sbin/%s", programs[i]);
		put(fixture, text, "");
		expect_good(fixture, programs[i]);
	}
	put(fixture, "/usr/bin/gcc", "");
	expect_good(fixture, "compiler");
	put(fixture, "/boot/config-" RELEASE, "CONFIG_CC_IS_CLANG=y\n");
	expect_remedy(fixture, RELEASE, "compiler", "apt-get install clang");
}

static void a_module_that_is_there_needs_no_tools(void **state)
{
	struct fixture *fixture = *state;
	char remedy[128];

	expect_remedy(fixture, RELEASE, "module installed", "install the package hadal-dkms, or as root in Hadal's source tree: dkms/install");
	put(fixture, "/var/log/hadal-dkms-" RELEASE ".log", "");
	assert_non_null(strstr(look(fixture, RELEASE, "module installed").text,
			       "its build failed, /var/log/hadal-dkms-" RELEASE ".log"));
	put(fixture, "/usr/src/hadal-" HADAL_VERSION "/dkms.conf", "");
	snprintf(remedy, sizeof(remedy), "dkms install hadal/%s -k " RELEASE, hadal_version());
	expect_remedy(fixture, RELEASE, "module installed", remedy);
	put(fixture, "/lib/modules/" RELEASE "/updates/dkms/hadal.ko.xz", "");
	expect_good(fixture, "module installed");
	assert_int_equal(look(fixture, RELEASE, "make").verdict, VERDICT_NOT_NEEDED);
	assert_int_equal(look(fixture, RELEASE, "kernel headers").verdict, VERDICT_NOT_NEEDED);
	assert_int_equal(look(fixture, RELEASE, "kernel").verdict, VERDICT_GOOD);
}

/* An upgrade took the old one away and could not build the new one: that is to be seen before the next boot. */
static void a_module_that_is_loaded_and_gone_is_to_be_built(void **state)
{
	static const char *const signs[] = {
		"/var/lib/dkms/hadal/" HADAL_VERSION "/source/dkms.conf", "/var/log/hadal-dkms-" RELEASE ".log",
	};
	struct fixture *fixture = *state;
	char path[192];

	put(fixture, "/sys/module/hadal/version", HADAL_VERSION "\n");
	for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++) {
		/* By hand, from elsewhere. */
		assert_int_equal(look_running(fixture, RELEASE, "module installed").verdict, VERDICT_NOT_NEEDED);
		assert_int_equal(look_running(fixture, RELEASE, "kernel headers").verdict, VERDICT_NOT_NEEDED);
		assert_int_equal(look_running(fixture, RELEASE, "dkms module").verdict, VERDICT_NOT_NEEDED);
		put(fixture, signs[i], "");
		assert_int_equal(look_running(fixture, RELEASE, "module installed").verdict, VERDICT_BAD);
		assert_int_equal(look_running(fixture, RELEASE, "kernel headers").verdict, VERDICT_BAD);
		assert_int_equal(look_running(fixture, RELEASE, "dkms module").verdict, VERDICT_BAD);
		snprintf(path, sizeof(path), "%s%s", fixture->root, i ? signs[i] : "/var/lib/dkms/hadal");
		made_root_remove(path);
	}
}

/* Its other kernel has one: in a file of its own, or by DKMS without sources. */
static void a_host_that_gets_modules_built_is_not_told_to_build(void **state)
{
	static const char *const signs[] = {
		"/usr/src/hadal-" HADAL_VERSION "/.prebuilt", "/lib/modules/6.12.0-other/updates/hadal.ko.xz",
	};
	struct fixture *fixture = *state;
	struct finding finding;
	char path[128];

	put(fixture, "/usr/src/hadal-" HADAL_VERSION "/dkms.conf", "");
	for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++) {
		assert_int_equal(look(fixture, RELEASE, "compiler").verdict, VERDICT_BAD);
		put(fixture, signs[i], "");
		assert_int_equal(look(fixture, RELEASE, "compiler").verdict, VERDICT_NOT_NEEDED);
		assert_int_equal(look(fixture, RELEASE, "kernel headers").verdict, VERDICT_NOT_NEEDED);
		finding = look(fixture, RELEASE, "module installed");
		assert_int_equal(finding.verdict, VERDICT_BAD);
		assert_non_null(strstr(finding.text, "this host gets it built, and has none for this kernel"));
		assert_non_null(strstr(finding.remedy, "prebuilt install ARCHIVE, which 'make module-archive KERNEL=" RELEASE "'"));
		snprintf(path, sizeof(path), "%s%s", fixture->root, signs[i]);
		assert_int_equal(remove(path), 0);
	}
	/* Where DKMS is, such a file is not what the host lives by. */
	put(fixture, signs[1], "");
	put(fixture, "/usr/sbin/dkms", "");
	assert_int_equal(look(fixture, RELEASE, "compiler").verdict, VERDICT_BAD);
}

static void what_runs_is_not_looked_at_elsewhere(void **state)
{
	assert_int_equal(look(*state, RELEASE, "module loaded").verdict, VERDICT_UNKNOWN);
	assert_int_equal(look(*state, RELEASE, "device").verdict, VERDICT_UNKNOWN);
	assert_int_equal(look(*state, RELEASE, "signature enforcement").verdict, VERDICT_UNKNOWN);
}

static void signatures_may_be_demanded(void **state)
{
	struct fixture *fixture = *state;
	struct finding finding;

	assert_int_equal(look_running(fixture, RELEASE, "signature enforcement").verdict, VERDICT_GOOD);
	put(fixture, "/sys/kernel/security/lockdown", "[none] integrity confidentiality\n");
	put(fixture, "/sys/module/module/parameters/sig_enforce", "N\n");
	assert_int_equal(look_running(fixture, RELEASE, "signature enforcement").verdict, VERDICT_GOOD);
	put(fixture, "/sys/module/module/parameters/sig_enforce", "Y\n");
	finding = look_running(fixture, RELEASE, "signature enforcement");
	assert_int_equal(finding.verdict, VERDICT_BAD);
	assert_non_null(strstr(finding.text, "sig_enforce"));
	put(fixture, "/sys/kernel/security/lockdown", "none [integrity] confidentiality\n");
	finding = look_running(fixture, RELEASE, "signature enforcement");
	assert_non_null(strstr(finding.text, "locked down"));
	assert_non_null(strstr(finding.remedy, "kernel command line"));
}

static void secure_boot_is_mended_by_distribution(void **state)
{
	static const char path[] = "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c";
	struct fixture *fixture = *state;
	struct finding finding;

	put(fixture, "/sys/kernel/security/lockdown", "none [integrity] confidentiality\n");
	put(fixture, path, "\6\1\1\1\1");
	put(fixture, "/etc/os-release", "ID=debian\n");
	finding = look_running(fixture, RELEASE, "signature enforcement");
	assert_non_null(strstr(finding.text, "Secure Boot is on"));
	assert_non_null(strstr(finding.remedy, "mokutil --import"));
	put(fixture, "/etc/os-release", "ID=\"amzn\"\n");
	finding = look_running(fixture, RELEASE, "signature enforcement");
	assert_non_null(strstr(finding.remedy, "without Secure Boot"));
	put(fixture, "/sys/module/hadal/version", "");
	assert_int_equal(look_running(fixture, RELEASE, "signature enforcement").verdict, VERDICT_GOOD);
}

static void modules_may_be_disabled(void **state)
{
	struct fixture *fixture = *state;
	struct finding finding;

	finding = look_running(fixture, RELEASE, "module loading");
	assert_int_equal(finding.verdict, VERDICT_BAD);
	assert_non_null(strstr(finding.remedy, "CONFIG_MODULES"));
	put(fixture, "/proc/modules", "");
	put(fixture, "/proc/sys/kernel/modules_disabled", "0\n");
	assert_int_equal(look_running(fixture, RELEASE, "module loading").verdict, VERDICT_GOOD);
	put(fixture, "/proc/sys/kernel/modules_disabled", "1\n");
	assert_int_equal(look_running(fixture, RELEASE, "module loading").verdict, VERDICT_BAD);
}

static void the_device_is_looked_at(void **state)
{
	struct fixture *fixture = *state;

	assert_string_equal(look_running(fixture, RELEASE, "device").remedy, "hadal module load");
	assert_string_equal(look_running(fixture, RELEASE, "module loaded").remedy, "hadal module load");
	put(fixture, "/sys/module/hadal/version", "");
	assert_string_equal(look_running(fixture, RELEASE, "device").remedy, "udevadm trigger --name-match=hadal");
	put(fixture, "/dev/hadal", "");
	assert_int_equal(look_running(fixture, RELEASE, "device").verdict, VERDICT_GOOD);
	/* A file that is no device answers no ioctl. */
	assert_int_equal(look_running(fixture, RELEASE, "abi").verdict, VERDICT_UNKNOWN);
}

/* ---- docs/operate.md ---- */

#define PAGE	"docs/operate.md"

static bool is_check(const char *name, size_t length)
{
	for (size_t i = 0; i < check_count; i++)
		if (strlen(checks[i].name) == length && !strncmp(checks[i].name, name, length))
			return true;
	return false;
}

/* Each name between backquotes in the first cells of the table of findings. */
static size_t count_documented(char *table)
{
	size_t count = 0;

	for (char *row = strtok(table, "\n"); row; row = strtok(NULL, "\n")) {
		char *end = strstr(row, "` |"), *name = row;

		while (end && (name = strchr(name, '`')) && name <= end) {
			size_t length = strcspn(name + 1, "`");

			if (!is_check(name + 1, length))
				fail_msg("%.*s is in %s and is no check", (int)length, name + 1, PAGE);
			name += length + 2;
			count++;
		}
	}
	return count;
}

static void findings_are_documented(void **state)
{
	char *page = read_file(PAGE), *table = strstr(page, "| finding |"), *end;

	(void)state;
	assert_non_null(table);
	end = strstr(table, "\n\n");
	assert_non_null(end);
	*end = '\0';
	for (size_t i = 0; i < check_count; i++)
		if (!is_quoted(table, checks[i].name, '`'))
			fail_msg("%s is not in %s", checks[i].name, PAGE);
	table = strstr(table, "| --- |") + 1;
	assert_int_equal(count_documented(strchr(table, '\n')), check_count);
	free(page);
}

#define TEST(function)	cmocka_unit_test_setup_teardown(function, host_setup, host_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(old_kernels_are_refused),
		TEST(config_names_what_is_missing),
		TEST(config_of_late_kernels_needs_no_accounting),
		TEST(config_may_be_compressed),
		TEST(headers_come_from_the_distribution),
		TEST(tools_come_from_the_distribution),
		TEST(a_module_that_is_there_needs_no_tools),
		TEST(a_module_that_is_loaded_and_gone_is_to_be_built),
		TEST(a_host_that_gets_modules_built_is_not_told_to_build),
		TEST(what_runs_is_not_looked_at_elsewhere),
		TEST(signatures_may_be_demanded),
		TEST(secure_boot_is_mended_by_distribution),
		TEST(modules_may_be_disabled),
		TEST(the_device_is_looked_at),
		cmocka_unit_test(findings_are_documented),
	};

	return cmocka_run_group_tests_name("doctor", tests, NULL, NULL);
}
