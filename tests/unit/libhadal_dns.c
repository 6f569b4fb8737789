// SPDX-License-Identifier: MIT
/* Answers of DNS: what is understood, and what is refused. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <hadal/dns.h>

#include "dns_messages.h"

/* From a copy that ends where the message does, so that a read beyond is seen. */
struct reading {
	struct hadal_dns_message message;
	struct hadal_dns_resource resource;
	uint8_t *copy;
};

static int begin_cut(struct reading *reading, const struct dns_builder *built, size_t size)
{
	reading->copy = malloc(size ? size : 1);
	assert_non_null(reading->copy);
	memcpy(reading->copy, built->bytes, size);
	return hadal_dns_parse(&reading->message, reading->copy, size, built->size);
}

static int begin(struct reading *reading, const struct dns_builder *built)
{
	return begin_cut(reading, built, built->size);
}

static int next(struct reading *reading)
{
	return hadal_dns_next(&reading->message, &reading->resource);
}

static void end(struct reading *reading)
{
	assert_int_equal(next(reading), 0);
	free(reading->copy);
}

/* Header and question are sound; the answers are not, at the latest in the given one. */
static void expect_unsound(const struct dns_builder *built, unsigned int answer)
{
	struct reading reading;

	assert_int_equal(begin(&reading, built), 0);
	while (answer--)
		assert_int_equal(next(&reading), 1);
	assert_int_equal(next(&reading), -EBADMSG);
	end(&reading);
}

static void expect_refused(const struct dns_builder *built)
{
	struct reading reading;

	assert_int_equal(begin(&reading, built), -EBADMSG);
	end(&reading);
}

static void check_first(const struct reading *reading)
{
	assert_string_equal(reading->resource.name, "www.example.org");
	assert_string_equal(reading->resource.target, "web.example.net");
	assert_int_equal(reading->resource.type, 5);
	assert_int_equal(reading->resource.family, 0);
	assert_int_equal(reading->resource.ttl, 300);
}

static void usual_answer(void **state)
{
	static const uint8_t v4[4] = { 192, 0, 2, 7 }, v6[16] = { 0x20, 1, 0xd, 0xb8, [15] = 1 };
	struct dns_builder built;
	struct reading reading;

	(void)state;
	dns_build_usual(&built);
	assert_int_equal(begin(&reading, &built), 0);
	assert_string_equal(reading.message.question, "www.example.org");
	assert_int_equal(reading.message.question_type, 1);
	assert_int_equal(reading.message.id, 0x1234);
	assert_int_equal(reading.message.response_code, 0);
	assert_false(reading.message.server_truncated);
	assert_int_equal(next(&reading), 1);
	check_first(&reading);
	assert_int_equal(next(&reading), 1);
	assert_string_equal(reading.resource.name, "web.example.net");
	assert_string_equal(reading.resource.target, "");
	assert_int_equal(reading.resource.family, AF_INET);
	assert_memory_equal(reading.resource.address, v4, sizeof(v4));
	assert_int_equal(reading.resource.ttl, 60);
	assert_int_equal(next(&reading), 1);
	assert_int_equal(reading.resource.family, AF_INET6);
	assert_memory_equal(reading.resource.address, v6, sizeof(v6));
	end(&reading);
}

static void failures_without_answers(void **state)
{
	struct dns_builder built;
	struct reading reading;

	(void)state;
	dns_begin(&built, DNS_ANSWERED | 0x0200 | 3, 1, 0);
	dns_put_question(&built, "nowhere.example", 28);
	assert_int_equal(begin(&reading, &built), 0);
	assert_int_equal(reading.message.response_code, 3);
	assert_true(reading.message.server_truncated);
	assert_string_equal(reading.message.question, "nowhere.example");
	end(&reading);

	/* Of a server that did not even understand the question. */
	dns_begin(&built, 0x8001, 0, 0);
	assert_int_equal(begin(&reading, &built), 0);
	assert_string_equal(reading.message.question, "");
	assert_int_equal(reading.message.response_code, 1);
	end(&reading);
}

