// SPDX-License-Identifier: MIT
/*
 * The shipping thread does three things, in this order: makes requests of the
 * batches that wait, sends the oldest request unless a wait is due, and sleeps.
 * So batches turn into their much smaller encoded form even while the receiver
 * is away. Everything in struct hadal_shipper from `queue` on is under the lock;
 * the lock is not held while encoding, sending or logging.
 */
#include "ship.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "gzip.h"
#include "otlp_encode.h"
#include "otlp_response.h"
#include "ship_config.h"
#include "ship_http.h"
#include "ship_policy.h"
#include "ship_queue.h"

enum {
	LOG_INTERVAL_MS = 60 * 1000,
	FOREVER_MS = 24 * 3600 * 1000,
	INSTANCE_BYTES = 16,
};

/* One kind of trouble, told at most once an interval. */
struct limit {
	uint64_t next_ms;
	uint64_t items;		/* since it was told last */
};

struct hadal_shipper {
	struct hadal_endpoint endpoints[HADAL_SIGNALS];
	struct hadal_http *http;
	size_t request_bytes;
	unsigned int backoff_first_ms, backoff_max_ms, retry_after_max_ms;
	bool compress;
	void (*log)(void *context, enum hadal_ship_log_level level, const char *message);
	void *log_context;
	char instance[2 * INSTANCE_BYTES + 1];	/* begins every batch id */
	uint64_t sequence;			/* ends it; the thread's own */
	pthread_t thread;

	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct hadal_ship_queue queue;
	struct hadal_ship_stats stats;
	unsigned int failures;		/* attempts that failed in a row */
	bool asked_to_wait;		/* next_ms comes from the receiver */
	uint64_t next_ms;		/* no attempt before */
	bool stopping;
	uint64_t deadline_ms;		/* when stopping */
	uint64_t told_full;		/* of dropped_full, how many were logged */
	struct limit full_limit, rejected_limit, oversize_limit;
};

/* Time and chance */

static uint64_t clock_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static uint64_t real_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static uint32_t random_number(void)
{
	uint32_t number = 0;

	if (getrandom(&number, sizeof(number), 0) != sizeof(number))
		number = UINT32_MAX / 2;
	return number;
}

static int make_instance(char *text)
{
	unsigned char bytes[INSTANCE_BYTES];

	if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
		return -EAGAIN;
	for (size_t i = 0; i < sizeof(bytes); i++)
		sprintf(text + 2 * i, "%02x", bytes[i]);
	return 0;
}

/* Messages; the lock is held on entry and on return, not during the call */

__attribute__((format(printf, 3, 4)))
static void say(struct hadal_shipper *shipper, enum hadal_ship_log_level level, const char *format, ...)
{
	char message[768];
	va_list arguments;

	if (!shipper->log)
		return;
	va_start(arguments, format);
	vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	pthread_mutex_unlock(&shipper->lock);
	shipper->log(shipper->log_context, level, message);
	pthread_mutex_lock(&shipper->lock);
}

/* Whether to tell now; *items becomes how many there are to tell of. */
static bool due(struct limit *limit, uint64_t *items)
{
	const uint64_t now = clock_ms();

	limit->items += *items;
	if (now < limit->next_ms)
		return false;
	limit->next_ms = now + LOG_INTERVAL_MS;
	*items = limit->items;
	limit->items = 0;
	return true;
}

__attribute__((format(printf, 2, 3)))
static void note_error(struct hadal_shipper *shipper, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(shipper->stats.last_error, sizeof(shipper->stats.last_error), format, arguments);
	va_end(arguments);
	shipper->stats.last_error_time = real_ns();
}

/* Accounts */

static struct hadal_ship_signal_stats *account(struct hadal_shipper *shipper, enum hadal_signal signal)
{
	return &shipper->stats.signal[signal];
}

/* @items no longer wait: they go to @to, a counter of the same account. */
static void settle(struct hadal_shipper *shipper, enum hadal_signal signal, uint64_t items, uint64_t *to)
{
	account(shipper, signal)->waiting -= items;
	*to += items;
}

