/* SPDX-License-Identifier: MIT */
/*
 * Source of the fields: Docker Engine API v1.24 and later, "Inspect a
 * container"; labels as the ECS agent sets them.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "docker.h"
#include "ecs.h"
#include "json_read.h"

#define LABEL(name) "com.amazonaws.ecs." name

static void parse_labels(struct json_object *labels, struct container_facts *facts)
{
	struct task_facts *task = &facts->task;

	json_copy(labels, LABEL("container-name"), facts->name_in_task, sizeof(facts->name_in_task));
	json_copy(labels, LABEL("task-arn"), task->arn, sizeof(task->arn));
	json_copy(labels, LABEL("task-definition-family"), task->family, sizeof(task->family));
	json_copy(labels, LABEL("task-definition-version"), task->revision, sizeof(task->revision));
	snprintf(task->cluster, sizeof(task->cluster), "%s", cluster_name(json_text(labels, LABEL("cluster"))));
}

static void parse_environment(struct json_object *list, char endpoint[FACT_SIZE])
{
	size_t count = list ? json_object_array_length(list) : 0;

	for (size_t i = 0; i < count && !*endpoint; i++) {
		struct json_object *entry = json_object_array_get_idx(list, i);

		if (json_object_is_type(entry, json_type_string))
			ecs_endpoint_of_variable(json_object_get_string(entry), endpoint);
	}
}

static void add_address(struct container_facts *facts, const char *text)
{
	struct address address;

	if (facts->address_count < CONTAINER_ADDRESSES && !address_parse(text, &address))
		facts->addresses[facts->address_count++] = address;
}

static void parse_networks(struct json_object *networks, struct container_facts *facts)
{
	if (!networks)
		return;
	json_object_object_foreach(networks, name, network) {
		(void)name;
		add_address(facts, json_text(network, "IPAddress"));
		add_address(facts, json_text(network, "GlobalIPv6Address"));
	}
}

static uint16_t parse_port(const char *text, char end_mark)
{
	char *end;
	unsigned long port;

	if (*text < '0' || *text > '9')
		return 0;
	port = strtoul(text, &end, 10);
	return *end == end_mark && port <= UINT16_MAX ? (uint16_t)port : 0;
}

static void add_binding(struct container_facts *facts, uint16_t port, bool udp, struct json_object *binding)
{
	struct published_port published = { .port = port, .udp = udp };
	const char *host = json_text(binding, "HostIp");

	published.host_port = parse_port(json_text(binding, "HostPort"), '\0');
	if (!published.host_port || (*host && address_parse(host, &published.host)))
		return;
	if (facts->port_count < CONTAINER_PORTS)
		facts->ports[facts->port_count++] = published;
}

/* {"80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "8080"}], "53/udp": null} */
static void parse_ports(struct json_object *ports, struct container_facts *facts)
{
	if (!ports)
		return;
	json_object_object_foreach(ports, name, bindings) {
		uint16_t port = parse_port(name, '/');
		bool udp = strstr(name, "/udp");

		if (!port || (!udp && !strstr(name, "/tcp")) || !json_object_is_type(bindings, json_type_array))
			continue;
		for (size_t i = 0; i < json_object_array_length(bindings); i++)
			add_binding(facts, port, udp, json_object_array_get_idx(bindings, i));
	}
}

static void parse_container(struct json_object *object, struct container_facts *facts)
{
	struct json_object *config = json_member(object, "Config", json_type_object);
	struct json_object *settings = json_member(object, "NetworkSettings", json_type_object);
	struct json_object *host = json_member(object, "HostConfig", json_type_object);
	const char *name = json_text(object, "Name");

	snprintf(facts->name, sizeof(facts->name), "%s", name + (*name == '/'));
	json_copy(config, "Image", facts->image, sizeof(facts->image));
	parse_labels(json_member(config, "Labels", json_type_object), facts);
	parse_environment(json_member(config, "Env", json_type_array), facts->endpoint);
	parse_networks(json_member(settings, "Networks", json_type_object), facts);
	parse_ports(json_member(settings, "Ports", json_type_object), facts);
	facts->host_network = strcmp(json_text(host, "NetworkMode"), "host") == 0;
}

int docker_parse_container(const char *text, size_t length, const char *id, struct container_facts *facts)
{
	struct json_object *object = json_parse_object(text, length);
	int result = -EINVAL;

	memset(facts, 0, sizeof(*facts));
	if (strcmp(json_text(object, "Id"), id) == 0) {
		parse_container(object, facts);
		result = 0;
	}
	json_object_put(object);
	return result;
}

enum identity_result docker_container(struct http *http, const char *socket, const char *id,
				      struct container_facts *facts)
{
	enum identity_result result = IDENTITY_UNAVAILABLE;
	struct http_body body;
	char url[256];
	int status;

	snprintf(url, sizeof(url), "http://localhost/containers/%s/json", id);
	status = http_get(http, socket, url, &body);
	if (status == 404)
		result = IDENTITY_NOT_FOUND;
	else if (status == 200 && !docker_parse_container(body.data, body.length, id, facts))
		result = IDENTITY_FOUND;
	http_body_free(&body);
	return result;
}
