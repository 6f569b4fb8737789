/* SPDX-License-Identifier: MIT */
#include <curl/curl.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "aws_credentials.h"
#include "aws_sigv4.h"
#include "http.h"

struct http {
	CURL *curl;
	const atomic_bool *stop;
};

static int check_stop(void *context, curl_off_t total, curl_off_t now, curl_off_t up_total, curl_off_t up_now)
{
	const struct http *http = context;

	(void)total;
	(void)now;
	(void)up_total;
	(void)up_now;
	return http->stop && atomic_load_explicit(http->stop, memory_order_relaxed);
}

static size_t take_body(char *data, size_t size, size_t count, void *context)
{
	struct http_body *body = context;
	size_t length = size * count;
	char *larger;

	if (length > HTTP_BODY_MAX - body->length)
		return 0;
	larger = realloc(body->data, body->length + length + 1);
	if (!larger)
		return 0;
	memcpy(larger + body->length, data, length);
	body->data = larger;
	body->length += length;
	larger[body->length] = '\0';
	return length;
}

static void set_up(struct http *http)
{
	CURL *curl = http->curl;

	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	/* A resolver that does not answer would be waited for, whatever time is left. */
	curl_easy_setopt(curl, CURLOPT_QUICK_EXIT, 1L);
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, check_stop);
	curl_easy_setopt(curl, CURLOPT_XFERINFODATA, http);
	curl_easy_setopt(curl, CURLOPT_USERAGENT, "hadald/" HADAL_VERSION);
}

struct http *http_new(const atomic_bool *stop)
{
	struct http *http = calloc(1, sizeof(*http));

	if (!http)
		return NULL;
	http->stop = stop;
	http->curl = curl_easy_init();
	if (!http->curl) {
		free(http);
		return NULL;
	}
	set_up(http);
	return http;
}

void http_free(struct http *http)
{
	if (!http)
		return;
	curl_easy_cleanup(http->curl);
	free(http);
}

static int error_of(CURLcode code)
{
	switch (code) {
	case CURLE_OPERATION_TIMEDOUT:
		return -ETIMEDOUT;
	case CURLE_WRITE_ERROR:
		return -EMSGSIZE;
	case CURLE_ABORTED_BY_CALLBACK:
		return -ECANCELED;
	case CURLE_OUT_OF_MEMORY:
		return -ENOMEM;
	case CURLE_UNSUPPORTED_PROTOCOL:
	case CURLE_URL_MALFORMAT:
	case CURLE_WEIRD_SERVER_REPLY:
	case CURLE_GOT_NOTHING:
	case CURLE_PARTIAL_FILE:
	case CURLE_RECV_ERROR:
		return -EPROTO;
	default:
		return -EHOSTUNREACH;
	}
}

/* Each sets all that another may have set before. */
static void prepare(struct http *http, const struct http_request *request, struct curl_slist *headers)
{
	CURL *curl = http->curl;
	long timeout = request->timeout ? (long)request->timeout : (long)HTTP_TIMEOUT;

	curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request->post);	/* makes it a POST, even of NULL */
	if (!request->post)
		curl_easy_setopt(curl, CURLOPT_HTTPGET, 1L);
	curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request->put ? "PUT" : NULL);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, timeout);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, timeout);
	curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, request->unix_socket);
	curl_easy_setopt(curl, CURLOPT_URL, request->url);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, request->signer || request->https ? "http,https" : "http");
}

/* Returns -ENOMEM, or 0 and the list, NULL if there are none. */
static int list_headers(const struct http_request *request, struct curl_slist **headers)
{
	struct curl_slist *longer;

	*headers = NULL;
	for (size_t i = 0; i < HTTP_HEADERS && request->headers[i]; i++) {
		longer = curl_slist_append(*headers, request->headers[i]);
		if (!longer) {
			curl_slist_free_all(*headers);
			return -ENOMEM;
		}
		*headers = longer;
	}
	return 0;
}

static int sign(const struct http_request *request, struct curl_slist **headers)
{
	const struct http_signer *signer = request->signer;
	const char *body = request->post ? request->post : "";
	struct aws_signing signing = {
		.method = request->post ? "POST" : request->put ? "PUT" : "GET", .url = request->url, .body = body,
		.size = strlen(body),
	};

	if (!signer)
		return 0;
	signing.region = signer->region;
	signing.service = signer->service;
	signing.credentials = signer->credentials;
	signing.now = time(NULL) + signer->clock_offset;
	return aws_sign(&signing, headers);
}

static void note_date(CURL *curl, struct http_body *body)
{
	struct curl_header *header;
	time_t date;

	if (curl_easy_header(curl, "Date", 0, CURLH_HEADER, -1, &header) != CURLHE_OK)
		return;
	date = curl_getdate(header->value, NULL);
	body->date = date > 0 ? date : 0;
}

int http_send(struct http *http, const struct http_request *request, struct http_body *body)
{
	struct curl_slist *headers;
	long status = 0;
	CURLcode code;
	int result;

	*body = (struct http_body){ 0 };
	if (list_headers(request, &headers))
		return -ENOMEM;
	result = sign(request, &headers);
	if (result) {
		curl_slist_free_all(headers);
		return result == -EINVAL ? -EPROTO : result;
	}
	prepare(http, request, headers);
	curl_easy_setopt(http->curl, CURLOPT_WRITEDATA, body);
	code = curl_easy_perform(http->curl);
	curl_easy_setopt(http->curl, CURLOPT_HTTPHEADER, NULL);
	curl_slist_free_all(headers);
	if (!code)
		curl_easy_getinfo(http->curl, CURLINFO_RESPONSE_CODE, &status);
	if (!code)
		note_date(http->curl, body);
	if (!code && status >= 100)
		return (int)status;
	http_body_free(body);
	return code ? error_of(code) : -EPROTO;
}

int http_get(struct http *http, const char *unix_socket, const char *url, struct http_body *body)
{
	return http_send(http, &(struct http_request){ .unix_socket = unix_socket, .url = url }, body);
}

void http_body_free(struct http_body *body)
{
	free(body->data);
	*body = (struct http_body){ 0 };
}
