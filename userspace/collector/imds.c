/* SPDX-License-Identifier: MIT */
/*
 * Source: EC2 user guide, "Use the Instance Metadata Service to access instance
 * metadata" and "Instance identity documents".
 */
#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "imds.h"
#include "json_read.h"

#define TTL_HEADER	"X-aws-ec2-metadata-token-ttl-seconds: "
#define TOKEN_HEADER	"X-aws-ec2-metadata-token: "

enum { ONCE = 60 };	/* s that a token for one request is good */

int imds_parse_token(const char *text, size_t length, char token[IMDS_TOKEN_SIZE])
{
	if (!length || length >= IMDS_TOKEN_SIZE)
		return -EINVAL;
	for (size_t i = 0; i < length; i++) {
		if (!isgraph((unsigned char)text[i]))
			return -EINVAL;
	}
	memcpy(token, text, length);
	token[length] = '\0';
	return 0;
}

/* i- and hexadecimal digits; "mi-" of what is no instance of EC2. */
static bool is_instance(const char *id)
{
	return strncmp(id, "i-", 2) == 0 && strspn(id + 2, "0123456789abcdef") == strlen(id) - 2 && strlen(id) > 9;
}

static bool is_account(const char *account)
{
	return strlen(account) == 12 && strspn(account, "0123456789") == 12;
}

int imds_parse_document(const char *text, size_t length, struct instance_facts *facts)
{
	struct json_object *object = json_parse_object(text, length);
	bool found;

	memset(facts, 0, sizeof(*facts));
	json_copy(object, "instanceId", facts->instance, sizeof(facts->instance));
	json_copy(object, "accountId", facts->account, sizeof(facts->account));
	json_copy(object, "region", facts->region, sizeof(facts->region));
	json_copy(object, "availabilityZone", facts->zone, sizeof(facts->zone));
	json_copy(object, "instanceType", facts->type, sizeof(facts->type));
	json_copy(object, "imageId", facts->image, sizeof(facts->image));
	found = is_instance(facts->instance) && is_account(facts->account) && facts->region[0];
	if (!found)
		memset(facts, 0, sizeof(*facts));
	json_object_put(object);
	return found ? 0 : -EINVAL;
}

/* A packet that nobody takes is the same as nobody; what is busy says so. */
static enum identity_result result_of(int status)
{
	if (status == -EHOSTUNREACH || status == -ETIMEDOUT || status == 403 || status == 404 || status == 405)
		return IDENTITY_NOT_FOUND;
	return IDENTITY_UNAVAILABLE;
}

/* @life: s that it is good. */
static enum identity_result get_token(struct http *http, const char *base, unsigned int life,
				      char token[IMDS_TOKEN_SIZE])
{
	char url[1024], header[sizeof(TTL_HEADER) + 16];
	struct http_request request = { .url = url, .headers = { header }, .put = true, .timeout = IMDS_TIMEOUT };
	enum identity_result result;
	struct http_body body;
	int status;

	snprintf(url, sizeof(url), "%s/latest/api/token", base);
	snprintf(header, sizeof(header), TTL_HEADER "%u", life);
	status = http_send(http, &request, &body);
	result = result_of(status);
	if (status == 200)
		result = imds_parse_token(body.data ? body.data : "", body.length, token) ? IDENTITY_UNAVAILABLE
											  : IDENTITY_FOUND;
	http_body_free(&body);
	return result;
}

/* As http_send(). */
static int get_with(struct http *http, const char *base, const char *path, const char *token, struct http_body *body)
{
	char url[1024], header[sizeof(TOKEN_HEADER) + IMDS_TOKEN_SIZE];
	struct http_request request = { .url = url, .headers = { header }, .timeout = IMDS_TIMEOUT };

	snprintf(url, sizeof(url), "%s%s", base, path);
	snprintf(header, sizeof(header), TOKEN_HEADER "%s", token);
	return http_send(http, &request, body);
}

enum identity_result imds_get(struct http *http, const char *base, const char *path, struct http_body *body)
{
	char token[IMDS_TOKEN_SIZE];
	enum identity_result result = get_token(http, base, ONCE, token);

	*body = (struct http_body){ 0 };
	if (result != IDENTITY_FOUND)
		return result;
	return get_with(http, base, path, token, body) == 200 ? IDENTITY_FOUND : IDENTITY_UNAVAILABLE;
}

enum identity_result imds_session_get(struct http *http, const char *base, const char *path,
				      struct imds_session *session, struct http_body *body)
{
	enum identity_result result = IDENTITY_FOUND;
	int status;

	*body = (struct http_body){ 0 };
	if (!session->token[0] || now_ns() - session->got > IMDS_SESSION / 2 * 1000000000ULL) {
		session->got = now_ns();
		result = get_token(http, base, IMDS_SESSION, session->token);
	}
	if (result != IDENTITY_FOUND) {
		session->token[0] = '\0';
		return result;
	}
	session->answered = true;
	status = get_with(http, base, path, session->token, body);
	if (status < 0 || status == 401)
		session->token[0] = '\0';
	return status == 200 ? IDENTITY_FOUND : IDENTITY_UNAVAILABLE;
}

enum identity_result imds_instance(struct http *http, const char *base, struct instance_facts *facts)
{
	struct http_body body;
	enum identity_result result = imds_get(http, base, "/latest/dynamic/instance-identity/document", &body);

	if (result == IDENTITY_FOUND && imds_parse_document(body.data, body.length, facts))
		result = IDENTITY_UNAVAILABLE;
	http_body_free(&body);
	return result;
}
