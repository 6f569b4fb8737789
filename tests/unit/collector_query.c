/* SPDX-License-Identifier: MIT */
/*
 * The socket by which hadald is asked: clients that are slow, or many, or send
 * what is no request, and one that is served all the while.
 */
#include <errno.h>
#include <linux/capability.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "query_server.h"

#define SECOND		1000000000ULL
#define LONG_ANSWER	(8U << 20)	/* more than a socket takes at once */

struct world {
	char directory[32], path[64];
	struct counts counts;
	struct query_server *server;
	uint64_t now;
	unsigned int asked, asked_fresh;
};

static char *answer(void *context, const char *request, bool fresh)
{
	struct world *world = context;
	char *text;

	world->asked++;
	world->asked_fresh += fresh;
	if (strcmp(request, "long") == 0) {
		text = malloc(LONG_ANSWER + 1);
		assert_non_null(text);
		memset(text, 'x', LONG_ANSWER);
		text[LONG_ANSWER] = '\0';
		return text;
	}
	if (strcmp(request, "later") == 0 && !fresh)
		return NULL;
	assert_true(asprintf(&text, "<%s>\n", request) > 0);
	return text;
}

static void world_open(struct world *world)
{
	char error[256];

	*world = (struct world){ .directory = "/tmp/hadald-query.XXXXXX", .now = 1000 * SECOND };
	assert_non_null(mkdtemp(world->directory));
	/* One level is made. */
	snprintf(world->path, sizeof(world->path), "%s/run/socket", world->directory);
	assert_int_equal(query_server_open(world->path, "no-such-group", answer, world, &world->counts,
					   &world->server, error, sizeof(error)), 0);
}

static void world_close(struct world *world)
{
	query_server_close(world->server);
	assert_int_equal(access(world->path, F_OK), -1);
	*strrchr(world->path, '/') = '\0';
	assert_int_equal(rmdir(world->path), 0);
	assert_int_equal(rmdir(world->directory), 0);
}

