/* SPDX-License-Identifier: MIT */
/*
 * What programs say of their options, their manual pages and the completion of
 * bash agree. Run from the root of the tree.
 */
#include <regex.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli.h"
#include "text_file.h"

#define PAGE		"userspace/cli/hadal.1"
#define DAEMON_PAGE	"userspace/collector/hadald.8"
#define COMPLETION	"userspace/cli/hadal.bash-completion"
#define DAEMON		"userspace/collector/main.c"

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
} commands[] = {
	{ "status", command_status }, { "flows", command_flows }, { "ps", command_ps }, { "top", command_top },
	{ "events", command_events }, { "record", command_record }, { "module", command_module },
	{ "doctor", command_doctor }, { "support", command_support },
};

enum { COMMANDS = sizeof(commands) / sizeof(commands[0]) };

/* What a command prints on --help; static. */
static const char *help_of(int (*run)(int, char **), const char *name)
{
	static char text[16384];
	char command[16], option[] = "--help", *arguments[] = { command, option, NULL };
	int saved = dup(STDOUT_FILENO), status;
	FILE *file = tmpfile();
	size_t length;

	assert_non_null(file);
	snprintf(command, sizeof(command), "%s", name);
	fflush(stdout);
	dup2(fileno(file), STDOUT_FILENO);
	optind = 0;
	status = run(2, arguments);
	fflush(stdout);
	dup2(saved, STDOUT_FILENO);
	close(saved);
	rewind(file);
	length = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[length] = '\0';
	assert_int_equal(status, EXIT_WELL);
	return text;
}

/* Copies @page with "\-" as "-". */
static char *without_escapes(char *page)
{
	char *out = page;

	for (const char *in = page; *in; in++) {
		if (*in != '\\' || in[1] != '-')
			*out++ = *in;
	}
	*out = '\0';
	return page;
}

/* From behind @head to the next of its kind. */
static char *section(const char *page, const char *head, const char *next)
{
	const char *start = strstr(page, head), *end;

	if (!start)
		fail_msg("no '%s'", head);
	start += strlen(head);
	end = strstr(start, next);
	return strndup(start, end ? (size_t)(end - start) : strlen(start));
}

/* Whether @text has @option and not only the beginning of a longer one. */
static bool names_option(const char *text, const char *option)
{
	size_t length = strlen(option);
	const char *found = text;

	while ((found = strstr(found, option))) {
		char after = found[length];

		if (after != '-' && (after < 'a' || after > 'z'))
			return true;
		found += length;
	}
	return false;
}

/* Where options stand, before them: not in the text that explains them. */
#define IN_HELP		"(^\"?  |^\t\"  |, )"
#define IN_WORDS	"(^|[ \t'])"

/* Calls @each for every long option in @text that stands so. */
static unsigned int each_option(const char *text, const char *where, void (*each)(void *context, const char *option), void *context)
{
	unsigned int count = 0;
	regmatch_t match[3];
	char pattern[64];
	regex_t regex;

	snprintf(pattern, sizeof(pattern), "%s(--[a-z][a-z-]*)", where);
	assert_int_equal(regcomp(&regex, pattern, REG_EXTENDED | REG_NEWLINE), 0);
	for (; !regexec(&regex, text, 3, match, 0); text += match[2].rm_eo, count++) {
		char *option = strndup(text + match[2].rm_so, (size_t)(match[2].rm_eo - match[2].rm_so));

		each(context, option);
		free(option);
	}
	regfree(&regex);
	return count;
}

struct place {
	const char *command, *what, *text;
};

static void is_there(void *context, const char *option)
{
	const struct place *place = context;

	if (!names_option(place->text, option))
		fail_msg("%s: %s is not in its %s", place->command, option, place->what);
}

