/* SPDX-License-Identifier: MIT */
/*
 * Sources: the AWS SDKs and tools reference, "Standardized credential providers" and
 * "Container credential provider"; EC2 user guide, "Retrieve security credentials
 * from instance metadata".
 */
#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws_chain.h"
#include "imds.h"
#include "ship_endpoint.h"
#include "whole_file.h"

#define ROLES		"/latest/meta-data/iam/security-credentials/"
#define RELATIVE_URI	"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"
#define FULL_URI	"AWS_CONTAINER_CREDENTIALS_FULL_URI"
#define TOKEN		"AWS_CONTAINER_AUTHORIZATION_TOKEN"
#define TOKEN_FILE	"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"
#define AUTHORIZATION	"Authorization: "

enum { URL_SIZE = 1024 };

/* Who is asked: has he any, is he not to be asked, or does he have none although he should? */
enum outcome { HAS, ABSENT, FAILED };

__attribute__((format(printf, 2, 3)))
static enum outcome fail(char error[AWS_ERROR_SIZE], const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(error, AWS_ERROR_SIZE, format, arguments);
	va_end(arguments);
	return FAILED;
}

/* What is empty is as good as not set. */
static const char *variable(const char *name)
{
	const char *value = getenv(name);

	return value && *value ? value : NULL;
}

/* ---- the environment ---- */

static void take_variable(const char *name, char *to, size_t size)
{
	const char *value = variable(name);

	if (value && strlen(value) < size)
		strcpy(to, value);
}

static enum outcome ask_environment(struct aws_credentials *credentials, char error[AWS_ERROR_SIZE])
{
	const char *token = variable("AWS_SESSION_TOKEN");

	if (!variable("AWS_ACCESS_KEY_ID") && !variable("AWS_SECRET_ACCESS_KEY"))
		return ABSENT;
	take_variable("AWS_ACCESS_KEY_ID", credentials->key, sizeof(credentials->key));
	take_variable("AWS_SECRET_ACCESS_KEY", credentials->secret, sizeof(credentials->secret));
	take_variable("AWS_SESSION_TOKEN", credentials->token, sizeof(credentials->token));
	if (aws_credentials_usable(credentials) && (!token || credentials->token[0]))
		return HAS;
	return fail(error, "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN: one is missing, too long, or "
		    "not of characters that a header may have");
}

/* ---- the container ---- */

static bool take_document(struct http_body *body, struct aws_credentials *credentials)
{
	bool taken = !aws_parse_credentials(body->data, body->length, credentials);

	if (body->data)
		explicit_bzero(body->data, body->length);
	return taken;
}

/* Those of the agents of ECS and EKS, which are on the host. */
static bool is_agent(const char *host)
{
	static const char *const agents[] = { "169.254.170.2", "169.254.170.23", "[fd00:ec2::23]" };

	for (size_t i = 0; i < sizeof(agents) / sizeof(agents[0]); i++) {
		if (strcmp(host, agents[i]) == 0)
			return true;
	}
	return hadal_is_loopback_host(host);
}

