/* SPDX-License-Identifier: MIT */
/* What a spool's directory holds, as hadald writes it, to start fuzzing from. */
#ifndef HADAL_SPOOL_SEEDS_H
#define HADAL_SPOOL_SEEDS_H

#include <stdio.h>

/* seeds.c: opens DIRECTORY/TARGET/NAME for writing; ends the program if it can't. */
FILE *seed_create(const char *directory, const char *target, const char *name);

/* For fuzz_batch, fuzz_segment and fuzz_state. Ends the program on failure. */
void spool_seeds_write(const char *directory);

#endif
