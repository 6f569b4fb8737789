/* SPDX-License-Identifier: MIT */
#ifndef HADAL_CLI_COMMAND_OUTPUT_H
#define HADAL_CLI_COMMAND_OUTPUT_H

#include <stddef.h>
#include <stdio.h>

/**
 * command_output() - run a program and copy what it prints, errors too
 * @argv: NULL-terminated; the program is looked for by PATH
 * @most: bytes; what is more is left out
 * @timeout: ms; then it is killed
 *
 * Says in @to itself where something went wrong: it is all for people.
 */
void command_output(const char *const *argv, FILE *to, size_t most, unsigned int timeout);

#endif
