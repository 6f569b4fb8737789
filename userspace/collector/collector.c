/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <hadal/cgroup.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "collector.h"
#include "export.h"
#include "identity.h"
#include "log.h"
#include "model.h"
#include "notify.h"
#include "procfs.h"

#define SECOND		1000000000ULL
#define DUMP_TIME	(5 * SECOND)	/* an interval waits no longer for its snapshot */

struct collector {
	struct config config;
	const char *path;
	struct hadal_session *session;
	struct hadal_reader *reader;
	struct hadal_query query;
	struct model *model;
	struct identity *identity;
	struct hadal_shipper *shipper;
	struct export_host host;
	uint64_t host_deadline;	/* ns, CLOCK_MONOTONIC: what is not known of it by then is not waited for */
	bool told;		/* series of this host have been shipped */
	bool behind;		/* not all that they count by now */
	int epoll, signals, timer;
	uint64_t start_time;	/* ns since the epoch */
	uint64_t dump_since;	/* ns, CLOCK_MONOTONIC: an interval's snapshot is under way; 0: none */
	bool dump_ended;
	bool udp;		/* the module tells of UDP */
	bool ending;
	int failure;		/* -errno that ends the run; 0 */
};

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * SECOND + (uint64_t)now.tv_nsec;
}

static uint64_t now_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

static uint64_t wall_ns(void)
{
	return clock_ns(CLOCK_REALTIME);
}

/* ---- what the model asks of the host ---- */

static int find_cgroup_path(void *context, uint32_t hierarchy, uint64_t id, int pid, char *path, size_t size)
{
	(void)context;
	return hadal_cgroup_path(hierarchy, id, pid, path, size);
}

static int find_executable(void *context, int pid, uint64_t start_boottime, char *path, size_t size)
{
	(void)context;
	return procfs_executable(pid, start_boottime, path, size);
}

static int open_model(struct collector *collector)
{
	const struct config *config = &collector->config;
	struct model_config model = {
		.processes = (unsigned int)config->processes,
		.containers = (unsigned int)config->containers,
		.connections = (unsigned int)config->connections,
		.workloads = (unsigned int)config->workloads,
		.edges_host = (unsigned int)config->edges_host,
		.edges_workload = (unsigned int)config->edges_workload,
		.events = (unsigned int)config->events,
		.identity_wait = config->identity_wait * SECOND,
		.idle_age = config->idle * SECOND,
		.ephemeral_low = 32768,
		.ephemeral_high = 60999,
		.histograms = config->histograms,
		.lifecycle = config->logs == CONFIG_LOGS_LIFECYCLE && config_ships(config),
		.arguments = config->arguments,
		.networks = config->networks,
		.network_count = config->network_count,
		.cgroup_path = find_cgroup_path,
		.executable_path = find_executable,
		.start_time = collector->start_time,
	};

	procfs_ephemeral_ports(&model.ephemeral_low, &model.ephemeral_high);
	return model_new(&model, &collector->model);
}

static void update_host(struct collector *collector)
{
	static struct address addresses[PEERS_HOST_ADDRESSES];
	unsigned int count = interface_addresses(addresses, PEERS_HOST_ADDRESSES);

	peers_set_host(&collector->model->peers, addresses, count, procfs_net_ns());
}

/* What came first stays. */
static void offer(char *to, size_t size, const char *text)
{
	if (!*to && text)
		snprintf(to, size, "%s", text);
}

#define OFFER(to, text) offer(to, sizeof(to), text)

/* Tasks know the zone that the instance is in. */
static void learn_zone(const struct collector *collector, struct export_host *host)
{
	const struct task *task;

	for (task = collector->model->containers.tasks; task; task = task->hh.next)
		OFFER(host->cloud_zone, task->facts.zone);
}

/* Configured facts before found ones; what was known once stays known, whoever is silent now. */
static void describe_host(const struct collector *collector, struct export_host *host)
{
	const struct config *config = &collector->config;
	struct instance_facts instance;
	char machine[33], name[256] = "";

	*host = (struct export_host){ 0 };
	machine_id(machine);
	if (gethostname(name, sizeof(name) - 1))
		name[0] = '\0';
	OFFER(host->name, config->host_name);
	OFFER(host->name, name);
	OFFER(host->id, config->host_id);
	OFFER(host->id, machine);
	OFFER(host->id, name);
	OFFER(host->cloud_account, config->cloud_account);
	OFFER(host->cloud_region, config->cloud_region);
	OFFER(host->cloud_zone, config->cloud_zone);
	if (identity_instance(collector->identity, &instance)) {
		OFFER(host->cloud_account, instance.account);
		OFFER(host->cloud_region, instance.region);
	}
	learn_zone(collector, host);
	OFFER(host->cloud_account, collector->host.cloud_account);
	OFFER(host->cloud_region, collector->host.cloud_region);
	OFFER(host->cloud_zone, collector->host.cloud_zone);
}

