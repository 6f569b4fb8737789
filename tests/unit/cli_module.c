/* SPDX-License-Identifier: MIT */
/*
 * hadal module: who may switch the module off, and what a trial leaves on the disk,
 * over systems made below a directory and an AWS on loopback.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "made_root.h"
#include "module.h"
#include "web_server.h"

#define TAGS		"/latest/meta-data/tags/instance"
#define BOOT		"/proc/sys/kernel/random/boot_id"
#define ONE_BOOT	"11111111-1111-4111-8111-111111111111\n"
#define OTHER_BOOT	"22222222-2222-4222-8222-222222222222\n"

enum { PAGE_TOKEN, PAGE_LIST, PAGE_TAG, PAGE_PARAMETER, PAGES };

struct world {
	char root[64];
	struct web_page pages[PAGES + 1];
	struct web_server *server;
	struct config config;
	struct module_verdict verdict;
};

/* The wall clock, by the linker's --wrap (build.mk): once it jumps, a day with each look. */
static bool wall_clock_jumps;

time_t __real_time(time_t *now);
time_t __wrap_time(time_t *now);

time_t __wrap_time(time_t *now)
{
	static time_t jumped;

	if (wall_clock_jumps)
		jumped += 24 * 3600;
	return __real_time(now) + jumped;
}

static void put(struct world *world, const char *path, const char *content)
{
	made_root_put(world->root, path, content);
}

static void set(char **string, const char *value)
{
	free(*string);
	*string = strdup(value);
	assert_non_null(*string);
}

static int up(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	assert_non_null(world);
	strcpy(world->root, "/tmp/hadal-module-XXXXXX");
	assert_non_null(mkdtemp(world->root));
	setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE", 1);
	setenv("AWS_SECRET_ACCESS_KEY", "secret", 1);
	world->pages[PAGE_TOKEN] = (struct web_page){ "PUT /latest/api/token", 200, WEB_TOKEN, WEB_TOKENS };
	world->pages[PAGE_LIST] = (struct web_page){ TAGS, 200, "Name\nhadal\nhadal:other", WEB_GUARDED };
	world->pages[PAGE_TAG] = (struct web_page){ TAGS "/hadal", 200, "on", WEB_GUARDED };
	world->pages[PAGE_PARAMETER] = (struct web_page){ "POST /", 200, "{\"Parameter\":{\"Value\":\"on\"}}", WEB_ANSWER };
	world->server = web_start(world->pages);
	config_default(&world->config, stderr);
	set(&world->config.ec2_metadata, web_url(world->server));
	set(&world->config.ec2_metadata_ipv6, "");
	set(&world->config.cloud_region, "eu-west-1");
	set(&world->config.module_parameter_endpoint, web_url(world->server));
	put(world, "/proc/cmdline", "root=/dev/xvda quiet\n");
	put(world, BOOT, ONE_BOOT);
	put(world, "/proc/sys/kernel/tainted", "4096\n");
	*state = world;
	return 0;
}

static int down(void **state)
{
	struct world *world = *state;

	unsetenv("AWS_ACCESS_KEY_ID");
	unsetenv("AWS_SECRET_ACCESS_KEY");
	made_root_remove(world->root);
	web_stop(world->server);
	config_free(&world->config);
	free(world);
	return 0;
}

/* ---- switches ---- */

static void expect(struct world *world, bool load, const char *reason)
{
	module_decide(&world->config, world->root, 0, &world->verdict);
	assert_int_equal(world->verdict.load, load);
	if (!*reason)
		assert_string_equal(world->verdict.reason, "");
	else if (!strstr(world->verdict.reason, reason))
		fail_msg("'%s' is not in '%s'", reason, world->verdict.reason);
}

static void ask_tag(struct world *world, const char *answer)
{
	set(&world->config.module_tag, "hadal");
	world->pages[PAGE_TAG].body = answer;
}

static void ask_parameter(struct world *world, const char *answer)
{
	set(&world->config.module_parameter, "/hadal/module");
	world->pages[PAGE_PARAMETER].body = answer;
}

static void the_command_line_switches_off(void **state)
{
	struct world *world = *state;

	(void)world;
	assert_true(module_disabled_by("root=/dev/xvda hadal.disable quiet"));
	assert_true(module_disabled_by("hadal.disable=1"));
	assert_true(module_disabled_by("a hadal.disable=\n"));
	assert_false(module_disabled_by("hadal.disable=0"));
	assert_false(module_disabled_by("hadal.disable=no x"));
	assert_false(module_disabled_by("hadal.disabled nothadal.disable hadal.disable_not hadal"));
	assert_false(module_disabled_by(""));
	put(*state, "/proc/cmdline", "quiet hadal.disable\n");
	expect(*state, false, "the kernel's command line");
}