static void root_and_odd_bytes(void **state)
{
	struct dns_builder built;
	struct reading reading;

	(void)state;
	dns_begin(&built, DNS_ANSWERED, 1, 0);
	dns_put_question(&built, "", 2);
	assert_int_equal(begin(&reading, &built), 0);
	assert_string_equal(reading.message.question, ".");
	end(&reading);
	dns_begin(&built, DNS_ANSWERED, 1, 0);
	dns_put_question(&built, "\x1b[31m\xff.\n", 1);
	assert_int_equal(begin(&reading, &built), 0);
	assert_string_equal(reading.message.question, "\\027[31m\\255.\\010");
	end(&reading);
}

static void other_types_and_classes_are_stepped_over(void **state)
{
	struct dns_builder built;
	struct reading reading;

	(void)state;
	dns_begin(&built, DNS_ANSWERED, 1, 3);
	dns_put_question(&built, "a.example", 16);
	dns_put_pointer(&built, DNS_QUESTION_AT);
	dns_put_fixed(&built, 16, 10, 5);
	dns_put(&built, "\4text", 5);
	dns_put_address(&built, DNS_QUESTION_AT, 10, "\1\2\3\4", 4);
	built.bytes[built.size - 11] = 3;	/* class CH */
	dns_put_address(&built, DNS_QUESTION_AT, 0x80000000, "\5\6\7\10", 4);
	assert_int_equal(begin(&reading, &built), 0);
	assert_int_equal(next(&reading), 1);
	assert_memory_equal(reading.resource.address, "\5\6\7\10", 4);
	assert_int_equal(reading.resource.ttl, 0);
	end(&reading);
}

/* What stands behind the answers is not looked at. */
static void bytes_behind(void **state)
{
	struct dns_builder built;
	struct reading reading;

	(void)state;
	dns_build_usual(&built);
	dns_put(&built, "\xff\xff\xff", 3);
	assert_int_equal(begin(&reading, &built), 0);
	assert_int_equal(next(&reading) + next(&reading) + next(&reading), 3);
	end(&reading);
}

/* However many bytes are there: what they hold whole is told, and nothing is wrong. */
static void cut_anywhere(void **state)
{
	struct dns_builder built;
	struct reading reading;
	size_t size;
	int answers, before = 0;

	(void)state;
	dns_build_usual(&built);
	for (size = 12; size < built.size; size++) {
		assert_int_equal(begin_cut(&reading, &built, size), 0);
		assert_true(reading.message.is_cut);
		for (answers = 0; next(&reading) == 1; answers++)
			if (!answers)
				check_first(&reading);
		assert_true(answers == before || answers == before + 1);
		before = answers;
		end(&reading);
	}
	assert_int_equal(before, 2);
}

/* The same, where that was all there was. */
static void short_anywhere(void **state)
{
	struct dns_builder built;
	struct reading reading;
	size_t whole, size;
	int result;

	(void)state;
	dns_build_usual(&built);
	whole = built.size;
	for (size = 0; size < whole; size++) {
		built.size = size;
		result = begin(&reading, &built);
		while (!result || result == 1)
			result = next(&reading);
		assert_int_equal(result, -EBADMSG);
		end(&reading);
	}
}

static void no_answers_to_a_query(void **state)
{
	static const unsigned int flags[] = { 0x0100, 0x0180, 0x8800, 0xa000, 0xa800, 0xf800 };
	struct dns_builder built;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		dns_begin(&built, flags[i], 1, 0);
		dns_put_question(&built, "example.org", 1);
		expect_refused(&built);
	}
	dns_begin(&built, DNS_ANSWERED, 2, 0);
	dns_put_question(&built, "example.org", 1);
	dns_put_question(&built, "example.net", 1);
	expect_refused(&built);
}

