/* SPDX-License-Identifier: MIT */
/*
 * Sources: amazon-ecs-agent, handlers of introspection and of task metadata
 * version 4; the ECS developer guide on both.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ecs.h"
#include "json_read.h"

static bool is_endpoint_id(const char *text)
{
	if (!*text || strlen(text) >= FACT_SIZE)
		return false;
	for (; *text; text++) {
		if (!isalnum((unsigned char)*text) && *text != '-' && *text != '_')
			return false;
	}
	return true;
}

void ecs_endpoint_of_variable(const char *variable, char endpoint[FACT_SIZE])
{
	static const char name[] = "ECS_CONTAINER_METADATA_URI_V4=";
	const char *slash;

	if (strncmp(variable, name, sizeof(name) - 1))
		return;
	slash = strrchr(variable, '/');
	if (slash && is_endpoint_id(slash + 1))
		strcpy(endpoint, slash + 1);
}

void ecs_endpoint_of_environment(const char *text, size_t length, char endpoint[FACT_SIZE])
{
	const char *end = text + length, *stop;

	for (; text < end; text = stop + 1) {
		stop = memchr(text, '\0', (size_t)(end - text));
		if (!stop)
			return;
		ecs_endpoint_of_variable(text, endpoint);
	}
}

void ecs_arn_field(const char *arn, unsigned int index, char *to, size_t size)
{
	const char *end;

	to[0] = '\0';
	if (strncmp(arn, "arn:", 4))
		return;
	while (index--) {
		arn = strchr(arn, ':');
		if (!arn)
			return;
		arn++;
	}
	end = strchr(arn, ':');
	if (end && (size_t)(end - arn) < size) {
		memcpy(to, arn, (size_t)(end - arn));
		to[end - arn] = '\0';
	}
}

int ecs_parse_metadata(const char *text, size_t length, struct instance_facts *facts)
{
	struct json_object *object = json_parse_object(text, length);
	const char *cluster = json_text(object, "Cluster"), *arn = json_text(object, "ContainerInstanceArn");

	memset(facts, 0, sizeof(*facts));
	snprintf(facts->cluster, sizeof(facts->cluster), "%s", cluster_name(cluster));
	ecs_arn_field(arn, 3, facts->region, sizeof(facts->region));
	ecs_arn_field(arn, 4, facts->account, sizeof(facts->account));
	json_object_put(object);
	return facts->cluster[0] ? 0 : -EINVAL;
}

static struct json_object *find_container(struct json_object *task, const char *id)
{
	struct json_object *list = json_member(task, "Containers", json_type_array);
	size_t count = list ? json_object_array_length(list) : 0;

	for (size_t i = 0; i < count; i++) {
		struct json_object *container = json_object_array_get_idx(list, i);

		if (strcmp(json_text(container, "DockerId"), id) == 0)
			return container;
	}
	return NULL;
}

struct address_list {
	struct address *list;		/* with room for CONTAINER_ADDRESSES */
	unsigned int *count;
};

static void add_address(const struct address_list *to, const char *text)
{
	struct address address;

	if (*to->count >= CONTAINER_ADDRESSES || address_parse(text, &address))
		return;
	for (unsigned int i = 0; i < *to->count; i++) {
		if (address_equal(&to->list[i], &address))
			return;
	}
	to->list[(*to->count)++] = address;
}

static void add_addresses(struct json_object *texts, const struct address_list *to)
{
	size_t count = texts ? json_object_array_length(texts) : 0;

	for (size_t i = 0; i < count; i++) {
		struct json_object *text = json_object_array_get_idx(texts, i);

		if (json_object_is_type(text, json_type_string))
			add_address(to, json_object_get_string(text));
	}
}

/* Adds those of @container's networks which are of mode awsvpc, or those which are not. */
static void parse_addresses(struct json_object *container, bool awsvpc, const struct address_list *to)
{
	struct json_object *networks = json_member(container, "Networks", json_type_array);
	size_t count = networks ? json_object_array_length(networks) : 0;

	for (size_t i = 0; i < count; i++) {
		struct json_object *network = json_object_array_get_idx(networks, i);

		if ((strcmp(json_text(network, "NetworkMode"), "awsvpc") == 0) != awsvpc)
			continue;
		add_addresses(json_member(network, "IPv4Addresses", json_type_array), to);
		add_addresses(json_member(network, "IPv6Addresses", json_type_array), to);
	}
}

static void parse_own_addresses(struct json_object *container, struct container_facts *facts)
{
	struct address_list own = { facts->addresses, &facts->address_count };

	parse_addresses(container, false, &own);
}

/* A task's interface is told with each container that uses it. */
static void parse_task_addresses(struct json_object *task, struct task_facts *facts)
{
	struct json_object *containers = json_member(task, "Containers", json_type_array);
	size_t count = containers ? json_object_array_length(containers) : 0;
	struct address_list shared = { facts->addresses, &facts->address_count };

	for (size_t i = 0; i < count; i++)
		parse_addresses(json_object_array_get_idx(containers, i), true, &shared);
}

