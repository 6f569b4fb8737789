// SPDX-License-Identifier: MIT
#include "loads.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <hadal/hadal.h>

#include "must.h"

#define REQUEST		64	/* bytes */
#define CHUNK		16384	/* bytes a call of the bulk load */
#define MEGABYTE	(1 << 20)
#define TIME_WAIT	61	/* s */

static char buffer[CHUNK];

static int sink_fd, source_fd;	/* of the bulk load */
static int udp_fd, dns_fd;
static int listener_fd;
static int pipe_fds[2];
static struct sockaddr_in listener_address;

static struct sockaddr_in any_port(void)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
}

/* To the port in the address; 0: one that the kernel chooses. */
static void bind_to(int fd, struct sockaddr_in *address)
{
	socklen_t length = sizeof(*address);

	MUST(bind(fd, (void *)address, length));
	MUST(getsockname(fd, (void *)address, &length));
}

static void bind_somewhere(int fd, struct sockaddr_in *address)
{
	*address = any_port();
	bind_to(fd, address);
}

static void transfer(int from, int to, size_t size)
{
	size_t left = size;

	MUST(send(from, buffer, size, MSG_NOSIGNAL));
	while (left)
		left -= (size_t)MUST(recv(to, buffer, left, 0));
}

/* ---- processes ---- */

/* With the path 64 bytes of argv. */
static char filler[REQUEST - sizeof(LIFE_PATH)];

static void prepare_process(void)
{
	memset(filler, 'x', sizeof(filler) - 1);
}

static void live(void)
{
	static char *const argv[] = { (char *)LIFE_PATH, filler, NULL };
	static char *const environment[] = { NULL };
	pid_t child = MUST(fork());

	if (!child) {
		execve(LIFE_PATH, argv, environment);
		_exit(1);
	}
	if (MUST(waitpid(child, &(int){ 0 }, 0)) != child)
		exit(1);
}

static void run_process(unsigned int count)
{
	while (count--)
		live();
}

/* ---- TCP connections ---- */

static void prepare_tcp(void)
{
	listener_fd = MUST(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
	bind_somewhere(listener_fd, &listener_address);
	MUST(listen(listener_fd, 16));
}

static void open_connection(int *client, int *server)
{
	*client = MUST(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
	MUST(connect(*client, (void *)&listener_address, sizeof(listener_address)));
	*server = MUST(accept4(listener_fd, NULL, NULL, SOCK_CLOEXEC));
}

/* A request, an answer, and the client closes. */
static void run_tcp(unsigned int count)
{
	int client, server;

	while (count--) {
		open_connection(&client, &server);
		transfer(client, server, REQUEST);
		transfer(server, client, REQUEST);
		close(client);
		MUST(recv(server, buffer, sizeof(buffer), 0));
		close(server);
	}
}

/* ---- what is no event ---- */

/* A socket that speaks to itself, from a port or, with 0, any. */
static int open_echo(uint16_t port)
{
	struct sockaddr_in address = any_port();
	int fd = MUST(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));

	address.sin_port = htons(port);
	bind_to(fd, &address);
	MUST(connect(fd, (void *)&address, sizeof(address)));
	return fd;
}

static void run_echo(int fd, char *bytes, unsigned int count)
{
	while (count--) {
		MUST(send(fd, bytes, REQUEST, 0));
		MUST(recv(fd, bytes, REQUEST, 0));
	}
}

static void prepare_udp(void)
{
	udp_fd = open_echo(0);
}

static void run_udp(unsigned int count)
{
	run_echo(udp_fd, buffer, count);
}

static void prepare_dns(void)
{
	dns_fd = open_echo(HADAL_DNS_PORT);
}

/* By its third byte an answer. */
static void run_dns(unsigned int count)
{
	static char answer[REQUEST] = { [2] = (char)0x80 };

	run_echo(dns_fd, answer, count);
}

static void prepare_bulk(void)
{
	open_connection(&source_fd, &sink_fd);
}

static void run_bulk(unsigned int count)
{
	size_t done;

	while (count--)
		for (done = 0; done < MEGABYTE; done += CHUNK)
			transfer(source_fd, sink_fd, CHUNK);
}

static void prepare_syscall(void)
{
	MUST(pipe(pipe_fds));
}

static void run_syscall(unsigned int count)
{
	while (count--) {
		MUST(write(pipe_fds[1], buffer, 1));
		MUST(read(pipe_fds[0], buffer, 1));
	}
}

/* Instructions of user space alone: what is added is what a reader does by itself. */
static void run_nothing(unsigned int count)
{
	volatile unsigned int spin;

	while (count--)
		for (spin = 0; spin < 1000000; spin++)
			;
}

const struct load loads[] = {
	{ .name = "process", .count = 600, .prepare = prepare_process, .run = run_process },
	{ .name = "tcp", .count = 1500, .prepare = prepare_tcp, .run = run_tcp, .rest = TIME_WAIT },
	{ .name = "udp", .count = 2000, .prepare = prepare_udp, .run = run_udp },
	{ .name = "dns", .count = 2000, .prepare = prepare_dns, .run = run_dns },
	{ .name = "bulk", .count = 20, .prepare = prepare_bulk, .run = run_bulk },
	{ .name = "syscall", .count = 5000, .prepare = prepare_syscall, .run = run_syscall },
	{ .name = "nothing", .count = 40, .run = run_nothing },
};
const unsigned int load_count = sizeof(loads) / sizeof(loads[0]);
