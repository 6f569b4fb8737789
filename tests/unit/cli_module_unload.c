/* SPDX-License-Identifier: MIT */
/*
 * hadal module unload, reload and the trial: over a kernel and a systemd that say what a test has
 * them say, by the linker's --wrap (build.mk).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "checks.h"
#include "cli.h"
#include "module.h"

static struct {
	bool stopping, loaded, in_use, oops;
	bool refused;		/* what is installed */
	bool on_trial;
	unsigned int removals;
	bool collector;		/* runs */
	bool signalled, collector_at_signal;
} world;

bool __wrap_host_is_stopping(void);
bool __wrap_module_loaded(char *version, size_t size);
int __wrap_module_remove(char error[MODULE_ERROR_SIZE]);
enum quarantine __wrap_quarantine_look(const char *root, struct quarantine_marker *marker);
bool __wrap_module_trial_failed(const char *root, const struct quarantine_marker *marker);
int __wrap_module_trial_end(const char *root);
int __wrap_module_trial_begin(const char *root, const char *version);
int __wrap_module_note_off(const char *root, const char *reason);
void __wrap_module_decide(const struct config *config, const char *root, unsigned int patience,
			  struct module_verdict *verdict);
bool __wrap_module_installed(char *version, size_t size);
bool __wrap_module_find(char *path, size_t size);
bool __wrap_module_would_be_refused(const struct host *host, char *why, size_t size);
int __wrap_module_insert(char error[MODULE_ERROR_SIZE]);
bool __wrap_service_is_known(const char *unit);
bool __wrap_service_is_active(const char *unit);
bool __wrap_service_do(const char *verb, const char *unit);

bool __wrap_host_is_stopping(void)
{
	return world.stopping;
}

bool __wrap_module_loaded(char *version, size_t size)
{
	snprintf(version, size, "0.1.0");
	return world.loaded;
}

int __wrap_module_remove(char error[MODULE_ERROR_SIZE])
{
	world.removals++;
	strcpy(error, "it is in use");
	if (world.in_use)
		return -EAGAIN;
	world.loaded = false;
	return 0;
}

enum quarantine __wrap_quarantine_look(const char *root, struct quarantine_marker *marker)
{
	(void)root;
	*marker = (struct quarantine_marker){ .taint = 0 };
	return world.on_trial ? QUARANTINE_TRIAL : QUARANTINE_NONE;
}

bool __wrap_module_trial_failed(const char *root, const struct quarantine_marker *marker)
{
	(void)root;
	(void)marker;
	return world.oops;
}

int __wrap_module_trial_end(const char *root)
{
	(void)root;
	world.on_trial = false;
	return 0;
}

int __wrap_module_trial_begin(const char *root, const char *version)
{
	(void)root;
	(void)version;
	world.on_trial = true;
	return 0;
}

int __wrap_module_note_off(const char *root, const char *reason)
{
	(void)root;
	(void)reason;
	return 0;
}

void __wrap_module_decide(const struct config *config, const char *root, unsigned int patience,
			  struct module_verdict *verdict)
{
	(void)config;
	(void)root;
	(void)patience;
	*verdict = (struct module_verdict){ .load = true };
}

bool __wrap_module_installed(char *version, size_t size)
{
	snprintf(version, size, "0.1.0");
	return true;
}

bool __wrap_module_find(char *path, size_t size)
{
	snprintf(path, size, "/lib/modules/hadal.ko");
	return true;
}

bool __wrap_module_would_be_refused(const struct host *host, char *why, size_t size)
{
	assert_string_equal(host->module_path, "/lib/modules/hadal.ko");
	assert_true(host->release[0]);
	snprintf(why, size, "it is not signed");
	return world.refused;
}

int __wrap_module_insert(char error[MODULE_ERROR_SIZE])
{
	(void)error;
	world.loaded = true;
	return 0;
}

bool __wrap_service_is_known(const char *unit)
{
	(void)unit;
	return false;
}

bool __wrap_service_is_active(const char *unit)
{
	(void)unit;
	return world.collector;
}

/* Somebody loses patience just then. */
bool __wrap_service_do(const char *verb, const char *unit)
{
	assert_string_equal(unit, COLLECTOR_UNIT);
	world.collector = strcmp(verb, "stop");
	if (!world.collector)
		raise(SIGINT);
	return true;
}

