/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "process_table.h"
#include "program.h"

enum { ATTEMPTS_MAX = 4 };

void programs_init(struct programs *programs, struct counts *counts)
{
	*programs = (struct programs){ .counts = counts };
}

/* ---- who runs what ---- */

static void join(struct process *process, struct program *program)
{
	process->program = program_ref(program);
	DL_APPEND2(program->members, process, program_prev, program_next);
}

void program_start(struct programs *programs, struct process *process)
{
	struct program *program = calloc(1, sizeof(*program));

	program_leave(programs, process);
	if (!program)
		return;
	DL_APPEND(programs->wanted, program);
	join(process, program);
}

void program_share(struct process *process, const struct process *parent)
{
	if (parent->program && !process->program)
		join(process, parent->program);
}

void program_leave(struct programs *programs, struct process *process)
{
	struct program *program = process->program;

	if (!program)
		return;
	DL_DELETE2(program->members, process, program_prev, program_next);
	process->program = NULL;
	program_put(programs, program);
}

struct program *program_ref(struct program *program)
{
	program->references++;
	return program;
}

void program_put(struct programs *programs, struct program *program)
{
	if (!program || --program->references)
		return;
	if (program->state == PROGRAM_WANTED)
		DL_DELETE(programs->wanted, program);
	build_put(program->build);
	free(program);
}

const struct build_facts *program_build(const struct program *program)
{
	return program && program->build ? &program->build->facts : NULL;
}

bool program_pending(const struct program *program)
{
	return program && program->state != PROGRAM_SETTLED;
}

/* ---- questions ---- */

static const struct process *living_member(const struct program *program)
{
	const struct process *process;

	DL_FOREACH2(program->members, process, program_next) {
		if (!process->dead)
			return process;
	}
	return NULL;
}

static struct program_slot *free_slot(struct programs *programs)
{
	for (unsigned int i = 0; i < PROGRAMS_ASKED; i++) {
		if (!programs->asked[i].program)
			return &programs->asked[i];
	}
	return NULL;
}

static void give_up(struct programs *programs, struct program *program)
{
	program->state = PROGRAM_SETTLED;
	count(programs->counts, COUNT_EXECUTABLE_MISSED);
}

/* Those who ended before their turn came cost nothing but being stepped over. */
static struct program *first_living(struct programs *programs, const struct process **member)
{
	struct program *program;

	while ((program = programs->wanted)) {
		DL_DELETE(programs->wanted, program);
		*member = living_member(program);
		if (*member)
			return program;
		give_up(programs, program);
	}
	return NULL;
}

bool programs_next(struct programs *programs, struct program_question *question)
{
	struct program_slot *slot = free_slot(programs);
	const struct process *member;
	struct program *program = slot ? first_living(programs, &member) : NULL;

	if (!program)
		return false;
	program->state = PROGRAM_ASKED;
	program->attempts++;
	*slot = (struct program_slot){ .program = program_ref(program) };
	*question = (struct program_question){
		.start_boottime = member->key.start_boottime, .tgid = member->key.tgid,
		.slot = (uint32_t)(slot - programs->asked),
	};
	return true;
}

/* To be asked for again, of another process if need be; or it has been asked for often enough. */
static void want_again(struct programs *programs, struct program *program)
{
	if (program->attempts >= ATTEMPTS_MAX || !living_member(program)) {
		give_up(programs, program);
		return;
	}
	program->state = PROGRAM_WANTED;
	DL_APPEND(programs->wanted, program);
}

static void release(struct programs *programs, struct program_slot *slot)
{
	struct program *program = slot->program;

	*slot = (struct program_slot){ .program = NULL };
	program_put(programs, program);
}

void programs_unasked(struct programs *programs, const struct program_question *question)
{
	struct program_slot *slot = &programs->asked[question->slot];

	slot->program->attempts--;
	want_again(programs, slot->program);
	release(programs, slot);
}

void programs_answer(struct programs *programs, const struct program_answer *answer)
{
	struct program_slot *slot = &programs->asked[answer->question.slot];

	slot->answer = *answer;
	slot->answered = true;
}

/* Whether the process that was asked about runs it still, or did when it ended. */
static bool is_member(const struct program *program, const struct program_question *question)
{
	const struct process *process;

	DL_FOREACH2(program->members, process, program_next) {
		if (process->key.tgid == question->tgid && process->key.start_boottime == question->start_boottime)
			return true;
	}
	return false;
}

static void settle(struct programs *programs, struct program_slot *slot, bool lost)
{
	const struct program_answer *answer = &slot->answer;
	struct program *program = slot->program;

	if (answer->result == PROGRAM_GONE || lost || !is_member(program, &answer->question)) {
		build_put(answer->build);
		want_again(programs, program);
	} else {
		program->build = answer->build;
		program->state = PROGRAM_SETTLED;
	}
	release(programs, slot);
}

void programs_settle(struct programs *programs, uint64_t now, bool lost)
{
	for (unsigned int i = 0; i < PROGRAMS_ASKED; i++) {
		struct program_slot *slot = &programs->asked[i];

		if (slot->answered && now > slot->answer.time && now - slot->answer.time >= PROGRAM_SETTLE)
			settle(programs, slot, lost);
	}
}

void programs_free(struct programs *programs)
{
	for (unsigned int i = 0; i < PROGRAMS_ASKED; i++) {
		struct program_slot *slot = &programs->asked[i];

		if (!slot->program)
			continue;
		if (slot->answered)
			build_put(slot->answer.build);
		slot->program->state = PROGRAM_SETTLED;
		release(programs, slot);
	}
}
