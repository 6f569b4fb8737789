// SPDX-License-Identifier: MIT
/*
 * What hadald is asked by its socket, through the server: the first byte says how
 * many bytes come at a time. Whatever it is, there is one answer or none, and the
 * place is free again.
 */
#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "fuzz.h"
#include "query_protocol.h"
#include "query_server.h"

#define ANSWER	"{\"version\":1}\n"

static struct sockaddr_un address = { .sun_family = AF_UNIX };
static struct query_server *server;

static char *answer(void *context, const char *request, bool fresh)
{
	(void)context;
	switch (query_parse(request)) {
	case QUERY_REQUEST_FLOWS:
	case QUERY_REQUEST_PROCESSES:
		return fresh ? strdup(ANSWER) : NULL;
	default:
		return strdup(ANSWER);
	}
}

static void close_server(void)
{
	query_server_close(server);
}

static void open_server(void)
{
	static struct counts counts;
	char error[256];

	snprintf(address.sun_path, sizeof(address.sun_path), "/tmp/hadal-fuzz-query.%d", (int)getpid());
	if (query_server_open(address.sun_path, "nogroup", answer, NULL, &counts, &server, error, sizeof(error)))
		abort();
	atexit(close_server);
}

static int connect_to_server(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)))
		abort();
	query_server_turn(server, 1);
	return fd;
}

/* Up to where the server has had enough: who waits is not read from. */
static void ask(int fd, const uint8_t *data, size_t size, size_t piece)
{
	while (size) {
		size_t some = size < piece ? size : piece;

		if (send(fd, data, some, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
			return;
		query_server_turn(server, 1);
		data += some;
		size -= some;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[1024];
	ssize_t length;
	int fd;

	if (!size || size > 512)
		return 0;
	if (!server)
		open_server();
	fd = connect_to_server();
	ask(fd, data + 1, size - 1, data[0] ? data[0] : 256);
	query_server_fresh(server, 1);
	shutdown(fd, SHUT_WR);
	query_server_turn(server, 1);
	length = recv(fd, text, sizeof(text), MSG_DONTWAIT);
	if (length > 0) {
		const char *end = memchr(text, '\n', (size_t)length);

		assert(text[0] == '{' && end && end + 1 == text + length);
	}
	close(fd);
	query_server_turn(server, 1);
	assert(!query_server_waits(server));
	return 0;
}
