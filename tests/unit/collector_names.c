/* SPDX-License-Identifier: MIT */
/*
 * Peers by the names that processes looked up: whose names they are, how long
 * they hold, what of them is shown.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>

#include "dns_messages.h"
#include "model.h"
#include "model_tables.h"
#include "records.h"

#define START	(1000 * SECOND)
#define EPOCH	(1700000000 * SECOND)

enum { CGROUP_WEB = 101, CGROUP_API, NS_HOST = 4026531840U };

static const struct actor web = { 1001, 1, 1001, NS_HOST, 11, CGROUP_WEB, "/usr/bin/web" };
static const struct actor api = { 1002, 1, 1002, NS_HOST, 12, CGROUP_API, "/srv/api" };

struct world {
	struct model *model;
	struct recorder recorder;
	uint64_t connections;
};

static int cgroup_path_of(void *context, uint32_t hierarchy, uint64_t id, int pid, char *path, size_t size)
{
	(void)context;
	(void)hierarchy;
	(void)pid;
	if (id != CGROUP_WEB && id != CGROUP_API)
		return -ENOENT;
	snprintf(path, size, "/system.slice/%s.service", id == CGROUP_WEB ? "web" : "api");
	return 0;
}

static void to_model(void *context, const struct hadal_record *record)
{
	struct world *world = context;

	model_record(world->model, record);
}

static void world_open(struct world *world)
{
	struct model_config config = { .cgroup_path = cgroup_path_of };

	*world = (struct world){ .recorder = { .sink = to_model, .context = world, .time = START } };
	assert_int_equal(model_new(&config, &world->model), 0);
	record_clock(&world->recorder, START, EPOCH);
	record_existing(&world->recorder, &web);
	record_existing(&world->recorder, &api);
}

static void world_close(struct world *world)
{
	model_free(world->model);
}

static uint64_t counted(const struct world *world, enum count what)
{
	return world->model->counts.value[what];
}

static void interval(struct world *world)
{
	world->recorder.time += 10 * SECOND;
	model_tick(world->model, world->recorder.time);
	model_interval(world->model, world->recorder.time, EPOCH + world->recorder.time - START, false);
	model_interval_done(world->model, world->recorder.time);
}

static void looks_up_through(struct world *world, const struct actor *actor, const char *name, const char *alias,
			     const char *address, uint32_t ttl)
{
	struct dns_builder message;
	size_t target = DNS_QUESTION_AT;
	uint8_t bytes[16];
	bool v4 = inet_pton(AF_INET, address, bytes) == 1;

	assert_true(v4 || inet_pton(AF_INET6, address, bytes) == 1);
	dns_begin(&message, DNS_ANSWERED, 1, alias ? 2 : 1);
	dns_put_question(&message, name, v4 ? 1 : 28);
	if (alias)
		target = dns_put_alias(&message, DNS_QUESTION_AT, ttl, alias);
	dns_put_address(&message, target, ttl, bytes, v4 ? 4 : 16);
	record_answer(&world->recorder, actor, message.bytes, message.size);
}

static void looks_up(struct world *world, const struct actor *actor, const char *name, const char *address)
{
	looks_up_through(world, actor, name, NULL, address, 60);
}

static struct end connects(struct world *world, const struct actor *actor, const char *peer)
{
	uint64_t id = ++world->connections;
	struct end end = end_of(id, id, HADAL_TCP_CLIENT, actor, "10.0.0.5:40000", peer);

	record_established(&world->recorder, &end, 1);
	return end;
}

/* Everything is of port 443. */
static const struct edge *find_edge(const struct world *world, const char *name, enum peer_kind kind,
				    const char *peer)
{
	const struct edge *edge;

	for (edge = world->model->edges.table; edge; edge = edge->hh.next) {
		if (strcmp(edge->key.workload->name, name) == 0 && edge->key.kind == kind &&
		    (peer ? edge->key.peer_name && strcmp(edge->key.peer_name, peer) == 0 : !edge->key.peer_name))
			return edge;
	}
	return NULL;
}