static int client_open(const struct world *world)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", world->path);
	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void client_send(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

static void turns(struct world *world, unsigned int count)
{
	while (count--)
		query_server_turn(world->server, world->now);
}

/* What there is to read without waiting, and whether the end has come. */
static bool client_read(int fd, char *text, size_t size)
{
	ssize_t length;
	size_t sum = 0;

	while ((length = recv(fd, text + sum, size - 1 - sum, MSG_DONTWAIT)) > 0)
		sum += (size_t)length;
	text[sum] = '\0';
	return length == 0 || errno == ECONNRESET;
}

static void expect_answer(int fd, const char *expected)
{
	char text[256];

	assert_true(client_read(fd, text, sizeof(text)));
	assert_string_equal(text, expected);
	close(fd);
}

static void expect_no_end(int fd)
{
	char text[256];

	assert_false(client_read(fd, text, sizeof(text)));
	assert_string_equal(text, "");
}

/* Served, whatever the others do. */
static void expect_service(struct world *world)
{
	int fd = client_open(world);

	client_send(fd, "hello\n");
	turns(world, 2);
	expect_answer(fd, "<hello>\n");
}

static void a_request_is_answered(void **state)
{
	struct stat status;
	struct world world;
	int fd;

	(void)state;
	world_open(&world);
	assert_int_equal(stat(world.path, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0660);
	expect_service(&world);
	fd = client_open(&world);
	turns(&world, 1);
	client_send(fd, "in ");
	turns(&world, 1);
	client_send(fd, "pieces\nmore");
	turns(&world, 1);
	expect_answer(fd, "<in pieces>\n");
	world_close(&world);
}

static void a_fresh_answer_is_waited_for(void **state)
{
	struct world world;
	int fd, gone;

	(void)state;
	world_open(&world);
	fd = client_open(&world);
	gone = client_open(&world);
	client_send(fd, "later\n");
	client_send(gone, "later\n");
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	turns(&world, 2);
	expect_no_end(fd);
	assert_true(query_server_waits(world.server));
	close(gone);
	turns(&world, 1);
	expect_service(&world);
	query_server_fresh(world.server, world.now);
	assert_int_equal(world.asked_fresh, 1);
	assert_false(query_server_waits(world.server));
	expect_answer(fd, "<later>\n");
	world_close(&world);
}

static void who_is_slow_to_ask_is_dropped(void **state)
{
	struct world world;
	int silent, slow;

	(void)state;
	world_open(&world);
	silent = client_open(&world);
	slow = client_open(&world);
	turns(&world, 1);
	for (int i = 0; i < 4; i++) {
		world.now += SECOND;
		client_send(slow, "x");
		expect_service(&world);
	}
	expect_no_end(silent);
	expect_no_end(slow);
	world.now += SECOND;
	turns(&world, 1);
	expect_answer(silent, "");
	expect_answer(slow, "");
	assert_int_equal(world.counts.value[COUNT_QUERIES_LATE], 2);
	world_close(&world);
}

static void who_does_not_read_is_dropped(void **state)
{
	struct world world;
	char *text = malloc(LONG_ANSWER + 1);
	int fd;

	(void)state;
	assert_non_null(text);
	world_open(&world);
	fd = client_open(&world);
	client_send(fd, "long\n");
	turns(&world, 2);
	world.now += QUERY_ANSWER_TIME - 1;
	expect_service(&world);
	assert_int_equal(world.counts.value[COUNT_QUERIES_LATE], 0);
	world.now += 1;
	turns(&world, 1);
	assert_int_equal(world.counts.value[COUNT_QUERIES_LATE], 1);
	assert_true(client_read(fd, text, LONG_ANSWER + 1));
	assert_true(strlen(text) < LONG_ANSWER);
	free(text);
	close(fd);
	world_close(&world);
}

static void a_long_answer_is_whole(void **state)
{
	struct world world;
	char *text = malloc(LONG_ANSWER + 1), *part = malloc(LONG_ANSWER + 1);
	int fd;

	(void)state;
	assert_non_null(text);
	assert_non_null(part);
	world_open(&world);
	fd = client_open(&world);
	client_send(fd, "long\n");
	text[0] = '\0';
	for (bool end = false; !end;) {
		turns(&world, 1);
		end = client_read(fd, part, LONG_ANSWER + 1);
		strcpy(text + strlen(text), part);
	}
	assert_int_equal(strlen(text), LONG_ANSWER);
	assert_int_equal(world.counts.value[COUNT_QUERIES_LATE], 0);
	free(text);
	free(part);
	close(fd);
	world_close(&world);
}

static void garbage_is_refused(void **state)
{
	char garbage[QUERY_REQUEST_SIZE + 1], text[256];
	struct world world;
	int fd;

	(void)state;
	world_open(&world);
	fd = client_open(&world);
	memset(garbage, 0xff, sizeof(garbage));
	assert_int_equal(send(fd, garbage, sizeof(garbage), 0), sizeof(garbage));
	turns(&world, 2);
	client_read(fd, text, sizeof(text));
	assert_string_equal(text, "{\"version\":1,\"error\":\"the request is longer than 128 bytes\"}\n");
	assert_int_equal(world.counts.value[COUNT_QUERIES_REFUSED], 1);
	close(fd);
	/* It goes before it has asked. */
	fd = client_open(&world);
	client_send(fd, "no end");
	close(fd);
	turns(&world, 2);
	assert_int_equal(world.asked, 0);
	expect_service(&world);
	world_close(&world);
}

static void too_many_are_refused(void **state)
{
	struct world world;
	int idle[QUERY_CLIENTS], fd;

	(void)state;
	world_open(&world);
	for (unsigned int i = 0; i < QUERY_CLIENTS; i++) {
		idle[i] = client_open(&world);
		turns(&world, 1);
	}
	fd = client_open(&world);
	turns(&world, 1);
	expect_answer(fd, "{\"version\":1,\"error\":\"too many ask at a time; try again\"}\n");
	assert_int_equal(world.counts.value[COUNT_QUERIES_REFUSED], 1);
	close(idle[3]);
	turns(&world, 1);
	expect_service(&world);
	for (unsigned int i = 0; i < QUERY_CLIENTS; i++) {
		if (i != 3)
			close(idle[i]);
	}
	world_close(&world);
}

static void a_socket_is_served_once(void **state)
{
	struct query_server *second;
	struct world world;
	char error[256], path[512];

	(void)state;
	world_open(&world);
	assert_int_equal(query_server_open(world.path, "hadal", answer, &world, &world.counts, &second, error,
					   sizeof(error)), -EADDRINUSE);
	assert_non_null(strstr(error, "another hadald serves it"));
	expect_service(&world);
	memset(path, 'x', sizeof(path));
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(query_server_open(path, "hadal", answer, &world, &world.counts, &second, error,
					   sizeof(error)), -EINVAL);
	world_close(&world);
}

/* Who was killed leaves it. */
static void a_socket_that_nobody_serves_is_taken(void **state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct world world;
	char error[256];
	int fd;

	(void)state;
	world_open(&world);
	query_server_close(world.server);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", world.path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	close(fd);
	assert_int_equal(query_server_open(world.path, "no-such-group", answer, &world, &world.counts,
					   &world.server, error, sizeof(error)), 0);
	expect_service(&world);
	world_close(&world);
}

/* Who runs the tests as another than root has it not anyhow. */
static void use_chown(bool use)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3];

	assert_int_equal(syscall(SYS_capget, &header, sets), 0);
	sets[0].effective = use ? sets[0].effective | (sets[0].permitted & 1U << CAP_CHOWN) :
				  sets[0].effective & ~(1U << CAP_CHOWN);
	assert_int_equal(syscall(SYS_capset, &header, sets), 0);
}

/* As root in a container. */
static void who_may_not_give_it_away_keeps_it(void **state)
{
	struct stat status;
	struct world world;
	char error[256];

	(void)state;
	world_open(&world);
	query_server_close(world.server);
	use_chown(false);
	assert_int_equal(query_server_open(world.path, "nogroup", answer, &world, &world.counts,
					   &world.server, error, sizeof(error)), 0);
	use_chown(true);
	assert_int_equal(stat(world.path, &status), 0);
	assert_int_equal(status.st_gid, getegid());
	expect_service(&world);
	world_close(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_is_answered),
		cmocka_unit_test(a_fresh_answer_is_waited_for),
		cmocka_unit_test(who_is_slow_to_ask_is_dropped),
		cmocka_unit_test(who_does_not_read_is_dropped),
		cmocka_unit_test(a_long_answer_is_whole),
		cmocka_unit_test(garbage_is_refused),
		cmocka_unit_test(too_many_are_refused),
		cmocka_unit_test(a_socket_is_served_once),
		cmocka_unit_test(a_socket_that_nobody_serves_is_taken),
		cmocka_unit_test(who_may_not_give_it_away_keeps_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
