/* SPDX-License-Identifier: MIT */
/*
 * Secrets in arguments. In the tables below arguments are apart by '|'.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "redact.h"

enum { ARGUMENTS = 16 };

struct redaction {
	const char *before, *after;
};

static size_t split(const char *text, char **list)
{
	char *copy = strdup(text), *rest = copy, *item;
	size_t count = 0;

	while ((item = strsep(&rest, "|")))
		list[count++] = strdup(item);
	free(copy);
	return count;
}

static void redacts(const struct redactor *redactor, const struct redaction *redaction, bool cut)
{
	char *list[ARGUMENTS], joined[1024] = "";
	size_t count = split(redaction->before, list);

	assert_int_equal(redact_arguments(redactor, list, count, cut), 0);
	for (size_t i = 0; i < count; i++) {
		if (i)
			strcat(joined, "|");
		strcat(joined, list[i]);
		free(list[i]);
	}
	assert_string_equal(joined, redaction->after);
}

static void redact_all(const char *pattern, const struct redaction *list, size_t count, bool cut)
{
	struct redactor *redactor;

	assert_int_equal(redactor_new(pattern, &redactor), 0);
	for (size_t i = 0; i < count; i++)
		redacts(redactor, &list[i], cut);
	redactor_free(redactor);
}

#define REDACT_ALL(pattern, list, cut)	redact_all(pattern, list, sizeof(list) / sizeof((list)[0]), cut)

static void by_name(void **state)
{
	static const struct redaction list[] = {
		{ "app|--password|s3cret|--verbose", "app|--password|REDACTED|--verbose" },
		{ "app|--password=s3cret", "app|--password=REDACTED" },
		{ "app|--PassWord=s3|cret", "app|--PassWord=REDACTED|cret" },
		{ "app|-db-password|s3cret", "app|-db-password|REDACTED" },
		{ "app|--token=abc=def", "app|--token=REDACTED" },
		{ "app|--authToken|abc", "app|--authToken|REDACTED" },
		{ "app|--api-key=abc", "app|--api-key=REDACTED" },
		{ "app|--aws_secret_access_key|abc", "app|--aws_secret_access_key|REDACTED" },
		{ "env|DB_PASS=x|run", "env|DB_PASS=REDACTED|run" },
		{ "java|-Dspring.datasource.password=x|-jar|a.jar",
		  "java|-Dspring.datasource.password=REDACTED|-jar|a.jar" },
		{ "app|{\"user\":\"u\",\"password\": \"x\"}", "app|{\"user\":\"u\",\"password\":REDACTED" },
		{ "psql|host=db user=u password = x", "psql|host=db user=u password =REDACTED" },
		{ "app|Server=db;Password=a;b&c d", "app|Server=db;Password=REDACTED" },
		{ "sh|-c|run --password x -v", "sh|-c|run --password REDACTED" },
		{ "sh|-c|run 'a b' --token='x'", "sh|-c|run 'a b' --token=REDACTED" },
		{ "curl|-H|Authorization: Bearer abc", "curl|-H|Authorization:REDACTED" },
		{ "curl|-H|X-Auth-Key:|abc", "curl|-H|X-Auth-Key:|REDACTED" },
		{ "curl|https://h/p?a=1&access_token=x&b=2", "curl|https://h/p?a=1&access_token=REDACTED" },
		{ "openssl|rsa|-passin|pass:x", "openssl|rsa|-passin|REDACTED" },
		{ "app|--password", "app|--password" },
		{ "app|--password=", "app|--password=" },
	};

	(void)state;
	REDACT_ALL(NULL, list, false);
}

static void by_program(void **state)
{
	static const struct redaction list[] = {
		{ "/usr/bin/mysqldump|-uroot|-ps3cret|shop", "/usr/bin/mysqldump|-uroot|-pREDACTED|shop" },
		{ "mariadb|-p|shop", "mariadb|-p|REDACTED" },
		{ "curl|-u|me:s3cret|https://h/", "curl|-u|REDACTED|https://h/" },
		{ "curl|-ume:s3cret", "curl|-uREDACTED" },
		{ "curl|-sSu|me:s3cret|https://h/", "curl|-sSu|REDACTED|https://h/" },
		{ "curl|-sSume:s3cret", "curl|-sSuREDACTED" },
		{ "curl|--silent|-ou|https://h/", "curl|--silent|-ou|https://h/" },
		{ "ldapsearch|-xLLLw|s3cret", "ldapsearch|-xLLLw|REDACTED" },
		{ "mysql|-Nsps3cret|-ushop|-hprod", "mysql|-NspREDACTED|-ushop|-hprod" },
		{ "redis-cli|-h|cache|-a|s3cret", "redis-cli|-h|cache|-a|REDACTED" },
		{ "sshpass|-ps3cret|ssh|h", "sshpass|-pREDACTED|ssh|h" },
		{ "mkdir|-p|/var/lib/app", "mkdir|-p|/var/lib/app" },
	};

	(void)state;
	REDACT_ALL(NULL, list, false);
}

static void by_shape(void **state)
{
	static const struct redaction list[] = {
		{ "app|postgres://me:s3cret@db:5432/shop", "app|postgres://REDACTED@db:5432/shop" },
		{ "app|redis://:p@ss@cache|amqp://a:b@q", "app|redis://REDACTED@cache|amqp://REDACTED@q" },
		{ "app|x AKIAIOSFODNN7EXAMPLE,ASIAIOSFODNN7EXAMPLE", "app|x REDACTED,REDACTED" },
		{ "app|eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln", "app|REDACTED" },
		{ "app|ghp_abcDEF123|glpat-x-1|xoxb-1-a|sk_live_9", "app|REDACTED|REDACTED|REDACTED|REDACTED" },
		{ "app|say bearer abc.def now", "app|say bearer REDACTED now" },
		{ "app|-----BEGIN RSA PRIVATE KEY-----\nMII\n", "app|REDACTED" },
	};

	(void)state;
	REDACT_ALL(NULL, list, false);
}

/* What operators want to read stays. */
static void the_rest_stays(void **state)
{
	static const struct redaction list[] = {
		{ "nginx|-g|daemon off;", "nginx|-g|daemon off;" },
		{ "app|http://web:8080/a@b?c=d", "app|http://REDACTED@b?c=d" },
		{ "app|http://web:8080/path|--port=80", "app|http://web:8080/path|--port=80" },
		{ "passenger|--bypass|compass", "passenger|--bypass|compass" },
		{ "java|-Xmx512m|-jar|/srv/author.jar|--authority=x", "java|-Xmx512m|-jar|/srv/author.jar|--authority=x" },
		{ "app||-|--|=|:|\xc3\xa9", "app||-|--|=|:|\xc3\xa9" },
		{ "", "" },
	};

	(void)state;
	REDACT_ALL(NULL, list, false);
}

