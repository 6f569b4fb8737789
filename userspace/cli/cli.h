/* SPDX-License-Identifier: MIT */
/*
 * What the subcommands of hadal share.
 */
#ifndef HADAL_CLI_H
#define HADAL_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <hadal/hadal.h>

/* Exit statuses. */
enum {
	EXIT_WELL = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 2,
};

/* Each gets its own arguments, argv[0] being the subcommand's name. */
int command_status(int argc, char **argv);
int command_events(int argc, char **argv);
int command_record(int argc, char **argv);
int command_replay(int argc, char **argv);
int command_flows(int argc, char **argv);
int command_ps(int argc, char **argv);
int command_top(int argc, char **argv);
int command_module(int argc, char **argv);
int command_doctor(int argc, char **argv);
int command_support(int argc, char **argv);

/* "hadal: " and the message and a newline on standard error. */
__attribute__((format(printf, 1, 2)))
void complain(const char *format, ...);

/* Whether standard output was written: returns -1, or else an exit status, which it complains of. */
int check_output(void);

/* Text from outside, readable: control characters would be orders to the terminal. */
void print_text(FILE *to, struct hadal_text text);

/*
 * getopt_long() has found an option that it does not know or that lacks its
 * argument (with a short-option string that begins with ':'): says which.
 * Returns EXIT_USAGE.
 */
int complain_of_option(int found, char **argv);

/* Complains that the value of --OPTION is not what it should be. Returns EXIT_USAGE. */
int complain_of_value(const char *command, const char *option, const char *value, const char *wanted);

/* Complains of the first operand, if there is one, and returns whether. */
bool has_operand(int argc, char **argv);

/* ---- values of options; each returns false where text is none ---- */

/* "10s", "500ms", "2m", "1h"; bare numbers are seconds. In ns. */
bool parse_duration(const char *text, uint64_t *duration);

/* "4096", "64K", "1M"; powers of 1,024. Bytes. */
bool parse_size(const char *text, uint32_t *size);

bool parse_count(const char *text, uint64_t *count);

/*
 * "process,tcp" to HADAL_CLASS_BIT()s. Where a name is unknown, *unknown is it,
 * to be freed.
 */
bool parse_classes(const char *text, uint32_t *classes, char **unknown);

/* ---- small files ---- */

/*
 * The file's first line, without its newline, into text. Returns -errno;
 * NUL-terminates in any case.
 */
int read_line_of(const char *path, char *text, size_t size);

/* A decimal number in a file. Returns -errno, -EINVAL if it is none. */
int read_number_of(const char *path, uint64_t *number);

#endif
