/* SPDX-License-Identifier: MIT */
/*
 * How hadal asks hadald, over a UNIX stream socket. One request a connection:
 *
 *     VERSION WORD\n
 *
 * in decimal and one of the words below. The answer is one JSON document and a
 * newline; then hadald closes. Each document has "version"; one that has "error",
 * a text, has nothing else. Members come to be within a version, and none
 * changes its meaning. docs/operate.md lists them.
 */
#ifndef HADALD_QUERY_PROTOCOL_H
#define HADALD_QUERY_PROTOCOL_H

#define QUERY_SOCKET	"/run/hadal/hadald.sock"
#define QUERY_VERSION	1

#define QUERY_FLOWS	"flows"
#define QUERY_PROCESSES	"processes"
#define QUERY_STATUS	"status"

enum query_request {
	QUERY_REQUEST_FLOWS,
	QUERY_REQUEST_PROCESSES,
	QUERY_REQUEST_STATUS,
	QUERY_REQUEST_MALFORMED,	/* not of that form */
	QUERY_REQUEST_VERSION,		/* of another version */
	QUERY_REQUEST_UNKNOWN,		/* another word */
};

/* What @line, without its newline, asks for. */
enum query_request query_parse(const char *line);

#endif
