/* SPDX-License-Identifier: MIT */
/* Source: Amazon ECS API reference, DescribeTasks, Task, Failure and common errors. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ecs_describe.h"
#include "json_read.h"

bool ecs_is_region(const char *region)
{
	size_t length = strspn(region, "abcdefghijklmnopqrstuvwxyz0123456789-");

	return length && length < ECS_REGION_SIZE && !region[length] && region[0] != '-' && region[length - 1] != '-';
}

void ecs_api_url(const char *region, char *url, size_t size)
{
	snprintf(url, size, "https://ecs.%s.amazonaws.com%s/", region, strncmp(region, "cn-", 3) ? "" : ".cn");
}

char *ecs_describe_request(const char *cluster, const char *const *ids, unsigned int count)
{
	struct json_object *object = json_object_new_object(), *tasks = json_object_new_array();
	char *text;

	if (!object || !tasks) {
		json_object_put(tasks);
		json_object_put(object);
		return NULL;
	}
	json_object_object_add(object, "cluster", json_object_new_string(cluster));
	for (unsigned int i = 0; i < count; i++)
		json_object_array_add(tasks, json_object_new_string(ids[i]));
	json_object_object_add(object, "tasks", tasks);
	text = strdup(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN));
	json_object_put(object);
	return text;
}

/* "arn:aws:ecs:REGION:ACCOUNT:task-definition/FAMILY:REVISION" */
static void parse_definition(const char *arn, struct task_facts *facts)
{
	const char *name = strrchr(arn, '/'), *colon = name ? strrchr(name, ':') : NULL;

	if (!colon || colon - name - 1 >= FACT_SIZE || strlen(colon + 1) >= sizeof(facts->revision))
		return;
	snprintf(facts->family, sizeof(facts->family), "%.*s", (int)(colon - name - 1), name + 1);
	strcpy(facts->revision, colon + 1);
}

static void parse_group(const char *group, struct task_facts *facts)
{
	static const char prefix[] = "service:";

	if (strncmp(group, prefix, sizeof(prefix) - 1) == 0 && strlen(group) < sizeof(facts->service))
		strcpy(facts->service, group + sizeof(prefix) - 1);
}

/* Whether it is one, of that cluster. */
static bool parse_task(struct json_object *task, const char *cluster, struct task_facts *facts)
{
	memset(facts, 0, sizeof(*facts));
	json_copy(task, "taskArn", facts->arn, sizeof(facts->arn));
	json_copy(task, "availabilityZone", facts->zone, sizeof(facts->zone));
	parse_definition(json_text(task, "taskDefinitionArn"), facts);
	parse_group(json_text(task, "group"), facts);
	if (strlen(cluster) >= sizeof(facts->cluster) || strcmp(cluster_name(json_text(task, "clusterArn")), cluster))
		return false;
	strcpy(facts->cluster, cluster);
	return facts->arn[0];
}

int ecs_describe_parse(const char *text, size_t length, const char *cluster,
		       void (*found)(void *context, const char *id, const struct task_facts *facts), void *context)
{
	struct json_object *object = json_parse_object(text, length);
	struct json_object *tasks = json_member(object, "tasks", json_type_array);
	char id[HADAL_TASK_ID_SIZE];
	struct task_facts facts;

	for (size_t i = 0; tasks && i < json_object_array_length(tasks); i++) {
		if (!parse_task(json_object_array_get_idx(tasks, i), cluster, &facts))
			continue;
		task_id_of_arn(facts.arn, id);
		if (id[0])
			found(context, id, &facts);
	}
	json_object_put(object);
	return tasks ? 0 : -EINVAL;
}

/* It may have a namespace in front: "com.amazonaws.ecs#ThrottlingException". */
void ecs_error_parse(const char *text, size_t length, char error[ECS_ERROR_SIZE])
{
	struct json_object *object = json_parse_object(text, length);
	const char *name = json_text(object, "__type"), *hash = strrchr(name, '#');

	error[0] = '\0';
	if (hash)
		name = hash + 1;
	length = strlen(name);
	if (length < ECS_ERROR_SIZE) {
		strcpy(error, name);
		while (isalnum((unsigned char)*error))
			error++;
		*error = '\0';
	}
	json_object_put(object);
}
