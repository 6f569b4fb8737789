/* SPDX-License-Identifier: MIT */
/*
 * hadal module: loads the module only where it is switched on and did not take the host
 * down before, and takes it out again.
 */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/utsname.h>

#include "checks.h"
#include "cli.h"
#include "host.h"
#include "module.h"
#include "options.h"

#define PATIENCE	20	/* s that AWS is asked for its switches: a boot goes on meanwhile */

struct options {
	const char *config;
	bool direct;
	bool json;
};

/* In this boot, so that the next one has it in quarantine. */
static bool trial_has_failed(void)
{
	struct quarantine_marker marker;

	return quarantine_look("", &marker) == QUARANTINE_TRIAL && module_trial_failed("", &marker);
}

/* ---- load ---- */

/* An exit status, or -1: nothing is in the way. */
static int look_at_quarantine(void)
{
	struct quarantine_marker marker;
	char text[256];

	if (trial_has_failed()) {
		complain("module: the kernel has had an oops or a lockup since the module was loaded: it is not loaded again "
			 "before 'hadal module release' lets it");
		return EXIT_QUARANTINED;
	}
	if (quarantine_look("", &marker) != QUARANTINE_HELD)
		return -1;
	module_trial_tell(&marker, text, sizeof(text));
	complain("module: quarantined: the host went down before the module had done well for ten minutes (%s); "
		 "'hadal module release' lets it try again", text);
	return EXIT_QUARANTINED;
}

static int look_at_switches(const struct options *options)
{
	struct module_verdict verdict;
	struct config config;

	if (!config_load_files(&config, options->config, stderr))
		config_check_switches(&config);
	if (config.errors) {
		complain("module: the configuration is wrong, and whether the module may be loaded not known: nothing was changed");
		config_free(&config);
		return EXIT_FAILED;
	}
	module_decide(&config, "", PATIENCE, &verdict);
	config_free(&config);
	module_note_off("", verdict.load ? "" : verdict.reason);
	if (!verdict.load) {
		complain("module: switched off: %s", verdict.reason);
		return EXIT_SWITCHED_OFF;
	}
	if (verdict.reason[0])
		complain("module: %s: it is loaded all the same", verdict.reason);
	return -1;
}

/* An exit status, or -1: it may be loaded. */
static int look_at_all(const struct options *options)
{
	int status = look_at_quarantine();

	return status < 0 ? look_at_switches(options) : status;
}

/* The unit watches over the trial: its timer ends it, and so does a clean shutdown. */
static int load_by_unit(void)
{
	char version[64];

	if (service_do("restart", MODULE_UNIT) && module_loaded(version, sizeof(version))) {
		printf("loaded %s, by " MODULE_UNIT "\n", version);
		return EXIT_WELL;
	}
	complain("module load: " MODULE_UNIT " did not load it: 'journalctl -u " MODULE_UNIT "' says why");
	return EXIT_FAILED;
}

static int load_here(bool by_unit)
{
	char version[64], error[MODULE_ERROR_SIZE];
	int result;

	module_installed(version, sizeof(version));
	result = module_trial_begin("", version);
	if (result) {
		complain("module load: the trial can't be noted in " QUARANTINE_DIRECTORY ": %s", strerror(-result));
		return EXIT_FAILED;
	}
	if (module_insert(error)) {
		complain("module load: %s", error);
		module_trial_end("");
		return EXIT_FAILED;
	}
	module_loaded(version, sizeof(version));
	printf("loaded %s\n", version);
	if (!by_unit)
		puts("on trial: 'hadal module confirm' in ten minutes ends that, and nothing else does, since there is no "
		     MODULE_UNIT " here");
	return EXIT_WELL;
}

static int load(const struct options *options)
{
	char version[64];
	int status;

	if (module_loaded(version, sizeof(version))) {
		printf("%s is loaded already\n", version);
		return EXIT_WELL;
	}
	status = look_at_all(options);
	if (status >= 0)
		return status;
	return options->direct || !service_is_known(MODULE_UNIT) ? load_here(options->direct) : load_by_unit();
}

