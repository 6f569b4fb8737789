/* SPDX-License-Identifier: MIT */
/*
 * Sources: Systems Manager API reference, "GetParameter"; Secrets Manager API
 * reference, "GetSecretValue".
 */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth_sigv4.h"
#include "aws_secret.h"
#include "ecs_describe.h"
#include "imds.h"
#include "json_read.h"

#define TYPE_HEADER	"Content-Type: application/x-amz-json-1.1"

static const struct {
	const char *what, *service, *target, *permission;
} kinds[] = {
	[AWS_SECRET_PARAMETER] = { "the parameter", "ssm", "X-Amz-Target: AmazonSSM.GetParameter",
				   "ssm:GetParameter, and kms:Decrypt of its key" },
	[AWS_SECRET_SECRET] = { "the secret", "secretsmanager", "X-Amz-Target: secretsmanager.GetSecretValue",
				"secretsmanager:GetSecretValue, and kms:Decrypt of its key" },
};

/* ---- names ---- */

bool aws_secret_is_name(const char *name)
{
	size_t length = 0;

	while (isgraph((unsigned char)name[length]))
		length++;
	return length && !name[length] && length <= AWS_SECRET_NAME_MAX;
}

/* arn:aws:ssm:REGION:ACCOUNT:... */
void aws_secret_region(const char *name, char region[AWS_REGION_SIZE])
{
	const char *at = name;

	region[0] = '\0';
	if (strncmp(name, "arn:", 4))
		return;
	for (int i = 0; i < 3; i++) {
		at = strchr(at, ':');
		if (!at)
			return;
		at++;
	}
	snprintf(region, AWS_REGION_SIZE, "%.*s", (int)strcspn(at, ":"), at);
	if (!aws_is_region(region))
		region[0] = '\0';
}

/* ---- answers ---- */

static int take_value(const char *value, char token[TOKEN_SIZE])
{
	size_t length = strcspn(value, "\r\n");

	if (length > TOKEN_MAX)
		return -EFBIG;
	memcpy(token, value, length);
	token[length] = '\0';
	return length ? 0 : -EINVAL;
}

static int take_field(const char *value, const char *field, char token[TOKEN_SIZE])
{
	struct json_object *object = json_parse_object(value, strlen(value));
	int result = take_value(json_text(object, field), token);

	json_object_put(object);
	return result;
}

int aws_secret_parse(enum aws_secret_kind kind, const char *text, size_t length, const char *field,
		     char token[TOKEN_SIZE])
{
	struct json_object *object = json_parse_object(text, length), *holder = object;
	const char *value;
	int result;

	if (kind == AWS_SECRET_PARAMETER)
		holder = json_member(object, "Parameter", json_type_object);
	value = json_text(holder, kind == AWS_SECRET_PARAMETER ? "Value" : "SecretString");
	token[0] = '\0';
	result = field && *field ? take_field(value, field, token) : take_value(value, token);
	json_object_put(object);
	return result;
}

/* ---- the question ---- */

/* What one question needs. */
struct question {
	const struct aws_secret *secret;
	char region[AWS_REGION_SIZE];
	struct aws_credentials credentials;
	int64_t clock_offset;	/* s that AWS's clock is ahead */
};

__attribute__((format(printf, 2, 3)))
static int fail(char error[AWS_ERROR_SIZE], const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(error, AWS_ERROR_SIZE, format, arguments);
	va_end(arguments);
	return -EAGAIN;
}

static bool ask_instance(struct http *http, const char *base, char region[AWS_REGION_SIZE])
{
	struct http_body body;

	if (!base || !*base)
		return false;
	if (imds_get(http, base, "/latest/meta-data/placement/region", &body) == IDENTITY_FOUND && body.data)
		snprintf(region, AWS_REGION_SIZE, "%s", body.data);
	http_body_free(&body);
	return aws_is_region(region);
}

static int find_region(struct http *http, const struct aws_secret *secret, char region[AWS_REGION_SIZE],
		       char error[AWS_ERROR_SIZE])
{
	aws_secret_region(secret->name, region);
	if (!region[0] && secret->region)
		snprintf(region, AWS_REGION_SIZE, "%s", secret->region);
	if (aws_is_region(region) || ask_instance(http, secret->sources.ec2_metadata, region) ||
	    ask_instance(http, secret->sources.ec2_metadata_ipv6, region))
		return 0;
	return fail(error, "of which region it is is said neither by its name nor by the instance: set otlp.sigv4_region");
}