static void without_switches_it_is_loaded(void **state)
{
	struct world *world = *state;

	expect(world, true, "");
	assert_int_equal(web_requests(world->server, TAGS), 0);
	world->config.module_load = CONFIG_MODULE_OFF;
	expect(world, false, "default: module.load is off");
}

static void off_is_off_whoever_says_so(void **state)
{
	struct world *world = *state;

	ask_tag(world, "off");
	expect(world, false, "the tag hadal is off");
	ask_parameter(world, "{\"Parameter\":{\"Value\":\"on\"}}");
	expect(world, false, "the tag hadal is off");
	ask_tag(world, "on");
	expect(world, true, "");
	ask_parameter(world, "{\"Parameter\":{\"Value\":\"off\\n\"}}");
	expect(world, false, "the parameter /hadal/module is off");
	world->config.module_load = CONFIG_MODULE_CANARY;
	expect(world, false, "the parameter /hadal/module is off");
}

static void a_canary_needs_to_be_told(void **state)
{
	struct world *world = *state;

	world->config.module_load = CONFIG_MODULE_CANARY;
	ask_tag(world, "on");
	expect(world, true, "");
	world->pages[PAGE_LIST].body = "Name\nhadal:other";
	expect(world, false, "default: module.load is canary; the tag hadal is not set");
	ask_parameter(world, "{\"Parameter\":{\"Value\":\"on\"}}");
	expect(world, true, "");
	assert_int_equal(web_requests(world->server, TAGS "/hadal"), 1);
}

/* Loaded with on, not with canary; and said, in both. */
static void who_cannot_be_asked_has_not_said_off(void **state)
{
	struct world *world = *state;

	ask_tag(world, "on");
	world->pages[PAGE_LIST].status = 404;
	expect(world, true, "the tag hadal can't be asked: the instance's metadata has no tags");
	world->config.module_load = CONFIG_MODULE_CANARY;
	expect(world, false, "the tag hadal can't be asked");
	world->pages[PAGE_PARAMETER].status = 400;
	ask_parameter(world, "{\"__type\":\"AccessDeniedException\"}");
	expect(world, false, "the parameter /hadal/module can't be asked: AccessDeniedException: the role needs ssm:GetParameter");
	world->config.module_load = CONFIG_MODULE_ON;
	expect(world, true, "the parameter /hadal/module can't be asked");
}

static void a_clock_that_is_set_costs_no_patience(void **state)
{
	struct world *world = *state;

	ask_tag(world, "on");
	world->pages[PAGE_LIST].status = 404;
	wall_clock_jumps = true;
	module_decide(&world->config, world->root, 1, &world->verdict);
	wall_clock_jumps = false;
	assert_int_equal(web_requests(world->server, TAGS), 2);
}

static void nonsense_is_neither_on_nor_off(void **state)
{
	struct world *world = *state;

	ask_tag(world, "OFF");
	expect(world, true, "it is 'OFF', which is neither 'on' nor 'off'");
	world->config.module_load = CONFIG_MODULE_CANARY;
	expect(world, false, "it is 'OFF'");
	ask_tag(world, "");
	expect(world, false, "the tag hadal can't be asked");
}

/* Who names the parameter of a token does not find the token in a journal. */
static void a_wrong_parameter_is_not_shown(void **state)
{
	struct world *world = *state;

	ask_parameter(world, "{\"Parameter\":{\"Value\":\"s3cr3t-t0ken\"}}");
	expect(world, true, "the parameter /hadal/module can't be asked: it is neither 'on' nor 'off'");
	assert_null(strstr(world->verdict.reason, "s3cr3t"));
	world->config.module_load = CONFIG_MODULE_CANARY;
	expect(world, false, "it is neither 'on' nor 'off'");
	assert_null(strstr(world->verdict.reason, "s3cr3t"));
}

static void what_cannot_be_asked_for_is_refused(void **state)
{
	static const char *const wrong[] = { "a/b", "a b", "..", "a?b" };
	struct world *world = *state;
	FILE *report = tmpfile();

	assert_non_null(report);
	world->config.report = report;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		set(&world->config.module_tag, wrong[i]);
		config_check_switches(&world->config);
		assert_int_equal(world->config.errors, i + 1);
	}
	set(&world->config.module_tag, "");
	world->config.errors = 0;
	world->config.module_load = CONFIG_MODULE_CANARY;
	config_check_switches(&world->config);
	assert_int_equal(world->config.errors, 1);
	set(&world->config.module_tag, "hadal:module");
	set(&world->config.module_parameter, "two words");
	config_check_switches(&world->config);
	assert_int_equal(world->config.errors, 2);
	set(&world->config.module_parameter, "/hadal/module");
	set(&world->config.module_parameter_endpoint, "http://example.com");
	config_check_switches(&world->config);
	assert_int_equal(world->config.errors, 3);
	fclose(report);
}

