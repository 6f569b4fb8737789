/* SPDX-License-Identifier: MIT */
#include "columns.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static void shorten(double value, double base, char text[SHORT_SIZE])
{
	static const char units[] = " KMGTPE";
	unsigned int unit = 0;

	/* 999.5 would become 1000, which has one column too many. */
	while (value >= 999.5 && unit < sizeof(units) - 2) {
		value /= base;
		unit++;
	}
	if (!unit)
		snprintf(text, SHORT_SIZE, "%.0f", value);
	else
		snprintf(text, SHORT_SIZE, "%.*f%c", value < 9.95, value, units[unit]);
}

void short_count(uint64_t count, char text[SHORT_SIZE])
{
	shorten((double)count, 1000, text);
}

void short_bytes(uint64_t bytes, char text[SHORT_SIZE])
{
	shorten((double)bytes, 1024, text);
}

void short_seconds(double seconds, char text[SHORT_SIZE])
{
	static const struct {
		double of;
		char unit;
	} units[] = { { 1e-6, 'u' }, { 1e-3, 'm' }, { 1, 's' } };
	unsigned int i = 0;

	if (seconds < 0) {
		strcpy(text, "-");
		return;
	}
	while (i < 2 && seconds / units[i].of >= 999.5)
		i++;
	seconds /= units[i].of;
	snprintf(text, SHORT_SIZE, "%.*f%c", i && seconds < 9.95, seconds > 999 ? 999 : seconds, units[i].unit);
}

void short_time(double seconds, char text[SHORT_SIZE])
{
	static const struct {
		double of, up_to;
		char unit;
	} units[] = { { 1, 59.5, 's' }, { 60, 59.5, 'm' }, { 3600, 99.5, 'h' }, { 86400, 0, 'd' } };
	unsigned int i = 0;

	if (seconds < 0) {
		strcpy(text, "-");
		return;
	}
	while (i < 3 && seconds / units[i].of >= units[i].up_to)
		i++;
	seconds /= units[i].of;
	snprintf(text, SHORT_SIZE, "%.*f%c", seconds > 0 && seconds < 9.95, seconds > 999 ? 999 : seconds, units[i].unit);
}

void short_share(uint64_t part, uint64_t of, char text[SHORT_SIZE])
{
	double share = of ? 100 * (double)part / (double)of : 0;

	if (!of)
		strcpy(text, "-");
	else
		snprintf(text, SHORT_SIZE, "%.*f%%", part && share < 9.95, share > 100 ? 100 : share);
}

/* Bytes of the character at @text, which is valid UTF-8. */
static unsigned int length_of(const char *text)
{
	unsigned int length = 1;

	while ((text[length] & 0xc0) == 0x80)
		length++;
	return length;
}

static int is_order(const char *text)
{
	unsigned char first = (unsigned char)text[0], second = (unsigned char)text[1];

	return first < ' ' || first == 0x7f || (first == 0xc2 && second < 0xa0);
}

unsigned int columns_of(const char *text)
{
	unsigned int columns = 0;

	for (; *text; text += length_of(text))
		columns++;
	return columns;
}

/* Appends at most @columns characters of @text; returns how many. */
static unsigned int append(char **out, const char *end, const char *text, unsigned int columns)
{
	unsigned int written = 0, length;

	for (; *text && written < columns; text += length, written++) {
		length = length_of(text);
		if (*out + length >= end)
			break;
		if (is_order(text)) {
			*(*out)++ = '?';
			continue;
		}
		memcpy(*out, text, length);
		*out += length;
	}
	return written;
}

void fit(char *out, size_t size, unsigned int width, const char *name, const char *tail)
{
	unsigned int behind = columns_of(tail), used, room;
	const char *end = out + size;

	if (behind > width)
		behind = width;
	room = width - behind;
	if (columns_of(name) <= room) {
		used = append(&out, end, name, room);
	} else {
		used = append(&out, end, name, room ? room - 1 : 0);
		used += append(&out, end, "~", room ? 1 : 0);
	}
	used += append(&out, end, tail, behind);
	while (used++ < width && out + 1 < end)
		*out++ = ' ';
	*out = '\0';
}

unsigned int terminal_columns(void)
{
	struct winsize size;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) || size.ws_col < 20)
		return COLUMNS_NARROW;
	return size.ws_col;
}
