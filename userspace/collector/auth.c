/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "auth.h"
#include "auth_bearer.h"
#include "auth_sigv4.h"
#include "config_values.h"

struct aws_credential_sources auth_sources(const struct config *config)
{
	return (struct aws_credential_sources){
		.ec2_metadata = config->ec2_metadata, .ec2_metadata_ipv6 = config->ec2_metadata_ipv6,
		.task = AWS_TASK_CREDENTIALS,
	};
}

const char *auth_region(const struct config *config)
{
	const char *region = unless_empty(config->sigv4_region);

	if (!region)
		region = aws_region_of_environment();
	return region ? region : config->cloud_region;
}

/* ---- signatures ---- */

static const char *endpoint_of(const struct config *config, enum hadal_signal signal)
{
	const char *own = unless_empty(signal == HADAL_SIGNAL_METRICS ? config->metrics_endpoint : config->logs_endpoint);

	return own ? own : unless_empty(config->endpoint);
}

/* By the address, as far as that says it. */
static void look_at_host(const char *url, struct aws_scope *scope)
{
	CURLU *parsed = curl_url();
	char *host = NULL;

	*scope = (struct aws_scope){ .region = "" };
	if (parsed && curl_url_set(parsed, CURLUPART_URL, url, 0) == CURLUE_OK &&
	    curl_url_get(parsed, CURLUPART_HOST, &host, 0) == CURLUE_OK)
		aws_scope_of_host(host, scope);
	curl_free(host);
	curl_url_cleanup(parsed);
}

/* What is configured, what the address says, what is usual. A region may stay unknown. */
static void find_scope(const struct config *config, enum hadal_signal signal, const char *url, struct aws_scope *scope)
{
	static const char *const services[HADAL_SIGNALS] = {	/* CloudWatch's */
		[HADAL_SIGNAL_METRICS] = "monitoring",
		[HADAL_SIGNAL_LOGS] = "logs",
	};
	const char *region = unless_empty(config->sigv4_region), *service = unless_empty(config->sigv4_service);

	look_at_host(url, scope);
	if (!region && !scope->region[0])
		region = aws_region_of_environment();
	if (!region && !scope->region[0])
		region = unless_empty(config->cloud_region);
	if (!service && !scope->service[0])
		service = services[signal];
	if (region)
		snprintf(scope->region, sizeof(scope->region), "%s", aws_is_region(region) ? region : "");
	if (service)
		snprintf(scope->service, sizeof(scope->service), "%s", service);
}

static int check_signature(const struct config *config, const char **key, char *error, size_t error_size)
{
	const char *region = unless_empty(config->sigv4_region), *service = unless_empty(config->sigv4_service), *url;
	struct aws_scope scope;

	*key = "otlp.sigv4_region";
	if (region && !aws_is_region(region)) {
		snprintf(error, error_size, "'%s' is no region of AWS, such as eu-west-1", region);
		return -EINVAL;
	}
	*key = "otlp.sigv4_service";
	if (service && !aws_is_service(service)) {
		snprintf(error, error_size, "'%s' is no service of AWS, such as monitoring", service);
		return -EINVAL;
	}
	*key = "otlp.auth";
	for (int signal = 0; signal < HADAL_SIGNALS; signal++) {
		url = endpoint_of(config, (enum hadal_signal)signal);
		if (!url)
			continue;
		find_scope(config, (enum hadal_signal)signal, url, &scope);
		if (scope.region[0])
			continue;
		snprintf(error, error_size, "of which region to sign is said neither by the endpoint nor by AWS_REGION: set "
			 "otlp.sigv4_region");
		return -EINVAL;
	}
	return 0;
}

static int open_signer(const struct config *config, struct hadal_ship_auth **auth)
{
	const struct aws_credential_sources sources = auth_sources(config);
	struct aws_scope scopes[HADAL_SIGNALS] = { { .region = "" } };

	for (int signal = 0; signal < HADAL_SIGNALS; signal++) {
		const char *url = endpoint_of(config, (enum hadal_signal)signal);

		if (url)
			find_scope(config, (enum hadal_signal)signal, url, &scopes[signal]);
	}
	return auth_sigv4_new(&sources, scopes, auth);
}

/* ---- tokens ---- */

bool auth_keeps_token(const struct config *config)
{
	return config->auth == CONFIG_AUTH_BEARER && !unless_empty(config->token) &&
	       (unless_empty(config->token_parameter) || unless_empty(config->token_secret));
}

static int check_token(const struct config *config, const char **key, char *error, size_t error_size)
{
	const char *parameter = unless_empty(config->token_parameter), *secret = unless_empty(config->token_secret);
	const char *name = parameter ? parameter : secret;

	*key = parameter ? "otlp.token_parameter" : "otlp.token_secret";
	if (!name)
		return 0;
	if ((parameter && secret) || unless_empty(config->token_file)) {
		snprintf(error, error_size, "not together with %s", unless_empty(config->token_file) ? "otlp.token_file" :
			 "otlp.token_secret");
		return -EINVAL;
	}
	if (!aws_secret_is_name(name)) {
		snprintf(error, error_size, "no name, and no ARN, of at most %d characters", AWS_SECRET_NAME_MAX);
		return -EINVAL;
	}
	return 0;
}

static int open_secret(const struct config *config, struct hadal_ship_auth **auth)
{
	const char *parameter = unless_empty(config->token_parameter);
	const struct aws_secret secret = {
		.kind = parameter ? AWS_SECRET_PARAMETER : AWS_SECRET_SECRET,
		.name = parameter ? parameter : config->token_secret, .field = config->token_field,
		.endpoint = config->token_endpoint, .sources = auth_sources(config), .region = auth_region(config),
	};

	return auth_bearer_secret(&secret, auth);
}

/* ---- whatever it is ---- */

int auth_check(const struct config *config, const char **key, char *error, size_t error_size)
{
	if (config->auth == CONFIG_AUTH_SIGV4)
		return check_signature(config, key, error, error_size);
	return config->auth == CONFIG_AUTH_BEARER ? check_token(config, key, error, error_size) : 0;
}

int auth_open(const struct config *config, struct hadal_ship_auth **auth)
{
	*auth = NULL;
	if (config->auth == CONFIG_AUTH_SIGV4)
		return open_signer(config, auth);
	if (config->auth == CONFIG_AUTH_BEARER && config->token_path)
		return auth_bearer_file(config->token_path, config->token_guarded, auth);
	return auth_keeps_token(config) ? open_secret(config, auth) : 0;
}