static void by_ones_own_pattern(void **state)
{
	static const struct redaction list[] = {
		{ "app|x corp-1234 corp-99|corp-|--token=a", "app|x REDACTED REDACTED|corp-|--token=REDACTED" },
	};
	struct redactor *redactor = NULL;

	(void)state;
	REDACT_ALL("corp-[0-9]+", list, false);
	assert_int_equal(redactor_new("(", &redactor), -EINVAL);
	assert_int_equal(redactor_new("a*", &redactor), -EINVAL);
	assert_null(redactor);
}

/* Where the end is missing, so may be what tells a password. */
static void what_was_cut(void **state)
{
	static const struct redaction list[] = {
		{ "app|http://web:80/|postgres://me:s3cr", "app|http://web:80/|postgres://REDACTED" },
		{ "app|http://web:80/|--fi", "app|http://web:80/|--fi" },
		{ "app|AKIAIOSFODNN7EX", "app|REDACTED" },
	};

	(void)state;
	REDACT_ALL(NULL, list, true);
}

/* A name without end is looked at to a bound. */
static void long_names(void **state)
{
	char *list[2] = { strdup("app"), malloc(5000) };
	struct redactor *redactor;

	(void)state;
	memset(list[1], 'a', 4999);
	list[1][4999] = '\0';
	memcpy(list[1] + 4000, "=x --password=s3cret", 20);
	list[1][4020] = '\0';
	assert_int_equal(redactor_new(NULL, &redactor), 0);
	assert_int_equal(redact_arguments(redactor, list, 2, false), 0);
	assert_null(strstr(list[1], "s3cret"));
	assert_int_equal(redact_arguments(redactor, list, 0, true), 0);
	redactor_free(redactor);
	free(list[0]);
	free(list[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(by_name),
		cmocka_unit_test(by_program),
		cmocka_unit_test(by_shape),
		cmocka_unit_test(the_rest_stays),
		cmocka_unit_test(by_ones_own_pattern),
		cmocka_unit_test(what_was_cut),
		cmocka_unit_test(long_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
