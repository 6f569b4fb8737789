/* SPDX-License-Identifier: MIT */
#ifndef HADAL_MODULE_SEEDS_H
#define HADAL_MODULE_SEEDS_H

/* For fuzz_module: a module, plain, compressed and signed. Ends the program on failure. */
void module_seeds_write(const char *directory);

#endif
