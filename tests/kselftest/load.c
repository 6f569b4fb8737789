// SPDX-License-Identifier: MIT
#include "load.h"

#include <stddef.h>

static void (*current_step)(void *argument);
static void *current_argument;

void load_set_step(void (*step)(void *argument), void *argument)
{
	current_step = step;
	current_argument = argument;
}

void load_step(void)
{
	if (current_step)
		current_step(current_argument);
}
