// SPDX-License-Identifier: MIT
/*
 * Filters: what passes and what doesn't, to the record. Beside each session
 * with a filter runs one without, which says what was due.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "cgroups.h"
#include "children.h"
#include "flows.h"
#include "harness.h"
#include "host.h"
#include "lives.h"
#include "load_process.h"
#include "load_tcp.h"
#include "netns.h"
#include "recorder.h"

#define PORT		9100
#define MSEC		1000000ULL
#define MINUTE		(60 * 1000 * MSEC)
#define SLOTS		16	/* sessions with cgroups at a time */

FIXTURE(filters) {
	struct recorder all;		/* what was due */
	struct recorder some;		/* what passed */
	struct hadal_config config;	/* of some */
	uint32_t net_ns;
	struct cgroup in;
	struct cgroup below;
	struct cgroup out;
};

FIXTURE_SETUP(filters)
{
	self->all.session.fd = -1;
	self->some.session.fd = -1;
	session_defaults(&self->config);
	cgroup_make(&self->in, "hadal-filter-in");
	cgroup_make(&self->below, "hadal-filter-in/below");
	cgroup_make(&self->out, "hadal-filter-out");
	self->net_ns = netns_enter();
}

FIXTURE_TEARDOWN(filters)
{
	recorder_close(&self->some);
	recorder_close(&self->all);
	cgroup_leave();
	cgroup_remove(&self->below);
	cgroup_remove(&self->in);
	cgroup_remove(&self->out);
}

static void filter_cgroup(struct filters *self, const struct cgroup *group)
{
	self->config.cgroups[self->config.cgroup_count++] = group->id;
}

static void filter_ports(struct filters *self, uint16_t first, uint16_t last)
{
	self->config.ports[self->config.port_count++] =
		(struct hadal_port_range){ .first = first, .last = last };
}

static void begin(struct filters *self)
{
	recorder_begin(&self->all, NULL);
	recorder_begin(&self->some, &self->config);
}

static struct hadal_stats stats_of(const struct recorder *recorder)
{
	struct hadal_stats stats;

	ASSERT_EQ(0, session_stats(&recorder->session, HADAL_CPU_ALL, &stats));
	return stats;
}

static uint64_t due(const struct hadal_stats *stats, unsigned int class)
{
	return stats->class_stats[class].produced + stats->filtered[class];
}

static void check_by_cpu(const struct recorder *recorder, const struct hadal_stats *sum)
{
	uint64_t filtered[HADAL_CLASS_SLOTS] = { 0 };
	struct hadal_stats stats;
	unsigned int cpu, class;

	for (cpu = 0; cpu < recorder->session.query.possible_cpus; cpu++) {
		if (session_stats(&recorder->session, cpu, &stats))
			continue;
		for (class = 0; class < HADAL_CLASS_SLOTS; class++)
			filtered[class] += stats.filtered[class];
	}
	for (class = 0; class < HADAL_CLASS_SLOTS; class++)
		EXPECT_EQ(sum->filtered[class], filtered[class]);
}

/*
 * Only this test makes connections: their sums are equal. A kernel thread may
 * come between the two starts, or the two ends.
 */
static void finish(struct filters *self)
{
	struct hadal_stats all, some;
	unsigned int class;

	recorder_end(&self->some);
	recorder_end(&self->all);
	all = stats_of(&self->all);
	some = stats_of(&self->some);
	EXPECT_EQ(all.class_stats[HADAL_CLASS_TCP].produced, due(&some, HADAL_CLASS_TCP));
	EXPECT_GE(all.class_stats[HADAL_CLASS_PROCESS].produced, due(&some, HADAL_CLASS_PROCESS));
	EXPECT_LE(all.class_stats[HADAL_CLASS_PROCESS].produced,
		  due(&some, HADAL_CLASS_PROCESS) + 3);
	EXPECT_EQ(self->some.seen[HADAL_CLASS_TCP], some.class_stats[HADAL_CLASS_TCP].produced);
	for (class = 0; class < HADAL_CLASS_SLOTS; class++)
		EXPECT_EQ(0, all.filtered[class]);
	EXPECT_EQ(0, some.filtered[HADAL_CLASS_CONTROL]);
	check_by_cpu(&self->some, &some);
}

