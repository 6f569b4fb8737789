/* SPDX-License-Identifier: MIT */
#ifndef HADAL_UTF8_H
#define HADAL_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/**
 * hadal_utf8_sane() - make a string well-formed UTF-8
 * @to: gets the result with a NUL, or NULL to measure
 * @from: ends with NUL
 * @limit: bound of the result in bytes, NUL not counted
 * @cut: set to true when the result was cut, which never splits a character
 *
 * Each maximal part that is not well-formed becomes one U+FFFD.
 * Source: The Unicode Standard, table 3-7 and "U+FFFD Substitution of Maximal
 * Subparts".
 *
 * Return: the length of the result in bytes.
 */
size_t hadal_utf8_sane(char *to, const char *from, size_t limit, bool *cut);

/** hadal_utf8_valid() - whether the @size bytes of @string, behind which is a NUL, are UTF-8 without a NUL. */
bool hadal_utf8_valid(const char *string, size_t size);

#endif
