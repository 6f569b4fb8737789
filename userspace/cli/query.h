/* SPDX-License-Identifier: MIT */
/*
 * Asking hadald; docs/operate.md has the protocol.
 */
#ifndef HADAL_CLI_QUERY_H
#define HADAL_CLI_QUERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <json-c/json.h>

#include "query_protocol.h"

enum { QUERY_ERROR_SIZE = 512 };

/* ns: what hadald tells is up to a second old, so shorter windows say nothing. */
#define QUERY_WINDOW_MIN	1000000000ULL

/**
 * query_ask() - ask hadald and wait for its answer, 20 s at most
 * @path: of its socket; NULL means QUERY_SOCKET
 * @word: QUERY_FLOWS, QUERY_PROCESSES or QUERY_STATUS
 * @answer: set to the document, for json_object_put()
 * @error: what went wrong, for people
 *
 * Return: 0; -ENOENT or -ECONNREFUSED: hadald does not run, or not there;
 * -EACCES; -ETIMEDOUT; -EBADMSG: what came is no answer; -EREMOTEIO: hadald
 * says what it does not like; another -errno.
 */
int query_ask(const char *path, const char *word, struct json_object **answer, char error[QUERY_ERROR_SIZE]);

/**
 * query_meanwhile() - what query_ask() does while it waits
 * @meanwhile: called ten times a second until the answer is there; false: the
 *	answer is given up, and query_ask() returns -ECANCELED. NULL: nothing
 * @context: for it
 */
void query_meanwhile(bool (*meanwhile)(void *context), void *context);

/* Sleeps for @time ns, whatever signals come. */
void query_wait(uint64_t time);

/* Prints @document with @rows, which it takes over, as its @list. */
void print_document(struct json_object *document, const char *list, struct json_object *rows);

/* ---- members of an object; what is missing is NULL, 0, @otherwise ---- */

const char *member_text_or(struct json_object *object, const char *name, const char *otherwise);
const char *member_text(struct json_object *object, const char *name);
uint64_t member_number(struct json_object *object, const char *name);
double member_real(struct json_object *object, const char *name, double otherwise);
struct json_object *member_of(struct json_object *object, const char *name);

#endif