/* ---- what came of one port ---- */

struct port_type {
	uint16_t port;	/* at either end */
	uint16_t type;	/* 0: any */
};

static bool is_about(const struct hadal_record *record, const void *port_type)
{
	const struct port_type *wanted = port_type;
	const struct hadal_tcp *tcp = record_tcp(record);

	return tcp && (tcp->local_port == wanted->port || tcp->peer_port == wanted->port) &&
	       (!wanted->type || record->type == wanted->type);
}

static size_t count_about(const struct recorder *recorder, uint16_t port, uint16_t type)
{
	const struct port_type wanted = { .port = port, .type = type };

	return recorder_count(recorder, is_about, &wanted);
}

/* One listener, one connection, both ends here. */
static void expect_life(const struct recorder *recorder, uint16_t port)
{
	EXPECT_EQ(1, count_about(recorder, port, HADAL_RECORD_TCP_LISTENING));
	EXPECT_EQ(1, count_about(recorder, port, HADAL_RECORD_TCP_ESTABLISHED));
	EXPECT_EQ(1, count_about(recorder, port, HADAL_RECORD_TCP_ACCEPTED));
	EXPECT_EQ(2, count_about(recorder, port, HADAL_RECORD_TCP_CLOSED));
	EXPECT_EQ(1, count_about(recorder, port, HADAL_RECORD_TCP_LISTENER_CLOSED));
	EXPECT_EQ(6, count_about(recorder, port, 0));
}

static void expect_nothing(const struct recorder *recorder, uint16_t port)
{
	EXPECT_EQ(0, count_about(recorder, port, 0));
}

static void run_on_port(uint16_t port)
{
	struct tcp_flow flow = { .family = TCP_V4, .up = 100, .down = 200 };
	int listener = tcp_listen(TCP_V4, port, 4);

	tcp_run(&flow, listener);
	close(listener);
}

/* ---- cgroups ---- */

/* A process in a cgroup that makes connections, in steps that the test asks for. */
struct actor {
	const struct cgroup *group;
	uint16_t port;
	struct channel channel;
	pid_t pid;
	struct process_done child;
};

static void act_at_once(void *argument)
{
	struct actor *actor = argument;

	cgroup_enter(actor->group);
	run_on_port(actor->port);
	process_run(&actor->child);
	message_send(actor->channel.child, &actor->child.pid, sizeof(actor->child.pid));
}

static void run_actor(struct actor *actor)
{
	actor->child.kind = PROCESS_EXECS;
	channel_open(&actor->channel);
	actor->pid = child_start(act_at_once, actor);
	message_receive(actor->channel.parent, &actor->child.pid, sizeof(actor->child.pid));
	child_finish(actor->pid);
	channel_close(&actor->channel);
}

/* Three, one after the other, until all that they did is told. */
static void run_three(struct filters *self, struct actor *first, struct actor *second,
		      struct actor *third)
{
	begin(self);
	run_actor(first);
	run_actor(second);
	run_actor(third);
	flow_wait_closed(&self->all, self->net_ns, 6);
	finish(self);
}

/* A whole process, and how many records of the one that moved there itself. */
static void check_processes(const struct recorder *recorder, const struct actor *actor,
			    unsigned int each)
{
	const struct process_life child = life_of(recorder, actor->child.pid);
	const struct process_life self = life_of(recorder, actor->pid);

	EXPECT_EQ(each, child.forks);
	EXPECT_EQ(each, child.execs);
	EXPECT_EQ(each, child.exits);
	EXPECT_EQ(0, self.forks);	/* outside, then */
	EXPECT_EQ(each, self.exits);
}

