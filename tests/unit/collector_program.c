/* SPDX-License-Identifier: MIT */
/*
 * What processes run: who is asked, and which answers are believed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model.h"
#include "records.h"

#define START	(1000 * SECOND)

static const struct actor server = { .tgid = 100, .parent = 1, .start = 10, .path = "/srv/server" };
static const struct actor worker = { .tgid = 101, .parent = 100, .start = 11, .path = "/srv/server" };

struct world {
	struct model *model;
	struct programs *programs;
	struct recorder recorder;
};

static void to_model(void *context, const struct hadal_record *record)
{
	struct world *world = context;

	model_record(world->model, record);
}

static void world_open(struct world *world)
{
	*world = (struct world){ .recorder = { .sink = to_model, .context = world, .time = START } };
	assert_int_equal(model_new(&(struct model_config){ 0 }, &world->model), 0);
	world->programs = &world->model->processes.programs;
}

static void world_close(struct world *world)
{
	model_free(world->model);
}

static uint64_t missed(const struct world *world)
{
	return world->model->counts.value[COUNT_EXECUTABLE_MISSED];
}

static struct process *process(const struct world *world, const struct actor *actor)
{
	return process_find(&world->model->processes, actor->tgid, actor->start);
}

static const char *build_of(const struct world *world, const struct actor *actor)
{
	const struct build_facts *facts = program_build(process(world, actor)->program);

	return facts ? facts->gnu_id : NULL;
}

/* The one question there is. */
static struct program_question question_for(struct world *world, const struct actor *actor)
{
	struct program_question question, more;

	assert_true(programs_next(world->programs, &question));
	assert_int_equal(question.tgid, actor->tgid);
	assert_int_equal(question.start_boottime, actor->start);
	assert_false(programs_next(world->programs, &more));
	return question;
}

static void answer(struct world *world, struct program_question question, enum program_result result,
		   const char *id)
{
	struct program_answer answer = { .question = question, .result = result, .time = world->recorder.time };
	struct build_facts facts = { .gnu_id = "" };

	if (id) {
		strcpy(facts.gnu_id, id);
		answer.build = build_new(&facts);
	}
	programs_answer(world->programs, &answer);
}

static void settle(struct world *world)
{
	world->recorder.time += PROGRAM_SETTLE;
	programs_settle(world->programs, world->recorder.time, false);
}

static void an_answer_is_believed_after_a_while(void **state)
{
	struct world world;

	(void)state;
	world_open(&world);
	record_exec(&world.recorder, &server);
	assert_true(program_pending(process(&world, &server)->program));
	answer(&world, question_for(&world, &server), PROGRAM_READ, "aa");
	world.recorder.time += PROGRAM_SETTLE - 1;
	programs_settle(world.programs, world.recorder.time, false);
	assert_null(build_of(&world, &server));
	settle(&world);
	assert_string_equal(build_of(&world, &server), "aa");
	assert_false(program_pending(process(&world, &server)->program));
	assert_int_equal(missed(&world), 0);
	world_close(&world);
}

/* One question for all of them, and what one is told all know. */
static void forked_ones_share(void **state)
{
	struct world world;

	(void)state;
	world_open(&world);
	record_exec(&world.recorder, &server);
	record_fork(&world.recorder, &worker);
	answer(&world, question_for(&world, &server), PROGRAM_READ, "aa");
	settle(&world);
	assert_string_equal(build_of(&world, &worker), "aa");
	world_close(&world);
}

/* With CLONE_PARENT: its parent is not who forked it, whose name it has. */
static void one_with_another_name_does_not_share(void **state)
{
	struct program_question first, second;
	struct actor adopted = worker;
	struct world world;

	(void)state;
	adopted.path = "/srv/other";
	world_open(&world);
	record_exec(&world.recorder, &server);
	record_fork(&world.recorder, &adopted);
	assert_true(programs_next(world.programs, &first));
	assert_true(programs_next(world.programs, &second));
	answer(&world, first, PROGRAM_READ, "aa");
	settle(&world);
	assert_string_equal(build_of(&world, &server), "aa");
	assert_null(build_of(&world, &adopted));
	world_close(&world);
}