/* Options of events that record shares are told under events. */
static char *page_of(const char *page, const char *name)
{
	char head[64], *own, *shared, *both;

	snprintf(head, sizeof(head), ".SS hadal %s\n", name);
	own = section(page, head, "\n.S");
	if (strcmp(name, "record"))
		return own;
	shared = section(page, ".SS hadal events\n", "\n.S");
	assert_true(asprintf(&both, "%s\n%s", own, shared) > 0);
	free(own);
	free(shared);
	return both;
}

static char *completion_of(const char *completion, const char *name)
{
	char head[64];

	snprintf(head, sizeof(head), "\n\t%s)\n", name);
	return section(completion, head, ";;");
}

static void options_are_in_the_manual_page(void **state)
{
	char *page = without_escapes(read_file(PAGE)), *part;
	unsigned int options = 0;

	(void)state;
	for (unsigned int i = 0; i < COMMANDS; i++) {
		part = page_of(page, commands[i].name);
		options += each_option(help_of(commands[i].run, commands[i].name), IN_HELP, is_there,
				       &(struct place){ commands[i].name, "part of " PAGE, part });
		free(part);
	}
	assert_true(options > 50);
	free(page);
}

static void options_complete(void **state)
{
	char *completion = read_file(COMPLETION), *part;

	(void)state;
	for (unsigned int i = 0; i < COMMANDS; i++) {
		const char *help = help_of(commands[i].run, commands[i].name);
		struct place place = { commands[i].name, "completion", NULL }, back = { commands[i].name, "--help", help };

		part = completion_of(completion, commands[i].name);
		place.text = part;
		each_option(help, IN_HELP, is_there, &place);
		/* And nothing else does. */
		*strstr(part, "--help") = 'x';
		each_option(part, IN_WORDS, is_there, &back);
		assert_true(names_option(completion, commands[i].name));
		free(part);
	}
	free(completion);
}

/* What bash offers for the words of a command line; static. */
static const char *completed(const char *words)
{
	static char text[1024];
	char command[512];
	FILE *from;

	snprintf(command, sizeof(command),
		 "bash -c 'source " COMPLETION "; COMP_WORDS=(%s); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _hadal; "
		 "echo ${COMPREPLY[*]}'", words);
	from = popen(command, "re");
	assert_non_null(from);
	assert_non_null(fgets(text, sizeof(text), from));
	assert_int_equal(pclose(from), 0);
	text[strcspn(text, "\n")] = '\0';
	return text;
}

static void bash_completes(void **state)
{
	(void)state;
	assert_string_equal(completed("hadal st"), "status");
	assert_string_equal(completed("hadal flows --s"), "--sort --socket");
	assert_string_equal(completed("hadal flows --sort r"), "rtt retransmitted");
	assert_string_equal(completed("hadal ps --sort s"), "start service");
	assert_string_equal(completed("hadal top --by e"), "edge");
	assert_string_equal(completed("hadal flows --match a"), "");
	assert_string_equal(completed("hadal module re"), "reload release");
	assert_string_equal(completed("hadal module load --c"), "--config");
}

static void the_daemons_options_are_in_its_page(void **state)
{
	char *page = without_escapes(read_file(DAEMON_PAGE)), *source = read_file(DAEMON);
	char *usage = section(source, "static const char usage[]", ";\n");

	(void)state;
	assert_true(each_option(usage, IN_HELP, is_there, &(struct place){ "hadald", DAEMON_PAGE, page }) >= 5);
	free(usage);
	free(source);
	free(page);
}

/* Pages are free of what man would complain of. */
static void pages_are_well_formed(void **state)
{
	(void)state;
	assert_int_equal(system("command -v groff >/dev/null && ! LC_ALL=C.UTF-8 groff -man -Tutf8 -ww -z " PAGE " " DAEMON_PAGE " 2>&1 | grep ."), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_are_in_the_manual_page),
		cmocka_unit_test(options_complete),
		cmocka_unit_test(bash_completes),
		cmocka_unit_test(the_daemons_options_are_in_its_page),
		cmocka_unit_test(pages_are_well_formed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