TEST_F(filters, cgroup_subtree)
{
	struct actor in = { .group = &self->in, .port = PORT };
	struct actor below = { .group = &self->below, .port = PORT + 1 };
	struct actor out = { .group = &self->out, .port = PORT + 2 };

	filter_cgroup(self, &self->in);
	run_three(self, &in, &below, &out);
	expect_life(&self->some, PORT);
	expect_life(&self->some, PORT + 1);
	expect_nothing(&self->some, PORT + 2);
	expect_life(&self->all, PORT + 2);
	check_processes(&self->some, &in, 1);
	check_processes(&self->some, &below, 1);
	check_processes(&self->some, &out, 0);
}

TEST_F(filters, cgroups_several)
{
	struct actor in = { .group = &self->in, .port = PORT };
	struct actor below = { .group = &self->below, .port = PORT + 1 };
	struct actor out = { .group = &self->out, .port = PORT + 2 };

	filter_cgroup(self, &self->out);
	filter_cgroup(self, &self->below);
	run_three(self, &in, &below, &out);
	expect_nothing(&self->some, PORT);
	expect_life(&self->some, PORT + 1);
	expect_life(&self->some, PORT + 2);
}

/* The root of the hierarchy is everybody. */
TEST_F(filters, cgroup_root)
{
	struct actor in = { .group = &self->in, .port = PORT };

	self->config.cgroups[self->config.cgroup_count++] = 1;
	begin(self);
	run_actor(&in);
	flow_wait_closed(&self->all, self->net_ns, 2);
	finish(self);
	expect_life(&self->some, PORT);
	EXPECT_EQ(0, stats_of(&self->some).filtered[HADAL_CLASS_TCP]);
}

static void listen_only(void *argument)
{
	struct actor *actor = argument;
	int listener;

	cgroup_enter(actor->group);
	listener = tcp_listen(TCP_V4, actor->port, 4);
	signal_send(actor->channel.child);
	signal_receive(actor->channel.child);
	close(listener);
}

/* Nobody accepts: the listener's cgroup stands in. The client is outside. */
static void connect_unaccepted(struct actor *actor)
{
	int fd;

	channel_open(&actor->channel);
	actor->pid = child_start(listen_only, actor);
	signal_receive(actor->channel.parent);
	fd = tcp_connect(TCP_V4, 0, actor->port);
	signal_send(actor->channel.parent);
	child_finish(actor->pid);
	close(fd);
	channel_close(&actor->channel);
}

TEST_F(filters, cgroup_of_the_unaccepted)
{
	struct actor in = { .group = &self->in, .port = PORT };
	struct actor out = { .group = &self->out, .port = PORT + 1 };

	filter_cgroup(self, &self->in);
	begin(self);
	connect_unaccepted(&in);
	connect_unaccepted(&out);
	flow_wait_closed(&self->all, self->net_ns, 4);
	finish(self);
	EXPECT_EQ(0, count_about(&self->some, PORT, HADAL_RECORD_TCP_ESTABLISHED));
	EXPECT_EQ(1, count_about(&self->some, PORT, HADAL_RECORD_TCP_CLOSED));
	EXPECT_EQ(1, count_about(&self->some, PORT, HADAL_RECORD_TCP_LISTENING));
	expect_nothing(&self->some, PORT + 1);
}

static void act_in_steps(void *argument)
{
	struct tcp_flow flow = { .family = TCP_V4, .up = 100, .down = 200 };
	struct actor *actor = argument;
	int listener;

	cgroup_enter(actor->group);
	listener = tcp_listen(TCP_V4, actor->port, 4);
	tcp_open(&flow, listener);
	cgroup_leave();
	signal_send(actor->channel.child);
	signal_receive(actor->channel.child);
	tcp_exchange(&flow);
	tcp_end(&flow);
	close(listener);
}

/* Opens a connection in its cgroup, and leaves that. */
static void start_actor(struct actor *actor)
{
	channel_open(&actor->channel);
	actor->pid = child_start(act_in_steps, actor);
	signal_receive(actor->channel.parent);
}

