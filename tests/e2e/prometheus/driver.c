/* SPDX-License-Identifier: MIT */
/*
 * Makes batches as hadald does, of numbers from a seed, and ships each to what is
 * for Prometheus and to JSON lines. A test compares what real servers then have.
 *
 *	driver SEED BATCHES NAME=VALUE...
 *
 *	write=URL	remote write
 *	scrape=ADDRESS	serve each batch
 *	lines=PATH	JSON lines: what the servers are compared with
 *	start=SECONDS	time of the first batch, since the epoch
 *	step=SECONDS	from one to the next
 *	limit=BYTES	of a request of remote write
 *	form=explicit	histograms with explicit bounds
 *
 * With scrape it tells on standard output when a batch is served, as a line with its
 * number, and goes on when it gets one on standard input. The last line is what became of
 * the points for each sink, "NAME SUBMITTED ACCEPTED REJECTED DROPPED REQUESTS".
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "histogram.h"
#include "ship.h"
#include "sink.h"

#define NS_IN_S	1000000000ULL

enum {
	WORKLOADS = 6,
	EDGES = 20,
	BACKOFF_MS = 50,
	SETTLE_S = 500,
	POLL_US = 2000,
};

static const struct hadal_metric_info
	opened = { "hadal.tcp.connection.opened", "{connection}", "Connections", HADAL_COUNTER },
	io = { "hadal.tcp.io", "By", "Payload", HADAL_COUNTER },
	cpu = { "container.cpu.time", "s", "CPU time", HADAL_COUNTER },
	active = { "hadal.tcp.connection.active", "{connection}", "Open", HADAL_UP_DOWN_COUNTER },
	load = { "system.cpu.load_average.1m", "{thread}", "Load", HADAL_GAUGE },
	info = { "hadal.workload.info", "1", "What runs", HADAL_GAUGE },
	rtts[] = {
		[HISTOGRAM_EXPONENTIAL] = { "hadal.tcp.rtt", "s", "RTT", HADAL_EXPONENTIAL_HISTOGRAM },
		[HISTOGRAM_EXPLICIT] = { "hadal.tcp.rtt", "s", "RTT", HADAL_HISTOGRAM },
	};

struct edge {
	enum { EDGE_NONE, EDGE_LIVES, EDGE_ENDS } state;
	uint64_t start_time;
	int64_t opened, active, sent, received;
	struct histogram rtt;
};

struct driver {
	const char *write, *scrape, *lines;
	uint64_t start, step;
	size_t limit;
	enum histogram_form form;

	uint64_t time, begun;
	struct edge edges[WORKLOADS][EDGES];
	double cpu[WORKLOADS];

	struct hadal_sink_config sinks[3];
	size_t sink_count;
	struct hadal_shipper *shipper;
};

static void die(const char *what, const char *detail)
{
	fprintf(stderr, "driver: %s: %s\n", what, detail);
	exit(2);
}

/* ---- the numbers ---- */

static bool chance(unsigned int percent)
{
	return (unsigned int)random() % 100 < percent;
}

static void live(struct edge *edge)
{
	edge->opened += random() % 100;
	edge->active = random() % 50;
	edge->sent += random() * (random() % 1000);
	edge->received += random();
	for (long n = random() % 40; n; n--)
		histogram_record(&edge->rtt, exp2(-18 + 26 * (double)random() / RAND_MAX));
}

/* Edges come, end, which is told once, and come back. */
static void turn(struct driver *driver, struct edge *edge)
{
	if (edge->state == EDGE_LIVES) {
		edge->state = chance(10) ? EDGE_ENDS : EDGE_LIVES;
	} else if (edge->state == EDGE_ENDS || !chance(40)) {
		edge->state = EDGE_NONE;
	} else {
		*edge = (struct edge){ .state = EDGE_LIVES, .rtt.form = driver->form };
		edge->start_time = driver->time - driver->step / 2;
	}
	if (edge->state == EDGE_LIVES)
		live(edge);
}

/* ---- batches ---- */

static void add_int(struct hadal_resource *resource, const struct hadal_metric_info *metric,
		    const struct hadal_point *point, int64_t value)
{
	hadal_metric_add_int(hadal_resource_metric(resource, metric), point, value);
}

