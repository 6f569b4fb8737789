/* SPDX-License-Identifier: MIT */
#include "web_server.h"

#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { PATHS = 64, PATH_SIZE = 256 };

struct web_server {
	struct web_page *pages;
	int tcp, local, stop;
	char url[64], socket[64];
	pthread_t thread;
	pthread_mutex_t lock;
	char seen[PATHS][PATH_SIZE];	/* under lock */
	unsigned int seen_count;
};

static void check(bool ok, const char *what)
{
	if (ok)
		return;
	perror(what);
	abort();
}

static void send_all(int fd, const char *text, size_t length)
{
	while (length) {
		ssize_t sent = send(fd, text, length, MSG_NOSIGNAL);

		if (sent <= 0)
			return;
		text += sent;
		length -= (size_t)sent;
	}
}

static void wait_for_end(const struct web_server *server, int fd)
{
	struct pollfd fds[2] = { { .fd = fd, .events = POLLIN }, { .fd = server->stop, .events = POLLIN } };

	poll(fds, 2, -1);
}

static void send_endless(const struct web_server *server, int fd)
{
	static const char head[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
	static char chunk[65536 + 16];
	struct pollfd stop = { .fd = server->stop, .events = POLLIN };
	int length = sprintf(chunk, "10000\r\n");

	memset(chunk + length, 'x', 65536);
	strcpy(chunk + length + 65536, "\r\n");
	send_all(fd, head, sizeof(head) - 1);
	while (!poll(&stop, 1, 0) && send(fd, chunk, strlen(chunk), MSG_NOSIGNAL) > 0)
		;
}

static void send_page(const struct web_server *server, int fd, const struct web_page *page)
{
	size_t length = strlen(page->body);
	char head[256];

	snprintf(head, sizeof(head), "HTTP/1.1 %d X\r\nContent-Type: application/json\r\n"
		 "Content-Length: %zu\r\nConnection: close\r\n\r\n", page->status, length);
	switch (page->behaviour) {
	case WEB_SILENCE:
		wait_for_end(server, fd);
		break;
	case WEB_GARBAGE:
		send_all(fd, "\1\2\3\4\r\n\r\n", 8);
		break;
	case WEB_ENDLESS:
		send_endless(server, fd);
		break;
	default:
		send_all(fd, head, strlen(head));
		send_all(fd, page->body, page->behaviour == WEB_CUT ? length / 2 : length);
	}
}

static void note(struct web_server *server, const char *path)
{
	pthread_mutex_lock(&server->lock);
	if (server->seen_count < PATHS)
		snprintf(server->seen[server->seen_count++], PATH_SIZE, "%s", path);
	pthread_mutex_unlock(&server->lock);
}

static void serve(struct web_server *server, int fd)
{
	static const struct web_page missing = { .status = 404, .body = "\"not found\"" };
	const struct web_page *page = server->pages;
	char request[4096] = "", path[PATH_SIZE] = "";
	size_t length = 0;

	while (!strstr(request, "\r\n\r\n") && length < sizeof(request) - 1) {
		ssize_t got = recv(fd, request + length, sizeof(request) - 1 - length, 0);

		if (got <= 0)
			return;
		length += (size_t)got;
		request[length] = '\0';
	}
	sscanf(request, "GET %255s", path);
	note(server, path);
	while (page->path && strcmp(page->path, path))
		page++;
	send_page(server, fd, page->path ? page : &missing);
}

static void *run(void *context)
{
	struct web_server *server = context;
	struct pollfd fds[3] = {
		{ .fd = server->stop, .events = POLLIN },
		{ .fd = server->tcp, .events = POLLIN },
		{ .fd = server->local, .events = POLLIN },
	};

	while (poll(fds, 3, -1) > 0 && !fds[0].revents) {
		for (int i = 1; i < 3; i++) {
			int fd = fds[i].revents ? accept(fds[i].fd, NULL, NULL) : -1;

			if (fd < 0)
				continue;
			serve(server, fd);
			close(fd);
		}
	}
	return NULL;
}

static void listen_tcp(struct web_server *server)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t length = sizeof(address);

	server->tcp = socket(AF_INET, SOCK_STREAM, 0);
	check(!bind(server->tcp, (struct sockaddr *)&address, length) && !listen(server->tcp, 16) &&
	      !getsockname(server->tcp, (struct sockaddr *)&address, &length), "a loopback port");
	snprintf(server->url, sizeof(server->url), "http://127.0.0.1:%u", ntohs(address.sin_port));
}

static void listen_local(struct web_server *server)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	snprintf(server->socket, sizeof(server->socket), "/tmp/hadald-web.%d.%p", (int)getpid(), (void *)server);
	strcpy(address.sun_path, server->socket);
	server->local = socket(AF_UNIX, SOCK_STREAM, 0);
	check(!bind(server->local, (struct sockaddr *)&address, sizeof(address)) && !listen(server->local, 16),
	      "a unix socket");
}

struct web_server *web_start(struct web_page *pages)
{
	struct web_server *server = calloc(1, sizeof(*server));

	check(server, "memory");
	server->pages = pages;
	server->stop = eventfd(0, 0);
	listen_tcp(server);
	listen_local(server);
	pthread_mutex_init(&server->lock, NULL);
	check(!pthread_create(&server->thread, NULL, run, server), "a thread");
	return server;
}

void web_stop(struct web_server *server)
{
	static const unsigned long long one = 1;

	check(write(server->stop, &one, sizeof(one)) == sizeof(one), "the event");
	pthread_join(server->thread, NULL);
	pthread_mutex_destroy(&server->lock);
	unlink(server->socket);
	close(server->tcp);
	close(server->local);
	close(server->stop);
	free(server);
}

const char *web_url(const struct web_server *server)
{
	return server->url;
}

const char *web_socket(const struct web_server *server)
{
	return server->socket;
}

unsigned int web_requests(struct web_server *server, const char *path)
{
	unsigned int found = 0;

	pthread_mutex_lock(&server->lock);
	for (unsigned int i = 0; i < server->seen_count; i++)
		found += strcmp(server->seen[i], path) == 0;
	pthread_mutex_unlock(&server->lock);
	return found;
}
