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

enum { PATHS = 1024, PATH_SIZE = 256, REQUEST_SIZE = 16384 };

struct web_server {
	struct web_page *pages;
	int tcp, local, stop, released;
	char url[64], socket[64];
	pthread_t thread;
	pthread_mutex_t lock;
	char seen[PATHS][PATH_SIZE];	/* under lock */
	unsigned int seen_count;
	char posted[REQUEST_SIZE], last[REQUEST_SIZE];
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

/* Returns whether there still is somebody to answer to. */
static bool wait_for_release(const struct web_server *server, int fd)
{
	struct pollfd fds[3] = {
		{ .fd = server->released, .events = POLLIN },
		{ .fd = fd, .events = POLLIN },
		{ .fd = server->stop, .events = POLLIN },
	};
	eventfd_t count;

	poll(fds, 3, -1);
	return fds[0].revents && !eventfd_read(server->released, &count);
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
	const bool dated = page->behaviour == WEB_DATED;
	size_t length = dated ? 0 : strlen(page->body);
	char head[256];

	snprintf(head, sizeof(head), "HTTP/1.1 %d X\r\nContent-Type: application/json\r\n%s%s%s"
		 "Content-Length: %zu\r\nConnection: close\r\n\r\n", page->status, dated ? "Date: " : "",
		 dated ? page->body : "", dated ? "\r\n" : "", length);
	switch (page->behaviour) {
	case WEB_SILENCE:
		wait_for_end(server, fd);
		break;
	case WEB_HELD:
		if (!wait_for_release(server, fd))
			break;
		send_all(fd, head, strlen(head));
		send_all(fd, page->body, length);
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

static bool may_have(const struct web_page *page, const char *request)
{
	if (page->behaviour == WEB_TOKENS)
		return strcasestr(request, "\r\nX-aws-ec2-metadata-token-ttl-seconds: ");
	return page->behaviour != WEB_GUARDED || strcasestr(request, "\r\nX-aws-ec2-metadata-token: " WEB_TOKEN "\r\n");
}

/* Returns whether the @length bytes of @request are all of it; its body may have any in it. */
static bool is_whole(const char *request, size_t length)
{
	const char *body = strstr(request, "\r\n\r\n"), *field = strcasestr(request, "\r\nContent-Length: ");

	return body && (!field || request + length - (body + 4) >= (ptrdiff_t)strtoul(field + 18, NULL, 10));
}

static bool receive(int fd, char request[REQUEST_SIZE])
{
	size_t length = 0;

	request[0] = '\0';
	while (!is_whole(request, length) && length < REQUEST_SIZE - 1) {
		ssize_t got = recv(fd, request + length, REQUEST_SIZE - 1 - length, 0);

		if (got <= 0)
			return false;
		length += (size_t)got;
		request[length] = '\0';
	}
	return true;
}

static void path_of(const char *request, char path[PATH_SIZE])
{
	path[0] = '\0';
	if (sscanf(request, "GET %255s", path) == 1)
		return;
	if (sscanf(request, "PUT %251s", path + 4) == 1)
		memcpy(path, "PUT ", 4);
	else if (sscanf(request, "POST %250s", path + 5) == 1)
		memcpy(path, "POST ", 5);
}

static void serve(struct web_server *server, int fd)
{
	static const struct web_page missing = { .status = 404, .body = "\"not found\"" };
	static const struct web_page refused = { .status = 401, .body = "" };
	const struct web_page *page = server->pages;
	char request[REQUEST_SIZE], path[PATH_SIZE];

	if (!receive(fd, request))
		return;
	path_of(request, path);
	pthread_mutex_lock(&server->lock);
	strcpy(server->last, request);
	if (strncmp(path, "POST ", 5) == 0)
		strcpy(server->posted, request);
	pthread_mutex_unlock(&server->lock);
	note(server, path);
	while (page->path && strcmp(page->path, path))
		page++;
	if (page->path && !may_have(page, request))
		page = &refused;
	else if (!page->path)
		page = &missing;
	send_page(server, fd, page);
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
	server->released = eventfd(0, EFD_SEMAPHORE);
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
	close(server->released);
	free(server);
}

void web_release(struct web_server *server)
{
	check(!eventfd_write(server->released, 1), "the event");
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

void web_posted(struct web_server *server, char *request, size_t size)
{
	pthread_mutex_lock(&server->lock);
	snprintf(request, size, "%s", server->posted);
	pthread_mutex_unlock(&server->lock);
}

void web_last(struct web_server *server, char *request, size_t size)
{
	pthread_mutex_lock(&server->lock);
	snprintf(request, size, "%s", server->last);
	pthread_mutex_unlock(&server->lock);
}
