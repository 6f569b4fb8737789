/* SPDX-License-Identifier: MIT */
/*
 * Source: AWS IAM user guide, "Create a signed AWS API request".
 */
#include <ctype.h>
#include <errno.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws_sigv4.h"
#include "ship_endpoint.h"

enum {
	DIGEST_SIZE = 32,
	DIGEST_TEXT = 2 * DIGEST_SIZE + 1,
	DATE_SIZE = sizeof("20260101T000000Z"),
	DAY_LENGTH = 8,
};

/* A header as it is signed. */
struct signed_header {
	char *name;		/* in lower case; its value behind the NUL */
	char *value;
	size_t place;		/* in the list */
};

struct signature {
	const struct aws_signing *signing;
	char *host, *path;	/* as they are sent */
	struct signed_header *headers;
	size_t count;
	char date[DATE_SIZE];
};

/* ---- text ---- */

static void to_hex(const unsigned char digest[DIGEST_SIZE], char text[DIGEST_TEXT])
{
	for (size_t i = 0; i < DIGEST_SIZE; i++)
		sprintf(text + 2 * i, "%02x", digest[i]);
}

static int hash(const void *data, size_t size, char text[DIGEST_TEXT])
{
	unsigned char digest[DIGEST_SIZE];

	if (!EVP_Digest(size ? data : "", size, digest, NULL, EVP_sha256(), NULL))
		return -ENOMEM;
	to_hex(digest, text);
	return 0;
}

static int keyed(const void *key, size_t key_size, const char *text, unsigned char digest[DIGEST_SIZE])
{
	return HMAC(EVP_sha256(), key, (int)key_size, (const unsigned char *)text, strlen(text), digest, NULL) ?
	       0 : -ENOMEM;
}

static bool is_visible(const char *text)
{
	while (isgraph((unsigned char)*text))
		text++;
	return !*text;
}

/* Every character of the path as it is sent, the percent signs of its encoding too. */
static void write_path(FILE *to, const char *path)
{
	char before = '\0';

	for (; *path; before = *path++) {
		if (*path == '/' && before == '/')
			continue;
		if (isalnum((unsigned char)*path) || strchr("/-._~", *path))
			fputc(*path, to);
		else
			fprintf(to, "%%%02X", (unsigned char)*path);
	}
}

/* ---- headers ---- */

/* Blanks become one, and none at either end. In place. */
static void squeeze(char *text)
{
	char *to = text;

	for (const char *from = text; *from; from++) {
		bool blank = *from == ' ' || *from == '\t';

		if (!blank)
			*to++ = *from;
		else if (to != text && to[-1] != ' ')
			*to++ = ' ';
	}
	if (to != text && to[-1] == ' ')
		to--;
	*to = '\0';
}

/* Those that are added. */
static bool is_reserved(const char *line)
{
	static const char *const reserved[] = { "host", "x-amz-date", "x-amz-security-token", "authorization" };
	size_t length = strcspn(line, ":;");

	for (size_t i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++) {
		if (strlen(reserved[i]) == length && strncasecmp(line, reserved[i], length) == 0)
			return true;
	}
	return false;
}

/* "Name: value"; "Name;" without a value; what is "Name:" is not sent. */
static int take_line(struct signature *signature, const char *line)
{
	size_t length = strcspn(line, ":;");
	char *name, *value;

	if (!length || !line[length])
		return -EINVAL;
	name = strdup(line);
	if (!name)
		return -ENOMEM;
	value = name + length + 1;
	name[length] = '\0';
	for (char *at = name; *at; at++)
		*at = (char)tolower((unsigned char)*at);
	squeeze(value);
	if (!hadal_is_header_name(name) || !hadal_is_header_value(value)) {
		free(name);
		return -EINVAL;
	}
	if (!*value && line[length] == ':') {
		free(name);
		return 0;
	}
	signature->headers[signature->count] =
		(struct signed_header){ .name = name, .value = value, .place = signature->count };
	signature->count++;
	return 0;
}

static int by_name(const void *left, const void *right)
{
	const struct signed_header *a = left, *b = right;
	int order = strcmp(a->name, b->name);

	return order ? order : (a->place > b->place) - (a->place < b->place);
}

