/* SPDX-License-Identifier: MIT */
/*
 * The switches of the module. Off is off, whoever says so. What can't be asked has not
 * said off: with module.load = on that loads it, since an outage of AWS's interfaces is
 * no reason to see less; with canary only a plain on does.
 */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "auth.h"
#include "aws_secret.h"
#include "cli.h"
#include "clock.h"
#include "config_keys.h"
#include "imds.h"
#include "module.h"

#define TAGS		"/latest/meta-data/tags/instance"
#define ASK_AGAIN	2	/* s */
#define NSEC_PER_SEC	1000000000ULL

enum answer {
	ANSWER_NONE,	/* is not configured, or says nothing */
	ANSWER_ON,
	ANSWER_OFF,
	ANSWER_UNKNOWN,	/* could not be asked, or says what is none of these */
};

struct asked {
	const char *kind, *name;	/* "the tag", its key */
	enum answer answer;
	char detail[AWS_ERROR_SIZE];	/* of unknown: why */
};

/* ---- the kernel's command line ---- */

bool module_disabled_by(const char *command_line)
{
	static const char word[] = "hadal.disable";
	const char *at = command_line;

	while (at += strspn(at, " \t\n"), *at) {
		size_t length = strcspn(at, " \t\n");

		if (length >= sizeof(word) - 1 && !strncmp(at, word, sizeof(word) - 1)) {
			const char *value = at + sizeof(word) - 1, *end = at + length;

			if (value == end || (value[0] == '=' && (value + 1 == end || !strchr("0nN", value[1]))))
				return true;
		}
		at += length;
	}
	return false;
}

static bool is_disabled(const char *root)
{
	char path[PATH_MAX], line[4096];

	snprintf(path, sizeof(path), "%s/proc/cmdline", root);
	return read_line_of(path, line, sizeof(line)) == 0 && module_disabled_by(line);
}

/* ---- answers ---- */

static enum answer answer_of(const char *text)
{
	size_t length = strcspn(text, "\r\n");

	if (length == 2 && !strncmp(text, "on", length))
		return ANSWER_ON;
	if (length == 3 && !strncmp(text, "off", length))
		return ANSWER_OFF;
	return ANSWER_UNKNOWN;
}

static void take_tag(struct asked *tag, const char *text)
{
	size_t length = strcspn(text, "\r\n");

	tag->answer = answer_of(text);
	if (tag->answer == ANSWER_UNKNOWN)
		snprintf(tag->detail, sizeof(tag->detail), "it is '%.*s', which is neither 'on' nor 'off'",
			 (int)(length < 64 ? length : 64), text);
}

/* Its value is not shown: where the wrong one is named, that may be a secret. */
static void take_parameter(struct asked *parameter, const char *text)
{
	parameter->answer = answer_of(text);
	if (parameter->answer == ANSWER_UNKNOWN)
		snprintf(parameter->detail, sizeof(parameter->detail), "it is neither 'on' nor 'off'");
}

static bool has_line(const char *text, const char *line)
{
	size_t length = strlen(line);

	while (strncmp(text, line, length) || (text[length] && text[length] != '\n')) {
		text = strchr(text, '\n');
		if (!text++)
			return false;
	}
	return true;
}

/* A tag that is not there is told from a service that is not by the list of them. */
static bool ask_metadata(struct http *http, const char *base, struct asked *tag)
{
	char path[256];
	struct http_body body = { 0 };
	bool found;

	if (!base || !*base)
		return false;
	found = imds_get(http, base, TAGS, &body) == IDENTITY_FOUND && body.data;
	tag->answer = ANSWER_NONE;
	if (found && has_line(body.data, tag->name)) {
		http_body_free(&body);
		snprintf(path, sizeof(path), TAGS "/%s", tag->name);
		found = imds_get(http, base, path, &body) == IDENTITY_FOUND && body.data;
		if (found)
			take_tag(tag, body.data);
	}
	http_body_free(&body);
	return found;
}

static void ask_tag(struct http *http, const struct config *config, struct asked *tag)
{
	if (ask_metadata(http, config->ec2_metadata, tag) || ask_metadata(http, config->ec2_metadata_ipv6, tag))
		return;
	tag->answer = ANSWER_UNKNOWN;
	snprintf(tag->detail, sizeof(tag->detail),
		 "the instance's metadata has no tags (InstanceMetadataTags must be enabled), or does not answer");
}