static void end_actor(struct actor *actor)
{
	signal_send(actor->channel.parent);
	child_finish(actor->pid);
	channel_close(&actor->channel);
}

/* Who owned a connection before the session came is told apart, too. */
TEST_F(filters, cgroup_of_owners_from_before)
{
	struct actor in = { .group = &self->below, .port = PORT };
	struct actor out = { .group = &self->out, .port = PORT + 1 };

	recorder_begin(&self->all, NULL);
	start_actor(&in);
	start_actor(&out);
	filter_cgroup(self, &self->in);
	recorder_begin(&self->some, &self->config);
	EXPECT_EQ(3, recorder_dump(&self->some, HADAL_DUMP_CONNECTIONS));
	EXPECT_EQ(2, count_about(&self->some, PORT, HADAL_RECORD_TCP_SNAPSHOT));
	EXPECT_EQ(1, count_about(&self->some, PORT, HADAL_RECORD_TCP_LISTENING));
	end_actor(&in);
	end_actor(&out);
	flow_wait_closed(&self->all, self->net_ns, 4);
	recorder_end(&self->some);
	EXPECT_EQ(2, count_about(&self->some, PORT, HADAL_RECORD_TCP_CLOSED));
	expect_nothing(&self->some, PORT + 1);
	/* In the dump and at the end: two connection ends and a listener, each. */
	EXPECT_EQ(6, stats_of(&self->some).filtered[HADAL_CLASS_TCP]);
	recorder_end(&self->all);
}

/* A session that comes after another does not inherit what passed there. */
TEST_F(filters, cgroup_of_the_session_before)
{
	struct actor in = { .group = &self->in, .port = PORT };
	struct hadal_config other = self->config;

	recorder_begin(&self->all, NULL);
	filter_cgroup(self, &self->in);
	recorder_begin(&self->some, &self->config);
	start_actor(&in);
	recorder_end(&self->some);
	recorder_close(&self->some);
	other.cgroups[other.cgroup_count++] = self->out.id;
	recorder_begin(&self->some, &other);
	recorder_dump(&self->some, HADAL_DUMP_CONNECTIONS);
	end_actor(&in);
	flow_wait_closed(&self->all, self->net_ns, 2);
	recorder_end(&self->some);
	expect_nothing(&self->some, PORT);
	recorder_end(&self->all);
}

/* Connections of a cgroup that is removed meanwhile stay what they were. */
TEST_F(filters, cgroup_is_removed)
{
	struct actor gone = { .port = PORT }, late = { .port = PORT + 1 }, again = { .port = PORT + 2 };
	struct cgroup group;

	cgroup_make(&group, "hadal-filter-in/gone");
	gone.group = late.group = &group;
	filter_cgroup(self, &group);
	recorder_begin(&self->all, NULL);
	start_actor(&late);
	recorder_begin(&self->some, &self->config);
	start_actor(&gone);
	cgroup_remove(&group);
	cgroup_make(&group, "hadal-filter-in/gone");
	again.group = &group;
	start_actor(&again);	/* another cgroup of that name */
	end_actor(&gone);
	end_actor(&late);
	end_actor(&again);
	cgroup_remove(&group);
	flow_wait_closed(&self->all, self->net_ns, 6);
	recorder_end(&self->some);
	expect_life(&self->some, PORT);
	EXPECT_EQ(2, count_about(&self->some, PORT + 1, HADAL_RECORD_TCP_CLOSED));
	expect_nothing(&self->some, PORT + 2);
	recorder_end(&self->all);
}

/* ---- ports ---- */

static void run_ports(struct filters *self)
{
	int i;

	begin(self);
	for (i = 0; i < 6; i++)
		run_on_port((uint16_t)(PORT + i));
	flow_wait_closed(&self->all, self->net_ns, 12);
	finish(self);
}