/* The same name does not make it the same program: its brother runs a later release, say. */
static void one_by_its_brother_does_not_share(void **state)
{
	struct program_question first, second;
	struct world world;

	(void)state;
	world_open(&world);
	record_exec(&world.recorder, &server);
	record_fork_sibling(&world.recorder, &worker);
	assert_true(programs_next(world.programs, &first));
	assert_true(programs_next(world.programs, &second));
	assert_int_equal(second.tgid, worker.tgid);
	answer(&world, first, PROGRAM_READ, "aa");
	answer(&world, second, PROGRAM_READ, "bb");
	settle(&world);
	assert_string_equal(build_of(&world, &server), "aa");
	assert_string_equal(build_of(&world, &worker), "bb");
	world_close(&world);
}

/* Nor is it called as its parent: what it runs it has from its brother. */
static void one_by_its_brother_has_a_name_of_its_own(void **state)
{
	struct actor adopted = worker;
	struct world world;

	(void)state;
	adopted.path = "/srv/other";
	world_open(&world);
	record_exec(&world.recorder, &server);
	record_fork_sibling(&world.recorder, &adopted);
	assert_string_equal(process(&world, &adopted)->executable, "other");
	world_close(&world);
}

static void another_of_the_same_program_answers(void **state)
{
	struct world world;

	(void)state;
	world_open(&world);
	record_exec(&world.recorder, &server);
	record_fork(&world.recorder, &worker);
	record_exit(&world.recorder, &server, 0, 0);
	answer(&world, question_for(&world, &worker), PROGRAM_READ, "aa");
	settle(&world);
	assert_string_equal(build_of(&world, &server), "aa");
	world_close(&world);
}

/* It ended between question and look. */
static void one_that_is_gone_is_followed_by_another(void **state)
{
	struct program_question question;
	struct world world;

	(void)state;
	world_open(&world);
	record_exec(&world.recorder, &server);
	record_fork(&world.recorder, &worker);
	question = question_for(&world, &server);
	record_exit(&world.recorder, &server, 0, 0);
	answer(&world, question, PROGRAM_GONE, NULL);
	settle(&world);
	answer(&world, question_for(&world, &worker), PROGRAM_READ, "aa");
	settle(&world);
	assert_string_equal(build_of(&world, &server), "aa");
	assert_int_equal(missed(&world), 0);
	world_close(&world);
}

/* What was read may be the next program's: its exec is told later than it is done. */
static void an_exec_meanwhile_makes_the_answer_void(void **state)
{
	struct world world;

	(void)state;
	world_open(&world);
	record_exec(&world.recorder, &server);
	record_fork(&world.recorder, &worker);
	answer(&world, question_for(&world, &server), PROGRAM_READ, "bb");
	record_exec(&world.recorder, &server);
	settle(&world);
	assert_null(build_of(&world, &worker));
	assert_null(build_of(&world, &server));
	assert_true(program_pending(process(&world, &worker)->program));
	world_close(&world);
}

static void nothing_is_believed_while_records_are_missing(void **state)
{
	struct world world;

	(void)state;
	world_open(&world);
	record_exec(&world.recorder, &server);
	answer(&world, question_for(&world, &server), PROGRAM_READ, "aa");
	world.recorder.time += PROGRAM_SETTLE;
	programs_settle(world.programs, world.recorder.time, true);
	assert_null(build_of(&world, &server));
	/* The dump that makes good what was lost tells of it anew. */
	record_existing(&world.recorder, &server);
	answer(&world, question_for(&world, &server), PROGRAM_READ, "bb");
	settle(&world);
	assert_string_equal(build_of(&world, &server), "bb");
	world_close(&world);
}

