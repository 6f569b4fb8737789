/* SPDX-License-Identifier: MIT */
#include <ctype.h>
#include <errno.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "redact.h"

#define NAME_CHARACTERS	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."
#define NAME_SEPARATORS	"-_."

enum { NAME_SIZE = 128 };

/* What of a match is the secret. */
struct shape {
	const char *pattern;
	unsigned int group;
};

static const struct shape shapes[] = {
	{ "://([^[:space:]\"'<>]*)@", 1 },	/* of a URL: user and password */
	{ "(AKIA|ASIA)[0-9A-Z]{8,}", 0 },	/* of AWS: id of an access key */
	{ "(bearer|basic)[[:space:]]+([^[:space:]\"']+)", 2 },
	{ "eyJ[A-Za-z0-9_-]{4,}[A-Za-z0-9_.-]*", 0 },	/* a web token */
	{ "gh[pousr]_[A-Za-z0-9]+|github_pat_[A-Za-z0-9_]+|glpat-[A-Za-z0-9_-]+", 0 },
	{ "xox[a-z]-[A-Za-z0-9-]+|[rs]k_(live|test)_[A-Za-z0-9]+", 0 },
	{ "-----BEGIN [A-Z ]*PRIVATE KEY.*", 0 },
};

enum { SHAPES = sizeof(shapes) / sizeof(shapes[0]), GROUPS = 3 };

struct redactor {
	regex_t shapes[SHAPES];
	regex_t own;
	unsigned int compiled;	/* of the shapes */
	bool has_own;
};

/* In names without case and separators: DB_PASSWORD, --accessKey, spring.datasource.password. */
static const char *const secret_parts[] = {
	"password", "passwd", "passphrase", "passwort", "secret", "token", "credential", "authorization", "apikey",
	"accesskey", "privatekey", "masterkey", "signingkey", "encryptionkey", "accountkey", "authkey", "signature",
	"cookie", "connectionstring",
};

/* Between separators; within longer words they mean something else. */
static const char *const secret_words[] = { "pass", "pwd", "pw", "auth", "psk", "sig", "passin", "passout" };

#define MYSQL_LETTERS	"aAbBcCEfFGHiIjKlLnNoqQRstUvVxXyY"

/* One letter, of programs that take a secret by it, in the same argument or the next. */
static const struct secret_letter {
	const char *program;	/* how its name begins */
	char letter;
	const char *before;	/* that take nothing, and may stand before it in one argument */
} secret_letters[] = {
	{ "mysql", 'p', MYSQL_LETTERS }, { "mariadb", 'p', MYSQL_LETTERS }, { "mongo", 'p', "" },
	{ "sshpass", 'p', "v" }, { "curl", 'u', "#012346aBfgGiIjJklLMnNOpqRsSvVZ" },
	{ "redis-cli", 'a', "" }, { "ldap", 'w', "AcCILMnNQtuvVxZ" },
	{ "smbclient", 'U', "eEgkNPq" },
};

/* ---- names ---- */

static bool has_secret_part(const char *name, size_t length)
{
	char plain[NAME_SIZE];
	size_t count = 0;

	for (size_t i = 0; i < length && count < sizeof(plain) - 1; i++) {
		if (!strchr(NAME_SEPARATORS, name[i]))
			plain[count++] = (char)tolower((unsigned char)name[i]);
	}
	plain[count] = '\0';
	for (size_t i = 0; i < sizeof(secret_parts) / sizeof(secret_parts[0]); i++) {
		if (strstr(plain, secret_parts[i]))
			return true;
	}
	return false;
}

static bool is_secret_word(const char *word, size_t length)
{
	for (size_t i = 0; i < sizeof(secret_words) / sizeof(secret_words[0]); i++) {
		if (strlen(secret_words[i]) == length && strncasecmp(secret_words[i], word, length) == 0)
			return true;
	}
	return false;
}

static bool has_secret_word(const char *name, size_t length)
{
	const char *end = name + length;

	while (name < end) {
		size_t word = strcspn(name, NAME_SEPARATORS);

		if (word > (size_t)(end - name))
			word = (size_t)(end - name);
		if (is_secret_word(name, word))
			return true;
		name += word + 1;
	}
	return false;
}

/*
 * Where in @text the value of a secret begins, which then goes on to its end:
 * where else it might end is not ours to guess. NULL: there is none; it is the
 * next argument if @next.
 */
static char *find_value(char *text, bool *next)
{
	size_t length;

	for (; *text; text += length ? length : 1) {
		char *after;

		length = strspn(text, NAME_CHARACTERS);
		if (!length || (!has_secret_part(text, length) && !has_secret_word(text, length)))
			continue;
		after = text + length + strspn(text + length, "\"' \t\n");
		*next = !*after && *text == '-';
		if (*after == '=' || *after == ':') {
			*next = !after[1];
			return after + 1;
		}
		if (*text == '-' && after > text + length)
			return after;
		if (*next)
			return NULL;
	}
	return NULL;
}

/* ---- one argument ---- */