/* ---- the trial ---- */

static int end_trial(const char *command)
{
	int result = module_trial_end("");

	if (!result)
		return EXIT_WELL;
	complain("module %s: " QUARANTINE_DIRECTORY "/" QUARANTINE_FILE ": %s", command, strerror(-result));
	return EXIT_FAILED;
}

static int confirm(const struct options *options)
{
	struct quarantine_marker marker;
	enum quarantine found = quarantine_look("", &marker);
	char version[64];

	(void)options;
	if (found == QUARANTINE_HELD) {
		complain("module confirm: quarantined, which 'hadal module release' alone ends");
		return EXIT_QUARANTINED;
	}
	if (found == QUARANTINE_NONE)
		return EXIT_WELL;
	if (module_trial_failed("", &marker)) {
		complain("module confirm: the kernel has had an oops or a lockup since the module was loaded: it stays on "
			 "trial, and is in quarantine from the next boot on");
		return EXIT_FAILED;
	}
	if (!module_loaded(version, sizeof(version)))
		return end_trial("confirm");
	printf("%s has done well\n", version);
	return end_trial("confirm");
}

static int release(const struct options *options)
{
	struct quarantine_marker marker;
	char text[256];

	(void)options;
	if (quarantine_look("", &marker) != QUARANTINE_HELD && !trial_has_failed()) {
		puts("not in quarantine");
		return EXIT_WELL;
	}
	if (end_trial("release"))
		return EXIT_FAILED;
	module_trial_tell(&marker, text, sizeof(text));
	printf("released (%s): 'hadal module load' or the next boot loads it\n", text);
	return EXIT_WELL;
}

/* ---- unload ---- */

/* Only its own: what another boot left stays, and so does that of a trial that has failed. */
static int end_trial_of_boot(const char *command)
{
	struct quarantine_marker marker;

	if (trial_has_failed()) {
		complain("module %s: the kernel has had an oops or a lockup since the module was loaded: it is in quarantine "
			 "from the next boot on", command);
		return EXIT_FAILED;
	}
	return quarantine_look("", &marker) == QUARANTINE_TRIAL ? end_trial(command) : EXIT_WELL;
}

static int unload(const struct options *options)
{
	char version[64], error[MODULE_ERROR_SIZE];

	/* A host that goes down in good order has not been taken down, and needs no unloading. */
	if (host_is_stopping())
		return confirm(options);
	if (module_loaded(version, sizeof(version))) {
		if (module_remove(error)) {
			complain("module unload: %s stays loaded: %s", version, error);
			return EXIT_FAILED;
		}
		printf("unloaded %s\n", version);
	}
	return end_trial_of_boot("unload");
}

/* ---- reload ---- */

static int change_over(const struct options *options)
{
	int status = unload(options);

	return status ? status : load(options);
}

/* An exit status, or -1: nothing is seen for which the kernel would refuse it. */
static int look_at_file(void)
{
	char path[PATH_MAX], why[PATH_MAX + 512];
	struct host host = { .root = "", .running = true };
	struct utsname name;

	if (!module_find(path, sizeof(path))) {
		complain("module: no hadal.ko is installed for this kernel: 'hadal doctor' says what is missing");
		return EXIT_FAILED;
	}
	uname(&name);
	snprintf(host.release, sizeof(host.release), "%s", name.release);
	host_take_module(&host, path);
	if (!module_would_be_refused(&host, why, sizeof(why)))
		return -1;
	complain("module: the kernel would not take it: %s", why);
	return EXIT_FAILED;
}

/* What could not be loaded again is not unloaded. An exit status, or -1: there is something to change over to. */
static int look_ahead(const struct options *options)
{
	int status = look_at_all(options);

	if (status < 0)
		status = look_at_file();
	if (status >= 0)
		complain("module reload: nothing was changed");
	return status;
}

