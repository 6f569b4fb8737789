/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "cgroup_reader.h"
#include "clock.h"
#include "collector_parts.h"
#include "identity.h"
#include "log.h"
#include "model.h"
#include "nat.h"
#include "notify.h"
#include "procfs.h"
#include "program_reader.h"
#include "query_server.h"
#include "syscall_filter.h"

#define REFRESH_WAIT	1	/* ms between slices of a snapshot for who asks */

void collector_end_with(struct collector *collector, int failure)
{
	if (!collector->failure)
		collector->failure = failure;
	collector->ending = true;
}

int collector_watch_fd(struct collector *collector, int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

	return epoll_ctl(collector->epoll, EPOLL_CTL_ADD, fd, &event) ? -errno : 0;
}

int collector_set_timer(struct collector *collector)
{
	time_t seconds = (time_t)collector->config.interval;
	struct itimerspec timer = { .it_interval = { .tv_sec = seconds }, .it_value = { .tv_sec = seconds } };

	return timerfd_settime(collector->timer, 0, &timer, NULL) ? -errno : 0;
}

static int open_loop(struct collector *collector)
{
	int result;

	collector->epoll = epoll_create1(EPOLL_CLOEXEC);
	collector->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (collector->epoll < 0 || collector->timer < 0)
		return -errno;
	result = collector_watch_fd(collector, collector->signals);
	return result ? result : collector_watch_fd(collector, collector->timer);
}

static int start_loop(struct collector *collector)
{
	int result = collector->queries ? collector_watch_fd(collector, query_server_fd(collector->queries)) : 0;

	return result ? result : collector_set_timer(collector);
}

static bool timer_fired(const struct collector *collector)
{
	uint64_t expirations;

	return read(collector->timer, &expirations, sizeof(expirations)) == sizeof(expirations);
}

/* One turn: waits for something to do, at most until the rings are to be read by themselves. */
static void turn(struct collector *collector)
{
	struct epoll_event events[8];
	int wait = collector->refresh_since ? REFRESH_WAIT : HADAL_READ_INTERVAL;
	uint64_t since;

	if (epoll_wait(collector->epoll, events, 8, wait) < 0 && errno != EINTR) {
		collector_end_with(collector, -errno);
		return;
	}
	stage_enter(&collector->stages, STAGE_RECORDS);
	collector_take_signals(collector);
	since = now_ns();
	collector_drain_and_step(collector);
	model_tick(collector->model, now_ns());
	stage_enter(&collector->stages, STAGE_IDENTITY);
	collector_pump_identity(collector);
	collector_pump_programs(collector, since);
	stage_enter(&collector->stages, STAGE_RECORDS);
	collector_look_for_module(collector);
	collector_take_notices(collector);
	if (collector->estimate && since >= collector->estimate_end)
		collector->ending = true;
	collector->interval_over |= timer_fired(collector);
	if (collector->interval_over && !collector->refresh_since)
		collector_begin_interval(collector);
	if (collector_interval_due(collector))
		collector_finish_interval(collector);
	stage_enter(&collector->stages, STAGE_QUERIES);
	collector_serve_queries(collector);
	stage_enter(&collector->stages, STAGE_IDLE);
}

/* What of the time for the end is left to deliver, in ms. */
static unsigned int time_to_deliver(const struct collector *collector, uint64_t since)
{
	uint64_t all = collector->config.stop_timeout * SECOND, passed = now_ns() - since;

	return passed < all ? (unsigned int)((all - passed) / 1000000) : 0;
}

