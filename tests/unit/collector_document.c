/* SPDX-License-Identifier: MIT */
/*
 * Documents of captures: what is written is read again, and what is none is
 * refused by name.
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

#include "document.h"

static struct address address_of(const char *text)
{
	struct address address;

	assert_int_equal(0, address_parse(text, &address));
	return address;
}

static void check_written(const struct document *document)
{
	char error[DOCUMENT_ERROR_SIZE], *text = document_write(document);
	struct document read;

	assert_non_null(text);
	if (document_read(text, strlen(text), &read, error))
		fail_msg("%s: %s", text, error);
	assert_memory_equal(document, &read, sizeof(read));
	free(text);
}

static void test_host(void **state)
{
	static struct document document = {
		.kind = DOCUMENT_HOST,
		.host = {
			.id = "0123456789abcdef0123456789abcdef", .name = "ip-10-0-0-1", .cloud_account = "123456789012",
			.cloud_region = "eu-central-1", .cloud_zone = "eu-central-1a", .net_ns = 4026531840U,
			.ephemeral_low = 1024, .ephemeral_high = 65535, .address_count = 3,
		},
	};

	(void)state;
	document.host.addresses[0] = address_of("10.0.0.1");
	document.host.addresses[1] = address_of("2001:db8::1");
	document.host.addresses[2] = address_of("fe80::1");
	check_written(&document);
}

static void test_container(void **state)
{
	static struct document document = {
		.kind = DOCUMENT_CONTAINER,
		.container = {
			.container_id = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
			.container = IDENTITY_FOUND, .task = IDENTITY_UNAVAILABLE,
			.facts = {
				.name = "web", .name_in_task = "front", .image = "registry.example/web:1.2", .host_network = true,
				.address_count = 1, .port_count = 2,
				.ports = { { .host_port = 8080, .port = 80 }, { .host_port = 53, .port = 5353, .udp = true } },
				.task = {
					.arn = "arn:aws:ecs:eu-central-1:123456789012:task/prod/11111111111111111111111111111111",
					.family = "web", .revision = "7", .cluster = "prod", .service = "front \"end\"\n\\",
					.zone = "eu-central-1a", .address_count = 1,
				},
			},
		},
	};

	(void)state;
	document.container.facts.addresses[0] = address_of("172.17.0.2");
	document.container.facts.task.addresses[0] = address_of("2600:1f14::7");
	document.container.facts.ports[0].host = address_of("127.0.0.1");
	document.container.facts.ports[1].host = address_of("::");
	check_written(&document);
}

static void test_answers(void **state)
{
	static struct document executable = {
		.kind = DOCUMENT_EXECUTABLE,
		.executable = { .tgid = 4711, .start_boottime = UINT64_MAX, .path = "/usr/bin/caf\xe9" },
	};
	static struct document cgroup = {
		.kind = DOCUMENT_CGROUP, .cgroup = { .hierarchy = 3, .id = 1, .path = "/system.slice/a.service" },
	};

	(void)state;
	check_written(&executable);
	check_written(&cgroup);
}

static void test_configuration(void **state)
{
	static struct document document = { .kind = DOCUMENT_CONFIGURATION };
	struct document_configuration *configuration = &document.configuration;

	(void)state;
	check_written(&document);
	assert_int_equal(0, network_parse("203.0.113.0/24", &configuration->networks[0]));
	assert_int_equal(0, network_parse("2001:db8::/32", &configuration->networks[1]));
	assert_int_equal(0, network_parse("10.1.0.0/16", &configuration->balancers[0]));
	assert_int_equal(0, proxy_kind_parse("ecs-service-connect-*", &configuration->proxies[0]));
	assert_int_equal(0, proxy_kind_parse("haproxy", &configuration->proxy_executables[0]));
	configuration->network_count = 2;
	configuration->balancer_count = configuration->proxy_count = configuration->proxy_executable_count = 1;
	check_written(&document);
}

static void test_endpoint_is_not_written(void **state)
{
	static struct document document = {
		.kind = DOCUMENT_CONTAINER,
		.container = { .container_id = "aa", .facts = { .endpoint = "secret-endpoint" } },
	};
	char *text = document_write(&document);

	(void)state;
	assert_non_null(text);
	assert_null(strstr(text, "secret-endpoint"));
	free(text);
}

static void check_refused(const char *text, const char *expected)
{
	char error[DOCUMENT_ERROR_SIZE];
	struct document document;

	assert_int_equal(-EINVAL, document_read(text, strlen(text), &document, error));
	if (!strstr(error, expected))
		fail_msg("%s: '%s' does not say '%s'", text, error, expected);
}

#define CONTAINER(more) "{\"kind\":\"container\",\"version\":1,\"answer\":\"found\",\"task_answer\":\"found\"," more "}"
#define HOST(more) "{\"kind\":\"host\",\"version\":1," more "}"

static void test_nonsense(void **state)
{
	(void)state;
	check_refused("", "no JSON object");
	check_refused("nonsense", "no JSON object");
	check_refused("[1]", "no JSON object");
	check_refused("{} {}", "no JSON object");
	check_refused("{\"version\":1}", "kind");
	check_refused("{\"kind\":1,\"version\":1}", "kind");
	check_refused(HOST("\"host.id\":7"), "host: host.id is no string");
	check_refused(HOST("\"net_ns\":-1"), "host: net_ns is no whole number of 32 bits");
	check_refused(HOST("\"net_ns\":4294967296"), "net_ns");
	check_refused(HOST("\"net_ns\":1.5"), "net_ns");
	check_refused(HOST("\"addresses\":[\"10.0.0.256\"]"), "IP address");
	check_refused(HOST("\"addresses\":{}"), "addresses is no array");
	check_refused(HOST("\"ephemeral_low\":2,\"ephemeral_high\":1"), "no range of ports");
	check_refused(HOST("\"ephemeral_low\":2,\"ephemeral_high\":65536"), "no range of ports");
	check_refused(HOST("\"host.name\":\"a\\u0000b\""), "NUL");
	check_refused(CONTAINER("\"container.name\":\"a\""), "container.id is missing");
	check_refused(CONTAINER("\"container.id\":\"a\",\"ports\":[7]"), "ports is no object");
	check_refused(CONTAINER("\"container.id\":\"a\",\"ports\":[{\"port\":65536}]"), "port is no whole number");
	check_refused(CONTAINER("\"container.id\":\"a\",\"host_network\":1"), "neither true nor false");
	check_refused("{\"kind\":\"container\",\"version\":1,\"container.id\":\"a\",\"answer\":\"perhaps\"}", "answer");
	check_refused("{\"kind\":\"configuration\",\"version\":1,\"peers.networks\":[\"10.0.0.0\"]}",
		      "configuration: an element of peers.networks is no network");
	check_refused("{\"kind\":\"configuration\",\"version\":1,\"proxies.containers\":[\"*\"]}", "is no name of proxies");
	check_refused("{\"kind\":\"configuration\",\"version\":1,\"peers.load_balancers\":7}", "is no array");
}

static void test_too_long(void **state)
{
	char text[1024];

	(void)state;
	snprintf(text, sizeof(text), HOST("\"cloud.region\":\"%064d\""), 0);
	check_refused(text, "cloud.region is longer than 63 bytes");
	snprintf(text, sizeof(text), "{\"kind\":\"%065d\"}", 0);
	check_refused(text, "kind");
}

static void test_later_versions(void **state)
{
	static const char *const later[] = {
		"{\"kind\":\"moon\",\"version\":1}",
		"{\"kind\":\"host\",\"version\":2,\"host.id\":[]}",
		"{\"kind\":\"host\"}",
	};
	char error[DOCUMENT_ERROR_SIZE];
	struct document document;

	(void)state;
	for (size_t i = 0; i < sizeof(later) / sizeof(later[0]); i++) {
		assert_int_equal(0, document_read(later[i], strlen(later[i]), &document, error));
		assert_int_equal(DOCUMENT_UNKNOWN, document.kind);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_host),
		cmocka_unit_test(test_container),
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_configuration),
		cmocka_unit_test(test_endpoint_is_not_written),
		cmocka_unit_test(test_nonsense),
		cmocka_unit_test(test_too_long),
		cmocka_unit_test(test_later_versions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
