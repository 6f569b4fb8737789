/* SPDX-License-Identifier: MIT */
/*
 * Sources: EC2 user guide, "Retrieve security credentials from instance
 * metadata"; ECS developer guide, "Amazon ECS task IAM role".
 */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "aws_credentials.h"
#include "json_read.h"

static bool is_printable(const char *text)
{
	while (isgraph((unsigned char)*text))
		text++;
	return !*text;
}

bool aws_credentials_usable(const struct aws_credentials *credentials)
{
	return credentials->key[0] && credentials->secret[0] && is_printable(credentials->key) &&
	       is_printable(credentials->secret) && is_printable(credentials->token);
}

int aws_parse_credentials(const char *text, size_t length, struct aws_credentials *credentials)
{
	struct json_object *object = json_parse_object(text, length);

	memset(credentials, 0, sizeof(*credentials));
	json_copy(object, "AccessKeyId", credentials->key, sizeof(credentials->key));
	json_copy(object, "SecretAccessKey", credentials->secret, sizeof(credentials->secret));
	json_copy(object, "Token", credentials->token, sizeof(credentials->token));
	credentials->expires = json_time(object, "Expiration");
	json_object_put(object);
	/* These documents are of roles: one without a token has a token that did not fit. */
	if (aws_credentials_usable(credentials) && credentials->token[0])
		return 0;
	aws_wipe_credentials(credentials);
	return -EINVAL;
}

int aws_parse_role(const char *text, size_t length, char role[AWS_ROLE_SIZE])
{
	size_t end = 0;

	while (end < length && (isalnum((unsigned char)text[end]) || (text[end] && strchr("+=,.@_-", text[end]))))
		end++;
	if (!end || end >= AWS_ROLE_SIZE || text[0] == '.' || (end < length && text[end] != '\n'))
		return -EINVAL;
	memcpy(role, text, end);
	role[end] = '\0';
	return 0;
}

void aws_wipe_credentials(struct aws_credentials *credentials)
{
	explicit_bzero(credentials, sizeof(*credentials));
}