static void expect(const struct world *world, const char *name, enum peer_kind kind, const char *peer,
		   uint64_t opened)
{
	const struct edge *edge = find_edge(world, name, kind, peer);

	if (!edge) {
		for (edge = world->model->edges.table; edge; edge = edge->hh.next)
			print_error("  %s -> %s %s\n", edge->key.workload->name, peer_kind_name(edge->key.kind),
				    edge->key.peer_name ? edge->key.peer_name : "-");
		fail_msg("no edge %s -> %s %s", name, peer_kind_name(kind), peer ? peer : "-");
	}
	assert_int_equal(edge->values.opened, opened);
}

static void peers_have_the_names_that_were_asked_for(void **state)
{
	struct world world;

	(void)state;
	world_open(&world);
	looks_up(&world, &web, "Shop.Example.ORG", "93.184.216.34");
	looks_up(&world, &web, "shop.example.org", "2606:2800::1");
	looks_up_through(&world, &web, "billing.internal.example", "host-7.example", "10.9.0.7", 60);
	connects(&world, &web, "93.184.216.34:443");
	connects(&world, &web, "[2606:2800::1]:443");
	connects(&world, &web, "10.9.0.7:443");
	connects(&world, &web, "93.184.216.35:443");
	interval(&world);
	expect(&world, "web.service", PEER_INTERNET, "shop.example.org", 2);
	expect(&world, "web.service", PEER_PRIVATE, "billing.internal.example", 1);
	expect(&world, "web.service", PEER_INTERNET, NULL, 1);
	assert_int_equal(counted(&world, COUNT_ANSWER_BAD), 0);
	world_close(&world);
}

static void names_are_of_whom_they_were_told(void **state)
{
	struct world world;

	(void)state;
	world_open(&world);
	looks_up(&world, &web, "shop.example.org", "93.184.216.34");
	connects(&world, &api, "93.184.216.34:443");
	interval(&world);
	expect(&world, "api.service", PEER_INTERNET, NULL, 1);
	looks_up(&world, &api, "other.example.org", "93.184.216.34");
	connects(&world, &api, "93.184.216.34:443");
	connects(&world, &web, "93.184.216.34:443");
	interval(&world);
	expect(&world, "api.service", PEER_INTERNET, "other.example.org", 1);
	expect(&world, "web.service", PEER_INTERNET, "shop.example.org", 1);
	world_close(&world);
}

/* A connection is for one of them; which, nobody can tell. */
static void two_names_of_one_address_name_nothing(void **state)
{
	struct world world;

	(void)state;
	world_open(&world);
	looks_up(&world, &web, "one.example.org", "93.184.216.34");
	connects(&world, &web, "93.184.216.34:443");
	looks_up(&world, &web, "two.example.org", "93.184.216.34");
	connects(&world, &web, "93.184.216.34:443");
	interval(&world);
	expect(&world, "web.service", PEER_INTERNET, "one.example.org", 1);
	expect(&world, "web.service", PEER_INTERNET, NULL, 1);
	assert_int_equal(counted(&world, COUNT_NAME_AMBIGUOUS), 1);

	/* Asked for alone, later, it is one name again. */
	world.recorder.time += DNS_NAMES_FLOOR;
	looks_up(&world, &web, "two.example.org", "93.184.216.34");
	connects(&world, &web, "93.184.216.34:443");
	interval(&world);
	expect(&world, "web.service", PEER_INTERNET, "two.example.org", 1);
	world_close(&world);
}

/* The address may have been another's then. */
static void connections_of_before_are_not_named(void **state)
{
	struct world world;
	struct end end;

	(void)state;
	world_open(&world);
	end = end_of(1, 1, HADAL_TCP_CLIENT, &web, "10.0.0.5:40000", "93.184.216.34:443");
	end.tcp.start_time = world.recorder.time - 1;
	looks_up(&world, &web, "shop.example.org", "93.184.216.34");
	record_snapshot(&world.recorder, &end);
	end.tcp.id = end.tcp.key = 2;
	end.tcp.start_time = 0;
	record_snapshot(&world.recorder, &end);
	interval(&world);
	assert_null(find_edge(&world, "web.service", PEER_INTERNET, "shop.example.org"));
	assert_non_null(find_edge(&world, "web.service", PEER_INTERNET, NULL));
	world_close(&world);
}

