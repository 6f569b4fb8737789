/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include <hadal/event.h>

#include "cli.h"

void print_text(FILE *to, struct hadal_text text)
{
	char *utf8 = malloc(HADAL_UTF8_SIZE(text.length));
	const unsigned char *at = (unsigned char *)utf8;

	if (!utf8)
		return;
	hadal_utf8(text, utf8);
	for (; *at; at++) {
		if (*at < 0x20 || *at == 0x7f)
			fprintf(to, "\\x%02x", *at);
		else if (at[0] == 0xc2 && at[1] < 0xa0)
			fprintf(to, "\\x%02x", *++at);
		else
			fputc(*at, to);
	}
	free(utf8);
}
