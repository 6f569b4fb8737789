// SPDX-License-Identifier: MIT
/*
 * ECS: the first byte chooses between what the agent says of itself, of a task by
 * introspection, of a task as task metadata, an environment that names the latter; what the
 * API answers, how it refuses; and the credentials and the role by which it is asked.
 */
#include <assert.h>
#include <ctype.h>
#include <string.h>

#include "aws_credentials.h"
#include "ecs.h"
#include "ecs_describe.h"
#include "fuzz.h"
#include "fuzz_container.h"

#define CONTAINER	"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void read_metadata(const char *text, size_t size)
{
	struct instance_facts facts;
	int result = ecs_parse_metadata(text, size, &facts);

	FUZZ_CHECK_TEXT(facts.cluster);
	FUZZ_CHECK_TEXT(facts.account);
	FUZZ_CHECK_TEXT(facts.region);
	assert(!result == !!facts.cluster[0]);
}

static void read_introspected(const char *text, size_t size)
{
	static struct container_facts facts;
	int result = ecs_parse_introspected(text, size, CONTAINER, &facts);

	fuzz_check_container(&facts);
	assert(!result == !!facts.task.arn[0]);
}

static void read_task(const char *text, size_t size)
{
	static struct task_facts facts;
	int result = ecs_parse_task(text, size, CONTAINER, &facts);

	fuzz_check_task(&facts);
	assert(!result == !!facts.arn[0]);
}

/* Where it is asked for becomes part of a URL. */
static void read_environment(const char *text, size_t size)
{
	char endpoint[FACT_SIZE] = "";

	ecs_endpoint_of_environment(text, size, endpoint);
	FUZZ_CHECK_TEXT(endpoint);
	assert(!endpoint[strcspn(endpoint, "/?#%@: \t\r\n")]);
}

static void check_described(void *context, const char *id, const struct task_facts *facts)
{
	assert(!context && *id && strlen(id) < HADAL_TASK_ID_SIZE);
	fuzz_check_task(facts);
	assert(strcmp(facts->cluster, "prod") == 0);
	assert(strcmp(strrchr(facts->arn, '/') + 1, id) == 0);
}

static void read_described(const char *text, size_t size)
{
	ecs_describe_parse(text, size, "prod", check_described, NULL);
}

/* It is logged. */
static void read_refusal(const char *text, size_t size)
{
	char error[ECS_ERROR_SIZE];

	ecs_error_parse(text, size, error);
	FUZZ_CHECK_TEXT(error);
	for (const char *at = error; *at; at++)
		assert(isalnum((unsigned char)*at));
}

/* These become headers. */
static void check_header(const char *text)
{
	for (; *text; text++)
		assert(*text > ' ' && *text <= '~');
}

static void read_credentials(const char *text, size_t size)
{
	static struct aws_credentials credentials;

	if (aws_parse_credentials(text, size, &credentials))
		return;
	FUZZ_CHECK_TEXT(credentials.key);
	FUZZ_CHECK_TEXT(credentials.secret);
	FUZZ_CHECK_TEXT(credentials.token);
	assert(credentials.key[0] && credentials.secret[0] && credentials.token[0]);
	check_header(credentials.key);
	check_header(credentials.secret);
	check_header(credentials.token);
}

/* And this a part of a path. */
static void read_role(const char *text, size_t size)
{
	char role[AWS_ROLE_SIZE];

	if (aws_parse_role(text, size, role))
		return;
	FUZZ_CHECK_TEXT(role);
	assert(role[0] && role[0] != '.' && !role[strcspn(role, "/?#%: \t\r\n")]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const readers[])(const char *text, size_t size) = {
		read_metadata, read_introspected, read_task, read_environment,
		read_described, read_refusal, read_credentials, read_role,
	};
	char *copy;

	if (!size)
		return 0;
	copy = fuzz_text(data + 1, size - 1);
	readers[data[0] % 8](copy, size - 1);
	free(copy);
	return 0;
}