static void drop_over_bounds(struct hadal_shipper *shipper)
{
	const struct hadal_ship_items dropped = hadal_ship_queue_trim(&shipper->queue);

	for (int i = 0; i < HADAL_SIGNALS; i++)
		settle(shipper, (enum hadal_signal)i, dropped.count[i], &shipper->stats.signal[i].dropped_full);
}

static void tell_drops(struct hadal_shipper *shipper)
{
	uint64_t dropped = 0, fresh;

	for (int i = 0; i < HADAL_SIGNALS; i++)
		dropped += shipper->stats.signal[i].dropped_full;
	fresh = dropped - shipper->told_full;
	if (!fresh)
		return;
	shipper->told_full = dropped;
	note_error(shipper, "the queue is full: the oldest was dropped");
	if (due(&shipper->full_limit, &fresh))
		say(shipper, HADAL_SHIP_WARNING, "the queue is full: %llu points and records, the oldest, were dropped",
		    (unsigned long long)fresh);
}

/* From batches to requests */

struct made {
	struct hadal_shipper *shipper;
	struct hadal_ship_request *first, **last;
	uint64_t bytes_raw;
};

static int compress_body(const struct hadal_shipper *shipper, struct hadal_ship_request *request)
{
	uint8_t *raw = request->body;
	int ret;

	if (!shipper->compress)
		return 0;
	ret = hadal_gzip(raw, request->size, &request->body, &request->size);
	if (!ret)
		free(raw);
	return ret;
}

static int make_request(void *context, enum hadal_signal signal, uint64_t items, uint8_t *body, size_t size)
{
	struct made *made = context;
	struct hadal_shipper *shipper = made->shipper;
	struct hadal_ship_request *request = calloc(1, sizeof(*request));
	int ret;

	if (!request) {
		free(body);
		return -ENOMEM;
	}
	request->signal = signal;
	request->items = items;
	request->body = body;
	request->size = size;
	snprintf(request->id, sizeof(request->id), "%s-%llu", shipper->instance,
		 (unsigned long long)++shipper->sequence);
	ret = compress_body(shipper, request);
	if (ret) {
		free(request->body);
		free(request);
		return ret;
	}
	made->bytes_raw += size;
	*made->last = request;
	made->last = &request->next;
	return 0;
}

static uint64_t items_of(struct hadal_batch_counts counts, enum hadal_signal signal)
{
	return signal == HADAL_SIGNAL_METRICS ? counts.points : counts.records;
}

static void queue_made(struct hadal_shipper *shipper, struct made *made)
{
	while (made->first) {
		struct hadal_ship_request *request = made->first;

		made->first = request->next;
		hadal_ship_queue_add_request(&shipper->queue, request);
	}
	shipper->stats.bytes_raw += made->bytes_raw;
}

static void encode_signal(struct hadal_shipper *shipper, struct hadal_batch *batch, enum hadal_signal signal)
{
	struct made made = { .shipper = shipper, .last = &made.first };
	struct hadal_ship_signal_stats *stats = account(shipper, signal);
	struct hadal_otlp_result result;
	uint64_t oversize;
	int ret;

	if (!shipper->endpoints[signal].url) {
		settle(shipper, signal, items_of(hadal_batch_counts(batch), signal), &stats->dropped_off);
		return;
	}
	pthread_mutex_unlock(&shipper->lock);
	ret = hadal_otlp_encode(batch, signal, shipper->request_bytes, make_request, &made, &result);
	pthread_mutex_lock(&shipper->lock);
	queue_made(shipper, &made);
	settle(shipper, signal, result.oversize, &stats->dropped_oversize);
	settle(shipper, signal, result.lost, &stats->dropped_failed);
	if (ret)
		note_error(shipper, "encoding failed: %s", strerror(-ret));
	oversize = result.oversize;
	if (oversize && due(&shipper->oversize_limit, &oversize))
		say(shipper, HADAL_SHIP_WARNING, "%llu points or records alone exceed a request's %zu bytes and were dropped",
		    (unsigned long long)oversize, shipper->request_bytes);
}

