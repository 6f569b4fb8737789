/* SPDX-License-Identifier: MIT */
/*
 * Requests to the address that is scraped: what headers ask for, and the bytes as
 * they are, by a connection. Whatever comes, the next one is served.
 */
#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "prometheus_negotiate.h"
#include "prometheus_scrape.h"

static const struct hadal_metric_info io = { "hadal.tcp.io", "By", "Payload", HADAL_COUNTER };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct prometheus_scrape *opened(void)
{
	const struct prometheus_scrape_config config = { .address = "127.0.0.1:0", .created = true, .time_ms = 20 };
	const struct hadal_point at = { .start_time = 1, .time = 2 };
	struct hadal_batch *batch = hadal_batch_new(0);
	struct prometheus_scrape *scrape;
	char error[256];

	if (prometheus_scrape_open(&config, &scrape, error, sizeof(error)))
		abort();
	hadal_metric_add_int(hadal_resource_metric(hadal_batch_resource(batch, NULL), &io), &at, 1);
	if (prometheus_scrape_put(scrape, batch))
		abort();
	hadal_batch_free(batch);
	return scrape;
}

/* Sends it and takes the answer; true: there was one. */
static int ask(const struct prometheus_scrape *scrape, const void *request, size_t size)
{
	const struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_port = htons((uint16_t)prometheus_scrape_port(scrape)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	static const char end[] = "\r\n\r\n";
	char answer[4096];
	int answered = 0;

	if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		abort();
	/* With an end, so that most of what comes is a whole request: for half of one the server waits. */
	send(fd, request, size, MSG_NOSIGNAL | MSG_MORE);
	send(fd, end, strlen(end), MSG_NOSIGNAL);
	while (recv(fd, answer, sizeof(answer), 0) > 0)
		answered = 1;
	close(fd);
	return answered;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char good[] = "GET /metrics HTTP/1.1\r\nHost: x";
	static struct prometheus_scrape *scrape;
	char *text = strndup((const char *)data, size);

	if (!scrape)
		scrape = opened();
	prometheus_negotiate_format(text);
	prometheus_negotiate_gzip(text);
	free(text);
	ask(scrape, data, size);
	if (!ask(scrape, good, strlen(good)))
		abort();
	return 0;
}