/* ---- the trial ---- */

static enum quarantine look(struct world *world)
{
	struct quarantine_marker marker;

	return quarantine_look(world->root, &marker);
}

static void a_trial_ends(void **state)
{
	struct world *world = *state;

	put(world, "/var/lib/dpkg/status", "");
	assert_int_equal(look(world), QUARANTINE_NONE);
	assert_int_equal(module_trial_end(world->root), 0);
	assert_int_equal(module_trial_begin(world->root, "0.1.0"), 0);
	assert_int_equal(look(world), QUARANTINE_TRIAL);
	assert_int_equal(module_trial_begin(world->root, "0.1.0"), 0);
	assert_int_equal(look(world), QUARANTINE_TRIAL);
	assert_int_equal(module_trial_end(world->root), 0);
	assert_int_equal(look(world), QUARANTINE_NONE);
}

static void the_next_boot_holds_it(void **state)
{
	struct quarantine_marker marker;
	struct world *world = *state;
	char text[256];

	put(world, "/var/lib/dpkg/status", "");
	put(world, "/etc/machine-id", "0123456789abcdef0123456789abcdef\n");
	assert_int_equal(module_trial_begin(world->root, "0.1.0"), 0);
	put(world, BOOT, OTHER_BOOT);
	assert_int_equal(quarantine_look(world->root, &marker), QUARANTINE_HELD);
	assert_string_equal(marker.module, "0.1.0");
	assert_int_equal(marker.taint, 4096);
	module_trial_tell(&marker, text, sizeof(text));
	assert_non_null(strstr(text, "hadal 0.1.0, loaded 20"));
	/* Another machine has this disk's image, and nothing went wrong there. */
	put(world, "/etc/machine-id", "fedcba9876543210fedcba9876543210\n");
	assert_int_equal(look(world), QUARANTINE_NONE);
	put(world, "/etc/machine-id", "");
	assert_int_equal(look(world), QUARANTINE_HELD);
	assert_int_equal(module_trial_end(world->root), 0);
	assert_int_equal(look(world), QUARANTINE_NONE);
}

/* What it was is not known; that it was is. */
static void a_marker_that_cannot_be_read_holds_too(void **state)
{
	static const char *const texts[] = { "", "nonsense", "boot=\n", "reboot=" ONE_BOOT };
	struct world *world = *state;
	char large[2 * QUARANTINE_TEXT_SIZE];

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		put(world, QUARANTINE_DIRECTORY "/" QUARANTINE_FILE, texts[i]);
		assert_int_equal(look(world), QUARANTINE_HELD);
	}
	memset(large, 'x', sizeof(large));
	large[sizeof(large) - 1] = '\0';
	put(world, QUARANTINE_DIRECTORY "/" QUARANTINE_FILE, large);
	assert_int_equal(look(world), QUARANTINE_HELD);
}

/* Where an oops does not panic, it is the taint that tells. */
static void an_oops_fails_the_trial(void **state)
{
	struct quarantine_marker marker;
	struct world *world = *state;

	put(world, "/var/lib/dpkg/status", "");
	assert_int_equal(module_trial_begin(world->root, "0.1.0"), 0);
	assert_int_equal(quarantine_look(world->root, &marker), QUARANTINE_TRIAL);
	put(world, "/proc/sys/kernel/tainted", "12800\n");	/* a warning, a module from outside, not signed */
	assert_false(module_trial_failed(world->root, &marker));
	put(world, "/proc/sys/kernel/tainted", "4224\n");	/* an oops */
	assert_true(module_trial_failed(world->root, &marker));
	put(world, "/proc/sys/kernel/tainted", "20480\n");	/* a lockup */
	assert_true(module_trial_failed(world->root, &marker));
	marker.taint = 20480;	/* one that was there before */
	assert_false(module_trial_failed(world->root, &marker));
}