static bool encode_oldest(struct hadal_shipper *shipper)
{
	struct hadal_ship_inbox_entry *entry = hadal_ship_queue_take_batch(&shipper->queue);

	if (!entry)
		return false;
	for (int signal = 0; signal < HADAL_SIGNALS; signal++)
		encode_signal(shipper, entry->batch, (enum hadal_signal)signal);
	hadal_ship_queue_release_batch(&shipper->queue, entry);
	drop_over_bounds(shipper);
	return true;
}

/* What came of a request */

static void note_success(struct hadal_shipper *shipper, const struct hadal_endpoint *endpoint)
{
	const unsigned int failures = shipper->failures;

	shipper->failures = 0;
	shipper->asked_to_wait = false;
	shipper->stats.last_success_time = real_ns();
	if (failures)
		say(shipper, HADAL_SHIP_INFO, "%s answers again after %u failed attempts", endpoint->shown, failures);
}

static void tell_rejected(struct hadal_shipper *shipper, const struct hadal_endpoint *endpoint, uint64_t items,
			  const char *reason)
{
	note_error(shipper, "%s: %s", endpoint->shown, reason);
	if (due(&shipper->rejected_limit, &items))
		say(shipper, HADAL_SHIP_ERROR, "%s rejected %llu points or records: %s", endpoint->shown,
		    (unsigned long long)items, reason);
}

static void finish_delivered(struct hadal_shipper *shipper, struct hadal_ship_request *request,
			     const struct hadal_http_answer *answer)
{
	const struct hadal_endpoint *endpoint = &shipper->endpoints[request->signal];
	struct hadal_ship_signal_stats *stats = account(shipper, request->signal);
	struct hadal_otlp_response response = { 0 };
	uint64_t rejected;

	/* A body that is no export response says nothing against the 200 before it. */
	if (answer->protobuf)
		hadal_otlp_response_parse(answer->body, answer->size, &response);
	rejected = response.rejected < request->items ? response.rejected : request->items;
	settle(shipper, request->signal, rejected, &stats->rejected);
	settle(shipper, request->signal, request->items - rejected, &stats->accepted);
	hadal_ship_queue_release_request(&shipper->queue, request);
	note_success(shipper, endpoint);
	if (!rejected && !response.message[0])
		return;
	shipper->stats.partial++;
	tell_rejected(shipper, endpoint, rejected, response.message[0] ? response.message : "no reason given");
}

static void describe(const struct hadal_http_answer *answer, char *reason, size_t size)
{
	char text[160];

	if (answer->curl_code) {
		snprintf(reason, size, "%s", answer->trouble);
		return;
	}
	hadal_otlp_error_text(answer->body, answer->size, answer->protobuf, text, sizeof(text));
	snprintf(reason, size, "status %ld%s%s", answer->status, text[0] ? ": " : "", text);
}

static void finish_refused(struct hadal_shipper *shipper, struct hadal_ship_request *request,
			   const struct hadal_http_answer *answer)
{
	const struct hadal_endpoint *endpoint = &shipper->endpoints[request->signal];
	struct hadal_ship_signal_stats *stats = account(shipper, request->signal);
	const uint64_t items = request->items;
	char reason[256];

	describe(answer, reason, sizeof(reason));
	settle(shipper, request->signal, items, answer->curl_code ? &stats->dropped_failed : &stats->rejected);
	hadal_ship_queue_release_request(&shipper->queue, request);
	shipper->failures = 0;
	tell_rejected(shipper, endpoint, items, reason);
}

static void set_wait(struct hadal_shipper *shipper, const struct hadal_http_answer *answer)
{
	int64_t wait = -1;

	if (!answer->curl_code && answer->retry_after[0])
		wait = hadal_retry_after_ms(answer->retry_after, time(NULL), shipper->retry_after_max_ms);
	shipper->asked_to_wait = wait >= 0;
	if (wait < 0)
		wait = hadal_backoff_ms(shipper->backoff_first_ms, shipper->backoff_max_ms, shipper->failures,
					random_number());
	shipper->next_ms = clock_ms() + (uint64_t)wait;
}

