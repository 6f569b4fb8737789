/* SPDX-License-Identifier: MIT */
/*
 * The token's file: which one is read, when it is read again, and what is sent
 * while it is no good.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "auth_bearer.h"
#include "token.h"

struct place {
	char path[64], other[80];
	struct hadal_ship_auth *auth;
};

static void write_as(const char *path, const char *text, mode_t mode)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(path, mode), 0);
}

static void write_token(struct place *place, const char *text)
{
	write_as(place->path, text, 0600);
}

/* As who cares writes it: nobody sees half of it. */
static void replace_token(struct place *place, const char *text)
{
	write_as(place->other, text, 0600);
	assert_int_equal(rename(place->other, place->path), 0);
}

static int up(void **state)
{
	struct place *place = calloc(1, sizeof(*place));

	if (!place)
		return -1;
	snprintf(place->path, sizeof(place->path), "/tmp/hadald-token.%d", (int)getpid());
	snprintf(place->other, sizeof(place->other), "%s.new", place->path);
	write_token(place, "first\n");
	*state = place;
	return auth_bearer_file(place->path, false, &place->auth);
}

static int down(void **state)
{
	struct place *place = *state;

	hadal_ship_auth_release(place->auth);
	unlink(place->path);
	rmdir(place->path);
	free(place);
	return 0;
}

/* The number of the token that is sent, which is to be @token. */
static uint64_t assert_sent(struct place *place, const char *token)
{
	const struct hadal_ship_unsent unsent = { .url = "https://a.example/v1/metrics" };
	struct curl_slist *headers = NULL;
	char error[256], expected[128];
	uint64_t number;

	assert_int_equal(place->auth->authorize(place->auth, &unsent, &headers, &number, error, sizeof(error)), 0);
	snprintf(expected, sizeof(expected), "Authorization: Bearer %s", token);
	assert_string_equal(headers->data, expected);
	assert_null(headers->next);
	curl_slist_free_all(headers);
	return number;
}

static bool is_sent_again(struct place *place, uint64_t number, long status)
{
	const struct hadal_ship_refusal refusal = { .number = number, .status = status, .date = "", .type = "" };
	char error[256];

	return place->auth->refused(place->auth, &refusal, error, sizeof(error));
}

static void wait_to_look(void)
{
	usleep((AUTH_LOOK_SPACING + 50) * 1000);
}

static void what_changes_is_read_again(void **state)
{
	struct place *place = *state;

	assert_sent(place, "first");
	replace_token(place, "second");
	wait_to_look();
	assert_sent(place, "second");
	/* in place, of the same length */
	write_token(place, "thirds");
	wait_to_look();
	assert_sent(place, "thirds");
	/* and not more often than that */
	replace_token(place, "fourth");
	assert_sent(place, "thirds");
}

static void what_is_gone_or_no_good_changes_nothing(void **state)
{
	static const char *const bad[] = { "", "\n", "a b", "a\x01", "\xc3\xa9" };
	struct place *place = *state;
	uint64_t number = assert_sent(place, "first");

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		replace_token(place, bad[i]);
		wait_to_look();
		assert_int_equal(assert_sent(place, "first"), number);
	}
	write_as(place->path, "other", 0644);
	wait_to_look();
	assert_int_equal(assert_sent(place, "first"), number);
	unlink(place->path);
	wait_to_look();
	assert_int_equal(assert_sent(place, "first"), number);
	mkdir(place->path, 0700);
	wait_to_look();
	assert_int_equal(assert_sent(place, "first"), number);
	rmdir(place->path);
	write_token(place, "second");
	wait_to_look();
	assert_true(assert_sent(place, "second") > number);
}

static void refusals(void **state)
{
	struct place *place = *state;
	uint64_t number = assert_sent(place, "first");

	assert_false(is_sent_again(place, number, 401));
	replace_token(place, "second");
	assert_false(is_sent_again(place, number, 403));
	assert_false(is_sent_again(place, number, 400));
	/* at once: the refusal itself has it looked for */
	assert_true(is_sent_again(place, number, 401));
	assert_true(is_sent_again(place, number, 401));
	number = assert_sent(place, "second");
	assert_false(is_sent_again(place, number, 401));
	/* written again, and the same */
	replace_token(place, "second");
	assert_false(is_sent_again(place, number, 401));
}

static void there_is_none_yet(void **state)
{
	const struct hadal_ship_unsent unsent = { .url = "https://a.example/v1/metrics" };
	struct place *place = *state;
	struct curl_slist *headers = NULL;
	char error[256];
	uint64_t number;

	unlink(place->path);
	assert_int_equal(place->auth->authorize(place->auth, &unsent, &headers, &number, error, sizeof(error)), -EAGAIN);
	assert_null(headers);
	assert_non_null(strstr(error, "no token: "));
	assert_non_null(strstr(error, "No such file or directory"));
	write_token(place, "late");
	wait_to_look();
	assert_sent(place, "late");
}

static void assert_read(struct place *place, bool guarded, int result, const char *why)
{
	char token[TOKEN_SIZE], error[256] = "";
	struct stat status;

	assert_int_equal(token_read(place->path, guarded, token, &status, error, sizeof(error)), result);
	assert_string_equal(token, result ? "" : why);
	assert_true(!result || strstr(error, why));
}

static void files(void **state)
{
	struct place *place = *state;
	char longest[TOKEN_MAX + 3];

	assert_read(place, false, 0, "first");
	write_token(place, "first\r\nsecond\n");
	assert_read(place, false, 0, "first");
	write_as(place->path, "first", 0640);
	assert_read(place, false, -EACCES, "chmod 600");
	assert_read(place, true, 0, "first");
	memset(longest, 'x', sizeof(longest));
	longest[TOKEN_MAX] = '\0';
	write_token(place, longest);
	assert_read(place, false, 0, longest);
	longest[TOKEN_MAX] = 'x';
	longest[TOKEN_MAX + 1] = '\0';
	write_token(place, longest);
	assert_read(place, false, -EFBIG, "more than 4096 bytes");
	unlink(place->path);
	assert_read(place, false, -ENOENT, "No such file");
	assert_int_equal(mkfifo(place->path, 0600), 0);
	assert_read(place, false, -EINVAL, "not a file");
	unlink(place->path);
	mkdir(place->path, 0700);
	assert_read(place, false, -EINVAL, "not a file");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, up, down)
	static const struct CMUnitTest tests[] = {
		TEST(what_changes_is_read_again),
		TEST(what_is_gone_or_no_good_changes_nothing),
		TEST(refusals),
		TEST(there_is_none_yet),
		TEST(files),
	};
#undef TEST

	return cmocka_run_group_tests(tests, NULL, NULL);
}