/*
 * Whether more of it may soon be known. What is shipped before could not stay
 * one series: its resource would change.
 */
static bool host_is_pending(const struct collector *collector, uint64_t now)
{
	const struct export_host *host = &collector->host;
	const struct container *container;

	if (collector->ending || now >= collector->host_deadline)
		return false;
	if ((!host->cloud_account[0] || !host->cloud_region[0]) && identity_instance_pending(collector->identity))
		return true;
	for (container = collector->model->containers.table; container; container = container->hh.next) {
		if (!host->cloud_zone[0] && container->task && container_pending(container, now))
			return true;
	}
	return false;
}

/* ---- the session ---- */

static void explain_open(const char *device, int error)
{
	switch (error) {
	case -ENOENT:
	case -ENXIO:
	case -ENODEV:
		log_line(LOG_PRIORITY_ERROR, "%s is not there: the module hadal is not loaded; "
			 "'modprobe hadal' loads it, 'hadal doctor' says what is missing", device);
		break;
	case -EACCES:
	case -EPERM:
		log_line(LOG_PRIORITY_ERROR, "%s: %s; hadald must be in the group hadal", device, strerror(-error));
		break;
	default:
		log_line(LOG_PRIORITY_ERROR, "%s: %s", device, strerror(-error));
	}
}

static int complain(const struct collector *collector, const char *what, int error)
{
	const char *detail = hadal_session_error(collector->session);

	log_line(LOG_PRIORITY_ERROR, "%s: %s", what, *detail ? detail : strerror(-error));
	return error;
}

/* A module that is still loaded after an upgrade may tell less. */
static bool module_tells(const struct collector *collector, unsigned int class)
{
	return collector->query.classes & HADAL_CLASS_BIT(class);
}

static void module_config(const struct collector *collector, struct hadal_config *module)
{
	const struct config *config = &collector->config;

	hadal_config_default(module, &collector->query);
	module->classes = HADAL_CLASS_BIT(HADAL_CLASS_PROCESS) | HADAL_CLASS_BIT(HADAL_CLASS_TCP);
	if (module_tells(collector, HADAL_CLASS_CGROUP))
		module->classes |= HADAL_CLASS_BIT(HADAL_CLASS_CGROUP);
	if (collector->udp)
		module->classes |= HADAL_CLASS_BIT(HADAL_CLASS_UDP);
	module->lifecycle_ring_size = (uint32_t)config->lifecycle_ring;
	module->flow_ring_size = (uint32_t)config->flow_ring;
	module->watermark = (uint32_t)config->watermark;
	module->argv_max = config->arguments ? (uint32_t)config->argv_max : 0;
	memcpy(module->key, config->connection_key, sizeof(module->key));
}

static int filter_cgroups(const struct config *config, struct hadal_config *module)
{
	uint64_t id;
	int result;

	for (unsigned int i = 0; i < config->filter_cgroup_count; i++) {
		result = hadal_cgroup_id(config->filter_cgroups[i], &id);
		if (result) {
			log_line(LOG_PRIORITY_ERROR, "filter.cgroups: there is no v2 cgroup %s",
				 config->filter_cgroups[i]);
			return result;
		}
		module->cgroups[module->cgroup_count++] = id;
	}
	return 0;
}

static void filter_ports(const struct config *config, struct hadal_config *module)
{
	bool excludes = config->filter_not_port_count;
	const struct hadal_port_range *ports = excludes ? config->filter_not_ports : config->filter_ports;

	if (excludes)
		module->flags |= HADAL_CONFIG_EXCLUDE_PORTS;
	module->port_count = excludes ? config->filter_not_port_count : config->filter_port_count;
	memcpy(module->ports, ports, module->port_count * sizeof(module->ports[0]));
}

static int filter_config(const struct config *config, struct hadal_config *module)
{
	if (!config->filter_loopback)
		module->flags |= HADAL_CONFIG_NO_LOOPBACK;
	filter_ports(config, module);
	module->min_duration = config->filter_min_duration;
	return filter_cgroups(config, module);
}