TEST_F(filters, ports_included)
{
	int i;

	filter_ports(self, PORT + 1, PORT + 2);
	filter_ports(self, PORT + 5, PORT + 5);
	run_ports(self);
	for (i = 0; i < 6; i++) {
		if (i == 1 || i == 2 || i == 5)
			expect_life(&self->some, (uint16_t)(PORT + i));
		else
			expect_nothing(&self->some, (uint16_t)(PORT + i));
	}
}

TEST_F(filters, ports_excluded)
{
	int i;

	filter_ports(self, 1, PORT);
	filter_ports(self, PORT + 3, PORT + 4);
	self->config.flags = HADAL_CONFIG_EXCLUDE_PORTS;
	run_ports(self);
	for (i = 0; i < 6; i++) {
		if (i == 0 || i == 3 || i == 4)
			expect_nothing(&self->some, (uint16_t)(PORT + i));
		else
			expect_life(&self->some, (uint16_t)(PORT + i));
	}
}

/* ---- loopback ---- */

static void add_address(unsigned int number, const char *address)
{
	struct sockaddr_in *in;
	struct ifreq request;
	int fd = MUST(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));

	memset(&request, 0, sizeof(request));
	snprintf(request.ifr_name, sizeof(request.ifr_name), "lo:%u", number);
	in = (struct sockaddr_in *)&request.ifr_addr;
	in->sin_family = AF_INET;
	ASSERT_EQ(1, inet_pton(AF_INET, address, &in->sin_addr));
	MUST(ioctl(fd, SIOCSIFADDR, &request));
	close(fd);
}

static int bound_socket(const char *address, uint16_t port)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = tcp_socket(TCP_V4);

	ASSERT_EQ(1, inet_pton(AF_INET, address, &in.sin_addr));
	MUST(bind(fd, (const void *)&in, sizeof(in)));
	return fd;
}

static void run_between(const char *from, const char *to, uint16_t port)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(port) };
	struct tcp_flow flow = { .family = TCP_V4, .up = 100, .down = 200 };
	int listener = bound_socket(to, port);

	MUST(listen(listener, 4));
	flow.client = bound_socket(from, 0);
	ASSERT_EQ(1, inet_pton(AF_INET, to, &in.sin_addr));
	MUST(connect(flow.client, (const void *)&in, sizeof(in)));
	flow.server = MUST(accept(listener, NULL, NULL));
	tcp_exchange(&flow);
	tcp_end(&flow);
	close(listener);
}

static void run_family(enum tcp_family family, uint16_t port)
{
	struct tcp_flow flow = { .family = family, .up = 100, .down = 200 };
	int listener = tcp_listen(family, port, 4);

	tcp_run(&flow, listener);
	close(listener);
}

TEST_F(filters, loopback)
{
	add_address(1, "10.90.0.1");
	add_address(2, "10.90.0.2");
	self->config.flags = HADAL_CONFIG_NO_LOOPBACK;
	begin(self);
	run_family(TCP_V4, PORT);
	run_family(TCP_V6, PORT + 1);
	run_family(TCP_V4_MAPPED, PORT + 2);
	run_between("10.90.0.1", "10.90.0.1", PORT + 3);
	run_between("10.90.0.1", "10.90.0.2", PORT + 4);
	flow_wait_closed(&self->all, self->net_ns, 10);
	finish(self);
	expect_nothing(&self->some, PORT);
	expect_nothing(&self->some, PORT + 1);
	/* Its listener is open to all addresses. */
	EXPECT_EQ(2, count_about(&self->some, PORT + 2, 0));
	EXPECT_EQ(0, count_about(&self->some, PORT + 2, HADAL_RECORD_TCP_CLOSED));
	EXPECT_EQ(0, count_about(&self->some, PORT + 3, HADAL_RECORD_TCP_CLOSED));
	EXPECT_EQ(0, count_about(&self->some, PORT + 3, HADAL_RECORD_TCP_ESTABLISHED));
	expect_life(&self->some, PORT + 4);
}

/* ---- duration ---- */