/* The taint is there already, and stays: there it is the count of them that tells. */
static void a_second_oops_fails_the_trial(void **state)
{
	struct quarantine_marker marker;
	struct world *world = *state;

	put(world, "/var/lib/dpkg/status", "");
	put(world, "/proc/sys/kernel/tainted", "4224\n");
	put(world, "/sys/kernel/oops_count", "1\n");
	assert_int_equal(module_trial_begin(world->root, "0.1.0"), 0);
	assert_int_equal(quarantine_look(world->root, &marker), QUARANTINE_TRIAL);
	assert_false(module_trial_failed(world->root, &marker));
	put(world, "/sys/kernel/oops_count", "2\n");
	assert_true(module_trial_failed(world->root, &marker));
}

/* As a version before this one, or a kernel that does not count, left it. */
static void a_note_without_a_count_is_read(void **state)
{
	struct quarantine_marker marker;
	struct world *world = *state;

	put(world, "/sys/kernel/oops_count", "1\n");
	put(world, QUARANTINE_DIRECTORY "/" QUARANTINE_FILE, "boot=" ONE_BOOT "module=0.1.0\ntaint=4224\n");
	assert_int_equal(quarantine_look(world->root, &marker), QUARANTINE_TRIAL);
	assert_false(module_trial_failed(world->root, &marker));
	put(world, "/proc/sys/kernel/tainted", "20480\n");
	assert_true(module_trial_failed(world->root, &marker));
}

static void who_switched_it_off_is_noted(void **state)
{
	struct world *world = *state;
	char reason[64];

	put(world, "/var/lib/dpkg/status", "");
	assert_false(quarantine_is_off(world->root, reason, sizeof(reason)));
	assert_int_equal(module_note_off(world->root, "the tag hadal is off"), 0);
	assert_true(quarantine_is_off(world->root, reason, sizeof(reason)));
	assert_string_equal(reason, "the tag hadal is off");
	assert_int_equal(look(world), QUARANTINE_NONE);
	/* Nobody has asked in this boot yet. */
	put(world, BOOT, OTHER_BOOT);
	assert_false(quarantine_is_off(world->root, reason, sizeof(reason)));
	assert_int_equal(module_note_off(world->root, "again"), 0);
	assert_int_equal(module_note_off(world->root, ""), 0);
	assert_false(quarantine_is_off(world->root, reason, sizeof(reason)));
}

static void what_is_loaded_and_no_longer_installed_is_gone(void **state)
{
	struct module_state module = { .loaded = true, .by_dkms = true };

	(void)state;
	assert_true(module_is_gone(&module));
	module.installed = true;
	assert_false(module_is_gone(&module));
	module = (struct module_state){ .loaded = true };	/* by hand */
	assert_false(module_is_gone(&module));
	module = (struct module_state){ .by_dkms = true };	/* told as not loaded */
	assert_false(module_is_gone(&module));
}

static void what_cannot_be_written_is_told(void **state)
{
	struct world *world = *state;

	assert_int_equal(module_trial_begin(world->root, "0.1.0"), -ENOENT);
	put(world, "/var/lib/hadal-module", "a file");
	assert_int_equal(module_trial_begin(world->root, "0.1.0"), -ENOTDIR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_command_line_switches_off, up, down),
		cmocka_unit_test_setup_teardown(without_switches_it_is_loaded, up, down),
		cmocka_unit_test_setup_teardown(off_is_off_whoever_says_so, up, down),
		cmocka_unit_test_setup_teardown(a_canary_needs_to_be_told, up, down),
		cmocka_unit_test_setup_teardown(who_cannot_be_asked_has_not_said_off, up, down),
		cmocka_unit_test_setup_teardown(a_clock_that_is_set_costs_no_patience, up, down),
		cmocka_unit_test_setup_teardown(nonsense_is_neither_on_nor_off, up, down),
		cmocka_unit_test_setup_teardown(a_wrong_parameter_is_not_shown, up, down),
		cmocka_unit_test_setup_teardown(what_cannot_be_asked_for_is_refused, up, down),
		cmocka_unit_test_setup_teardown(a_trial_ends, up, down),
		cmocka_unit_test_setup_teardown(the_next_boot_holds_it, up, down),
		cmocka_unit_test_setup_teardown(a_marker_that_cannot_be_read_holds_too, up, down),
		cmocka_unit_test_setup_teardown(an_oops_fails_the_trial, up, down),
		cmocka_unit_test_setup_teardown(a_second_oops_fails_the_trial, up, down),
		cmocka_unit_test_setup_teardown(a_note_without_a_count_is_read, up, down),
		cmocka_unit_test_setup_teardown(who_switched_it_off_is_noted, up, down),
		cmocka_unit_test(what_is_loaded_and_no_longer_installed_is_gone),
		cmocka_unit_test_setup_teardown(what_cannot_be_written_is_told, up, down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