/* Where a token may be sent, and from where a secret may come: nowhere over plain http but on this host. */
static bool is_guarded(const char *url)
{
	char *scheme = NULL, *host = NULL;
	CURLU *parsed = curl_url();
	bool guarded;

	guarded = parsed && curl_url_set(parsed, CURLUPART_URL, url, 0) == CURLUE_OK &&
		  curl_url_get(parsed, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
		  curl_url_get(parsed, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
		  (strcmp(scheme, "https") == 0 || (strcmp(scheme, "http") == 0 && is_agent(host)));
	curl_free(scheme);
	curl_free(host);
	curl_url_cleanup(parsed);
	return guarded;
}

/* Sets @url to where to ask. ABSENT: nothing says that there is one. */
static enum outcome find_container(const char *base, char url[URL_SIZE], char error[AWS_ERROR_SIZE])
{
	const char *path = base && *base ? variable(RELATIVE_URI) : NULL, *full = variable(FULL_URI);
	int length;

	if (!path && !full)
		return ABSENT;
	if (path && *path != '/')
		return fail(error, RELATIVE_URI " does not begin with /");
	if (!path && !is_guarded(full))
		return fail(error, FULL_URI " is neither of https nor an address of this host");
	length = snprintf(url, URL_SIZE, "%s%s", path ? base : "", path ? path : full);
	return length < URL_SIZE ? HAS : fail(error, "%s is too long", path ? RELATIVE_URI : FULL_URI);
}

/* The file is read each time: what wrote it writes another before that ends. */
static enum outcome find_token(char header[sizeof(AUTHORIZATION) + AWS_TOKEN_SIZE], char error[AWS_ERROR_SIZE])
{
	const char *path = variable(TOKEN_FILE), *name = path ? TOKEN_FILE : TOKEN;
	char *token = header + strlen(AUTHORIZATION);
	ssize_t length;

	strcpy(header, AUTHORIZATION);
	if (path) {
		length = whole_file_at(AT_FDCWD, path, token, AWS_TOKEN_SIZE);
		if (length < 0)
			return fail(error, TOKEN_FILE ": %s", strerror((int)-length));
		token[length] = '\0';
		token[strcspn(token, "\r\n")] = '\0';
	} else if (variable(TOKEN)) {
		snprintf(token, AWS_TOKEN_SIZE, "%s", variable(TOKEN));
		if (strlen(token) != strlen(variable(TOKEN)))
			return fail(error, TOKEN " is too long");
	} else {
		return ABSENT;
	}
	for (const char *at = token; *at; at++) {
		if (*at < ' ' || *at > '~')
			return fail(error, "%s has a character that no header may have", name);
	}
	return *token ? HAS : fail(error, "%s is empty", name);
}

static enum outcome ask_container(struct http *http, const char *base, struct aws_credentials *credentials,
				  char error[AWS_ERROR_SIZE])
{
	char url[URL_SIZE], header[sizeof(AUTHORIZATION) + AWS_TOKEN_SIZE];
	struct http_request request = { .url = url, .https = true, .timeout = IMDS_TIMEOUT };
	enum outcome outcome = find_container(base, url, error), token;
	struct http_body body;
	int status;

	if (outcome != HAS)
		return outcome;
	token = find_token(header, error);
	if (token == FAILED)
		return FAILED;
	request.headers[0] = token == HAS ? header : NULL;
	status = http_send(http, &request, &body);
	explicit_bzero(header, sizeof(header));
	if (status < 0)
		outcome = fail(error, "the container's credentials: %s", strerror(-status));
	else if (status != 200)
		outcome = fail(error, "the container's credentials: HTTP status %d", status);
	else if (!take_document(&body, credentials))
		outcome = fail(error, "the container's credentials: an answer without any");
	http_body_free(&body);
	return outcome;
}

/* ---- the instance ---- */

static enum outcome ask_instance(struct http *http, const char *base, struct aws_credentials *credentials,
				 char error[AWS_ERROR_SIZE])
{
	char role[AWS_ROLE_SIZE], path[sizeof(ROLES) + AWS_ROLE_SIZE];
	enum identity_result result;
	struct http_body body;
	bool found;

	if (!base || !*base)
		return ABSENT;
	result = imds_get(http, base, ROLES, &body);
	found = result == IDENTITY_FOUND && !aws_parse_role(body.data ? body.data : "", body.length, role);
	http_body_free(&body);
	if (result == IDENTITY_NOT_FOUND)
		return ABSENT;
	if (!found)
		return fail(error, "the instance has no role, or does not tell it now");
	snprintf(path, sizeof(path), ROLES "%s", role);
	found = imds_get(http, base, path, &body) == IDENTITY_FOUND && take_document(&body, credentials);
	http_body_free(&body);
	return found ? HAS : fail(error, "the instance has no credentials for its role %.64s now", role);
}

int aws_get_credentials(struct http *http, const struct aws_credential_sources *sources,
			struct aws_credentials *credentials, char error[AWS_ERROR_SIZE])
{
	enum outcome outcome;

	memset(credentials, 0, sizeof(*credentials));
	outcome = ask_environment(credentials, error);
	if (outcome == ABSENT)
		outcome = ask_container(http, sources->task, credentials, error);
	if (outcome == ABSENT)
		outcome = ask_instance(http, sources->ec2_metadata, credentials, error);
	if (outcome == ABSENT)
		outcome = ask_instance(http, sources->ec2_metadata_ipv6, credentials, error);
	if (outcome == HAS)
		return 0;
	if (outcome == ABSENT)
		fail(error, "none in the environment, no container's, and no instance that may be asked");
	aws_wipe_credentials(credentials);
	return -ENOENT;
}