static void those_that_end_before_are_missed(void **state)
{
	struct program_question question;
	struct world world;

	(void)state;
	world_open(&world);
	record_exec(&world.recorder, &server);
	record_exit(&world.recorder, &server, 0, 0);
	assert_false(programs_next(world.programs, &question));
	assert_int_equal(missed(&world), 1);
	assert_false(program_pending(process(&world, &server)->program));
	world_close(&world);
}

/* A file that may not be read, or of which nothing is said, is not asked for again. */
static void nothing_known_is_an_answer(void **state)
{
	struct program_question question;
	struct world world;

	(void)state;
	world_open(&world);
	record_exec(&world.recorder, &server);
	answer(&world, question_for(&world, &server), PROGRAM_UNREADABLE, NULL);
	settle(&world);
	assert_null(build_of(&world, &server));
	assert_false(program_pending(process(&world, &server)->program));
	assert_false(programs_next(world.programs, &question));
	world_close(&world);
}

static void it_is_not_asked_for_without_end(void **state)
{
	struct program_question question;
	unsigned int asked = 0;
	struct world world;

	(void)state;
	world_open(&world);
	record_exec(&world.recorder, &server);
	while (programs_next(world.programs, &question)) {
		asked++;
		answer(&world, question, PROGRAM_GONE, NULL);
		settle(&world);
	}
	assert_in_range(asked, 2, 10);
	assert_int_equal(missed(&world), 1);
	world_close(&world);
}

/* Also what is under way when all ends is given back: the sanitizer would tell. */
static void questions_have_a_bound(void **state)
{
	struct program_question question, last;
	struct world world;
	unsigned int asked = 0;

	(void)state;
	world_open(&world);
	for (uint32_t i = 0; i < 2 * PROGRAMS_ASKED; i++) {
		struct actor actor = server;

		actor.tgid += i;
		record_exec(&world.recorder, &actor);
	}
	while (programs_next(world.programs, &question)) {
		last = question;
		asked++;
	}
	assert_int_equal(asked, PROGRAMS_ASKED);
	programs_unasked(world.programs, &last);
	assert_true(programs_next(world.programs, &question));
	assert_int_equal(question.slot, last.slot);
	answer(&world, question, PROGRAM_READ, "aa");
	assert_false(programs_next(world.programs, &question));
	settle(&world);
	assert_true(programs_next(world.programs, &question));
	world_close(&world);
}

static void events_keep_what_was_run(void **state)
{
	struct actor init = server;
	struct world world;

	(void)state;
	init.ns_tgid = 1;
	world_open(&world);
	world.model->config.lifecycle = true;
	record_fork(&world.recorder, &init);
	record_exec(&world.recorder, &init);
	answer(&world, question_for(&world, &init), PROGRAM_READ, "aa");
	settle(&world);
	record_exec(&world.recorder, &init);
	assert_string_equal(program_build(world.model->events.events->program)->gnu_id, "aa");
	assert_null(program_build(world.model->events.events->next->program));
	world_close(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_is_believed_after_a_while),
		cmocka_unit_test(forked_ones_share),
		cmocka_unit_test(one_with_another_name_does_not_share),
		cmocka_unit_test(one_by_its_brother_does_not_share),
		cmocka_unit_test(one_by_its_brother_has_a_name_of_its_own),
		cmocka_unit_test(another_of_the_same_program_answers),
		cmocka_unit_test(one_that_is_gone_is_followed_by_another),
		cmocka_unit_test(an_exec_meanwhile_makes_the_answer_void),
		cmocka_unit_test(nothing_is_believed_while_records_are_missing),
		cmocka_unit_test(those_that_end_before_are_missed),
		cmocka_unit_test(nothing_known_is_an_answer),
		cmocka_unit_test(it_is_not_asked_for_without_end),
		cmocka_unit_test(questions_have_a_bound),
		cmocka_unit_test(events_keep_what_was_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
