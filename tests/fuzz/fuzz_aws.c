// SPDX-License-Identifier: MIT
/*
 * What AWS says, and whoever is in its place: the first byte tells what the rest is.
 * Whatever comes into a header is of characters that one may have.
 */
#include <assert.h>
#include <string.h>

#include "auth_sigv4.h"
#include "aws_secret.h"
#include "aws_sigv4.h"
#include "fuzz.h"
#include "notice.h"
#include "token.h"

static bool is_visible(const char *text)
{
	while (*text > ' ' && *text <= '~')
		text++;
	return !*text;
}

static void read_credentials(const char *text, size_t size)
{
	static const struct aws_credentials none;
	struct aws_credentials found;

	if (aws_parse_credentials(text, size, &found)) {
		assert(memcmp(&found, &none, sizeof(found)) == 0);
		return;
	}
	assert(found.key[0] && found.secret[0] && found.token[0]);
	assert(is_visible(found.key) && is_visible(found.secret) && is_visible(found.token));
	assert(strlen(found.key) < AWS_KEY_SIZE && strlen(found.secret) < AWS_SECRET_SIZE &&
	       strlen(found.token) < AWS_TOKEN_SIZE);
	aws_wipe_credentials(&found);
	assert(memcmp(&found, &none, sizeof(found)) == 0);
}

static void read_role(const char *text, size_t size)
{
	char role[AWS_ROLE_SIZE];

	if (aws_parse_role(text, size, role))
		return;
	assert(role[0] && role[0] != '.' && !strpbrk(role, "/?#%& \r\n"));
	assert(strncmp(text, role, strlen(role)) == 0);
}

static void read_secret(const char *text, size_t size, enum aws_secret_kind kind, const char *field)
{
	char token[TOKEN_SIZE];

	memset(token, 'x', sizeof(token));
	if (aws_secret_parse(kind, text, size, field, token)) {
		assert(!token[0]);
		return;
	}
	assert(token[0] && memchr(token, '\0', sizeof(token)) && !strpbrk(token, "\r\n"));
	assert(!token_usable(token) || is_visible(token));
}

static void read_notice(const char *text, size_t size, int (*parse)(const char *text, size_t length, struct notice *notice))
{
	struct notice notice;

	if (parse(text, size, &notice)) {
		assert(!notice.action[0] && !notice.time);
		return;
	}
	assert(strcmp(notice.action, "terminate") == 0 || strcmp(notice.action, "stop") == 0 ||
	       strcmp(notice.action, "hibernate") == 0);
}

static void read_refusal(const char *text, size_t size)
{
	struct hadal_ship_refusal refusal = { .status = 403, .date = "", .type = "", .body = text, .size = size };
	const char *name;

	assert(aws_refusal_of(&refusal, &name) != AWS_REFUSAL_OTHER);
	refusal = (struct hadal_ship_refusal){ .status = 400, .date = "", .type = text, .body = NULL };
	assert((aws_refusal_of(&refusal, &name) == AWS_REFUSAL_OTHER) == !*name);
}

static void read_host(const char *text)
{
	struct aws_scope scope;
	char region[AWS_REGION_SIZE];

	aws_scope_of_host(text, &scope);
	assert(!scope.region[0] || aws_is_region(scope.region));
	assert(!scope.service[0] || (aws_is_service(scope.service) && scope.region[0]));
	aws_secret_region(text, region);
	assert(!region[0] || aws_is_region(region));
}

/* A URL, and behind its first line headers. */
static void sign(char *text)
{
	static const struct aws_credentials credentials = { .key = "AKID", .secret = "secret", .token = "token" };
	struct aws_signing signing = {
		.method = "POST", .region = "eu-west-1", .service = "monitoring", .credentials = &credentials, .body = "x",
		.size = 1, .now = 1795953600,
	};
	struct curl_slist *headers = NULL, *last = NULL;
	char *rest = text;

	signing.url = strsep(&rest, "\n");
	for (char *line; (line = strsep(&rest, "\n"));)
		headers = curl_slist_append(headers, line);
	if (!aws_sign(&signing, &headers)) {
		for (last = headers; last->next; last = last->next)
			;
		assert(strncmp(last->data, "Authorization: AWS4-HMAC-SHA256 Credential=AKID/20261129/eu-west-1/", 67) == 0);
		assert(!strpbrk(last->data, "\r\n"));
	}
	curl_slist_free_all(headers);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy;

	if (!size)
		return 0;
	copy = fuzz_text(data + 1, size - 1);
	switch (data[0]) {
	case 'c':
		read_credentials(copy, size - 1);
		break;
	case 'r':
		read_role(copy, size - 1);
		break;
	case 'p':
		read_secret(copy, size - 1, AWS_SECRET_PARAMETER, NULL);
		break;
	case 's':
		read_secret(copy, size - 1, AWS_SECRET_SECRET, NULL);
		break;
	case 'f':
		read_secret(copy, size - 1, AWS_SECRET_SECRET, "token");
		break;
	case 'i':
		read_notice(copy, size - 1, notice_parse_spot);
		break;
	case 'l':
		read_notice(copy, size - 1, notice_parse_lifecycle);
		break;
	case 'e':
		read_refusal(copy, size - 1);
		break;
	case 'h':
		read_host(copy);
		break;
	case 'u':
		sign(copy);
		break;
	default:
		break;
	}
	free(copy);
	return 0;
}