/* NULL: no memory. For free(). */
static char *make_text(const struct aws_secret *secret)
{
	bool parameter = secret->kind == AWS_SECRET_PARAMETER;
	struct json_object *object = json_object_new_object();
	char *text = NULL;

	if (!object)
		return NULL;
	json_object_object_add(object, parameter ? "Name" : "SecretId", json_object_new_string(secret->name));
	if (parameter)
		json_object_object_add(object, "WithDecryption", json_object_new_boolean(true));
	text = strdup(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(object);
	return text;
}

/* As http_send(). */
static int send_question(struct http *http, const struct question *question, struct http_body *answer)
{
	const struct aws_secret *secret = question->secret;
	char url[256];
	struct http_signer signer = {
		.region = question->region, .service = kinds[secret->kind].service, .credentials = &question->credentials,
		.clock_offset = question->clock_offset,
	};
	struct http_request request = {
		.url = url, .headers = { TYPE_HEADER, kinds[secret->kind].target }, .signer = &signer,
		.timeout = AWS_SECRET_TIMEOUT,
	};
	char *text = make_text(secret);
	int status;

	*answer = (struct http_body){ 0 };
	if (!text)
		return -ENOMEM;
	snprintf(url, sizeof(url), "https://%s.%s.amazonaws.com%s/", kinds[secret->kind].service, question->region,
		 strncmp(question->region, "cn-", 3) ? "" : ".cn");
	if (secret->endpoint && *secret->endpoint)
		request.url = secret->endpoint;
	request.post = text;
	status = http_send(http, &request, answer);
	free(text);
	return status;
}

/* Whether AWS's clock is another, which is noted. */
static bool is_about_clock(struct question *question, int status, const struct http_body *answer)
{
	const struct hadal_ship_refusal refusal = {
		.status = status, .date = "", .type = "", .body = answer->data, .size = answer->length,
	};
	int64_t offset = answer->date ? answer->date - time(NULL) : 0;
	const char *name;

	switch (aws_refusal_of(&refusal, &name)) {
	case AWS_REFUSAL_CLOCK:
	case AWS_REFUSAL_SIGNATURE:
		question->clock_offset = offset;
		return offset < -AWS_CLOCK_OFF || offset > AWS_CLOCK_OFF;
	default:
		return false;
	}
}

static int tell_refusal(const struct question *question, int status, const struct http_body *answer,
			char error[AWS_ERROR_SIZE])
{
	char name[ECS_ERROR_SIZE];

	if (status < 0)
		return fail(error, "%s", status == -EHOSTUNREACH ? "no connection, or a certificate that this host does not trust" :
			    strerror(-status));
	ecs_error_parse(answer->data, answer->length, name);
	if (strcmp(name, "AccessDeniedException") == 0)
		return fail(error, "%s: the role needs %s", name, kinds[question->secret->kind].permission);
	return fail(error, "status %d%s%s", status, name[0] ? ", " : "", name);
}

static int take_answer(const struct question *question, int status, const struct http_body *answer,
		       char token[TOKEN_SIZE], char error[AWS_ERROR_SIZE])
{
	const struct aws_secret *secret = question->secret;

	if (status != 200)
		return tell_refusal(question, status, answer, error);
	switch (aws_secret_parse(secret->kind, answer->data, answer->length, secret->field, token)) {
	case 0:
		return 0;
	case -EFBIG:
		return fail(error, "its value is of more than %d bytes", TOKEN_MAX);
	default:
		return fail(error, secret->field && *secret->field ? "no text in JSON of the field that is configured" :
			    "no text");
	}
}

static void wipe(struct http_body *answer)
{
	if (answer->data)
		explicit_bzero(answer->data, answer->length);
	http_body_free(answer);
}

int aws_secret_get(struct http *http, const struct aws_secret *secret, char token[TOKEN_SIZE],
		   char error[AWS_ERROR_SIZE])
{
	struct question question = { .secret = secret };
	struct http_body answer;
	int status, result;

	token[0] = '\0';
	if (find_region(http, secret, question.region, error) ||
	    aws_get_credentials(http, &secret->sources, &question.credentials, error))
		return -EAGAIN;
	status = send_question(http, &question, &answer);
	if (is_about_clock(&question, status, &answer)) {
		http_body_free(&answer);
		status = send_question(http, &question, &answer);
	}
	result = take_answer(&question, status, &answer, token, error);
	wipe(&answer);
	aws_wipe_credentials(&question.credentials);
	return result;
}
