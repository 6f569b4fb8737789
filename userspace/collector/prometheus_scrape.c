/* SPDX-License-Identifier: MIT */
/*
 * libmicrohttpd runs inside this thread's own loop, since it knows no bound on the
 * time of a whole request: a client that sends or takes a byte now and then would
 * keep its place for ever. Who is over the time has its connection shut down.
 */
#include "prometheus_scrape.h"

#include <errno.h>
#include <microhttpd.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "gzip.h"
#include "listen_address.h"
#include "prometheus_negotiate.h"
#include "prometheus_text.h"
#include "prometheus_view.h"
#include "thread.h"

enum {
	FORMATS = 2,
	IDLE_S = 10,
};

/* What is answered in one format. */
struct page {
	const char *text;		/* the plain one's own */
	size_t size;
	struct MHD_Response *plain;
	struct MHD_Response *gzip;	/* NULL: nobody has asked for it yet */
};

struct client {
	int fd;			/* -1: the place is free */
	uint64_t until;		/* ms */
	bool cut;
};

struct prometheus_scrape {
	bool created;
	unsigned int time_ms;
	unsigned int port;
	int wake;		/* an event: the thread is to end */
	struct MHD_Daemon *daemon;
	pthread_t thread;
	struct client clients[PROMETHEUS_SCRAPE_CLIENTS];	/* the thread's, like what follows */
	bool again;		/* a place came free: the server only looks who waits for one when it runs */

	pthread_mutex_t lock;	/* of what follows */
	struct page pages[FORMATS];
	uint64_t put_ms;
	unsigned int age_ms;
	struct prometheus_scrape_counts counts;
};

/* ---- pages ---- */

static void clear_page(struct page *page)
{
	if (page->plain)
		MHD_destroy_response(page->plain);
	if (page->gzip)
		MHD_destroy_response(page->gzip);
	*page = (struct page){ 0 };
}

/* Takes over @data. */
static struct MHD_Response *make_response(void *data, size_t size, const char *type)
{
	struct MHD_Response *response = MHD_create_response_from_buffer(size, data, MHD_RESPMEM_MUST_FREE);

	if (!response) {
		free(data);
		return NULL;
	}
	if (MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type) == MHD_YES &&
	    MHD_add_response_header(response, MHD_HTTP_HEADER_VARY, "Accept, Accept-Encoding") == MHD_YES &&
	    MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close") == MHD_YES)
		return response;
	MHD_destroy_response(response);
	return NULL;
}

static int make_page(const struct prometheus_view *view, enum prometheus_format format, bool created,
		     struct page *page)
{
	char *text;

	if (prometheus_text(view, format, created, &text, &page->size))
		return -ENOMEM;
	page->text = text;
	page->plain = make_response(text, page->size, prometheus_content_type(format));
	return page->plain ? 0 : -ENOMEM;
}

static int make_pages(const struct hadal_batch *batch, bool created, struct page pages[FORMATS])
{
	struct prometheus_view view;
	int ret = prometheus_view_make(batch, &view);

	for (int format = 0; format < FORMATS && !ret; format++)
		ret = make_page(&view, (enum prometheus_format)format, created, &pages[format]);
	prometheus_view_free(&view);
	return ret;
}

static void swap_pages(struct prometheus_scrape *scrape, struct page pages[FORMATS])
{
	struct page old[FORMATS];

	pthread_mutex_lock(&scrape->lock);
	memcpy(old, scrape->pages, sizeof(old));
	memcpy(scrape->pages, pages, sizeof(old));
	scrape->put_ms = now_ms();
	pthread_mutex_unlock(&scrape->lock);
	for (int format = 0; format < FORMATS; format++)
		clear_page(&old[format]);
}

int prometheus_scrape_put(struct prometheus_scrape *scrape, const struct hadal_batch *batch)
{
	struct page pages[FORMATS] = { 0 };
	int ret;

	if (!hadal_batch_counts(batch).points)
		return 0;
	ret = make_pages(batch, scrape->created, pages);
	if (!ret) {
		swap_pages(scrape, pages);
		return 0;
	}
	for (int format = 0; format < FORMATS; format++)
		clear_page(&pages[format]);
	return ret;
}

static struct MHD_Response *compressed(struct page *page, enum prometheus_format format)
{
	uint8_t *data;
	size_t size;

	if (page->gzip)
		return page->gzip;
	if (hadal_gzip((const uint8_t *)page->text, page->size, &data, &size))
		return NULL;
	page->gzip = make_response(data, size, prometheus_content_type(format));
	if (page->gzip && MHD_add_response_header(page->gzip, MHD_HTTP_HEADER_CONTENT_ENCODING, "gzip") == MHD_YES)
		return page->gzip;
	if (page->gzip)
		MHD_destroy_response(page->gzip);
	page->gzip = NULL;
	return NULL;
}

/* ---- answers ---- */