static void add_rtt(struct hadal_resource *resource, const struct hadal_point *point,
		    const struct histogram *histogram)
{
	const struct hadal_exponential_histogram_value exponential = {
		.scale = HISTOGRAM_SCALE, .offset = HISTOGRAM_OFFSET, .counts = histogram->counts,
		.count = HISTOGRAM_BUCKETS, .zero_count = histogram->zero_count, .zero_threshold = histogram_floor(),
		.sum = histogram->sum, .min = histogram->min, .max = histogram->max, .has_extremes = true,
	};
	const struct hadal_histogram_value explicit = {
		.bounds = histogram_bounds, .bound_count = HISTOGRAM_BOUNDS, .counts = histogram->counts,
		.sum = histogram->sum, .min = histogram->min, .max = histogram->max, .has_extremes = true,
	};
	struct hadal_metric *metric = hadal_resource_metric(resource, &rtts[histogram->form]);

	if (histogram->form == HISTOGRAM_EXPONENTIAL)
		hadal_metric_add_exponential_histogram(metric, point, &exponential);
	else
		hadal_metric_add_histogram(metric, point, &explicit);
}

static void add_edge(struct driver *driver, struct hadal_batch *batch, struct hadal_resource *resource, int number,
		     const struct edge *edge)
{
	struct hadal_point point = {
		.start_time = edge->start_time, .time = driver->time, .no_recorded_value = edge->state == EDGE_ENDS,
	};
	char peer[64];

	if (edge->state == EDGE_NONE)
		return;
	snprintf(peer, sizeof(peer), "peer \"%d\"\\\n\xc3\xa4", number);
	point.attributes = HADAL_ATTRIBUTES(batch, hadal_string("hadal.edge.role", number % 2 ? "client" : "server"),
					    hadal_string("hadal.peer.name", peer), hadal_int("server.port", 80 + number));
	add_int(resource, &opened, &point, edge->opened);
	add_int(resource, &active, &point, edge->active);
	add_rtt(resource, &point, &edge->rtt);
	point.attributes = HADAL_ATTRIBUTES(batch, hadal_string("hadal.peer.name", peer),
					    hadal_string("network.io.direction", "transmit"));
	add_int(resource, &io, &point, edge->sent);
	point.attributes = HADAL_ATTRIBUTES(batch, hadal_string("hadal.peer.name", peer),
					    hadal_string("network.io.direction", "receive"));
	add_int(resource, &io, &point, edge->received);
}

static struct hadal_resource *add_resource(struct hadal_batch *batch, int number)
{
	char name[32], instance[64];

	snprintf(name, sizeof(name), "service-%d", number);
	snprintf(instance, sizeof(instance), "i-0123456789/%s", name);
	return hadal_batch_resource(batch, HADAL_ATTRIBUTES(batch, hadal_string("service.name", name),
			hadal_string("service.namespace", number % 3 ? "shop" : NULL),
			hadal_string("service.instance.id", instance), hadal_string("host.id", "i-0123456789"),
			hadal_string("cloud.availability_zone", "eu-central-1a"), hadal_int("host.cpus", 2)));
}

/* The last workload has edges alone, so that at times there is nothing of it. */
static void add_workload(struct driver *driver, struct hadal_batch *batch, int number)
{
	const struct hadal_point point = { .start_time = driver->begun, .time = driver->time };
	struct hadal_resource *resource = add_resource(batch, number);

	for (int i = 0; i < (number == WORKLOADS - 1 ? 1 : EDGES); i++) {
		turn(driver, &driver->edges[number][i]);
		add_edge(driver, batch, resource, i, &driver->edges[number][i]);
	}
	if (number == WORKLOADS - 1)
		return;
	/* As hadald does: what is used is a resource of its own, of the same attributes. */
	resource = add_resource(batch, number);
	driver->cpu[number] += (double)random() / 1e9;
	hadal_metric_add_double(hadal_resource_metric(resource, &cpu), &point, driver->cpu[number]);
	hadal_metric_add_double(hadal_resource_metric(resource, &load), &point, (double)random() / 1e9);
	add_int(resource, &info, &point, 1);
}

static struct hadal_batch *make_batch(struct driver *driver)
{
	struct hadal_batch *batch = hadal_batch_new(0);

	for (int i = 0; i < WORKLOADS; i++)
		add_workload(driver, batch, i);
	if (hadal_batch_error(batch))
		die("batch", strerror(-hadal_batch_error(batch)));
	return batch;
}

/* ---- where they go ---- */