static int replace(char **text, char *with)
{
	if (!with)
		return -ENOMEM;
	free(*text);
	*text = with;
	return 0;
}

/* @from: within *@text; from there on it is a secret. */
static int replace_rest(char **text, const char *from)
{
	char *with;

	if (!*from)
		return 0;
	return replace(text, asprintf(&with, "%.*s" REDACTED, (int)(from - *text), *text) < 0 ? NULL : with);
}

static int replace_matches(char **text, const regex_t *regex, unsigned int group)
{
	const char *rest = *text;
	regmatch_t match[GROUPS];
	size_t size, found = 0;
	char *with = NULL;
	FILE *out = open_memstream(&with, &size);

	if (!out)
		return -ENOMEM;
	while (*rest && !regexec(regex, rest, GROUPS, match, rest == *text ? 0 : REG_NOTBOL)) {
		if (match[0].rm_eo == 0)
			break;	/* the empty text, which is found again and again */
		fprintf(out, "%.*s" REDACTED "%.*s", (int)match[group].rm_so, rest,
			(int)(match[0].rm_eo - match[group].rm_eo), rest + match[group].rm_eo);
		rest += match[0].rm_eo;
		found++;
	}
	fputs(rest, out);
	if (fclose(out) || !found) {
		free(with);
		return found ? -ENOMEM : 0;
	}
	return replace(text, with);
}

static int redact_shapes(const struct redactor *redactor, char **text)
{
	int result = 0;

	for (unsigned int i = 0; i < SHAPES && !result; i++)
		result = replace_matches(text, &redactor->shapes[i], shapes[i].group);
	return !result && redactor->has_own ? replace_matches(text, &redactor->own, 0) : result;
}

/* ---- all of them ---- */

/* The letter by which @command takes a secret; NULL: none is known. */
static const struct secret_letter *letter_of(const char *command)
{
	const char *slash = strrchr(command, '/'), *name = slash ? slash + 1 : command;

	for (size_t i = 0; i < sizeof(secret_letters) / sizeof(secret_letters[0]); i++) {
		if (strncmp(name, secret_letters[i].program, strlen(secret_letters[i].program)) == 0)
			return &secret_letters[i];
	}
	return NULL;
}

/* Where in @text, an option or several in one, that letter's value begins; NULL: it isn't there. */
static char *value_of_letter(char *text, const struct secret_letter *letter)
{
	if (!letter || *text++ != '-')
		return NULL;
	text += strspn(text, letter->before);
	return *text == letter->letter ? text + 1 : NULL;
}

static int redact_one(const struct redactor *redactor, char **text,
		      const struct secret_letter *letter, bool *next)
{
	char *value = value_of_letter(*text, letter);

	if (value) {
		*next = !*value;
		return replace_rest(text, value);
	}
	value = find_value(*text, next);
	if (value && replace_rest(text, value))
		return -ENOMEM;
	return redact_shapes(redactor, text);
}

/* Of a URL that is cut it can't be told whether it begins with a password. */
static int redact_cut(char **text)
{
	char *url = strstr(*text, "://");

	return url ? replace_rest(text, url + 3) : 0;
}

int redact_arguments(const struct redactor *redactor, char **list, size_t count, bool cut)
{
	const struct secret_letter *letter = count ? letter_of(list[0]) : NULL;
	bool is_value = false;
	int result = 0;

	for (size_t i = 0; i < count && !result; i++) {
		bool next = false;

		if (is_value)
			result = replace_rest(&list[i], list[i]);
		else
			result = redact_one(redactor, &list[i], i ? letter : NULL, &next);
		is_value = next;
	}
	return !result && cut && count ? redact_cut(&list[count - 1]) : result;
}

/* ---- the redactor ---- */

/* One that matches the empty text would match everywhere. */
static int compile_own(struct redactor *redactor, const char *pattern)
{
	int result = regcomp(&redactor->own, pattern, REG_EXTENDED);

	if (result)
		return result == REG_ESPACE ? -ENOMEM : -EINVAL;
	redactor->has_own = true;
	return regexec(&redactor->own, "", 0, NULL, 0) ? 0 : -EINVAL;
}

int redactor_new(const char *pattern, struct redactor **redactor)
{
	struct redactor *new = calloc(1, sizeof(*new));
	int result = new ? 0 : -ENOMEM;

	for (unsigned int i = 0; i < SHAPES && !result; i++) {
		int flags = REG_EXTENDED | (shapes[i].group == 2 ? REG_ICASE : 0);

		if (regcomp(&new->shapes[i], shapes[i].pattern, flags))
			result = -ENOMEM;	/* they are right, and tested */
		else
			new->compiled++;
	}
	if (!result && pattern && *pattern)
		result = compile_own(new, pattern);
	if (result)
		redactor_free(new);
	else
		*redactor = new;
	return result;
}

void redactor_free(struct redactor *redactor)
{
	if (!redactor)
		return;
	while (redactor->compiled)
		regfree(&redactor->shapes[--redactor->compiled]);
	if (redactor->has_own)
		regfree(&redactor->own);
	free(redactor);
}
