/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include <json-c/json.h>

#include "cli.h"
#include "host.h"
#include "module.h"

const char *module_trial_name(enum quarantine quarantine)
{
	static const char *const names[] = {
		[QUARANTINE_NONE] = "none",
		[QUARANTINE_TRIAL] = "trial",
		[QUARANTINE_HELD] = "quarantined",
	};

	return names[quarantine];
}

static bool is_by_dkms(void)
{
	struct host host = { .root = "" };
	struct utsname name;

	uname(&name);
	snprintf(host.release, sizeof(host.release), "%s", name.release);
	return host_has_dkms_build(&host);
}

void module_state_read(struct module_state *state)
{
	*state = (struct module_state){ .loaded = false };
	state->loaded = module_loaded(state->version, sizeof(state->version));
	state->installed = module_installed(state->installed_version, sizeof(state->installed_version));
	state->by_dkms = is_by_dkms();
	state->quarantine = quarantine_look("", &state->marker);
	if (!quarantine_is_off("", state->off, sizeof(state->off)) || state->loaded)
		state->off[0] = '\0';
}

bool module_is_outdated(const struct module_state *state)
{
	return state->loaded && state->installed && strcmp(state->version, state->installed_version) != 0;
}

/* Who loads one by hand, or from a container, need not have it installed. */
bool module_is_gone(const struct module_state *state)
{
	return state->loaded && !state->installed && state->by_dkms;
}

static void print_trial(const struct module_state *state)
{
	char text[256];

	module_trial_tell(&state->marker, text, sizeof(text));
	if (state->quarantine == QUARANTINE_TRIAL)
		printf("%-12s on trial: %s\n", "trial", text);
	else if (state->quarantine == QUARANTINE_HELD)
		printf("%-12s quarantined: %s; 'hadal module release' lets it try again\n", "trial", text);
}

static void print_state(const struct module_state *state)
{
	if (state->loaded)
		printf("%-12s %s\n", "loaded", state->version);
	else
		printf("%-12s no%s%s\n", "loaded", *state->off ? ", switched off: " : "", state->off);
	if (state->installed)
		printf("%-12s %s%s\n", "installed", state->installed_version,
		       module_is_outdated(state) ? ": 'hadal module reload' changes over" : "");
	else
		printf("%-12s no, for this kernel: 'hadal doctor' says what is missing\n", "installed");
	print_trial(state);
}

static void add_text(struct json_object *object, const char *name, const char *text)
{
	json_object_object_add(object, name, json_object_new_string(text));
}

/* Members that do not apply are absent. */
static void print_json(const struct module_state *state)
{
	struct json_object *object = json_object_new_object();

	if (state->loaded)
		add_text(object, "loaded", state->version);
	if (state->installed)
		add_text(object, "installed", state->installed_version);
	if (state->off[0])
		add_text(object, "off", state->off);
	add_text(object, "trial", module_trial_name(state->quarantine));
	if (state->quarantine != QUARANTINE_NONE) {
		add_text(object, "trial.module", state->marker.module);
		add_text(object, "trial.kernel", state->marker.kernel);
		add_text(object, "trial.time", state->marker.time);
	}
	puts(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(object);
}

int module_status(bool json)
{
	struct module_state state;

	module_state_read(&state);
	if (json)
		print_json(&state);
	else
		print_state(&state);
	return state.loaded ? EXIT_WELL : EXIT_FAILED;
}
