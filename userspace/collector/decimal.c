/* SPDX-License-Identifier: MIT */
#include "decimal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* 15 digits always survive the way there and back, and 17 are always enough. */
static size_t shortest(double value, char *to)
{
	int length = 0;

	for (int digits = 15; digits <= 17; digits++) {
		length = snprintf(to, DECIMAL_SIZE, "%.*g", digits, value);
		if (strtod(to, NULL) == value)
			break;
	}
	return (size_t)length;
}

size_t decimal(double value, char to[DECIMAL_SIZE])
{
	if (isfinite(value))
		return shortest(value, to);
	strcpy(to, isnan(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf");
	return strlen(to);
}
