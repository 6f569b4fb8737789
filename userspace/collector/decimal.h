/* SPDX-License-Identifier: MIT */
/* Floating point numbers as text that reads back as the same number. */
#ifndef HADALD_DECIMAL_H
#define HADALD_DECIMAL_H

#include <stddef.h>

enum { DECIMAL_SIZE = 32 };	/* bytes of the longest, with its NUL */

/**
 * decimal() - the shortest text that is @value again when read
 *
 * What is not finite is "NaN", "+Inf" and "-Inf", as Prometheus writes it.
 *
 * Return: the text's length.
 */
size_t decimal(double value, char to[DECIMAL_SIZE]);

#endif