static void add_sink(struct driver *driver, const char *kind, const char *key, const char *value)
{
	struct hadal_sink_config *sink = &driver->sinks[driver->sink_count];

	if (!value)
		return;
	*sink = (struct hadal_sink_config){ .name = kind, .kind = kind };
	if (key) {
		sink->settings[0] = (struct hadal_sink_setting){ key, value };
		sink->setting_count = 1;
	} else {
		sink->ship.signal_endpoint[HADAL_SIGNAL_METRICS] = value;
		sink->ship.signal_off[HADAL_SIGNAL_LOGS] = true;
		sink->ship.request_bytes = driver->limit;
		sink->ship.timeout_ms = SETTLE_S * 1000;
		sink->ship.backoff_first_ms = sink->ship.backoff_max_ms = BACKOFF_MS;
	}
	driver->sink_count++;
}

static void open_all(struct driver *driver)
{
	struct hadal_shipper_config config = { .sinks = driver->sinks };
	char error[512];

	add_sink(driver, "remote_write", NULL, driver->write);
	add_sink(driver, "scrape", "address", driver->scrape);
	add_sink(driver, "json_lines", "path", driver->lines);
	config.sink_count = driver->sink_count;
	if (hadal_shipper_new(&config, &driver->shipper, error, sizeof(error)))
		die("shipper", error);
}

/* So that what is told of a batch is told, and to everybody. */
static void settle(const struct driver *driver)
{
	struct hadal_ship_stats stats;
	uint64_t waiting;

	for (long left = SETTLE_S * 1000000L; left > 0; left -= POLL_US) {
		hadal_shipper_stats(driver->shipper, &stats);
		waiting = 0;
		for (size_t i = 0; i < stats.sink_count; i++)
			waiting += stats.sink[i].signal[HADAL_SIGNAL_METRICS].waiting;
		if (!waiting)
			return;
		usleep(POLL_US);
	}
	die("settle", "it takes too long");
}

static void tell(const struct driver *driver)
{
	struct hadal_ship_stats stats;

	hadal_shipper_stats(driver->shipper, &stats);
	for (size_t i = 0; i < stats.sink_count; i++) {
		const struct hadal_ship_signal_stats *of = &stats.sink[i].signal[HADAL_SIGNAL_METRICS];

		printf("%s%s %llu %llu %llu %llu %llu", i ? " " : "", stats.sink[i].name,
		       (unsigned long long)of->submitted, (unsigned long long)of->accepted,
		       (unsigned long long)of->rejected, (unsigned long long)hadal_ship_dropped(of),
		       (unsigned long long)stats.sink[i].requests);
	}
	printf("\n");
}

/* ---- from outside ---- */

static void set(struct driver *driver, char *argument)
{
	char *value = strchr(argument, '=');

	if (!value)
		die("no NAME=VALUE", argument);
	*value++ = '\0';
	if (!strcmp(argument, "write"))
		driver->write = value;
	else if (!strcmp(argument, "scrape"))
		driver->scrape = value;
	else if (!strcmp(argument, "lines"))
		driver->lines = value;
	else if (!strcmp(argument, "start"))
		driver->start = strtoull(value, NULL, 10) * NS_IN_S;
	else if (!strcmp(argument, "step"))
		driver->step = strtoull(value, NULL, 10) * NS_IN_S;
	else if (!strcmp(argument, "limit"))
		driver->limit = strtoull(value, NULL, 10);
	else if (!strcmp(argument, "form"))
		driver->form = HISTOGRAM_EXPLICIT;
	else
		die("no such setting", argument);
}

int main(int count, char **arguments)
{
	struct driver driver = { .step = NS_IN_S };
	unsigned long batches;

	if (count < 3)
		die("usage", "driver SEED BATCHES NAME=VALUE...");
	srandom((unsigned int)strtoul(arguments[1], NULL, 10));
	batches = strtoul(arguments[2], NULL, 10);
	for (int i = 3; i < count; i++)
		set(&driver, arguments[i]);
	open_all(&driver);
	driver.begun = driver.start - NS_IN_S;
	for (unsigned long i = 0; i < batches; i++) {
		driver.time = driver.start + i * driver.step;
		if (hadal_shipper_submit(driver.shipper, make_batch(&driver)))
			die("submit", "refused");
		settle(&driver);
		if (!driver.scrape)
			continue;
		printf("%lu\n", i);
		fflush(stdout);
		if (getchar() == EOF)
			break;
	}
	tell(&driver);
	hadal_shipper_stop(driver.shipper, 0, NULL);
	return 0;
}
