// SPDX-License-Identifier: MIT
#include "ship_http.h"

#include <curl/curl.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ship_auth.h"

enum {
	ANSWER_MAX = 4 << 20,	/* OTLP specification: the bound that a client should set */
	POLL_MS = 1000,
};

struct hadal_http {
	CURLM *multi;
	CURL *easy;
	struct curl_slist *headers[HADAL_SIGNALS];	/* the same in every request of one */
	struct hadal_ship_auth *auth;	/* borrowed; NULL: they show who sends, or nobody is to be shown */
	char trouble[CURL_ERROR_SIZE];
};

/* Headers */

static int append(struct curl_slist **list, const char *line)
{
	struct curl_slist *longer = curl_slist_append(*list, line);

	if (!longer)
		return -ENOMEM;
	*list = longer;
	return 0;
}

static int append_header(struct curl_slist **list, const char *name, const char *value)
{
	char *line;
	int ret;

	/* libcurl takes "Name;" for a header without a value, "Name:" for none. */
	if (asprintf(&line, *value ? "%s: %s" : "%s;", name, value) < 0)
		return -ENOMEM;
	ret = append(list, line);
	free(line);
	return ret;
}

static int append_token(struct curl_slist **list, const char *token)
{
	char *value;
	int ret;

	if (!token)
		return 0;
	if (asprintf(&value, "Bearer %s", token) < 0)
		return -ENOMEM;
	ret = append_header(list, "Authorization", value);
	free(value);
	return ret;
}

/* One that is meant for the signal stands for one of the same name that is for all. */
static bool is_for(const struct hadal_ship_config *config, const struct hadal_ship_header *header,
		   enum hadal_signal signal)
{
	if (header->signals)
		return header->signals & 1U << signal;
	for (size_t i = 0; i < config->header_count; i++)
		if (config->headers[i].signals & 1U << signal && !strcasecmp(config->headers[i].name, header->name))
			return false;
	return true;
}

static int make_headers_of(struct curl_slist **list, const struct hadal_ship_config *config, enum hadal_signal signal)
{
	int ret = append_header(list, "Content-Type", config->content_type ?: "application/x-protobuf");

	/* No asking first: bodies are small, and what may be sent is known. */
	if (!ret)
		ret = append(list, "Expect:");
	if (!ret && !config->no_compression)
		ret = append_header(list, "Content-Encoding", config->content_encoding ?: "gzip");
	if (!ret)
		ret = append_token(list, config->token);
	for (size_t i = 0; !ret && i < config->header_count; i++)
		if (is_for(config, &config->headers[i], signal))
			ret = append_header(list, config->headers[i].name, config->headers[i].value);
	return ret;
}

static int make_headers(struct hadal_http *http, const struct hadal_ship_config *config)
{
	int ret = 0;

	for (int signal = 0; !ret && signal < HADAL_SIGNALS; signal++)
		ret = make_headers_of(&http->headers[signal], config, (enum hadal_signal)signal);
	return ret;
}

/* The kept headers and the one of this request; the list is the caller's. */
static int request_headers(const struct hadal_http *http, const struct hadal_sink_request *request,
			   struct curl_slist **list)
{
	int ret = append_header(list, "Hadal-Batch-Id", request->id);

	for (const struct curl_slist *kept = http->headers[request->signal]; kept && !ret; kept = kept->next)
		ret = append(list, kept->data);
	return ret;
}

/* Set-up */

static void global_init(void)
{
	curl_global_init(CURL_GLOBAL_DEFAULT);
}

static CURLcode set_options(struct hadal_http *http, const struct hadal_ship_config *config)
{
	CURL *easy = http->easy;
	CURLcode code = CURLE_OK;

#define SET(option, value)                                                 \
	do {                                                               \
		if (code == CURLE_OK)                                      \
			code = curl_easy_setopt(easy, option, value);      \
	} while (0)
	SET(CURLOPT_POST, 1L);
	SET(CURLOPT_NOSIGNAL, 1L);
	/* A resolver that does not answer would be waited for, whatever time is left. */
	SET(CURLOPT_QUICK_EXIT, 1L);
	SET(CURLOPT_FOLLOWLOCATION, 0L);
	SET(CURLOPT_PROTOCOLS_STR, "http,https");
	SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	SET(CURLOPT_TCP_KEEPALIVE, 1L);
	if (config->is_signed)
		SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	SET(CURLOPT_USERAGENT, "hadald/" HADAL_VERSION);
	SET(CURLOPT_TIMEOUT_MS, (long)config->timeout_ms);
	SET(CURLOPT_ERRORBUFFER, http->trouble);
	if (config->ca_certificate)
		SET(CURLOPT_CAINFO, config->ca_certificate);
	if (config->client_certificate)
		SET(CURLOPT_SSLCERT, config->client_certificate);
	if (config->client_key)
		SET(CURLOPT_SSLKEY, config->client_key);
#undef SET
	return code;
}