/* The cluster in "arn:...:task/CLUSTER/ID"; "" in the older form without it. */
static void cluster_of_task(const char *arn, char cluster[FACT_SIZE])
{
	const char *first = strchr(arn, '/'), *last = strrchr(arn, '/');

	if (first && last > first && last - first - 1 < FACT_SIZE)
		snprintf(cluster, FACT_SIZE, "%.*s", (int)(last - first - 1), first + 1);
}

int ecs_parse_introspected(const char *text, size_t length, const char *id, struct container_facts *facts)
{
	struct json_object *task = json_parse_object(text, length);
	struct json_object *container = find_container(task, id);

	memset(facts, 0, sizeof(*facts));
	if (container) {
		json_copy(container, "DockerName", facts->name, sizeof(facts->name));
		json_copy(container, "Name", facts->name_in_task, sizeof(facts->name_in_task));
		json_copy(container, "Image", facts->image, sizeof(facts->image));
		parse_own_addresses(container, facts);
		parse_task_addresses(task, &facts->task);
		json_copy(task, "Arn", facts->task.arn, sizeof(facts->task.arn));
		json_copy(task, "Family", facts->task.family, sizeof(facts->task.family));
		json_copy(task, "Version", facts->task.revision, sizeof(facts->task.revision));
		cluster_of_task(facts->task.arn, facts->task.cluster);
	}
	json_object_put(task);
	return facts->task.arn[0] ? 0 : -EINVAL;
}

static void parse_service(struct json_object *task, char service[FACT_SIZE])
{
	static const char prefix[] = "service:";
	const char *group = json_text(task, "Group");

	json_copy(task, "ServiceName", service, FACT_SIZE);
	if (!*service && strncmp(group, prefix, sizeof(prefix) - 1) == 0 && strlen(group) < FACT_SIZE)
		strcpy(service, group + sizeof(prefix) - 1);
}

int ecs_parse_task(const char *text, size_t length, const char *id, struct task_facts *facts)
{
	struct json_object *task = json_parse_object(text, length);
	bool ours = find_container(task, id);

	memset(facts, 0, sizeof(*facts));
	if (ours) {
		json_copy(task, "TaskARN", facts->arn, sizeof(facts->arn));
		json_copy(task, "Family", facts->family, sizeof(facts->family));
		json_copy(task, "Revision", facts->revision, sizeof(facts->revision));
		json_copy(task, "AvailabilityZone", facts->zone, sizeof(facts->zone));
		snprintf(facts->cluster, sizeof(facts->cluster), "%s", cluster_name(json_text(task, "Cluster")));
		parse_service(task, facts->service);
		parse_task_addresses(task, facts);
	}
	json_object_put(task);
	return facts->arn[0] ? 0 : -EINVAL;
}

void ecs_parse_addresses(const char *text, size_t length, const char *id, struct container_facts *facts)
{
	struct json_object *task = json_parse_object(text, length);

	parse_own_addresses(find_container(task, id), facts);
	json_object_put(task);
}

enum identity_result ecs_metadata(struct http *http, const char *base, struct instance_facts *facts)
{
	enum identity_result result = IDENTITY_UNAVAILABLE;
	struct http_body body;
	char url[1024];
	int status;

	snprintf(url, sizeof(url), "%s/v1/metadata", base);
	status = http_get(http, NULL, url, &body);
	if (status == -EHOSTUNREACH)
		result = IDENTITY_NOT_FOUND;
	else if (status == 200 && !ecs_parse_metadata(body.data, body.length, facts))
		result = IDENTITY_FOUND;
	http_body_free(&body);
	return result;
}

enum identity_result ecs_introspect(struct http *http, const char *base, const char *id,
				    struct container_facts *facts)
{
	enum identity_result result = IDENTITY_UNAVAILABLE;
	struct http_body body;
	char url[1024];
	int status;

	snprintf(url, sizeof(url), "%s/v1/tasks?dockerid=%s", base, id);
	status = http_get(http, NULL, url, &body);
	if (status == 404)
		result = IDENTITY_NOT_FOUND;
	else if (status == 200 && !ecs_parse_introspected(body.data, body.length, id, facts))
		result = IDENTITY_FOUND;
	http_body_free(&body);
	return result;
}

enum identity_result ecs_task(struct http *http, const char *base, const char *endpoint, const char *id,
			      struct task_facts *task, struct container_facts *container)
{
	enum identity_result result = IDENTITY_UNAVAILABLE;
	struct http_body body;
	char url[1024];

	snprintf(url, sizeof(url), "%s/v4/%s/task", base, endpoint);
	if (http_get(http, NULL, url, &body) == 200 && !ecs_parse_task(body.data, body.length, id, task)) {
		if (!container->address_count)
			ecs_parse_addresses(body.data, body.length, id, container);
		result = IDENTITY_FOUND;
	}
	http_body_free(&body);
	return result;
}
