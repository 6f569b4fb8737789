/* SPDX-License-Identifier: MIT */
/*
 * Loads know exactly what they did. While they run, they call the step that
 * the test has set, so that it can read its rings meanwhile.
 */
#ifndef KSELFTEST_LOAD_H
#define KSELFTEST_LOAD_H

/* NULL: none. Of this process alone; forked children of the load never call it. */
void load_set_step(void (*step)(void *argument), void *argument);
void load_step(void);

#endif