static int append(struct curl_slist **list, const char *name, const char *value)
{
	struct curl_slist *longer;
	char *line;

	if (asprintf(&line, "%s: %s", name, value) < 0)
		return -ENOMEM;
	longer = curl_slist_append(*list, line);
	explicit_bzero(line, strlen(line));
	free(line);
	if (!longer)
		return -ENOMEM;
	*list = longer;
	return 0;
}

static int append_own(const struct signature *signature, struct curl_slist **list)
{
	const char *token = signature->signing->credentials->token;
	int result;

	for (const struct curl_slist *line = *list; line; line = line->next) {
		if (is_reserved(line->data))
			return -EINVAL;
	}
	result = append(list, "Host", signature->host);
	if (!result)
		result = append(list, "X-Amz-Date", signature->date);
	if (!result && token[0])
		result = append(list, "X-Amz-Security-Token", token);
	return result;
}

static size_t list_length(const struct curl_slist *list)
{
	size_t length = 0;

	for (; list; list = list->next)
		length++;
	return length;
}

static int gather_headers(struct signature *signature, struct curl_slist **list)
{
	int result = append_own(signature, list);

	if (result)
		return result;
	signature->headers = calloc(list_length(*list), sizeof(*signature->headers));
	if (!signature->headers)
		return -ENOMEM;
	for (const struct curl_slist *line = *list; line && !result; line = line->next)
		result = take_line(signature, line->data);
	qsort(signature->headers, signature->count, sizeof(*signature->headers), by_name);
	return result;
}

static bool is_same_again(const struct signature *signature, size_t i)
{
	return i && strcmp(signature->headers[i].name, signature->headers[i - 1].name) == 0;
}

/* One of several values is a list: RFC 9110, 5.2. */
static void write_headers(FILE *to, const struct signature *signature)
{
	for (size_t i = 0; i < signature->count; i++) {
		if (is_same_again(signature, i))
			fprintf(to, ",%s", signature->headers[i].value);
		else
			fprintf(to, "%s%s:%s", i ? "\n" : "", signature->headers[i].name, signature->headers[i].value);
	}
	fputc('\n', to);
}

static void write_names(FILE *to, const struct signature *signature)
{
	for (size_t i = 0; i < signature->count; i++) {
		if (!is_same_again(signature, i))
			fprintf(to, "%s%s", i ? ";" : "", signature->headers[i].name);
	}
}

/* ---- the URL ---- */

static char *take_part(CURLU *url, CURLUPart part, unsigned int flags)
{
	char *text = NULL, *copy;

	if (curl_url_get(url, part, &text, flags) != CURLUE_OK)
		return NULL;
	copy = strdup(text);
	curl_free(text);
	return copy;
}

static bool has_part(CURLU *url, CURLUPart part)
{
	char *text = take_part(url, part, 0);
	bool has = text && *text;

	free(text);
	return has;
}

static int take_url(struct signature *signature, CURLU *url)
{
	char *host = take_part(url, CURLUPART_HOST, 0), *port = take_part(url, CURLUPART_PORT, CURLU_NO_DEFAULT_PORT);
	int result = host ? 0 : -ENOMEM;

	if (!result && asprintf(&signature->host, "%s%s%s", host, port ? ":" : "", port ? port : "") < 0) {
		signature->host = NULL;
		result = -ENOMEM;
	}
	free(host);
	free(port);
	signature->path = take_part(url, CURLUPART_PATH, 0);
	if (!result && !signature->path)
		result = -ENOMEM;
	if (!result && (!is_visible(signature->path) || !is_visible(signature->host)))
		result = -EINVAL;
	return result;
}

static int parse_url(struct signature *signature)
{
	CURLU *url = curl_url();
	int result;

	if (!url)
		return -ENOMEM;
	if (curl_url_set(url, CURLUPART_URL, signature->signing->url, 0) != CURLUE_OK ||
	    has_part(url, CURLUPART_QUERY) || has_part(url, CURLUPART_USER) || has_part(url, CURLUPART_PASSWORD))
		result = -EINVAL;
	else
		result = take_url(signature, url);
	curl_url_cleanup(url);
	return result;
}

/* ---- the signature ---- */

