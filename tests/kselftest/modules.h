/* SPDX-License-Identifier: MIT */
/* Loading and unloading hadal.ko: the environment's HADAL_MODULE names the file. */
#ifndef KSELFTEST_MODULES_H
#define KSELFTEST_MODULES_H

/* Skips the test if HADAL_MODULE is not set; asserts that it could be loaded. */
void module_load(const char *parameters);

/* 0 or -errno; never waits. */
int module_unload(void);

/* What has just closed a file of it may still hold it for a moment. */
void module_unload_soon(void);

#endif