static void keep_for_later(struct hadal_shipper *shipper, struct hadal_ship_request *request,
			   const struct hadal_http_answer *answer)
{
	const struct hadal_endpoint *endpoint = &shipper->endpoints[request->signal];
	char reason[256];

	describe(answer, reason, sizeof(reason));
	request->attempts++;
	shipper->failures++;
	hadal_ship_queue_put_back(&shipper->queue, request);
	drop_over_bounds(shipper);
	set_wait(shipper, answer);
	note_error(shipper, "%s: %s", endpoint->shown, reason);
	if (shipper->failures == 1)
		say(shipper, HADAL_SHIP_WARNING, "%s: %s; will be repeated", endpoint->shown, reason);
}

static void finish(struct hadal_shipper *shipper, struct hadal_ship_request *request,
		   const struct hadal_http_answer *answer)
{
	enum hadal_ship_verdict verdict;

	if (answer->abandoned) {
		hadal_ship_queue_put_back(&shipper->queue, request);
		return;
	}
	verdict = answer->curl_code ? hadal_ship_verdict_of_transfer(answer->curl_code) :
				      hadal_ship_verdict_of_status(answer->status);
	switch (verdict) {
	case HADAL_SHIP_DELIVERED:
		finish_delivered(shipper, request, answer);
		break;
	case HADAL_SHIP_REFUSED:
		finish_refused(shipper, request, answer);
		break;
	case HADAL_SHIP_REPEAT:
		keep_for_later(shipper, request, answer);
		break;
	}
}

/* Sending */

static unsigned int time_left(struct hadal_shipper *shipper)
{
	const uint64_t now = clock_ms();

	if (!shipper->stopping)
		return FOREVER_MS;
	return now < shipper->deadline_ms ? (unsigned int)(shipper->deadline_ms - now) : 0;
}

static unsigned int patience(void *context)
{
	struct hadal_shipper *shipper = context;
	unsigned int left;

	pthread_mutex_lock(&shipper->lock);
	left = time_left(shipper);
	pthread_mutex_unlock(&shipper->lock);
	return left;
}

static bool send_oldest(struct hadal_shipper *shipper)
{
	struct hadal_ship_request *request;
	struct hadal_http_answer answer;

	if (clock_ms() < shipper->next_ms || !time_left(shipper))
		return false;
	request = hadal_ship_queue_take_request(&shipper->queue);
	if (!request)
		return false;
	shipper->stats.requests++;
	shipper->stats.retries += request->attempts > 0;
	shipper->stats.bytes_sent += request->size;
	pthread_mutex_unlock(&shipper->lock);
	hadal_http_post(shipper->http, &shipper->endpoints[request->signal], request, patience, shipper, &answer);
	pthread_mutex_lock(&shipper->lock);
	finish(shipper, request, &answer);
	hadal_http_answer_clear(&answer);
	return true;
}

/* The thread */

static void sleep_until(struct hadal_shipper *shipper, uint64_t when_ms)
{
	const struct timespec when = {
		.tv_sec = (time_t)(when_ms / 1000),
		.tv_nsec = (long)(when_ms % 1000 * 1000000),
	};

	pthread_cond_timedwait(&shipper->changed, &shipper->lock, &when);
}

static bool has_request(const struct hadal_shipper *shipper)
{
	return shipper->queue.first_request != NULL;
}

/* Nothing left to do, or no time to do it. */
static bool at_end(struct hadal_shipper *shipper)
{
	if (!shipper->stopping)
		return false;
	return !has_request(shipper) || !time_left(shipper) || shipper->next_ms >= shipper->deadline_ms;
}

