/* SPDX-License-Identifier: MIT */
/*
 * What processes run: one program from an exec on, shared by those who were
 * forked since and did not exec themselves. So all of one program run the same
 * file, and any of them can tell by which build it was made. Who reads that
 * (program_reader.h) takes questions from here and brings answers back.
 */
#ifndef HADALD_PROGRAM_H
#define HADALD_PROGRAM_H

#include <stdbool.h>
#include <stdint.h>

#include "build.h"
#include "counts.h"
#include "table.h"

/*
 * Questions under way at a time. An answer is kept for PROGRAM_SETTLE ns, so
 * this is also how many files are looked at in that time.
 */
enum { PROGRAMS_ASKED = 256 };

/*
 * The kernel gives a process its new file before it tells of the exec. What
 * was read of one is believed if no exec was told by so long after it.
 */
#define PROGRAM_SETTLE	1000000000ULL

struct process;

enum program_state {
	PROGRAM_WANTED,		/* to be asked for, in programs.wanted */
	PROGRAM_ASKED,
	PROGRAM_SETTLED,	/* nothing more comes */
};

struct program {
	enum program_state state;
	unsigned int attempts;
	unsigned int references;	/* by processes, events, questions */
	struct process *members;	/* who runs it, also who did and is dead */
	struct build *build;		/* NULL: not known, or the file says nothing */
	struct program *prev, *next;	/* of those wanted */
};

/* The process whose file is to be read. */
struct program_question {
	uint64_t start_boottime;
	uint32_t tgid;
	uint32_t slot;
};

enum program_result {
	PROGRAM_READ,
	PROGRAM_UNREADABLE,
	PROGRAM_GONE,	/* the process has ended */
};

struct program_answer {
	struct program_question question;
	enum program_result result;
	struct build *build;	/* a reference, or NULL: the file says nothing */
	uint64_t time;		/* ns, CLOCK_MONOTONIC: not before the file was found */
};

struct program_slot {
	struct program *program;	/* NULL: free */
	struct program_answer answer;
	bool answered;
};

struct programs {
	struct program *wanted;
	struct program_slot asked[PROGRAMS_ASKED];
	struct counts *counts;
};

void programs_init(struct programs *programs, struct counts *counts);

/* Drops the questions; what holds programs is to be freed before and after. */
void programs_free(struct programs *programs);

/* @process runs something from now on that nobody else does. */
void program_start(struct programs *programs, struct process *process);

/* @process, which runs nothing yet, runs what @parent runs. */
void program_share(struct process *process, const struct process *parent);

/* @process runs nothing any more that is of interest. */
void program_leave(struct programs *programs, struct process *process);

struct program *program_ref(struct program *program);

/* @program may be NULL. */
void program_put(struct programs *programs, struct program *program);

/* What is known of its build; NULL: nothing, or not yet. @program may be NULL. */
const struct build_facts *program_build(const struct program *program);

/* Whether that may still become known. @program may be NULL. */
bool program_pending(const struct program *program);

/* Fills @question for a program that is to be asked for; false: none, or no room. */
bool programs_next(struct programs *programs, struct program_question *question);

/* Takes back a question that could not be passed on: it comes again. */
void programs_unasked(struct programs *programs, const struct program_question *question);

/* Takes over an answer, and the reference in it. */
void programs_answer(struct programs *programs, const struct program_answer *answer);

/*
 * Believes answers that nothing contradicted. @now: ns, CLOCK_MONOTONIC; all
 * records of before have been taken over. @lost: not all; then none is believed.
 */
void programs_settle(struct programs *programs, uint64_t now, bool lost);

#endif