static void refuse_connect(uint16_t port)
{
	struct sockaddr_storage address;
	socklen_t length = tcp_loopback(TCP_V4, port, &address);
	int fd = tcp_socket(TCP_V4);

	ASSERT_EQ(-1, connect(fd, (const void *)&address, length));
	ASSERT_EQ(ECONNREFUSED, errno);
	close(fd);
}

/* Short ones give nothing; failures and listeners are no connections. */
TEST_F(filters, short_connections)
{
	struct tcp_flow flow = { .family = TCP_V4, .up = 100, .down = 200 };
	int listener;

	self->config.min_duration = 10 * MINUTE;
	begin(self);
	listener = tcp_listen(TCP_V4, PORT, 4);
	tcp_open(&flow, listener);
	EXPECT_EQ(1, recorder_dump(&self->some, HADAL_DUMP_CONNECTIONS));
	EXPECT_EQ(3, recorder_dump(&self->all, HADAL_DUMP_CONNECTIONS));
	tcp_exchange(&flow);
	tcp_end(&flow);
	close(listener);
	refuse_connect(PORT + 1);
	flow_wait_closed(&self->all, self->net_ns, 2);
	finish(self);
	EXPECT_EQ(3, count_about(&self->some, PORT, 0));
	EXPECT_EQ(2, count_about(&self->some, PORT, HADAL_RECORD_TCP_LISTENING));
	EXPECT_EQ(1, count_about(&self->some, PORT, HADAL_RECORD_TCP_LISTENER_CLOSED));
	EXPECT_EQ(1, count_about(&self->some, PORT + 1, HADAL_RECORD_TCP_FAILED));
	EXPECT_EQ(6, stats_of(&self->some).filtered[HADAL_CLASS_TCP]);
}

/* Of long ones the opening is left out, and CLOSED tells all. */
TEST_F(filters, long_connections)
{
	struct tcp_flow flow = { .family = TCP_V4, .up = 70000, .down = 12345 };
	const struct timespec longer = { .tv_nsec = 20 * MSEC };
	struct flow_records some, all;
	int listener;

	self->config.min_duration = 10 * MSEC;
	begin(self);
	listener = tcp_listen(TCP_V4, PORT, 4);
	tcp_open(&flow, listener);
	MUST(nanosleep(&longer, NULL));
	recorder_dump(&self->some, HADAL_DUMP_CONNECTIONS);
	recorder_dump(&self->all, HADAL_DUMP_CONNECTIONS);
	tcp_exchange(&flow);
	tcp_end(&flow);
	flow_wait_closed(&self->all, self->net_ns, 2);
	finish(self);
	some = flow_gather(&self->some, self->net_ns, flow.client_port, PORT);
	all = flow_gather(&self->all, self->net_ns, flow.client_port, PORT);
	EXPECT_EQ(0, some.established_count);
	EXPECT_EQ(0, some.accepted_count);
	EXPECT_EQ(1, some.client_snapshot_count);
	EXPECT_EQ(1, some.server_snapshot_count);
	ASSERT_EQ(1, some.client_closed_count);
	ASSERT_EQ(1, some.server_closed_count);
	EXPECT_EQ(0, memcmp(&all.client_closed->tcp, &some.client_closed->tcp,
			    sizeof(struct hadal_tcp)));
	EXPECT_EQ(0, memcmp(&all.server_closed->tcp, &some.server_closed->tcp,
			    sizeof(struct hadal_tcp)));
	flow_check_counters(&some.client_closed->counters, 70000, 12345);
	flow_check_counters(&some.server_closed->counters, 12345, 70000);
	EXPECT_EQ(2, stats_of(&self->some).filtered[HADAL_CLASS_TCP]);
	close(listener);
}

/* ---- all at once, and /sys ---- */