static enum MHD_Result refuse(struct prometheus_scrape *scrape, struct MHD_Connection *connection,
			      unsigned int status, const char *why)
{
	struct MHD_Response *response = make_response(strdup(why), strlen(why), "text/plain; charset=utf-8");
	enum MHD_Result result;

	scrape->counts.refused++;
	if (!response)
		return MHD_NO;
	if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
		MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
	result = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return result;
}

/* Of what stands still nobody should take its rate: who scrapes is to know that something is wrong. */
static bool too_old(const struct prometheus_scrape *scrape)
{
	return now_ms() - scrape->put_ms > scrape->age_ms;
}

static enum MHD_Result serve(struct prometheus_scrape *scrape, struct MHD_Connection *connection)
{
	const enum prometheus_format format = prometheus_negotiate_format(
		MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_ACCEPT));
	struct page *page = &scrape->pages[format];
	struct MHD_Response *response = NULL;

	if (!page->plain)
		return refuse(scrape, connection, MHD_HTTP_SERVICE_UNAVAILABLE, "no values yet\n");
	if (too_old(scrape))
		return refuse(scrape, connection, MHD_HTTP_SERVICE_UNAVAILABLE, "no new values for a long time\n");
	if (prometheus_negotiate_gzip(
		    MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_ACCEPT_ENCODING)))
		response = compressed(page, format);
	scrape->counts.served++;
	return MHD_queue_response(connection, MHD_HTTP_OK, response ? response : page->plain);
}

static enum MHD_Result answer(struct prometheus_scrape *scrape, struct MHD_Connection *connection, const char *path,
			      const char *method)
{
	if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
		return refuse(scrape, connection, MHD_HTTP_METHOD_NOT_ALLOWED, "GET and HEAD alone are allowed\n");
	if (strcmp(path, PROMETHEUS_SCRAPE_PATH) != 0)
		return refuse(scrape, connection, MHD_HTTP_NOT_FOUND, "metrics are at " PROMETHEUS_SCRAPE_PATH "\n");
	return serve(scrape, connection);
}

/* Called when the headers are there. A body is not waited for: its sender is answered and cut. */
static enum MHD_Result handle(void *context, struct MHD_Connection *connection, const char *path, const char *method,
			      const char *version, const char *upload, size_t *upload_size, void **request)
{
	struct prometheus_scrape *scrape = context;
	enum MHD_Result result;

	(void)version;
	(void)upload;
	(void)upload_size;
	(void)request;
	pthread_mutex_lock(&scrape->lock);
	result = answer(scrape, connection, path, method);
	pthread_mutex_unlock(&scrape->lock);
	return result;
}

/* ---- clients ---- */

static void enter(struct prometheus_scrape *scrape, struct MHD_Connection *connection, void **place)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);

	*place = NULL;
	for (size_t i = 0; i < PROMETHEUS_SCRAPE_CLIENTS && info; i++) {
		struct client *client = &scrape->clients[i];

		if (client->fd >= 0)
			continue;
		*client = (struct client){ .fd = info->connect_fd, .until = now_ms() + scrape->time_ms };
		*place = client;
		return;
	}
}

static void note_client(void *context, struct MHD_Connection *connection, void **place,
			enum MHD_ConnectionNotificationCode code)
{
	struct prometheus_scrape *scrape = context;
	struct client *client = *place;

	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		enter(scrape, connection, place);
		return;
	}
	if (client)
		client->fd = -1;
	scrape->again = true;
}

static void cut(struct prometheus_scrape *scrape, struct client *client)
{
	client->cut = true;
	shutdown(client->fd, SHUT_RDWR);
	pthread_mutex_lock(&scrape->lock);
	scrape->counts.cut++;
	pthread_mutex_unlock(&scrape->lock);
}

/* Returns ms until the next one's time is up; -1: there is none. */
static int cut_late(struct prometheus_scrape *scrape)
{
	const uint64_t now = now_ms();
	int wait = -1;

	for (size_t i = 0; i < PROMETHEUS_SCRAPE_CLIENTS; i++) {
		struct client *client = &scrape->clients[i];

		if (client->fd < 0 || client->cut)
			continue;
		if (client->until <= now)
			cut(scrape, client);
		else if (wait < 0 || client->until - now < (uint64_t)wait)
			wait = (int)(client->until - now);
	}
	return wait;
}

/* ---- the thread ---- */

/* Whichever comes first; -1: neither does. */
static int earlier(int a, int b)
{
	return a < 0 || (b >= 0 && b < a) ? b : a;
}

static int server_wait(struct prometheus_scrape *scrape)
{
	MHD_UNSIGNED_LONG_LONG wait;

	if (scrape->again)
		return 0;
	if (MHD_get_timeout(scrape->daemon, &wait) != MHD_YES)
		return -1;
	return wait < PROMETHEUS_SCRAPE_TIME_MS ? (int)wait : PROMETHEUS_SCRAPE_TIME_MS;
}