static void pointers_that_lead_nowhere(void **state)
{
	struct dns_builder built;
	size_t at;

	(void)state;
	/* To itself, to one that points back, beyond the end. */
	dns_begin(&built, DNS_ANSWERED, 1, 0);
	dns_put_pointer(&built, DNS_QUESTION_AT);
	dns_put(&built, "\0\1\0\1", 4);
	expect_refused(&built);
	dns_begin(&built, DNS_ANSWERED, 1, 0);
	dns_put_pointer(&built, DNS_QUESTION_AT + 2);
	dns_put_pointer(&built, DNS_QUESTION_AT);
	dns_put(&built, "\0\1", 2);
	expect_refused(&built);
	dns_begin(&built, DNS_ANSWERED, 1, 1);
	dns_put_question(&built, "example.org", 1);
	dns_put_address(&built, 0x3fff, 1, "\1\2\3\4", 4);
	expect_unsound(&built, 0);
	/* A label that goes round: each turn would make the name longer. */
	dns_begin(&built, DNS_ANSWERED, 1, 1);
	dns_put_question(&built, "example.org", 1);
	at = built.size;
	dns_put(&built, "\1x", 2);
	dns_put_pointer(&built, at);
	dns_put_fixed(&built, 1, 1, 4);
	dns_put(&built, "\1\2\3\4", 4);
	expect_unsound(&built, 0);
}

static void labels_that_are_none(void **state)
{
	static const char first[] = { 0x40, (char)0x80, 0x7f };
	struct dns_builder built;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(first); i++) {
		dns_begin(&built, DNS_ANSWERED, 1, 0);
		dns_put(&built, &first[i], 1);
		dns_put_question(&built, "example.org", 1);
		expect_refused(&built);
	}
	/* 5 * 64 bytes are more than a name may have. */
	dns_begin(&built, DNS_ANSWERED, 1, 0);
	for (i = 0; i < 5; i++) {
		dns_put(&built, "\77", 1);
		dns_put(&built, "012345678901234567890123456789012345678901234567890123456789012", 63);
	}
	dns_put_question(&built, "", 1);
	expect_refused(&built);
}

static void data_of_the_wrong_length(void **state)
{
	static const struct {
		unsigned int type;
		size_t length;
	} wrong[] = { { 1, 0 }, { 1, 3 }, { 1, 5 }, { 1, 16 }, { 28, 4 }, { 28, 15 }, { 28, 17 }, { 5, 0 } };
	static const uint8_t zeros[32];
	struct dns_builder built;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		dns_begin(&built, DNS_ANSWERED, 1, 2);
		dns_put_question(&built, "a.example", 1);
		dns_put_address(&built, DNS_QUESTION_AT, 1, "\1\2\3\4", 4);
		dns_put_pointer(&built, DNS_QUESTION_AT);
		dns_put_fixed(&built, wrong[i].type, 1, wrong[i].length);
		dns_put(&built, zeros, wrong[i].length);
		expect_unsound(&built, 1);
	}
	/* A name that ends before its data does, or behind it. */
	for (i = 3; i <= 5; i += 2) {
		dns_begin(&built, DNS_ANSWERED, 1, 1);
		dns_put_question(&built, "a.example", 1);
		dns_put_pointer(&built, DNS_QUESTION_AT);
		dns_put_fixed(&built, 5, 1, i);
		dns_put(&built, "\2bc\0\0\0", 6);
		expect_unsound(&built, 0);
	}
}

static void names_of_numbers(void **state)
{
	(void)state;
	assert_string_equal(hadal_dns_type_name(28), "AAAA");
	assert_string_equal(hadal_dns_type_name(65), "HTTPS");
	assert_null(hadal_dns_type_name(0));
	assert_null(hadal_dns_type_name(65535));
	assert_string_equal(hadal_dns_response_code_name(0), "NOERROR");
	assert_string_equal(hadal_dns_response_code_name(10), "NOTZONE");
	assert_null(hadal_dns_response_code_name(11));
	assert_null(hadal_dns_response_code_name(255));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(usual_answer),
		cmocka_unit_test(failures_without_answers),
		cmocka_unit_test(root_and_odd_bytes),
		cmocka_unit_test(other_types_and_classes_are_stepped_over),
		cmocka_unit_test(bytes_behind),
		cmocka_unit_test(cut_anywhere),
		cmocka_unit_test(short_anywhere),
		cmocka_unit_test(no_answers_to_a_query),
		cmocka_unit_test(pointers_that_lead_nowhere),
		cmocka_unit_test(labels_that_are_none),
		cmocka_unit_test(data_of_the_wrong_length),
		cmocka_unit_test(names_of_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