static uint64_t names_after(uint32_t ttl, uint64_t wait, uint64_t use)
{
	struct world world;
	uint64_t opened;

	world_open(&world);
	looks_up_through(&world, &web, "shop.example.org", NULL, "93.184.216.34", ttl);
	if (use) {
		world.recorder.time += use;
		connects(&world, &web, "93.184.216.34:443");
		interval(&world);
	}
	world.recorder.time += wait;
	connects(&world, &web, "93.184.216.34:443");
	interval(&world);
	opened = find_edge(&world, "web.service", PEER_INTERNET, "shop.example.org")
			 ? find_edge(&world, "web.service", PEER_INTERNET, "shop.example.org")->values.opened
			 : 0;
	world_close(&world);
	return opened;
}

static void names_hold_for_a_while(void **state)
{
	(void)state;
	assert_int_equal(names_after(0, DNS_NAMES_FLOOR - SECOND, 0), 1);
	assert_int_equal(names_after(0, DNS_NAMES_FLOOR + SECOND, 0), 0);
	assert_int_equal(names_after(1000, 999 * SECOND, 0), 1);
	assert_int_equal(names_after(1000, 1001 * SECOND, 0), 0);
	assert_int_equal(names_after(86400, DNS_NAMES_CEILING - SECOND, 0), 1);
	assert_int_equal(names_after(86400, DNS_NAMES_CEILING + SECOND, 0), 0);
	/* in use it goes on */
	assert_int_equal(names_after(0, DNS_NAMES_FLOOR - 11 * SECOND, DNS_NAMES_FLOOR - SECOND), 2);
	assert_int_equal(names_after(0, DNS_NAMES_FLOOR + SECOND, DNS_NAMES_FLOOR - SECOND), 1);
}

static void names_of_aws(void **state)
{
	static const struct {
		const char *question, *text;
		enum dns_name_kind kind;
	} names[] = {
		{ "dynamodb.eu-west-1.amazonaws.com", "dynamodb.eu-west-1.amazonaws.com", DNS_NAME_AWS },
		{ "My-Bucket.s3.eu-west-1.amazonaws.com", "s3.eu-west-1.amazonaws.com", DNS_NAME_AWS },
		{ "a.b.s3-eu-west-1.amazonaws.com", "s3-eu-west-1.amazonaws.com", DNS_NAME_AWS },
		{ "s3.files.s3.amazonaws.com", "s3.amazonaws.com", DNS_NAME_AWS },
		{ "123456789012.dkr.ecr.eu-west-1.amazonaws.com", "dkr.ecr.eu-west-1.amazonaws.com", DNS_NAME_AWS },
		{ "abc123.execute-api.eu-west-1.amazonaws.com", "execute-api.eu-west-1.amazonaws.com", DNS_NAME_AWS },
		{ "db.c9.eu-west-1.rds.amazonaws.com", "db.c9.eu-west-1.rds.amazonaws.com", DNS_NAME_AWS },
		{ "internal-a-1.eu-west-1.elb.amazonaws.com", "internal-a-1.eu-west-1.elb.amazonaws.com",
		  DNS_NAME_BALANCER },
		{ "n-1.elb.eu-west-1.amazonaws.com", "n-1.elb.eu-west-1.amazonaws.com", DNS_NAME_BALANCER },
		{ "a1.awsglobalaccelerator.com", "a1.awsglobalaccelerator.com", DNS_NAME_BALANCER },
		{ "sqs.cn-north-1.amazonaws.com.cn", "sqs.cn-north-1.amazonaws.com.cn", DNS_NAME_AWS },
		{ "ec2-1-2-3-4.eu-west-1.compute.amazonaws.com", "ec2-1-2-3-4.eu-west-1.compute.amazonaws.com",
		  DNS_NAME_PLAIN },
		{ "s3.example.org", "s3.example.org", DNS_NAME_PLAIN },
		{ "amazonaws.com.example.org", "amazonaws.com.example.org", DNS_NAME_PLAIN },
		{ "notamazonaws.com", "notamazonaws.com", DNS_NAME_PLAIN },
	};
	char text[DNS_NAME_SIZE];
	enum dns_name_kind kind;

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		assert_true(dns_name_clean(names[i].question, text, &kind));
		assert_string_equal(text, names[i].text);
		assert_int_equal(kind, names[i].kind);
	}
}