int hadal_http_new(const struct hadal_ship_config *config, struct hadal_http **http)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct hadal_http *made = calloc(1, sizeof(*made));

	if (!made)
		return -ENOMEM;
	made->auth = config->auth;
	pthread_once(&once, global_init);
	made->multi = curl_multi_init();
	made->easy = curl_easy_init();
	if (!made->multi || !made->easy || set_options(made, config) != CURLE_OK || make_headers(made, config)) {
		hadal_http_free(made);
		return -ENOMEM;
	}
	*http = made;
	return 0;
}

void hadal_http_free(struct hadal_http *http)
{
	if (!http)
		return;
	curl_easy_cleanup(http->easy);
	curl_multi_cleanup(http->multi);
	for (int signal = 0; signal < HADAL_SIGNALS; signal++)
		curl_slist_free_all(http->headers[signal]);
	free(http);
}

void hadal_http_wake(struct hadal_http *http)
{
	curl_multi_wakeup(http->multi);
}

/* Answers */

static size_t take_body(char *data, size_t size, size_t count, void *context)
{
	struct hadal_http_answer *answer = context;
	const size_t length = size * count;
	uint8_t *longer;

	if (length > ANSWER_MAX - answer->size)
		return 0;
	longer = realloc(answer->body, answer->size + length + 1);
	if (!longer)
		return 0;
	answer->body = longer;
	memcpy(answer->body + answer->size, data, length);
	answer->size += length;
	return length;
}

static const char *header_of(struct hadal_http *http, const char *name)
{
	struct curl_header *header;

	return curl_easy_header(http->easy, name, 0, CURLH_HEADER, -1, &header) == CURLHE_OK ? header->value : "";
}

static int64_t date_of(struct hadal_http *http)
{
	const time_t date = curl_getdate(header_of(http, "Date"), NULL);

	return date > 0 ? date : 0;
}

static void note_answer(struct hadal_http *http, struct hadal_http_answer *answer)
{
	const char *type = NULL;

	curl_easy_getinfo(http->easy, CURLINFO_RESPONSE_CODE, &answer->status);
	curl_easy_getinfo(http->easy, CURLINFO_CONTENT_TYPE, &type);
	answer->protobuf = type && !strncasecmp(type, "application/x-protobuf", strlen("application/x-protobuf"));
	answer->date = date_of(http);
	snprintf(answer->retry_after, sizeof(answer->retry_after), "%s", header_of(http, "Retry-After"));
}

static void note_trouble(struct hadal_http *http, struct hadal_http_answer *answer)
{
	const char *text = http->trouble[0] ? http->trouble : curl_easy_strerror((CURLcode)answer->curl_code);

	snprintf(answer->trouble, sizeof(answer->trouble), "%s", text);
}

void hadal_http_answer_clear(struct hadal_http_answer *answer)
{
	free(answer->body);
	*answer = (struct hadal_http_answer){ 0 };
}

/* Transfer */

static CURLcode result(struct hadal_http *http)
{
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(http->multi, &left)))
		if (message->msg == CURLMSG_DONE && message->easy_handle == http->easy)
			return message->data.result;
	return CURLE_RECV_ERROR;
}

static CURLcode transfer(struct hadal_http *http, unsigned int (*patience)(void *context), void *context,
			 struct hadal_http_answer *answer)
{
	int running = 1;

	while (curl_multi_perform(http->multi, &running) == CURLM_OK && running) {
		const unsigned int left = patience(context);

		if (!left) {
			answer->abandoned = true;
			return CURLE_ABORTED_BY_CALLBACK;
		}
		curl_multi_poll(http->multi, NULL, 0, left < POLL_MS ? (int)left : POLL_MS, NULL);
	}
	return result(http);
}