/* The digest of all that is signed. */
static int hash_request(const struct signature *signature, char text[DIGEST_TEXT])
{
	const struct aws_signing *signing = signature->signing;
	char payload[DIGEST_TEXT], *request = NULL;
	size_t size = 0;
	int result = hash(signing->body, signing->size, payload);
	FILE *to = result ? NULL : open_memstream(&request, &size);

	if (!to)
		return -ENOMEM;
	fprintf(to, "%s\n", signing->method);
	write_path(to, signature->path);
	fputs("\n\n", to);
	write_headers(to, signature);
	fputc('\n', to);
	write_names(to, signature);
	fprintf(to, "\n%s", payload);
	result = fclose(to) ? -ENOMEM : hash(request, size, text);
	if (request)
		explicit_bzero(request, size);
	free(request);
	return result;
}

/* Of this day, region and service. */
static int derive_key(const struct aws_signing *signing, const char *day, unsigned char key[DIGEST_SIZE])
{
	const char *const parts[] = { day, signing->region, signing->service, "aws4_request" };
	char secret[sizeof("AWS4") + AWS_SECRET_SIZE];
	unsigned char next[DIGEST_SIZE];
	const void *from = secret;
	size_t size = (size_t)snprintf(secret, sizeof(secret), "AWS4%s", signing->credentials->secret);
	int result = 0;

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]) && !result; i++) {
		result = keyed(from, size, parts[i], next);
		memcpy(key, next, DIGEST_SIZE);
		from = key;
		size = DIGEST_SIZE;
	}
	explicit_bzero(secret, sizeof(secret));
	explicit_bzero(next, sizeof(next));
	return result;
}

static int make_signature(const struct signature *signature, const char *scope, char text[DIGEST_TEXT])
{
	char request[DIGEST_TEXT], day[DAY_LENGTH + 1], *to_sign = NULL;
	unsigned char key[DIGEST_SIZE], digest[DIGEST_SIZE];
	int result = hash_request(signature, request);

	snprintf(day, sizeof(day), "%.*s", (int)DAY_LENGTH, signature->date);
	if (!result && asprintf(&to_sign, "AWS4-HMAC-SHA256\n%s\n%s\n%s", signature->date, scope, request) < 0)
		return -ENOMEM;
	if (!result)
		result = derive_key(signature->signing, day, key);
	if (!result)
		result = keyed(key, sizeof(key), to_sign, digest);
	if (!result)
		to_hex(digest, text);
	explicit_bzero(key, sizeof(key));
	free(to_sign);
	return result;
}

static int authorize(const struct signature *signature, struct curl_slist **headers)
{
	const struct aws_signing *signing = signature->signing;
	char *scope, text[DIGEST_TEXT], *value = NULL;
	size_t size;
	FILE *to;
	int result;

	if (asprintf(&scope, "%.*s/%s/%s/aws4_request", (int)DAY_LENGTH, signature->date, signing->region,
		     signing->service) < 0)
		return -ENOMEM;
	result = make_signature(signature, scope, text);
	to = result ? NULL : open_memstream(&value, &size);
	if (to) {
		fprintf(to, "AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=", signing->credentials->key, scope);
		write_names(to, signature);
		fprintf(to, ", Signature=%s", text);
		result = fclose(to) ? -ENOMEM : append(headers, "Authorization", value);
		free(value);
	} else if (!result) {
		result = -ENOMEM;
	}
	free(scope);
	return result;
}

static void free_signature(struct signature *signature)
{
	for (size_t i = 0; i < signature->count; i++) {
		explicit_bzero(signature->headers[i].value, strlen(signature->headers[i].value));
		free(signature->headers[i].name);
	}
	free(signature->headers);
	free(signature->host);
	free(signature->path);
}

int aws_sign(const struct aws_signing *signing, struct curl_slist **headers)
{
	struct signature signature = { .signing = signing };
	struct tm fields;
	int result;

	if (!gmtime_r(&signing->now, &fields) ||
	    !strftime(signature.date, sizeof(signature.date), "%Y%m%dT%H%M%SZ", &fields))
		return -EINVAL;
	result = parse_url(&signature);
	if (!result)
		result = gather_headers(&signature, headers);
	if (!result)
		result = authorize(&signature, headers);
	free_signature(&signature);
	return result;
}
