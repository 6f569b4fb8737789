/* SPDX-License-Identifier: MIT */
/* A benchmark that can't do what it measures ends, and says where. */
#ifndef BENCH_MUST_H
#define BENCH_MUST_H

#include <stdio.h>
#include <stdlib.h>

#define MUST(call)							\
	({								\
		__typeof__(call) must_result = (call);			\
		if (must_result < 0) {					\
			fprintf(stderr, "%s:%d: ", __FILE__, __LINE__);	\
			perror(#call);					\
			exit(1);					\
		}							\
		must_result;						\
	})

#endif