static void ask_parameter(struct http *http, const struct config *config, struct asked *parameter)
{
	const struct aws_secret secret = {
		.kind = AWS_SECRET_PARAMETER, .name = parameter->name, .region = auth_region(config),
		.endpoint = config->module_parameter_endpoint, .sources = auth_sources(config),
	};
	char value[TOKEN_SIZE];

	parameter->answer = ANSWER_UNKNOWN;
	if (!aws_secret_get(http, &secret, value, parameter->detail))
		take_parameter(parameter, value);
	explicit_bzero(value, sizeof(value));
}

/* ---- the decision ---- */

enum { TAG, PARAMETER, ASKED };

static bool any_is(const struct asked asked[ASKED], enum answer answer)
{
	return asked[TAG].answer == answer || asked[PARAMETER].answer == answer;
}

static void ask(struct http *http, const struct config *config, struct asked asked[ASKED])
{
	if (asked[TAG].answer == ANSWER_UNKNOWN)
		ask_tag(http, config, &asked[TAG]);
	/* An off needs no second. */
	if (asked[TAG].answer != ANSWER_OFF && asked[PARAMETER].answer == ANSWER_UNKNOWN)
		ask_parameter(http, config, &asked[PARAMETER]);
}

static struct asked to_ask(const char *kind, const char *name)
{
	return (struct asked){
		.kind = kind, .name = name, .answer = name && *name ? ANSWER_UNKNOWN : ANSWER_NONE, .detail = "no memory",
	};
}

/* At a boot the network may come later, and the wall clock jump. */
static void ask_all(const struct config *config, unsigned int patience, struct asked asked[ASKED])
{
	struct http *http = http_new(NULL);
	uint64_t end = now_ns() + patience * NSEC_PER_SEC;

	asked[TAG] = to_ask("the tag", config->module_tag);
	asked[PARAMETER] = to_ask("the parameter", config->module_parameter);
	while (http && any_is(asked, ANSWER_UNKNOWN)) {
		ask(http, config, asked);
		if (any_is(asked, ANSWER_OFF) || !any_is(asked, ANSWER_UNKNOWN) || now_ns() >= end)
			break;
		sleep(ASK_AGAIN);
	}
	http_free(http);
}

/* Adds what @asked has said, if that was @answer. */
static void tell(const struct asked *asked, enum answer answer, struct module_verdict *verdict)
{
	size_t length = strlen(verdict->reason);
	char *to = verdict->reason + length;
	size_t size = sizeof(verdict->reason) - length;
	const char *between = length ? "; " : "";

	if (asked->answer != answer || !asked->name || !*asked->name)
		return;
	if (answer == ANSWER_UNKNOWN)
		snprintf(to, size, "%s%s %.256s can't be asked: %s", between, asked->kind, asked->name, asked->detail);
	else
		snprintf(to, size, "%s%s %.256s is %s", between, asked->kind, asked->name,
			 answer == ANSWER_OFF ? "off" : "not set");
}

static void tell_all(const struct asked asked[ASKED], enum answer answer, struct module_verdict *verdict)
{
	for (int i = 0; i < ASKED; i++)
		tell(&asked[i], answer, verdict);
}

static void decide_by_answers(const struct config *config, const struct asked asked[ASKED],
			      struct module_verdict *verdict)
{
	if (any_is(asked, ANSWER_OFF)) {
		tell_all(asked, ANSWER_OFF, verdict);
		return;
	}
	verdict->load = config->module_load == CONFIG_MODULE_ON || any_is(asked, ANSWER_ON);
	if (!verdict->load) {
		snprintf(verdict->reason, sizeof(verdict->reason), "%s: module.load is canary",
			 config_origin(config, "module.load"));
		tell_all(asked, ANSWER_NONE, verdict);
	}
	tell_all(asked, ANSWER_UNKNOWN, verdict);
}

void module_decide(const struct config *config, const char *root, unsigned int patience, struct module_verdict *verdict)
{
	struct asked asked[ASKED];

	*verdict = (struct module_verdict){ .load = false };
	if (is_disabled(root)) {
		snprintf(verdict->reason, sizeof(verdict->reason), "hadal.disable is on the kernel's command line");
		return;
	}
	if (config->module_load == CONFIG_MODULE_OFF) {
		snprintf(verdict->reason, sizeof(verdict->reason), "%s: module.load is off",
			 config_origin(config, "module.load"));
		return;
	}
	ask_all(config, patience, asked);
	decide_by_answers(config, asked, verdict);
}
