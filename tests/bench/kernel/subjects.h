/* SPDX-License-Identifier: MIT */
/* What is measured: who records, and who reads it. */
#ifndef BENCH_SUBJECTS_H
#define BENCH_SUBJECTS_H

#include <stdbool.h>
#include <stdint.h>

/**
 * struct subject - a way to record
 * @module: hadal.ko is loaded
 * @start: in the reader's process; NULL: nothing records
 * @fd: readable when the reader should come, after @start; NULL: it comes by time alone
 * @drain: reads all that there is, returns how many records; NULL: nobody reads
 * @stop: what @start began
 */
struct subject {
	const char *name;
	bool module;
	void (*start)(void);
	int (*fd)(void);
	unsigned int (*drain)(void);
	void (*stop)(void);
};

extern const struct subject subject_none;
extern const struct subject subject_loaded;
extern const struct subject subject_session;
extern const struct subject subject_flows;
extern const struct subject subject_dns;
extern const struct subject subject_full;
extern const struct subject subject_ebpf;

#endif