static void *run(void *context)
{
	struct hadal_shipper *shipper = context;

	pthread_setname_np(pthread_self(), "hadald-ship");
	pthread_mutex_lock(&shipper->lock);
	for (;;) {
		tell_drops(shipper);
		if (encode_oldest(shipper) || send_oldest(shipper))
			continue;
		if (at_end(shipper))
			break;
		if (has_request(shipper))
			sleep_until(shipper, shipper->next_ms);
		else
			pthread_cond_wait(&shipper->changed, &shipper->lock);
	}
	pthread_mutex_unlock(&shipper->lock);
	return NULL;
}

/* Signals are for the event loop, not for this thread. */
static int start_thread(struct hadal_shipper *shipper)
{
	sigset_t all, before;
	int ret;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	ret = pthread_create(&shipper->thread, NULL, run, shipper);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -ret;
}

/* Life */

static void free_shipper(struct hadal_shipper *shipper)
{
	for (int i = 0; i < HADAL_SIGNALS; i++)
		hadal_endpoint_free(&shipper->endpoints[i]);
	hadal_ship_queue_free(&shipper->queue);
	hadal_http_free(shipper->http);
	pthread_cond_destroy(&shipper->changed);
	pthread_mutex_destroy(&shipper->lock);
	free(shipper);
}

static void init_lock(struct hadal_shipper *shipper)
{
	pthread_condattr_t attributes;

	pthread_mutex_init(&shipper->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&shipper->changed, &attributes);
	pthread_condattr_destroy(&attributes);
}

static struct hadal_shipper *make_shipper(const struct hadal_ship_config *config)
{
	struct hadal_shipper *shipper = calloc(1, sizeof(*shipper));

	if (!shipper)
		return NULL;
	shipper->request_bytes = config->request_bytes;
	shipper->backoff_first_ms = config->backoff_first_ms;
	shipper->backoff_max_ms = config->backoff_max_ms;
	shipper->retry_after_max_ms = config->retry_after_max_ms;
	shipper->compress = !config->no_compression;
	shipper->log = config->log;
	shipper->log_context = config->log_context;
	hadal_ship_queue_init(&shipper->queue, config->queue_bytes, config->queue_batches);
	init_lock(shipper);
	return shipper;
}

static int start(struct hadal_shipper *shipper, const struct hadal_ship_config *config, char *error,
		 size_t error_size)
{
	int ret = make_instance(shipper->instance);

	if (!ret)
		ret = hadal_http_new(config, &shipper->http);
	if (!ret)
		ret = start_thread(shipper);
	if (ret)
		snprintf(error, error_size, "shipping cannot start: %s", strerror(-ret));
	return ret;
}

int hadal_shipper_new(const struct hadal_ship_config *config, struct hadal_shipper **shipper,
		      char *error, size_t error_size)
{
	struct hadal_endpoint endpoints[HADAL_SIGNALS];
	struct hadal_ship_config resolved;
	struct hadal_shipper *made;
	enum hadal_ship_part part;
	int ret = hadal_ship_config_resolve(config, &resolved, endpoints, &part, error, error_size);

	if (ret)
		return ret;
	made = make_shipper(&resolved);
	if (!made) {
		for (int i = 0; i < HADAL_SIGNALS; i++)
			hadal_endpoint_free(&endpoints[i]);
		return -ENOMEM;
	}
	memcpy(made->endpoints, endpoints, sizeof(endpoints));
	ret = start(made, &resolved, error, error_size);
	if (ret) {
		free_shipper(made);
		return ret;
	}
	*shipper = made;
	return 0;
}

int hadal_shipper_check(const struct hadal_ship_config *config, enum hadal_ship_part *part, char *error,
			size_t error_size)
{
	struct hadal_endpoint endpoints[HADAL_SIGNALS];
	struct hadal_ship_config resolved;
	const int ret = hadal_ship_config_resolve(config, &resolved, endpoints, part, error, error_size);

	if (ret)
		return ret;
	for (int i = 0; i < HADAL_SIGNALS; i++)
		hadal_endpoint_free(&endpoints[i]);
	return 0;
}