static CURLcode set_request(struct hadal_http *http, const struct hadal_endpoint *endpoint,
			    const struct hadal_sink_request *request, struct curl_slist *headers,
			    struct hadal_http_answer *answer)
{
	CURL *easy = http->easy;
	CURLcode code = curl_easy_setopt(easy, CURLOPT_URL, endpoint->url);

	if (code == CURLE_OK)
		code = curl_easy_setopt(easy, CURLOPT_NOPROXY, endpoint->loopback ? "*" : NULL);
	if (code == CURLE_OK)
		code = curl_easy_setopt(easy, CURLOPT_POSTFIELDS, (const char *)request->body);
	if (code == CURLE_OK)
		code = curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->size);
	if (code == CURLE_OK)
		code = curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
	if (code == CURLE_OK)
		code = curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
	if (code == CURLE_OK)
		code = curl_easy_setopt(easy, CURLOPT_WRITEDATA, answer);
	return code;
}

static CURLcode perform(struct hadal_http *http, const struct hadal_endpoint *endpoint,
			const struct hadal_sink_request *request, struct curl_slist *headers,
			unsigned int (*patience)(void *context), void *context, struct hadal_http_answer *answer)
{
	CURLcode code = set_request(http, endpoint, request, headers, answer);

	if (code != CURLE_OK)
		return code;
	if (curl_multi_add_handle(http->multi, http->easy) != CURLM_OK)
		return CURLE_OUT_OF_MEMORY;
	code = transfer(http, patience, context, answer);
	curl_multi_remove_handle(http->multi, http->easy);
	return code;
}

/* Who sends it cannot be shown, or is refused: it may be sent another time. */
static void set_denied(struct hadal_http_answer *answer, const char *error)
{
	hadal_http_answer_clear(answer);
	answer->curl_code = (int)CURLE_LOGIN_DENIED;
	snprintf(answer->trouble, sizeof(answer->trouble), "%s", error);
}

static void judge_refusal(struct hadal_http *http, enum hadal_signal signal, uint64_t number,
			  struct hadal_http_answer *answer)
{
	const struct hadal_ship_refusal refusal = {
		.number = number, .signal = signal, .status = answer->status, .date = header_of(http, "Date"),
		.type = header_of(http, "X-Amzn-ErrorType"), .body = answer->body, .size = answer->size,
	};
	char error[sizeof(answer->trouble)];

	if (http->auth && answer->status >= 400 && http->auth->refused(http->auth, &refusal, error, sizeof(error)))
		set_denied(answer, error);
}

static int authorize(struct hadal_http *http, const struct hadal_endpoint *endpoint,
		     const struct hadal_sink_request *request, struct curl_slist **headers, uint64_t *number,
		     struct hadal_http_answer *answer)
{
	const struct hadal_ship_unsent unsent = {
		.signal = request->signal, .url = endpoint->url, .body = request->body, .size = request->size,
	};
	char error[sizeof(answer->trouble)];
	const int ret = http->auth ? http->auth->authorize(http->auth, &unsent, headers, number, error, sizeof(error)) : 0;

	if (ret)
		set_denied(answer, error);
	return ret;
}

void hadal_http_post(struct hadal_http *http, const struct hadal_endpoint *endpoint,
		     const struct hadal_sink_request *request,
		     unsigned int (*patience)(void *context), void *context,
		     struct hadal_http_answer *answer)
{
	struct curl_slist *headers = NULL;
	CURLcode code = CURLE_OUT_OF_MEMORY;
	uint64_t number = 0;

	*answer = (struct hadal_http_answer){ 0 };
	http->trouble[0] = '\0';
	if (!request_headers(http, request, &headers)) {
		if (authorize(http, endpoint, request, &headers, &number, answer)) {
			curl_slist_free_all(headers);
			return;
		}
		code = perform(http, endpoint, request, headers, patience, context, answer);
	}
	answer->curl_code = (int)code;
	if (code == CURLE_OK)
		note_answer(http, answer);
	else
		note_trouble(http, answer);
	if (code == CURLE_OK)
		judge_refusal(http, request->signal, number, answer);
	curl_easy_setopt(http->easy, CURLOPT_HTTPHEADER, NULL);
	curl_slist_free_all(headers);
}