static bool tells_udp(const struct collector *collector)
{
	if (!collector->config.udp)
		return false;
	if (module_tells(collector, HADAL_CLASS_UDP))
		return true;
	log_line(LOG_PRIORITY_WARNING, "collector.udp is on, and module %s does not tell of UDP",
		 collector->query.version);
	return false;
}

/* What is there when records begin to come. */
static uint32_t state_of(const struct collector *collector)
{
	return HADAL_DUMP_PROCESSES | (module_tells(collector, HADAL_CLASS_CGROUP) ? HADAL_DUMP_CGROUPS : 0);
}

/* What each interval's dump holds. */
static uint32_t counters_of(const struct collector *collector)
{
	return HADAL_DUMP_CONNECTIONS | (collector->udp ? HADAL_DUMP_UDP : 0);
}

static int open_session(struct collector *collector)
{
	const char *device = collector->config.device ? collector->config.device : HADAL_DEVICE_PATH;
	struct hadal_config module;
	int result = hadal_session_open(&collector->session, device);

	if (result) {
		explain_open(device, result);
		return result;
	}
	hadal_session_query(collector->session, &collector->query);
	collector->udp = tells_udp(collector);
	module_config(collector, &module);
	result = filter_config(&collector->config, &module);
	if (result)
		return result;
	result = hadal_session_configure(collector->session, &module);
	if (result)
		return complain(collector, "the module refuses the configuration of rings and filters", result);
	collector->reader = hadal_session_reader(collector->session);
	result = hadal_session_start(collector->session);
	if (result)
		return complain(collector, "the session does not start", result);
	result = hadal_session_request_dump(collector->session, state_of(collector) | counters_of(collector));
	return result ? complain(collector, "the dump at start", result) : 0;
}

static void end_with(struct collector *collector, int failure)
{
	if (!collector->failure)
		collector->failure = failure;
	collector->ending = true;
}

/* Reads all that can be read now. */
static void drain(struct collector *collector)
{
	const struct hadal_record *record;
	int result;

	while ((result = hadal_reader_next(collector->reader, &record)) > 0) {
		if (record->type == HADAL_RECORD_DUMP_END)
			collector->dump_ended = true;
		model_record(collector->model, record);
	}
	if (result < 0) {
		log_line(LOG_PRIORITY_ERROR, "reading the module's rings: %s", hadal_reader_error(collector->reader));
		end_with(collector, result);
	}
}

static void drain_and_step(struct collector *collector)
{
	int result;

	do {
		drain(collector);
		result = hadal_session_dump_step(collector->session);
	} while (result > 0 && !collector->failure);
	if (result < 0)
		end_with(collector, complain(collector, "a dump of the module's state", result));
	else
		drain(collector);
}

/* ---- identity ---- */

static void pump_identity(struct collector *collector)
{
	struct containers *containers = &collector->model->containers;
	struct identity_request request;
	struct identity_answer answer;
	uint64_t now = now_ns();

	while (identity_take(collector->identity, &answer))
		containers_answer(containers, &answer, now);
	while (containers_next_request(containers, now, &request)) {
		if (identity_ask(collector->identity, &request)) {
			containers_unasked(containers, request.container_id, now);
			break;
		}
	}
}

static int start_identity(struct collector *collector)
{
	struct lookup_sources sources = {
		.docker_socket = collector->config.docker_socket,
		.ecs_introspection = collector->config.ecs_introspection,
		.ecs_task_metadata = collector->config.ecs_task_metadata,
	};
	int result = identity_start(&sources, &collector->identity);

	if (result)
		log_line(LOG_PRIORITY_ERROR, "the thread for identities: %s", strerror(-result));
	return result;
}

/* ---- shipping ---- */

static void ship_says(void *context, enum hadal_ship_log_level level, const char *message)
{
	static const enum log_priority priorities[] = {
		[HADAL_SHIP_ERROR] = LOG_PRIORITY_ERROR,
		[HADAL_SHIP_WARNING] = LOG_PRIORITY_WARNING,
		[HADAL_SHIP_INFO] = LOG_PRIORITY_INFO,
	};

	(void)context;
	log_line(priorities[level], "%s", message);
}

static int start_shipper(const struct config *config, struct hadal_shipper **shipper)
{
	struct hadal_ship_config ship;
	char error[512];
	int result;

	*shipper = NULL;
	if (!config_ships(config))
		return 0;
	config_ship(config, &ship);
	ship.log = ship_says;
	result = hadal_shipper_new(&ship, shipper, error, sizeof(error));
	if (result)
		log_line(LOG_PRIORITY_ERROR, "shipping: %s", error);
	return result;
}

