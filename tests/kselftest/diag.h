/* SPDX-License-Identifier: MIT */
/* Aborts a TCP socket of this network namespace, as `ss -K` does. */
#ifndef KSELFTEST_DIAG_H
#define KSELFTEST_DIAG_H

#include <stdint.h>

/* Asserts that exactly one socket was found. Skips where the kernel cannot. */
void diag_destroy(uint8_t family, uint16_t local_port, uint16_t peer_port);

#endif