/* Who interrupts it, hangs up or reads no more finds hadald as it was: they wait until it is. */
static void hold_signals(sigset_t *before)
{
	sigset_t held;

	sigemptyset(&held);
	sigaddset(&held, SIGHUP);
	sigaddset(&held, SIGINT);
	sigaddset(&held, SIGPIPE);
	sigaddset(&held, SIGTERM);
	sigprocmask(SIG_BLOCK, &held, before);
}

static int change_over_without_collector(const struct options *options)
{
	bool was_active = service_is_active(COLLECTOR_UNIT);
	int status;

	if (was_active && !service_do("stop", COLLECTOR_UNIT)) {
		complain("module reload: " COLLECTOR_UNIT " does not stop: nothing was changed");
		return EXIT_FAILED;
	}
	status = change_over(options);
	if (was_active && !service_do("start", COLLECTOR_UNIT)) {
		complain("module reload: " COLLECTOR_UNIT " does not start: 'journalctl -u " COLLECTOR_UNIT "' says why");
		return EXIT_FAILED;
	}
	return status;
}

static int reload(const struct options *options)
{
	int status = look_ahead(options);
	sigset_t before;

	if (status >= 0)
		return status;
	hold_signals(&before);
	status = change_over_without_collector(options);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return status;
}

/* ---- the command ---- */

static const struct option_entry configured[] = {
	OPTION_TEXT("config", struct options, config),
	OPTION_FLAG("direct", struct options, direct),
	{ .name = NULL },
};

static const struct option_entry machine_readable[] = {
	OPTION_FLAG("json", struct options, json),
	{ .name = NULL },
};

static const struct option_entry none[] = { { .name = NULL } };

static int status(const struct options *options)
{
	return module_status(options->json);
}

static const struct {
	const char *name;
	int (*run)(const struct options *options);
	const struct option_entry *entries;
} actions[] = {
	{ "status", status, machine_readable },
	{ "load", load, configured },
	{ "unload", unload, none },
	{ "reload", reload, configured },
	{ "confirm", confirm, none },
	{ "release", release, none },
};

enum { ACTIONS = sizeof(actions) / sizeof(actions[0]) };

static void help(void)
{
	fputs("Usage: hadal module ACTION [OPTION...]\n"
	      "\n"
	      "Loads the module where it may be, and takes it out again.\n"
	      "\n"
	      "  status         what is loaded, what is installed, and whether it is on trial or in\n"
	      "                 quarantine; exits with 1 where it is not loaded\n"
	      "  load           unless it is switched off (exits with 3) or in quarantine (with 4)\n"
	      "  unload         waits some seconds for who has it open\n"
	      "  reload         stops hadald, changes the loaded module for the installed one, starts hadald\n"
	      "  confirm        it has done well: ends the trial. " MODULE_UNIT " has a timer for that\n"
	      "  release        ends the quarantine\n"
	      "\n"
	      "  --json         status: the same for programs\n"
	      "  --config FILE  load, reload: of module.load, instead of " CONFIG_DEFAULT_PATH "\n"
	      "  --direct       load, reload: here, and not by way of " MODULE_UNIT "\n", stdout);
}

static int run(const char *name, int argc, char **argv)
{
	struct options options = { .json = false };
	int result;

	for (int i = 0; i < ACTIONS; i++) {
		if (strcmp(actions[i].name, name))
			continue;
		result = read_options(argc, argv, actions[i].entries, help, &options);
		return result >= 0 ? result : actions[i].run(&options);
	}
	complain("module: %s is not an action; 'hadal module --help' lists them", name);
	return EXIT_USAGE;
}

int command_module(int argc, char **argv)
{
	char *action;

	if (argc < 2) {
		complain("module: which action? 'hadal module --help' lists them");
		return EXIT_USAGE;
	}
	action = argv[1];
	if (action[0] == '-')
		return read_options(argc, argv, none, help, NULL) == EXIT_WELL ? EXIT_WELL : EXIT_USAGE;
	/* What is wrong is said of "module". */
	argv[1] = argv[0];
	return run(action, argc - 1, argv + 1);
}
