/* SPDX-License-Identifier: MIT */
/* JSON lines (json_lines.h) in a file or on standard output (line_file.h) as a sink. */
#ifndef HADALD_SINK_JSON_LINES_H
#define HADALD_SINK_JSON_LINES_H

#include "sink.h"

enum {
	SINK_JSON_LINES_SIZE = 64 << 20,	/* bytes that the file may grow to, if nothing is said */
	SINK_JSON_LINES_COUNT = 5,		/* old ones that are kept */
	/* Bytes written at a time, in whole lines: a line that is longer than it is none to be read by anybody. */
	SINK_JSON_LINES_CHUNK = 1 << 20,
};

/* Settings: "path"; "size" in bytes, or with K, M or G behind it, 0 for no bound; "count". */
extern const struct hadal_sink_kind hadal_sink_json_lines;

#endif
