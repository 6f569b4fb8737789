/* SPDX-License-Identifier: MIT */
/* The kernel's sock_diag, where tests use it to act and not to look. */
#ifndef KSELFTEST_DIAG_H
#define KSELFTEST_DIAG_H

#include <stdint.h>

/*
 * Has the kernel load what knows TCP sockets. Else it asks for that at the first
 * socket that goes, at each that goes meanwhile, and tells nothing of those for
 * which it has asked too often.
 */
void diag_load(void);

/*
 * Aborts a TCP socket of this network namespace, as `ss -K` does. Asserts that
 * exactly one was found. Skips where the kernel cannot.
 */
void diag_destroy(uint8_t family, uint16_t local_port, uint16_t peer_port);

#endif
