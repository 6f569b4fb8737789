/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "query_protocol.h"

enum query_request query_parse(const char *line)
{
	static const char *const words[] = {
		[QUERY_REQUEST_FLOWS] = QUERY_FLOWS,
		[QUERY_REQUEST_PROCESSES] = QUERY_PROCESSES,
		[QUERY_REQUEST_STATUS] = QUERY_STATUS,
	};
	unsigned int version;
	char word[16];

	if (sscanf(line, "%9u %15s", &version, word) != 2)
		return QUERY_REQUEST_MALFORMED;
	if (version != QUERY_VERSION)
		return QUERY_REQUEST_VERSION;
	for (unsigned int i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(word, words[i]) == 0)
			return (enum query_request)i;
	}
	return QUERY_REQUEST_UNKNOWN;
}