/* @ended: what has been told ends, under the host's description of then. */
static bool ship_batch(struct collector *collector, uint64_t now, uint64_t wall, bool ended)
{
	struct hadal_ship_stats shipped;
	struct hadal_stats stats = { 0 };
	struct export_source source = {
		.host = &collector->host, .model = collector->model, .stats = &stats, .shipped = &shipped,
		.module_version = collector->query.version, .module_state = "loaded",
		.start_time = collector->start_time, .time = wall, .ended = ended,
		.full = collector->config.profile == CONFIG_PROFILE_FULL, .all = collector->ending, .now = now,
	};
	struct hadal_batch *batch;
	int result = hadal_session_stats(collector->session, HADAL_CPU_ALL, &stats);

	if (result)
		complain(collector, "the module's counters", result);
	hadal_shipper_stats(collector->shipper, &shipped);
	batch = export_batch(&source);
	if (batch)
		hadal_shipper_submit(collector->shipper, batch);
	else
		log_line(LOG_PRIORITY_ERROR, "no memory for the interval's batch; its counts come with the next");
	return batch;
}

/* ---- intervals ---- */

/*
 * A resource that changes makes other series of the same counts. Those of
 * before end, and what comes from now on is counted anew.
 */
static void take_host(struct collector *collector, uint64_t now, uint64_t wall)
{
	struct export_host host;

	describe_host(collector, &host);
	if (memcmp(&host, &collector->host, sizeof(host)) == 0)
		return;
	if (collector->shipper && collector->told) {
		if (collector->behind || !ship_batch(collector, now, wall, true))
			return;
		model_end_series(collector->model);
	}
	collector->host = host;
	collector->told = false;
}

static void finish_interval(struct collector *collector)
{
	uint64_t now = now_ns(), wall = wall_ns();

	collector->dump_since = 0;
	pump_identity(collector);
	update_host(collector);
	take_host(collector, now, wall);
	model_interval(collector->model, now, wall, collector->ending);
	if (collector->shipper && !host_is_pending(collector, now)) {
		collector->behind = !ship_batch(collector, now, wall, false);
		collector->told |= !collector->behind;
	}
	model_interval_done(collector->model, now);
}

/* The counters of live connections come first; with them what was lost of the rest. */
static void begin_interval(struct collector *collector)
{
	int result;

	if (collector->dump_since)
		return;
	result = hadal_session_request_dump(collector->session, counters_of(collector) | collector->model->lost);
	if (result == -EBUSY)
		return;	/* the dump at start is not through yet: the next interval tells all */
	if (result) {
		end_with(collector, complain(collector, "a snapshot of connections", result));
		return;
	}
	collector->dump_since = now_ns();
	collector->dump_ended = false;
}

static bool interval_due(const struct collector *collector)
{
	return collector->dump_since &&
	       (collector->dump_ended || now_ns() - collector->dump_since > DUMP_TIME);
}

static int set_timer(struct collector *collector)
{
	time_t seconds = (time_t)collector->config.interval;
	struct itimerspec timer = { .it_interval = { .tv_sec = seconds }, .it_value = { .tv_sec = seconds } };

	return timerfd_settime(collector->timer, 0, &timer, NULL) ? -errno : 0;
}

/* ---- signals ---- */

static bool needs_restart(const struct config *old, const struct config *new)
{
	return old->lifecycle_ring != new->lifecycle_ring || old->flow_ring != new->flow_ring ||
	       old->watermark != new->watermark || old->edges_host != new->edges_host ||
	       old->edges_workload != new->edges_workload || old->workloads != new->workloads ||
	       old->connections != new->connections || old->processes != new->processes ||
	       old->containers != new->containers || old->events != new->events ||
	       old->histograms != new->histograms || old->arguments != new->arguments || old->udp != new->udp ||
	       old->logs != new->logs || old->identity_wait != new->identity_wait || old->idle != new->idle ||
	       memcmp(old->connection_key, new->connection_key, sizeof(old->connection_key)) ||
	       old->network_count != new->network_count ||
	       memcmp(old->networks, new->networks, sizeof(old->networks));
}

