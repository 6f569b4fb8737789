/* SPDX-License-Identifier: MIT */
/* The address that is scraped: what is answered to whom, and to how many at a time for how long. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

#include "prometheus_negotiate.h"
#include "prometheus_scrape.h"

#define GET		"GET /metrics HTTP/1.1\r\nHost: x\r\n"
#define OPENMETRICS	"Accept: application/openmetrics-text;version=1.0.0\r\n"
#define GZIP		"Accept-Encoding: gzip\r\n"

enum { ANSWER_SIZE = 1 << 20 };

static const struct hadal_metric_info io = { "hadal.tcp.io", "By", "Payload", HADAL_COUNTER };
static char error[256], answer[ANSWER_SIZE];

/* ---- negotiation ---- */

static void formats_are_negotiated(void **state)
{
	static const struct {
		const char *accept;
		enum prometheus_format format;
	} cases[] = {
		{ NULL, PROMETHEUS_FORMAT_TEXT },
		{ "", PROMETHEUS_FORMAT_TEXT },
		{ "*/*", PROMETHEUS_FORMAT_TEXT },
		{ "text/html,application/xhtml+xml,*/*;q=0.8", PROMETHEUS_FORMAT_TEXT },
		{ "application/openmetrics-text", PROMETHEUS_FORMAT_OPENMETRICS },
		{ "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
		  "text/plain;version=0.0.4;q=0.5,*/*;q=0.1", PROMETHEUS_FORMAT_OPENMETRICS },	/* Prometheus 2.42 */
		{ "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,"
		  "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,text/plain;version=1.0.0;q=0.4,"
		  "text/plain;version=0.0.4;q=0.3,*/*;q=0.2", PROMETHEUS_FORMAT_OPENMETRICS },	/* and 3 */
		{ "APPLICATION/OpenMetrics-Text ; Version = \"1.0.0\"", PROMETHEUS_FORMAT_OPENMETRICS },
		{ "application/openmetrics-text;version=0.0.1", PROMETHEUS_FORMAT_TEXT },
		{ "application/openmetrics-text;version=2.0.0", PROMETHEUS_FORMAT_TEXT },
		{ "application/openmetrics-text;q=0.4,text/plain;q=0.5", PROMETHEUS_FORMAT_TEXT },
		{ "application/openmetrics-text;q=0", PROMETHEUS_FORMAT_TEXT },
		{ "application/openmetrics-text;q=0.000", PROMETHEUS_FORMAT_TEXT },
		{ "application/openmetrics-text;q=nonsense", PROMETHEUS_FORMAT_TEXT },
		{ "application/openmetrics-text;q=1.5", PROMETHEUS_FORMAT_OPENMETRICS },
		{ "application/json;x=\"a,application/openmetrics-text\"", PROMETHEUS_FORMAT_TEXT },
		{ "application/json;x=\"\\\",application/openmetrics-text", PROMETHEUS_FORMAT_TEXT },
		{ ",,;;,q=1,;q=1,application/openmetrics-text;;", PROMETHEUS_FORMAT_OPENMETRICS },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (prometheus_negotiate_format(cases[i].accept) != cases[i].format)
			fail_msg("%s", cases[i].accept);
}

static void compression_is_negotiated(void **state)
{
	(void)state;
	assert_false(prometheus_negotiate_gzip(NULL));
	assert_false(prometheus_negotiate_gzip(""));
	assert_false(prometheus_negotiate_gzip("identity"));
	assert_false(prometheus_negotiate_gzip("deflate, br;q=1.0"));
	assert_true(prometheus_negotiate_gzip("gzip"));
	assert_true(prometheus_negotiate_gzip("deflate, GZIP;q=0.5"));
	assert_false(prometheus_negotiate_gzip("gzip;q=0"));
	assert_false(prometheus_negotiate_gzip("*, gzip;q=0"));
	assert_true(prometheus_negotiate_gzip("*"));
	assert_false(prometheus_negotiate_gzip("*;q=0"));
}

/* ---- the server ---- */

static struct prometheus_scrape *opened(unsigned int time_ms, unsigned int age_ms)
{
	const struct prometheus_scrape_config config = {
		.address = "127.0.0.1:0", .created = true, .time_ms = time_ms, .age_ms = age_ms,
	};
	struct prometheus_scrape *scrape = NULL;

	assert_int_equal(prometheus_scrape_open(&config, &scrape, error, sizeof(error)), 0);
	assert_true(prometheus_scrape_port(scrape) > 0);
	return scrape;
}

static void put(struct prometheus_scrape *scrape, int64_t value, bool ended)
{
	struct hadal_batch *batch = hadal_batch_new(0);
	struct hadal_resource *web =
		hadal_batch_resource(batch, HADAL_ATTRIBUTES(batch, hadal_string("service.name", "web")));
	const struct hadal_point at = { .start_time = 1000000000, .time = 2000000000, .no_recorded_value = ended };

	hadal_metric_add_int(hadal_resource_metric(web, &io), &at, value);
	assert_int_equal(prometheus_scrape_put(scrape, batch), 0);
	hadal_batch_free(batch);
}

static int connected(const struct prometheus_scrape *scrape)
{
	const struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_port = htons((uint16_t)prometheus_scrape_port(scrape)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	const struct timeval patience = { .tv_sec = 20 };
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
	assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void say(int fd, const char *text)
{
	send(fd, text, strlen(text), MSG_NOSIGNAL);
}

/* All until the server closes, or there is an error; the answer's size. */
static size_t heard(int fd)
{
	size_t size = 0;
	ssize_t some;

	while ((some = recv(fd, answer + size, sizeof(answer) - 1 - size, 0)) > 0)
		size += (size_t)some;
	answer[size] = '\0';
	close(fd);
	return size;
}

static size_t ask(const struct prometheus_scrape *scrape, const char *request)
{
	const int fd = connected(scrape);

	say(fd, request);
	return heard(fd);
}

static const char *body(void)
{
	const char *end = strstr(answer, "\r\n\r\n");

	assert_non_null(end);
	return end + 4;
}

static void expect_status(const char *status)
{
	if (strncmp(answer, "HTTP/1.1 ", 9) != 0 || strncmp(answer + 9, status, 3) != 0)
		fail_msg("answered: %s", answer);
	assert_non_null(strcasestr(answer, "\r\nConnection: close\r\n"));
}

static void what_was_put_last_is_served(void **state)
{
	struct prometheus_scrape *scrape = opened(0, 0);
	struct hadal_batch *none = hadal_batch_new(0);
	struct prometheus_scrape_counts counts;

	(void)state;
	ask(scrape, GET "\r\n");
	expect_status("503");
	put(scrape, 1, false);
	put(scrape, 42, false);
	assert_int_equal(prometheus_scrape_put(scrape, none), 0);	/* log records alone, say */
	ask(scrape, GET "\r\n");
	expect_status("200");
	assert_non_null(strstr(answer, "\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
	assert_string_equal(body(), "# TYPE hadal_tcp_io_bytes_total counter\n"
				    "# HELP hadal_tcp_io_bytes_total Payload\n"
				    "hadal_tcp_io_bytes_total{job=\"web\"} 42\n");
	ask(scrape, GET OPENMETRICS "\r\n");
	expect_status("200");
	assert_non_null(strstr(answer, "\r\nContent-Type: application/openmetrics-text; version=1.0.0; charset=utf-8\r\n"));
	assert_non_null(strstr(body(), "\nhadal_tcp_io_bytes_created{job=\"web\"} 1.000\n# EOF\n"));
	put(scrape, 0, true);
	ask(scrape, GET OPENMETRICS "\r\n");
	assert_string_equal(body(), "# EOF\n");
	counts = prometheus_scrape_counts(scrape);
	assert_int_equal(counts.served, 3);
	assert_int_equal(counts.refused, 1);
	hadal_batch_free(none);
	prometheus_scrape_close(scrape);
}

static void it_is_compressed_if_asked(void **state)
{
	struct prometheus_scrape *scrape = opened(0, 0);
	z_stream stream = { 0 };
	char plain[1024] = "";
	size_t size;

	(void)state;
	put(scrape, 42, false);
	for (int i = 0; i < 2; i++) {	/* made, and kept */
		size = ask(scrape, GET GZIP "\r\n");
		expect_status("200");
		assert_non_null(strstr(answer, "\r\nContent-Encoding: gzip\r\n"));
		assert_int_equal(inflateInit2(&stream, 16 + MAX_WBITS), Z_OK);
		stream.next_in = (Bytef *)(uintptr_t)body();
		stream.avail_in = (unsigned int)(size - (size_t)(body() - answer));
		stream.next_out = (Bytef *)plain;
		stream.avail_out = sizeof(plain) - 1;
		assert_int_equal(inflate(&stream, Z_FINISH), Z_STREAM_END);
		inflateEnd(&stream);
		plain[stream.total_out] = '\0';
		assert_non_null(strstr(plain, "\nhadal_tcp_io_bytes_total{job=\"web\"} 42\n"));
	}
	prometheus_scrape_close(scrape);
}

static void other_requests_are_refused(void **state)
{
	struct prometheus_scrape *scrape = opened(0, 0);
	static char big[64 << 10];
	size_t size;

	(void)state;
	put(scrape, 42, false);
	ask(scrape, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
	expect_status("404");
	ask(scrape, "GET /metrics/../metrics HTTP/1.1\r\nHost: x\r\n\r\n");
	expect_status("404");
	ask(scrape, "POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\nbegin");
	expect_status("405");
	assert_non_null(strstr(answer, "\r\nAllow: GET, HEAD\r\n"));
	ask(scrape, "HEAD /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
	expect_status("200");
	assert_string_equal(body(), "");
	ask(scrape, "GET /metrics?x=1 HTTP/1.1\r\nHost: x\r\n\r\n");
	expect_status("200");
	ask(scrape, "GET /metrics HTTP/1.1\r\n\r\n");	/* no Host */
	expect_status("400");
	size = ask(scrape, "nonsense\r\n\r\n");
	assert_true(!size || !strstr(answer, "hadal_tcp_io"));
	memset(big, 'x', sizeof(big) - 1);
	memcpy(big, GET "X: ", strlen(GET "X: "));
	size = ask(scrape, big);
	assert_true(!size || !strstr(answer, "hadal_tcp_io"));
	ask(scrape, GET "\r\n");
	expect_status("200");
	prometheus_scrape_close(scrape);
}

static void old_values_are_not_served(void **state)
{
	struct prometheus_scrape *scrape = opened(0, 50);

	(void)state;
	put(scrape, 1, false);
	ask(scrape, GET "\r\n");
	expect_status("200");
	usleep(200000);
	ask(scrape, GET "\r\n");
	expect_status("503");
	/* What was put soon after something else says nothing of when the next comes. */
	put(scrape, 2, false);
	put(scrape, 3, false);
	prometheus_scrape_set_age(scrape, 600000);
	usleep(100000);
	ask(scrape, GET "\r\n");
	expect_status("200");
	prometheus_scrape_set_age(scrape, 50);
	ask(scrape, GET "\r\n");
	expect_status("503");
	prometheus_scrape_close(scrape);
}

/* All places are taken by those who send a byte now and then: their time ends, and who waits is served. */
static void the_slow_are_cut(void **state)
{
	struct prometheus_scrape *scrape = opened(1500, 0);
	int slow[PROMETHEUS_SCRAPE_CLIENTS], fd;

	(void)state;
	put(scrape, 42, false);
	for (int i = 0; i < PROMETHEUS_SCRAPE_CLIENTS; i++) {
		slow[i] = connected(scrape);
		say(slow[i], "GET /metrics HTTP/1.1\r\nHost: ");
	}
	fd = connected(scrape);
	say(fd, GET "\r\n");
	for (int n = 0; n < 4; n++) {
		usleep(200000);
		for (int i = 0; i < PROMETHEUS_SCRAPE_CLIENTS; i++)
			say(slow[i], "x");
	}
	assert_int_equal(prometheus_scrape_counts(scrape).served, 0);
	heard(fd);
	expect_status("200");
	/* Each has its own time, and the first's place was enough. */
	for (int n = 0; n < 300 && prometheus_scrape_counts(scrape).cut < PROMETHEUS_SCRAPE_CLIENTS; n++)
		usleep(100000);
	assert_int_equal(prometheus_scrape_counts(scrape).cut, PROMETHEUS_SCRAPE_CLIENTS);
	for (int i = 0; i < PROMETHEUS_SCRAPE_CLIENTS; i++)
		close(slow[i]);
	prometheus_scrape_close(scrape);
}

/* Many who ask while values change; each gets the whole of one of them. */

struct crowd {
	struct prometheus_scrape *scrape;
	atomic_uint wrong, asked;
};

static void *ask_often(void *context)
{
	struct crowd *crowd = context;
	static _Thread_local char text[4096];

	for (int i = 0; i < 100; i++) {
		const int fd = connected(crowd->scrape);
		size_t size = 0;
		ssize_t some;

		say(fd, i % 2 ? GET OPENMETRICS "\r\n" : GET GZIP "\r\n");
		while ((some = recv(fd, text + size, sizeof(text) - 1 - size, 0)) > 0)
			size += (size_t)some;
		text[size] = '\0';
		close(fd);
		crowd->wrong += strncmp(text, "HTTP/1.1 200", 12) != 0 || (i % 2 && !strstr(text, "# EOF\n"));
		crowd->asked++;
	}
	return NULL;
}

static void many_ask_while_values_change(void **state)
{
	enum { ASKERS = 8 };
	struct crowd crowd = { .scrape = opened(0, 0) };
	pthread_t threads[ASKERS];

	(void)state;
	put(crowd.scrape, 0, false);
	for (int i = 0; i < ASKERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, ask_often, &crowd), 0);
	for (int64_t value = 1; crowd.asked < ASKERS * 100; value++)
		put(crowd.scrape, value, false);
	for (int i = 0; i < ASKERS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(crowd.wrong, 0);
	assert_int_equal(prometheus_scrape_counts(crowd.scrape).served, ASKERS * 100);
	prometheus_scrape_close(crowd.scrape);
}

static void it_ends_with_clients_there(void **state)
{
	struct prometheus_scrape *scrape = opened(0, 0);
	const int half = connected(scrape), idle = connected(scrape);

	(void)state;
	say(half, "GET /met");
	prometheus_scrape_close(scrape);
	close(half);
	close(idle);
	prometheus_scrape_close(NULL);
}

/* ---- addresses ---- */

static void refuse(const char *address, const char *why)
{
	const struct prometheus_scrape_config config = { .address = address };

	assert_int_equal(prometheus_scrape_check(&config, error, sizeof(error)), -EINVAL);
	if (!strstr(error, address) || !strstr(error, why))
		fail_msg("said: %s", error);
}

static void addresses_are_looked_at(void **state)
{
	static const char *const good[] = { NULL, "127.0.0.1:9464", "[::1]:0", "0.0.0.0:65535", "[::ffff:10.0.0.1]:80" };
	struct prometheus_scrape_config config = { 0 };
	struct prometheus_scrape *first = opened(0, 0), *second = NULL;
	char taken[32];

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		config.address = good[i];
		assert_int_equal(prometheus_scrape_check(&config, error, sizeof(error)), 0);
	}
	refuse("", "there is no port");
	refuse("127.0.0.1", "there is no port");
	refuse("127.0.0.1:http", "ADDRESS:PORT");
	refuse("127.0.0.1:", "port");
	refuse("127.0.0.1:65536", "port");
	refuse("127.0.0.1:75000", "port");
	refuse("127.0.0.1:4294976760", "port");
	refuse("127.0.0.1:18446744073709561080", "port");
	refuse("127.0.0.1:+1", "port");
	refuse("127.0.0.1:-1", "port");
	refuse("127.0.0.1: 1", "port");
	refuse("[::1]:1x", "port");
	refuse("localhost:9464", "ADDRESS:PORT");
	refuse(":9464", "ADDRESS:PORT");
	refuse("[]:9464", "ADDRESS:PORT");
	refuse("::1:9464", "brackets");
	refuse("[::1:9464", "brackets");
	refuse("[", "there is no port");
	refuse("[:", "brackets");
	refuse("1111111111111111111111111111111111111111111111111111111111111111111:1", "ADDRESS:PORT");

	snprintf(taken, sizeof(taken), "127.0.0.1:%u", prometheus_scrape_port(first));
	config.address = taken;
	assert_int_equal(prometheus_scrape_open(&config, &second, error, sizeof(error)), -EADDRINUSE);
	assert_non_null(strstr(error, taken));
	prometheus_scrape_close(first);
	assert_int_equal(prometheus_scrape_open(&config, &second, error, sizeof(error)), 0);
	prometheus_scrape_close(second);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(formats_are_negotiated),
		cmocka_unit_test(compression_is_negotiated),
		cmocka_unit_test(what_was_put_last_is_served),
		cmocka_unit_test(it_is_compressed_if_asked),
		cmocka_unit_test(other_requests_are_refused),
		cmocka_unit_test(old_values_are_not_served),
		cmocka_unit_test(the_slow_are_cut),
		cmocka_unit_test(many_ask_while_values_change),
		cmocka_unit_test(it_ends_with_clients_there),
		cmocka_unit_test(addresses_are_looked_at),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
