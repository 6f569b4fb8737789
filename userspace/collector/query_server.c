/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "query_protocol.h"
#include "query_server.h"

#define ERROR(text)	"{\"version\":1,\"error\":\"" text "\"}\n"

_Static_assert(QUERY_VERSION == 1, "the errors above name the version");

enum client_state {
	CLIENT_FREE,
	CLIENT_READING,
	CLIENT_WAITING,		/* for the model to be fresh */
	CLIENT_WRITING,
};

struct client {
	enum client_state state;
	int fd;
	uint64_t deadline;	/* ns, CLOCK_MONOTONIC; of reading and writing */
	char request[QUERY_REQUEST_SIZE];
	size_t length;		/* of the request */
	char *answer;
	size_t size, sent;	/* of the answer, with its newline */
};

struct query_server {
	struct sockaddr_un address;
	int listener, epoll;
	query_answer_fn answer;
	void *context;
	struct counts *counts;
	struct client clients[QUERY_CLIENTS];
};

/* ---- clients ---- */

static void client_close(struct client *client)
{
	close(client->fd);
	free(client->answer);
	*client = (struct client){ .state = CLIENT_FREE };
}

static void client_watch(const struct query_server *server, struct client *client, int operation, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = client };

	if (epoll_ctl(server->epoll, operation, client->fd, &event))
		client_close(client);
}

static void client_write(struct query_server *server, struct client *client)
{
	ssize_t sent;

	while (client->sent < client->size) {
		sent = send(client->fd, client->answer + client->sent, client->size - client->sent,
			    MSG_DONTWAIT | MSG_NOSIGNAL);
		if (sent < 0 && errno == EAGAIN) {
			client_watch(server, client, EPOLL_CTL_MOD, EPOLLOUT);
			return;
		}
		if (sent < 0)
			break;
		client->sent += (size_t)sent;
	}
	client_close(client);
}

static void client_ask(struct query_server *server, struct client *client, bool fresh, uint64_t now)
{
	char *answer = server->answer(server->context, client->request, fresh);

	if (!answer && fresh)
		answer = strdup(ERROR("hadald is short of memory"));
	if (!answer && fresh) {
		client_close(client);
		return;
	}
	if (!answer) {
		client->state = CLIENT_WAITING;
		/* What it may still send is not read; that it goes is still told. */
		client_watch(server, client, EPOLL_CTL_MOD, 0);
		return;
	}
	client->answer = answer;
	client->size = strlen(answer);
	client->state = CLIENT_WRITING;
	client->deadline = now + QUERY_ANSWER_TIME;
	client_write(server, client);
}

static void client_refuse(struct query_server *server, struct client *client, const char *error)
{
	count(server->counts, COUNT_QUERIES_REFUSED);
	(void)!send(client->fd, error, strlen(error), MSG_DONTWAIT | MSG_NOSIGNAL);
	client_close(client);
}