static void use_config(struct collector *collector, struct config *new, struct hadal_shipper *shipper)
{
	if (needs_restart(&collector->config, new))
		log_line(LOG_PRIORITY_WARNING, "what changed in the configuration counts in part only after a "
			 "restart: [module], [limits], [peers] and most of [collector]");
	hadal_shipper_stop(collector->shipper, 1000, NULL);
	collector->shipper = shipper;
	identity_stop(collector->identity);
	collector->identity = NULL;
	config_free(&collector->config);
	collector->config = *new;
	set_timer(collector);
	if (start_identity(collector))
		end_with(collector, -EAGAIN);
	log_line(LOG_PRIORITY_INFO, "configuration read anew");
}

static void reload(struct collector *collector)
{
	struct hadal_shipper *shipper;
	struct config new;

	if (config_load(&new, collector->path, stderr) || start_shipper(&new, &shipper)) {
		log_line(LOG_PRIORITY_ERROR, "the new configuration is wrong; going on with the old one");
		config_free(&new);
		return;
	}
	use_config(collector, &new, shipper);
}

static void take_signal(struct collector *collector)
{
	struct signalfd_siginfo info;

	while (read(collector->signals, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGHUP)
			reload(collector);
		else
			collector->ending = true;
	}
}

static int open_signals(struct collector *collector)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	collector->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	return collector->signals < 0 ? -errno : 0;
}

/* ---- the loop ---- */

static int watch_fd(struct collector *collector, int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

	return epoll_ctl(collector->epoll, EPOLL_CTL_ADD, fd, &event) ? -errno : 0;
}

static int open_loop(struct collector *collector)
{
	int result;

	collector->epoll = epoll_create1(EPOLL_CLOEXEC);
	collector->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (collector->epoll < 0 || collector->timer < 0)
		return -errno;
	result = watch_fd(collector, collector->signals);
	if (!result)
		result = watch_fd(collector, collector->timer);
	if (!result)
		result = watch_fd(collector, hadal_session_fd(collector->session));
	return result ? result : set_timer(collector);
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

	if (epoll_wait(collector->epoll, events, 8, HADAL_READ_INTERVAL) < 0 && errno != EINTR) {
		end_with(collector, -errno);
		return;
	}
	take_signal(collector);
	drain_and_step(collector);
	model_tick(collector->model, now_ns());
	pump_identity(collector);
	if (timer_fired(collector))
		begin_interval(collector);
	if (interval_due(collector))
		finish_interval(collector);
}

/* What is in the rings and in the connections is shipped before the end. */
static void finish(struct collector *collector)
{
	uint64_t since = now_ns();

	notify_systemd("STOPPING=1");
	if (!collector->failure) {
		begin_interval(collector);
		while (!collector->dump_ended && !collector->failure && now_ns() - since < DUMP_TIME)
			drain_and_step(collector);
	}
	hadal_session_stop(collector->session);
	drain(collector);
	finish_interval(collector);
	if (hadal_shipper_stop(collector->shipper, (unsigned int)collector->config.stop_timeout * 1000, NULL))
		log_line(LOG_PRIORITY_WARNING, "not everything could be delivered before the end");
	collector->shipper = NULL;
}

static int open_all(struct collector *collector)
{
	int result = open_signals(collector);

	if (!result)
		result = open_model(collector);
	if (!result)
		result = start_shipper(&collector->config, &collector->shipper);
	if (!result)
		result = start_identity(collector);
	if (!result)
		result = open_session(collector);
	return result ? result : open_loop(collector);
}

static void close_all(struct collector *collector)
{
	hadal_shipper_stop(collector->shipper, 0, NULL);
	identity_stop(collector->identity);
	hadal_session_close(collector->session);
	model_free(collector->model);
	if (collector->epoll >= 0)
		close(collector->epoll);
	if (collector->timer >= 0)
		close(collector->timer);
	if (collector->signals >= 0)
		close(collector->signals);
	config_free(&collector->config);
}

int collector_run(struct config *config, const char *path)
{
	struct collector collector = {
		.config = *config, .path = path, .epoll = -1, .signals = -1, .timer = -1, .start_time = wall_ns(),
	};
	int result = open_all(&collector);

	if (!result) {
		collector.host_deadline = now_ns() + collector.config.identity_wait * SECOND;
		update_host(&collector);
		log_line(LOG_PRIORITY_INFO, "module %s, %s", collector.query.version,
			 collector.shipper ? "shipping" : "no endpoint: nothing leaves this host");
		notify_systemd("READY=1");
		while (!collector.ending)
			turn(&collector);
		finish(&collector);
		result = collector.failure;
	}
	close_all(&collector);
	return result;
}
