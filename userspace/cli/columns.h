/* SPDX-License-Identifier: MIT */
/*
 * Numbers and names in columns of a fixed width, for terminals.
 */
#ifndef HADAL_CLI_COLUMNS_H
#define HADAL_CLI_COLUMNS_H

#include <stddef.h>
#include <stdint.h>

enum {
	SHORT_SIZE = 8,		/* of a number in at most four columns */
	COLUMNS_NARROW = 80,
};

/* "0", "999", "1.2K", "12K", "999K", "1.2M": by 1,000. */
void short_count(uint64_t count, char text[SHORT_SIZE]);

/* The same by 1,024. */
void short_bytes(uint64_t bytes, char text[SHORT_SIZE]);

/* "250u", "1.2m", "12m", "1.5s"; "-" below 0. */
void short_seconds(double seconds, char text[SHORT_SIZE]);

/* Long times: "0.2s", "59s", "1.5m", "47m", "23h", "360d"; "-" below 0. */
void short_time(double seconds, char text[SHORT_SIZE]);

/* "0%", "0.1%", "12%", "100%"; "-" where @of is 0. */
void short_share(uint64_t part, uint64_t of, char text[SHORT_SIZE]);

/*
 * Writes @name and behind it @tail into exactly @width columns, filled up with
 * spaces; where that is too little @name is cut and marked by '~'. No character in it is an order to the
 * terminal; each counts as one column. @size: of @out, four bytes a column and one more suffice.
 */
void fit(char *out, size_t size, unsigned int width, const char *name, const char *tail);

/* Columns that @text takes. */
unsigned int columns_of(const char *text);

/* Columns of the terminal that standard output is, or COLUMNS_NARROW. */
unsigned int terminal_columns(void);

#endif
