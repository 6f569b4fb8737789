/* SPDX-License-Identifier: MIT */
#include "query.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"

#define WAIT_MS		20000
#define MEANWHILE_MS	100
#define ANSWER_MAX	(64U << 20)	/* far more than hadald ever answers */

static bool (*meanwhile)(void *context);
static void *meanwhile_context;

void query_meanwhile(bool (*function)(void *context), void *context)
{
	meanwhile = function;
	meanwhile_context = context;
}

static int query_connect(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd, error;

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	strcpy(address.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (!connect(fd, (struct sockaddr *)&address, sizeof(address)))
		return fd;
	error = errno;
	close(fd);
	return -error;
}

/* Waits for more of the answer until @end. Returns 0; -ETIMEDOUT; -ECANCELED: it is not wanted any more. */
static int query_await(int fd, int64_t end)
{
	struct pollfd waited = { .fd = fd, .events = POLLIN };
	int64_t left;

	while ((left = end - (int64_t)now_ms()) > 0) {
		if (poll(&waited, 1, meanwhile && left > MEANWHILE_MS ? MEANWHILE_MS : (int)left) > 0)
			return 0;
		if (meanwhile && !meanwhile(meanwhile_context))
			return -ECANCELED;
	}
	return -ETIMEDOUT;
}

/* Returns 0 when the whole answer is in @answer, which must be freed in any case. */
static int query_read(int fd, char **answer, size_t *length)
{
	const int64_t end = (int64_t)now_ms() + WAIT_MS;
	char part[65536];
	FILE *to = open_memstream(answer, length);
	ssize_t got = -1;
	int error = to ? 0 : -ENOMEM;
	size_t sum = 0;

	while (!error && got) {
		error = query_await(fd, end);
		if (error)
			break;
		got = recv(fd, part, sizeof(part), 0);
		if (got < 0 && errno != EAGAIN && errno != EINTR)
			error = -errno;
		if (got <= 0)
			continue;
		sum += (size_t)got;
		if (sum > ANSWER_MAX || fwrite(part, 1, (size_t)got, to) != (size_t)got)
			error = -EBADMSG;
	}
	if (to && fclose(to) && !error)
		error = -ENOMEM;
	return error;
}

static int query_exchange(const char *path, const char *word, char **answer, size_t *length)
{
	char request[64];
	int fd = query_connect(path), result;

	if (fd < 0)
		return fd;
	snprintf(request, sizeof(request), "%d %s\n", QUERY_VERSION, word);
	/* hadald may have refused already and told why. */
	(void)!send(fd, request, strlen(request), MSG_NOSIGNAL);
	result = query_read(fd, answer, length);
	close(fd);
	return result;
}

static int query_check(struct json_object *answer, char error[QUERY_ERROR_SIZE])
{
	const char *text = member_text(answer, "error");

	if (member_number(answer, "version") != QUERY_VERSION) {
		snprintf(error, QUERY_ERROR_SIZE, "what hadald answers is not of version %d", QUERY_VERSION);
		return -EBADMSG;
	}
	if (!text)
		return 0;
	snprintf(error, QUERY_ERROR_SIZE, "hadald: %s", text);
	return -EREMOTEIO;
}

static void explain(int failure, const char *path, char error[QUERY_ERROR_SIZE])
{
	switch (failure) {
	case -ENOENT:
	case -ECONNREFUSED:
		snprintf(error, QUERY_ERROR_SIZE,
			 "hadald does not answer at %s: 'systemctl start hadald' starts it", path);
		break;
	case -EACCES:
		snprintf(error, QUERY_ERROR_SIZE, "%s: only root and the group hadal may ask", path);
		break;
	case -ETIMEDOUT:
		snprintf(error, QUERY_ERROR_SIZE, "%s: no answer within %d s", path, WAIT_MS / 1000);
		break;
	default:
		snprintf(error, QUERY_ERROR_SIZE, "%s: %s", path, strerror(-failure));
	}
}

int query_ask(const char *path, const char *word, struct json_object **answer, char error[QUERY_ERROR_SIZE])
{
	char *text = NULL;
	size_t length = 0;
	int result;

	if (!path)
		path = QUERY_SOCKET;
	result = query_exchange(path, word, &text, &length);
	if (result) {
		explain(result, path, error);
		free(text);
		return result;
	}
	*answer = json_tokener_parse(length ? text : "");
	free(text);
	if (!*answer) {
		snprintf(error, QUERY_ERROR_SIZE, "%s: what comes from there is no answer of hadald", path);
		return -EBADMSG;
	}
	result = query_check(*answer, error);
	if (result) {
		json_object_put(*answer);
		*answer = NULL;
	}
	return result;
}

void query_wait(uint64_t time)
{
	struct timespec left = { .tv_sec = (time_t)(time / 1000000000), .tv_nsec = (long)(time % 1000000000) };

	while (nanosleep(&left, &left) && errno == EINTR)
		;
}

void print_document(struct json_object *document, const char *list, struct json_object *rows)
{
	json_object_object_add(document, list, rows);
	puts(json_object_to_json_string_ext(document, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE));
}

struct json_object *member_of(struct json_object *object, const char *name)
{
	struct json_object *value = NULL;

	/* Of what is no object there is nothing. */
	json_object_object_get_ex(object, name, &value);
	return value;
}

const char *member_text(struct json_object *object, const char *name)
{
	struct json_object *value = member_of(object, name);

	return json_object_is_type(value, json_type_string) ? json_object_get_string(value) : NULL;
}

const char *member_text_or(struct json_object *object, const char *name, const char *otherwise)
{
	const char *text = member_text(object, name);

	return text ? text : otherwise;
}

uint64_t member_number(struct json_object *object, const char *name)
{
	return json_object_get_uint64(member_of(object, name));
}

double member_real(struct json_object *object, const char *name, double otherwise)
{
	struct json_object *value = member_of(object, name);

	return value ? json_object_get_double(value) : otherwise;
}