static void what_is_no_name_of_a_host(void **state)
{
	static const char *const names[] = { "", ".", "a b.example", "a\\.b.example", "\\255.example", "10.0.0.1",
					     "x/y.example", "<script>.example", ".example" };
	char text[DNS_NAME_SIZE], longest[DNS_NAME_SIZE + 1];
	enum dns_name_kind kind;

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_false(dns_name_clean(names[i], text, &kind));
	memset(longest, 'a', DNS_NAME_SIZE);
	longest[DNS_NAME_SIZE] = '\0';
	assert_false(dns_name_clean(longest, text, &kind));
	longest[DNS_NAME_SIZE - 1] = '\0';
	assert_true(dns_name_clean(longest, text, &kind));
}

/* Two buckets behind one address are one service. */
static void aws_and_balancers_have_kinds(void **state)
{
	struct world world;

	(void)state;
	world_open(&world);
	looks_up(&world, &web, "one.s3.eu-west-1.amazonaws.com", "52.218.0.1");
	looks_up(&world, &web, "two.s3.eu-west-1.amazonaws.com", "52.218.0.1");
	looks_up_through(&world, &web, "api.example.org", "internal-api-1.eu-west-1.elb.amazonaws.com", "10.9.0.8", 60);
	connects(&world, &web, "52.218.0.1:443");
	connects(&world, &web, "10.9.0.8:443");
	interval(&world);
	expect(&world, "web.service", PEER_AWS, "s3.eu-west-1.amazonaws.com", 1);
	expect(&world, "web.service", PEER_LB, "api.example.org", 1);
	world_close(&world);
}

/* Who answers may lie; what is known by better evidence stays so. */
static void names_do_not_go_before_what_is_known(void **state)
{
	struct world world;
	struct address host;
	struct end listener;

	(void)state;
	world_open(&world);
	address_parse("10.0.0.5", &host);
	peers_set_host(&world.model->peers, &host, 1, NS_HOST);
	listener = end_of(900, 0, HADAL_TCP_LISTENER, &api, "0.0.0.0:443", "0.0.0.0:0");
	record_listening(&world.recorder, &listener);
	looks_up(&world, &web, "evil.example", "10.0.0.5");
	looks_up(&world, &web, "evil.example", "169.254.169.254");
	looks_up(&world, &web, "evil.example", "127.0.0.1");
	connects(&world, &web, "10.0.0.5:443");
	connects(&world, &web, "169.254.169.254:443");
	connects(&world, &web, "127.0.0.1:444");
	interval(&world);
	expect(&world, "web.service", PEER_AWS, "instance-metadata", 1);
	for (const struct edge *edge = world.model->edges.table; edge; edge = edge->hh.next)
		assert_true(!edge->key.peer_name || strcmp(edge->key.peer_name, "evil.example"));
	world_close(&world);
}

/* Addresses that do not answer the question, by name or by the chain of aliases. */
static void only_what_answers_the_question_counts(void **state)
{
	static const uint8_t address[4] = { 93, 184, 216, 34 };
	struct dns_builder message;
	struct world world;
	size_t other;

	(void)state;
	world_open(&world);
	dns_begin(&message, DNS_ANSWERED, 1, 2);
	dns_put_question(&message, "shop.example.org", 1);
	other = message.size + 12;
	dns_put_pointer(&message, DNS_QUESTION_AT);
	dns_put_fixed(&message, 16, 60, 10);	/* TXT, of which the bytes are a name */
	dns_put_name(&message, "bank.org");
	dns_put_address(&message, other, 60, address, 4);
	record_answer(&world.recorder, &web, message.bytes, message.size);
	dns_begin(&message, DNS_ANSWERED | 3, 1, 1);
	dns_put_question(&message, "shop.example.org", 1);
	dns_put_address(&message, DNS_QUESTION_AT, 60, address, 4);
	record_answer(&world.recorder, &web, message.bytes, message.size);
	connects(&world, &web, "93.184.216.34:443");
	interval(&world);
	expect(&world, "web.service", PEER_INTERNET, NULL, 1);
	message.size -= 2;
	message.bytes[3] = 0x80;	/* no error, and not all there */
	record_answer(&world.recorder, &web, message.bytes, message.size);
	assert_int_equal(counted(&world, COUNT_ANSWER_BAD), 1);
	world_close(&world);
}