static void count_submitted(struct hadal_shipper *shipper, struct hadal_batch_counts counts)
{
	shipper->stats.batches++;
	shipper->stats.refused += counts.refused;
	shipper->stats.truncated += counts.truncated;
	for (int i = 0; i < HADAL_SIGNALS; i++) {
		const uint64_t items = items_of(counts, (enum hadal_signal)i);

		shipper->stats.signal[i].submitted += items;
		shipper->stats.signal[i].waiting += items;
	}
}

static void drop_submitted(struct hadal_shipper *shipper, struct hadal_batch_counts counts, int error)
{
	for (int i = 0; i < HADAL_SIGNALS; i++) {
		struct hadal_ship_signal_stats *stats = &shipper->stats.signal[i];
		uint64_t *to = &stats->dropped_failed;

		if (error == -ESHUTDOWN)
			to = &stats->dropped_stop;
		else if (error == -ENOBUFS)
			to = &stats->dropped_oversize;
		settle(shipper, (enum hadal_signal)i, items_of(counts, (enum hadal_signal)i), to);
	}
}

int hadal_shipper_submit(struct hadal_shipper *shipper, struct hadal_batch *batch)
{
	const struct hadal_batch_counts counts = hadal_batch_counts(batch);
	struct hadal_ship_inbox_entry *entry = calloc(1, sizeof(*entry));
	int ret = entry ? 0 : -ENOMEM;

	pthread_mutex_lock(&shipper->lock);
	count_submitted(shipper, counts);
	if (shipper->stopping)
		ret = -ESHUTDOWN;
	else if (counts.bytes > shipper->queue.max_bytes)
		ret = -ENOBUFS;
	if (ret) {
		drop_submitted(shipper, counts, ret);
	} else {
		entry->batch = batch;
		hadal_ship_queue_add_batch(&shipper->queue, entry);
		drop_over_bounds(shipper);
		pthread_cond_signal(&shipper->changed);
	}
	pthread_mutex_unlock(&shipper->lock);
	if (ret) {
		free(entry);
		hadal_batch_free(batch);
	}
	return ret;
}

static void copy_stats(const struct hadal_shipper *shipper, struct hadal_ship_stats *stats)
{
	*stats = shipper->stats;
	stats->queue_bytes = shipper->queue.bytes;
	stats->queue_batches = shipper->queue.count;
}

void hadal_shipper_stats(struct hadal_shipper *shipper, struct hadal_ship_stats *stats)
{
	pthread_mutex_lock(&shipper->lock);
	copy_stats(shipper, stats);
	pthread_mutex_unlock(&shipper->lock);
}

static void begin_stop(struct hadal_shipper *shipper, unsigned int deadline_ms)
{
	pthread_mutex_lock(&shipper->lock);
	shipper->stopping = true;
	shipper->deadline_ms = clock_ms() + deadline_ms;
	/* Our own patience ends here; a receiver's wish to be left alone does not. */
	if (!shipper->asked_to_wait)
		shipper->next_ms = 0;
	pthread_cond_signal(&shipper->changed);
	pthread_mutex_unlock(&shipper->lock);
	hadal_http_wake(shipper->http);
}

int hadal_shipper_stop(struct hadal_shipper *shipper, unsigned int deadline_ms,
		       struct hadal_ship_stats *stats)
{
	struct hadal_ship_items dropped;
	uint64_t sum = 0;

	if (!shipper)
		return 0;
	begin_stop(shipper, deadline_ms);
	pthread_join(shipper->thread, NULL);
	dropped = hadal_ship_queue_drop_all(&shipper->queue);
	for (int i = 0; i < HADAL_SIGNALS; i++) {
		settle(shipper, (enum hadal_signal)i, dropped.count[i], &shipper->stats.signal[i].dropped_stop);
		sum += dropped.count[i];
	}
	if (stats)
		copy_stats(shipper, stats);
	free_shipper(shipper);
	return sum ? -ETIMEDOUT : 0;
}
