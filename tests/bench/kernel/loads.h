/* SPDX-License-Identifier: MIT */
/* What is done while it is measured: the same again and again. */
#ifndef BENCH_LOADS_H
#define BENCH_LOADS_H

/* The executable of the process load: a path of three components. */
#define LIFE_DIRECTORY	"/run/hadal-bench"
#define LIFE_PATH	LIFE_DIRECTORY "/life"

struct load {
	const char *name;
	unsigned int count;	/* units in one measurement */
	void (*prepare)(void);	/* once; NULL: nothing to do */
	void (*run)(unsigned int count);
	/* Seconds after which the kernel has forgotten a run; idle, they cost nothing. */
	unsigned int rest;
};

extern const struct load loads[];
extern const unsigned int load_count;

#endif