static void *run(void *context)
{
	struct prometheus_scrape *scrape = context;
	struct pollfd events[] = {
		{ .fd = MHD_get_daemon_info(scrape->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd, .events = POLLIN },
		{ .fd = scrape->wake, .events = POLLIN },
	};

	pthread_setname_np(pthread_self(), "hadald-scrape");
	while (!(events[1].revents & POLLIN)) {
		scrape->again = false;
		MHD_run(scrape->daemon);
		poll(events, 2, earlier(server_wait(scrape), cut_late(scrape)));
	}
	return NULL;
}

/* ---- life ---- */

void prometheus_scrape_set_age(struct prometheus_scrape *scrape, unsigned int age_ms)
{
	pthread_mutex_lock(&scrape->lock);
	scrape->age_ms = age_ms ? age_ms : PROMETHEUS_SCRAPE_AGE_MS;
	pthread_mutex_unlock(&scrape->lock);
}

static struct MHD_Daemon *start_server(struct prometheus_scrape *scrape, int fd)
{
	return MHD_start_daemon(MHD_USE_EPOLL, 0, NULL, NULL, handle, scrape,
				MHD_OPTION_LISTEN_SOCKET, fd,
				MHD_OPTION_CONNECTION_LIMIT, (unsigned int)PROMETHEUS_SCRAPE_CLIENTS,
				MHD_OPTION_CONNECTION_TIMEOUT, (unsigned int)IDLE_S,
				MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)PROMETHEUS_SCRAPE_REQUEST_BYTES,
				MHD_OPTION_STRICT_FOR_CLIENT, 1,
				MHD_OPTION_NOTIFY_CONNECTION, note_client, scrape,
				MHD_OPTION_END);
}

static const char *address_of(const struct prometheus_scrape_config *config)
{
	return config->address ? config->address : PROMETHEUS_SCRAPE_ADDRESS;
}

int prometheus_scrape_check(const struct prometheus_scrape_config *config, char *error, size_t error_size)
{
	struct listen_address address;

	return listen_address_parse(address_of(config), &address, error, error_size);
}

static int start(struct prometheus_scrape *scrape, int fd)
{
	int ret;

	scrape->port = listen_address_port(fd);
	scrape->wake = eventfd(0, EFD_CLOEXEC);
	if (scrape->wake < 0) {
		ret = -errno;
		close(fd);
		return ret;
	}
	/* The socket is the server's from here on, which may have closed it where it could not start. */
	scrape->daemon = start_server(scrape, fd);
	return scrape->daemon ? thread_start(&scrape->thread, run, scrape) : -ENOMEM;
}

static void free_scrape(struct prometheus_scrape *scrape)
{
	if (scrape->daemon)
		MHD_stop_daemon(scrape->daemon);
	if (scrape->wake >= 0)
		close(scrape->wake);
	for (int format = 0; format < FORMATS; format++)
		clear_page(&scrape->pages[format]);
	pthread_mutex_destroy(&scrape->lock);
	free(scrape);
}

static int open_at(const struct prometheus_scrape_config *config, const struct listen_address *address,
		   struct prometheus_scrape **scrape)
{
	struct prometheus_scrape *made = calloc(1, sizeof(*made));
	int ret;

	if (!made)
		return -ENOMEM;
	made->created = config->created;
	made->time_ms = config->time_ms ? config->time_ms : PROMETHEUS_SCRAPE_TIME_MS;
	made->wake = -1;
	pthread_mutex_init(&made->lock, NULL);
	prometheus_scrape_set_age(made, config->age_ms);
	for (size_t i = 0; i < PROMETHEUS_SCRAPE_CLIENTS; i++)
		made->clients[i].fd = -1;
	ret = listen_address_open(address);
	if (ret >= 0)
		ret = start(made, ret);
	if (ret)
		free_scrape(made);
	else
		*scrape = made;
	return ret;
}

int prometheus_scrape_open(const struct prometheus_scrape_config *config, struct prometheus_scrape **scrape,
			   char *error, size_t error_size)
{
	struct listen_address address;
	int ret = listen_address_parse(address_of(config), &address, error, error_size);

	if (ret)
		return ret;
	ret = open_at(config, &address, scrape);
	if (ret)
		snprintf(error, error_size, "cannot serve at %s: %s", address_of(config), strerror(-ret));
	return ret;
}

struct prometheus_scrape_counts prometheus_scrape_counts(struct prometheus_scrape *scrape)
{
	struct prometheus_scrape_counts counts;

	pthread_mutex_lock(&scrape->lock);
	counts = scrape->counts;
	pthread_mutex_unlock(&scrape->lock);
	return counts;
}

unsigned int prometheus_scrape_port(const struct prometheus_scrape *scrape)
{
	return scrape->port;
}

void prometheus_scrape_close(struct prometheus_scrape *scrape)
{
	if (!scrape)
		return;
	eventfd_write(scrape->wake, 1);
	pthread_join(scrape->thread, NULL);
	free_scrape(scrape);
}