/* What is in the rings and in the connections is shipped before the end. */
static void finish(struct collector *collector)
{
	uint64_t since = now_ns(), half = collector->config.stop_timeout * SECOND / 2;
	uint64_t patience = half < DUMP_TIME ? half : DUMP_TIME;

	notify_systemd("STOPPING=1");
	if (!collector->failure) {
		collector_begin_interval(collector);
		while (!collector->dump_ended && !collector->failure && now_ns() - since < patience)
			collector_drain_and_step(collector);
	}
	source_stop(collector->choice.source);
	collector_drain(collector);
	collector_finish_interval(collector);
	if (hadal_shipper_stop(collector->shipper, time_to_deliver(collector, since), NULL))
		log_line(LOG_PRIORITY_WARNING, "not everything could be delivered before the end");
	collector->shipper = NULL;
}

/* All that needs more is open. A kernel without filters has the service's, or none. */
static void confine(struct collector *collector)
{
	const struct config *config = &collector->config;
	const bool files = collector->shipper && (*config->spool_directory || config_sinks_write(config));
	int result = syscall_filter_apply(config->seccomp, files);

	collector->no_files = !result && !files && config->seccomp != SYSCALL_FILTER_OFF;
	if (result)
		log_line(LOG_PRIORITY_WARNING, "no seccomp filter: %s", strerror(-result));
}

static int open_all(struct collector *collector)
{
	int result = collector_open_signals(collector);

	if (!result)
		result = collector_open_redactor(collector);
	if (!result)
		result = collector_open_model(collector);
	if (!result && !collector->estimate)
		result = collector_start_shipper(collector, &collector->config);
	if (!result)
		result = collector_start_identity(collector);
	if (!result)
		result = collector_start_programs(collector);
	if (!result)
		result = open_loop(collector);
	if (!result)
		result = collector_start_notices(collector);
	if (!result)
		result = collector_open_source(collector);
	if (!result && !collector->estimate)
		collector_open_queries(collector);
	return result ? result : start_loop(collector);
}

static void close_all(struct collector *collector)
{
	query_server_close(collector->queries);
	hadal_shipper_stop(collector->shipper, 0, NULL);
	collector_stop_notices(collector);
	identity_stop(collector->identity);
	program_reader_stop(collector->programs);
	source_close(collector->choice.source);
	model_free(collector->model);
	redactor_free(collector->redactor);
	cgroup_reader_close(collector->cgroups);
	if (collector->proc >= 0)
		close(collector->proc);
	nat_close(collector->nat);
	if (collector->epoll >= 0)
		close(collector->epoll);
	if (collector->timer >= 0)
		close(collector->timer);
	if (collector->signals >= 0)
		close(collector->signals);
	config_free(&collector->config);
}

static const char *purpose_of(const struct collector *collector)
{
	if (collector->estimate)
		return "estimating what shipping would cost: nothing leaves this host";
	return collector->shipper ? "shipping" : "no endpoint: nothing leaves this host";
}

static int run(struct collector *collector)
{
	int result = open_all(collector);

	if (!result) {
		collector->host_deadline = now_ns() + collector->config.identity_wait * SECOND;
		collector_update_host(collector);
		confine(collector);
		log_line(LOG_PRIORITY_INFO, "module %s%s, %s",
			 collector->choice.degraded ? "not used: " : collector->choice.source->version,
			 collector->choice.degraded ? collector->choice.source->state : "", purpose_of(collector));
		notify_systemd("READY=1");
		while (!collector->ending)
			turn(collector);
		finish(collector);
		result = collector->failure;
	}
	close_all(collector);
	return result;
}

int collector_run(struct config *config, const char *path)
{
	struct collector collector = {
		.config = *config, .path = path, .proc = procfs_root(), .epoll = -1, .signals = -1, .timer = -1,
		.start_time = wall_ns(),
	};

	return run(&collector);
}

int collector_estimate(struct config *config, unsigned int seconds, struct estimate *estimate)
{
	struct collector collector = {
		.config = *config, .proc = procfs_root(), .epoll = -1, .signals = -1, .timer = -1,
		.start_time = wall_ns(), .estimate = estimate, .estimate_end = now_ns() + seconds * SECOND,
	};

	return run(&collector);
}
