/* SPDX-License-Identifier: MIT */
/*
 * Takes secrets out of a process's arguments, before they wait to be shipped.
 * What looks like nothing can't be told from other text: docs/security.md says
 * what is recognized. In doubt more is taken out than need be.
 */
#ifndef HADALD_REDACT_H
#define HADALD_REDACT_H

#include <stdbool.h>
#include <stddef.h>

#define REDACTED	"REDACTED"

struct redactor;

/**
 * redactor_new() - get ready
 * @pattern: POSIX extended regular expression; what it matches goes too. NULL or "": none
 *
 * Return: 0 and the redactor, for redactor_free(); -EINVAL: @pattern is no
 * regular expression, or one that matches nothing at all; -ENOMEM.
 */
int redactor_new(const char *pattern, struct redactor **redactor);
void redactor_free(struct redactor *redactor);

/**
 * redact_arguments() - put REDACTED in the place of secrets
 * @list: @count arguments from malloc(), the first the command's own name; replaced
 * @cut: the last of them may not be whole
 *
 * Return: 0; -ENOMEM: they are not to be shown to anybody.
 */
int redact_arguments(const struct redactor *redactor, char **list, size_t count, bool cut);

#endif