TEST_F(filters, all_must_pass)
{
	struct actor in = { .group = &self->in, .port = PORT };
	struct actor out = { .group = &self->out, .port = PORT + 1 };
	struct actor other_port = { .group = &self->in, .port = PORT + 2 };
	uint64_t before = hadal_sys("tcp/filtered"), told;

	filter_cgroup(self, &self->in);
	filter_ports(self, PORT, PORT + 1);
	run_three(self, &in, &out, &other_port);
	expect_life(&self->some, PORT);
	expect_nothing(&self->some, PORT + 1);
	expect_nothing(&self->some, PORT + 2);
	told = stats_of(&self->some).filtered[HADAL_CLASS_TCP];
	EXPECT_EQ(12, told);
	EXPECT_EQ(before + told, hadal_sys("tcp/filtered"));
	recorder_close(&self->some);
	EXPECT_EQ(before + told, hadal_sys("tcp/filtered"));
}

/* ---- what is refused ---- */

TEST_F(filters, nonsense_is_refused)
{
	struct hadal_config config;
	struct cgroup gone;

	config = self->config;
	config.flags = HADAL_CONFIG_EXCLUDE_PORTS;
	EXPECT_EQ(-EINVAL, session_try(&config));
	config.port_count = 1;
	EXPECT_EQ(-EINVAL, session_try(&config));
	config.ports[0] = (struct hadal_port_range){ 2, 1 };
	EXPECT_EQ(-EINVAL, session_try(&config));
	config.ports[0] = (struct hadal_port_range){ 0, 1 };
	EXPECT_EQ(-EINVAL, session_try(&config));
	config.ports[0] = (struct hadal_port_range){ 1, 65535 };
	EXPECT_EQ(0, session_try(&config));
	config.ports[1].last = 1;
	EXPECT_EQ(-EINVAL, session_try(&config));
	config = self->config;
	config.port_count = HADAL_FILTER_PORTS + 1;
	EXPECT_EQ(-EINVAL, session_try(&config));
	config.port_count = UINT32_MAX;
	EXPECT_EQ(-EINVAL, session_try(&config));

	config = self->config;
	config.cgroup_count = 1;
	EXPECT_EQ(-EINVAL, session_try(&config));
	config.cgroups[0] = self->in.id;
	EXPECT_EQ(0, session_try(&config));
	config.cgroups[1] = self->out.id;
	EXPECT_EQ(-EINVAL, session_try(&config));
	config.cgroup_count = 2;
	EXPECT_EQ(0, session_try(&config));
	config.cgroups[1] = UINT64_MAX;
	EXPECT_EQ(-ENOENT, session_try(&config));
	cgroup_make(&gone, "hadal-filter-gone");
	cgroup_remove(&gone);
	config.cgroups[1] = gone.id;
	EXPECT_EQ(-ENOENT, session_try(&config));
	config.cgroup_count = HADAL_FILTER_CGROUPS + 1;
	EXPECT_EQ(-EINVAL, session_try(&config));
}

/* What a refusal or an end held is given back. */
TEST_F(filters, sessions_with_cgroups)
{
	struct session sessions[SLOTS];
	int i, round;

	filter_cgroup(self, &self->in);
	for (round = 0; round < 3; round++) {
		for (i = 0; i < SLOTS; i++) {
			ASSERT_EQ(0, session_open(&sessions[i]));
			ASSERT_EQ(0, session_configure(&sessions[i], &self->config));
		}
		EXPECT_EQ(-EUSERS, session_try(&self->config));
		for (i = 0; i < SLOTS; i++)
			session_close(&sessions[i]);
	}
}

/* Who knows the first version of the struct gets what it always got. */
TEST_F(filters, first_version)
{
	self->config.size = HADAL_CONFIG_SIZE_FIRST;
	self->config.port_count = 99;
	begin(self);
	run_on_port(PORT);
	flow_wait_closed(&self->some, self->net_ns, 2);
	finish(self);
	expect_life(&self->some, PORT);
	EXPECT_EQ(0, stats_of(&self->some).filtered[HADAL_CLASS_TCP]);
}

HARNESS_MAIN
