// SPDX-License-Identifier: MIT
#include <string.h>

#include "aws_secret.h"
#include "config_keys.h"
#include "config_parts.h"
#include "config_values.h"

/* Who names an endpoint means that one alone; SDKs take one with a slash behind it. */
const char *config_set_ec2_metadata(struct config *config, const char *value)
{
	size_t length;

	if (!config_replace(&config->ec2_metadata, value) || !config_replace(&config->ec2_metadata_ipv6, ""))
		return "no memory";
	length = strlen(value);
	if (length && value[length - 1] == '/')
		config->ec2_metadata[length - 1] = '\0';
	return NULL;
}

static void check_url(struct config *config, const char *key, const char *value)
{
	if (*value && strncmp(value, "http://", 7))
		config_wrong(config, config_origin(config, key), key, "'%s' does not begin with http://", value);
}

/* The session token of a role goes there. */
void config_check_api_endpoint(struct config *config, const char *key, const char *url)
{
	if (!url || !*url)
		return;
	if (strchr(url, '@'))
		config_wrong(config, config_origin(config, key), key,
			     "it has a user or a password: what is asked is signed instead");
	else if (strncmp(url, "https://", 8) && (strncmp(url, "http://127.0.0.1", 16) || !strchr(":/", url[16])))
		config_wrong(config, config_origin(config, key), key,
			     "'%s' begins neither with https:// nor with http://127.0.0.1", url);
}

static void check_socket(struct config *config, const char *key, const char *path)
{
	if (path && *path && *path != '/')
		config_wrong(config, config_origin(config, key), key, "'%s' is not an absolute path", path);
}

/* Of the tags that an instance is told its own of: others have no place in a path. */
static bool is_tag(const char *key)
{
	static const char of_tags[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+-=.,_:@";

	return key[strspn(key, of_tags)] == '\0' && strlen(key) <= 128 && strcmp(key, ".") && strcmp(key, "..");
}

void config_check_switches(struct config *config)
{
	const char *tag = config->module_tag, *parameter = config->module_parameter;
	bool asks = (tag && *tag) || (parameter && *parameter);

	if (tag && !is_tag(tag))
		config_wrong(config, config_origin(config, "module.tag"), "module.tag",
			     "'%s' is no key of a tag of 128 letters, digits or + - = . , _ : @ at most", tag);
	if (parameter && *parameter && !aws_secret_is_name(parameter))
		config_wrong(config, config_origin(config, "module.parameter"), "module.parameter",
			     "no name, and no ARN, of at most %d characters", AWS_SECRET_NAME_MAX);
	config_check_api_endpoint(config, "module.parameter_endpoint", config->module_parameter_endpoint);
	if (config->module_load == CONFIG_MODULE_CANARY && !asks)
		config_wrong(config, config_origin(config, "module.load"), "module.load",
			     "'canary' without module.tag or module.parameter, which say where");
}

void config_check_addresses(struct config *config)
{
	check_socket(config, "spool.directory", config->spool_directory);
	check_socket(config, "query.socket", config->query_socket);
	check_socket(config, "docker.socket", config->docker_socket);
	config_check_api_endpoint(config, "ecs.api_endpoint", config->ecs_api_endpoint);
	config_check_api_endpoint(config, "otlp.token_endpoint", config->token_endpoint);
	if (!config->ecs_introspection || !config->ecs_task_metadata)
		return;
	check_url(config, "ecs.introspection", config->ecs_introspection);
	check_url(config, "ecs.task_metadata", config->ecs_task_metadata);
	check_url(config, "ec2.metadata", config->ec2_metadata ? config->ec2_metadata : "");
	check_url(config, "ec2.metadata_ipv6", config->ec2_metadata_ipv6 ? config->ec2_metadata_ipv6 : "");
}