static void client_read(struct query_server *server, struct client *client, uint64_t now)
{
	ssize_t length = recv(client->fd, client->request + client->length,
			      sizeof(client->request) - client->length, MSG_DONTWAIT);
	char *end;

	if (length < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (length <= 0) {
		client_close(client);
		return;
	}
	client->length += (size_t)length;
	end = memchr(client->request, '\n', client->length);
	if (!end && client->length == sizeof(client->request)) {
		client_refuse(server, client, ERROR("the request is longer than 128 bytes"));
		return;
	}
	if (!end)
		return;
	*end = '\0';
	client_ask(server, client, false, now);
}

static struct client *client_free(struct query_server *server)
{
	for (unsigned int i = 0; i < QUERY_CLIENTS; i++) {
		if (server->clients[i].state == CLIENT_FREE)
			return &server->clients[i];
	}
	return NULL;
}

/* No more at a turn than there are places. */
static void take_clients(struct query_server *server, uint64_t now)
{
	struct client none, *client;
	int fd;

	for (unsigned int i = 0; i < QUERY_CLIENTS; i++) {
		fd = accept4(server->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0)
			return;
		client = client_free(server);
		if (!client) {
			none = (struct client){ .fd = fd };
			client_refuse(server, &none, ERROR("too many ask at a time; try again"));
			continue;
		}
		*client = (struct client){ .state = CLIENT_READING, .fd = fd, .deadline = now + QUERY_REQUEST_TIME };
		client_watch(server, client, EPOLL_CTL_ADD, EPOLLIN);
	}
}

static void serve_client(struct query_server *server, struct client *client, uint32_t events, uint64_t now)
{
	if (client->state == CLIENT_READING)
		client_read(server, client, now);
	else if (client->state == CLIENT_WRITING)
		client_write(server, client);
	else if (client->state == CLIENT_WAITING && events & (EPOLLHUP | EPOLLERR))
		client_close(client);
}

static void drop_late(struct query_server *server, uint64_t now)
{
	for (unsigned int i = 0; i < QUERY_CLIENTS; i++) {
		struct client *client = &server->clients[i];

		if (client->state == CLIENT_FREE || client->state == CLIENT_WAITING || now < client->deadline)
			continue;
		count(server->counts, COUNT_QUERIES_LATE);
		client_close(client);
	}
}

/* ---- the server ---- */

int query_server_fd(const struct query_server *server)
{
	return server->epoll;
}

void query_server_turn(struct query_server *server, uint64_t now)
{
	struct epoll_event events[QUERY_CLIENTS + 1];
	int count = epoll_wait(server->epoll, events, QUERY_CLIENTS + 1, 0);
	bool asked = false;

	for (int i = 0; i < count; i++) {
		if (events[i].data.ptr)
			serve_client(server, events[i].data.ptr, events[i].events, now);
		else
			asked = true;
	}
	drop_late(server, now);
	/* Last: an event above is never of the client before in its place. */
	if (asked)
		take_clients(server, now);
}

bool query_server_waits(const struct query_server *server)
{
	for (unsigned int i = 0; i < QUERY_CLIENTS; i++) {
		if (server->clients[i].state == CLIENT_WAITING)
			return true;
	}
	return false;
}

void query_server_fresh(struct query_server *server, uint64_t now)
{
	for (unsigned int i = 0; i < QUERY_CLIENTS; i++) {
		if (server->clients[i].state == CLIENT_WAITING)
			client_ask(server, &server->clients[i], true, now);
	}
}

/* systemd makes it for the service; this is for who starts hadald by hand. */
static void make_directory(const char *path)
{
	char directory[sizeof(((struct sockaddr_un *)0)->sun_path)];
	char *slash;

	snprintf(directory, sizeof(directory), "%s", path);
	slash = strrchr(directory, '/');
	if (!slash || slash == directory)
		return;
	*slash = '\0';
	(void)!mkdir(directory, 0755);
}

/* Whether somebody serves it; a socket that nobody serves is left from who was killed. */
static bool is_served(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool served = fd >= 0 && (!connect(fd, (const struct sockaddr *)address, sizeof(*address)) ||
				  errno == EAGAIN);

	if (fd >= 0)
		close(fd);
	return served;
}

static bool is_socket(const char *path)
{
	struct stat status;

	return !lstat(path, &status) && S_ISSOCK(status.st_mode);
}

/* Nobody but its owner can connect before it has its group. */
static int bind_socket(int fd, const struct sockaddr_un *address)
{
	mode_t mask = umask(0177);
	int result = bind(fd, (const struct sockaddr *)address, sizeof(*address)) ? -errno : 0;

	umask(mask);
	return result;
}

/* Root without CAP_CHOWN, as in a container, cannot give it to the group, and answers its own alone. */
static int open_to_group(const char *path, const char *name)
{
	const struct group *group = getgrnam(name);

	if (group && group->gr_gid != getegid() && chown(path, (uid_t)-1, group->gr_gid) && errno != EPERM)
		return -errno;
	return chmod(path, 0660) ? -errno : 0;
}

static int listen_at(struct query_server *server, const char *group)
{
	const char *path = server->address.sun_path;
	int result;

	if (is_socket(path)) {
		if (is_served(&server->address))
			return -EADDRINUSE;
		unlink(path);
	}
	server->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (server->listener < 0)
		return -errno;
	result = bind_socket(server->listener, &server->address);
	if (!result)
		result = open_to_group(path, group);
	if (!result && listen(server->listener, QUERY_CLIENTS))
		result = -errno;
	return result;
}

static int watch_listener(struct query_server *server)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = NULL };

	server->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (server->epoll < 0)
		return -errno;
	return epoll_ctl(server->epoll, EPOLL_CTL_ADD, server->listener, &event) ? -errno : 0;
}

static void server_free(struct query_server *server)
{
	if (server->listener >= 0)
		close(server->listener);
	if (server->epoll >= 0)
		close(server->epoll);
	free(server);
}

int query_server_open(const char *path, const char *group, query_answer_fn answer, void *context,
		      struct counts *counts, struct query_server **server, char *error, size_t error_size)
{
	struct query_server *new = malloc(sizeof(*new));
	int result;

	if (!new) {
		snprintf(error, error_size, "%s: no memory", path);
		return -ENOMEM;
	}
	*new = (struct query_server){
		.address.sun_family = AF_UNIX, .listener = -1, .epoll = -1,
		.answer = answer, .context = context, .counts = counts,
	};
	if (strlen(path) >= sizeof(new->address.sun_path)) {
		snprintf(error, error_size, "%s: longer than %zu bytes", path, sizeof(new->address.sun_path) - 1);
		server_free(new);
		return -EINVAL;
	}
	strcpy(new->address.sun_path, path);
	make_directory(path);
	result = listen_at(new, group);
	if (!result)
		result = watch_listener(new);
	if (result) {
		snprintf(error, error_size, "%s: %s", path,
			 result == -EADDRINUSE ? "another hadald serves it" : strerror(-result));
		server_free(new);
		return result;
	}
	*server = new;
	return 0;
}

void query_server_close(struct query_server *server)
{
	if (!server)
		return;
	for (unsigned int i = 0; i < QUERY_CLIENTS; i++) {
		if (server->clients[i].state != CLIENT_FREE)
			client_close(&server->clients[i]);
	}
	unlink(server->address.sun_path);
	server_free(server);
}