static void addresses_have_a_bound(void **state)
{
	char address[32], name[32];
	struct world world;

	(void)state;
	world_open(&world);
	looks_up(&world, &api, "kept.example", "10.9.0.7");
	for (unsigned int i = 0; i < DNS_NAMES_GROUP + 10; i++) {
		snprintf(address, sizeof(address), "10.1.%u.%u", i / 250, i % 250);
		snprintf(name, sizeof(name), "n%u.example", i);
		looks_up(&world, &web, name, address);
	}
	assert_int_equal(counted(&world, COUNT_NAMES_FULL), 10);
	assert_int_equal(world.model->names.addresses, DNS_NAMES_GROUP + 1);
	connects(&world, &web, "10.1.0.9:443");		/* made room */
	connects(&world, &web, "10.1.0.10:443");
	connects(&world, &api, "10.9.0.7:443");
	interval(&world);
	expect(&world, "web.service", PEER_PRIVATE, "10.0.0.0/8", 1);
	expect(&world, "web.service", PEER_PRIVATE, "n10.example", 1);
	expect(&world, "api.service", PEER_PRIVATE, "kept.example", 1);
	world.recorder.time += DNS_NAMES_CEILING;
	interval(&world);
	assert_int_equal(world.model->names.addresses, 0);
	world_close(&world);
}

static void all_cgroups_have_a_bound(void **state)
{
	struct actor actor = web;
	char address[32];
	struct world world;

	(void)state;
	world_open(&world);
	for (unsigned int i = 0; i < DNS_NAMES_ALL + 100; i++) {
		actor.cgroup = 1000 + i / 16;
		snprintf(address, sizeof(address), "10.1.0.%u", i % 16);
		looks_up(&world, &actor, "n.example", address);
	}
	assert_int_equal(world.model->names.addresses, DNS_NAMES_ALL);
	assert_int_equal(counted(&world, COUNT_NAMES_FULL), 100);
	assert_int_equal(model_table_use(world.model, TABLE_NAMES).evicted, 100);
	assert_int_equal(model_table_use(world.model, TABLE_NAMES).entries, DNS_NAMES_ALL);
	world_close(&world);
}

/* A crawler: what is beyond the bound is what its address is. */
static void named_edges_have_a_bound(void **state)
{
	char address[32], name[32];
	struct world world;

	(void)state;
	world_open(&world);
	for (unsigned int i = 0; i < WORKLOAD_NAMES + 5; i++) {
		snprintf(address, sizeof(address), "93.1.0.%u", i);
		snprintf(name, sizeof(name), "n%u.example", i);
		looks_up(&world, &web, name, address);
		snprintf(address, sizeof(address), "93.1.0.%u:443", i);
		connects(&world, &web, address);
	}
	interval(&world);
	expect(&world, "web.service", PEER_INTERNET, "n0.example", 1);
	expect(&world, "web.service", PEER_INTERNET, NULL, 5);
	assert_int_equal(counted(&world, COUNT_NAMES_WORKLOAD_FULL), 5);
	world_close(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(peers_have_the_names_that_were_asked_for),
		cmocka_unit_test(names_are_of_whom_they_were_told),
		cmocka_unit_test(two_names_of_one_address_name_nothing),
		cmocka_unit_test(connections_of_before_are_not_named),
		cmocka_unit_test(names_hold_for_a_while),
		cmocka_unit_test(names_of_aws),
		cmocka_unit_test(what_is_no_name_of_a_host),
		cmocka_unit_test(aws_and_balancers_have_kinds),
		cmocka_unit_test(names_do_not_go_before_what_is_known),
		cmocka_unit_test(only_what_answers_the_question_counts),
		cmocka_unit_test(addresses_have_a_bound),
		cmocka_unit_test(all_cgroups_have_a_bound),
		cmocka_unit_test(named_edges_have_a_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