static int run(const char *verb)
{
	char name[] = "module", action[16], *arguments[] = { name, action, NULL };

	snprintf(action, sizeof(action), "%s", verb);
	return command_module(2, arguments);
}

static int unload(void)
{
	return run("unload");
}

static int up(void **state)
{
	(void)state;
	memset(&world, 0, sizeof(world));
	world.loaded = world.on_trial = true;
	return 0;
}

static void what_is_unloaded_is_on_trial_no_more(void **state)
{
	(void)state;
	assert_int_equal(unload(), EXIT_WELL);
	assert_false(world.loaded);
	assert_false(world.on_trial);
}

static void what_is_in_use_stays_on_trial(void **state)
{
	(void)state;
	world.in_use = true;
	assert_int_equal(unload(), EXIT_FAILED);
	assert_true(world.on_trial);
}

static void a_host_that_stops_ends_the_trial_and_unloads_nothing(void **state)
{
	(void)state;
	world.stopping = world.in_use = true;
	assert_int_equal(unload(), EXIT_WELL);
	assert_int_equal(world.removals, 0);
	assert_false(world.on_trial);
}

/* As 'confirm' says it: in quarantine from the next boot on. */
static void after_an_oops_a_host_that_stops_does_not(void **state)
{
	(void)state;
	world.stopping = world.oops = true;
	assert_int_equal(unload(), EXIT_FAILED);
	assert_int_equal(world.removals, 0);
	assert_true(world.on_trial);
}

/* Out is out, but its note stays: who loads it again has to say so. */
static void after_an_oops_an_unloaded_one_stays_in_quarantine(void **state)
{
	(void)state;
	world.oops = true;
	assert_int_equal(unload(), EXIT_FAILED);
	assert_false(world.loaded);
	assert_true(world.on_trial);
	assert_int_equal(run("load"), EXIT_QUARANTINED);
	assert_false(world.loaded);
	assert_int_equal(run("release"), EXIT_WELL);
	assert_false(world.on_trial);
}

static void take_signal(int signal)
{
	(void)signal;
	world.signalled = true;
	world.collector_at_signal = world.collector;
}

static int reload(void)
{
	char name[] = "module", action[] = "reload", option[] = "--config", file[] = "/dev/null";
	char *arguments[] = { name, action, option, file, NULL };

	return command_module(4, arguments);
}

static void after_an_oops_nothing_is_reloaded(void **state)
{
	(void)state;
	world.oops = world.collector = true;
	assert_int_equal(reload(), EXIT_QUARANTINED);
	assert_int_equal(world.removals, 0);
	assert_true(world.loaded && world.on_trial && world.collector);
}

static void what_the_kernel_would_refuse_is_not_changed_over_to(void **state)
{
	(void)state;
	world.refused = world.collector = true;
	assert_int_equal(reload(), EXIT_FAILED);
	assert_int_equal(world.removals, 0);
	assert_true(world.loaded && world.on_trial && world.collector);
}

static void an_interrupted_reload_leaves_no_collector_stopped(void **state)
{
	void (*before)(int) = signal(SIGINT, take_signal);

	(void)state;
	world.collector = true;
	assert_int_equal(reload(), EXIT_WELL);
	assert_true(world.loaded && world.on_trial && world.collector);
	assert_int_equal(world.removals, 1);
	assert_true(world.signalled);
	assert_true(world.collector_at_signal);
	signal(SIGINT, before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(what_is_unloaded_is_on_trial_no_more, up),
		cmocka_unit_test_setup(what_is_in_use_stays_on_trial, up),
		cmocka_unit_test_setup(a_host_that_stops_ends_the_trial_and_unloads_nothing, up),
		cmocka_unit_test_setup(after_an_oops_a_host_that_stops_does_not, up),
		cmocka_unit_test_setup(after_an_oops_an_unloaded_one_stays_in_quarantine, up),
		cmocka_unit_test_setup(after_an_oops_nothing_is_reloaded, up),
		cmocka_unit_test_setup(what_the_kernel_would_refuse_is_not_changed_over_to, up),
		cmocka_unit_test_setup(an_interrupted_reload_leaves_no_collector_stopped, up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
