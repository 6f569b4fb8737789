/* SPDX-License-Identifier: MIT */
#include <unistd.h>

#include "export_usage.h"

enum { ATTRIBUTES = 2 };

struct metric {
	struct hadal_metric_info info;
	bool full;	/* in that profile alone */
};

enum metric_name {
	CONTAINER_ACTIVE,
	CONTAINER_STARTED,
	CONTAINER_RESTARTED,
	CONTAINER_CPU_TIME,
	CONTAINER_CPU_THROTTLED,
	CONTAINER_CPU_LIMIT,
	CONTAINER_CPU_PERIODS,
	CONTAINER_CPU_PERIODS_THROTTLED,
	CONTAINER_MEMORY_USAGE,
	CONTAINER_MEMORY_WORKING_SET,
	CONTAINER_MEMORY_LIMIT,
	CONTAINER_MEMORY_EVENT,
	CONTAINER_DISK_IO,
	CONTAINER_PRESSURE,
	CONTAINER_THREADS,
	TASK_CPU_THROTTLED,
	TASK_CPU_LIMIT,
	TASK_MEMORY_USAGE,
	TASK_MEMORY_LIMIT,
	HOST_CPU_TIME,
	HOST_CPU_COUNT,
	HOST_MEMORY_USAGE,
	HOST_MEMORY_LIMIT,
	HOST_MEMORY_FOR_USE,
	HOST_LOAD_1,
	HOST_LOAD_5,
	HOST_LOAD_15,
	HOST_UP_TIME,
	HOST_PRESSURE,
	METRICS,
};

static const struct metric metrics[METRICS] = {
	[CONTAINER_ACTIVE] = { { "hadal.container.active", "{container}", "Containers that run",
				 HADAL_UP_DOWN_COUNTER }, false },
	[CONTAINER_STARTED] = { { "hadal.container.started", "{container}", "Starts of containers", HADAL_COUNTER },
				false },
	[CONTAINER_RESTARTED] = { { "hadal.container.restarted", "{container}",
				    "Starts of containers that had run before", HADAL_COUNTER }, false },
	[CONTAINER_CPU_TIME] = { { "container.cpu.time", "s", "CPU time used", HADAL_COUNTER }, false },
	[CONTAINER_CPU_THROTTLED] = { { "hadal.container.cpu.throttled", "s",
					"Time that CPUs were refused because the limit was used up", HADAL_COUNTER },
				      false },
	[CONTAINER_CPU_LIMIT] = { { "hadal.container.cpu.limit", "{cpu}", "CPUs that may be used", HADAL_GAUGE },
				  false },
	[CONTAINER_CPU_PERIODS] = { { "hadal.container.cpu.period.elapsed", "{period}",
				      "Periods of the limit on CPU time with something to run", HADAL_COUNTER }, true },
	[CONTAINER_CPU_PERIODS_THROTTLED] = { { "hadal.container.cpu.period.throttled", "{period}",
						"Periods of these in which the limit was used up", HADAL_COUNTER },
					      true },
	[CONTAINER_MEMORY_USAGE] = { { "container.memory.usage", "By", "Memory in use, with files that are cached",
				       HADAL_UP_DOWN_COUNTER }, false },
	[CONTAINER_MEMORY_WORKING_SET] = { { "container.memory.working_set", "By",
					     "Memory in use, without files that were not used lately",
					     HADAL_UP_DOWN_COUNTER }, true },
	[CONTAINER_MEMORY_LIMIT] = { { "hadal.container.memory.limit", "By", "Memory that may be used",
				       HADAL_UP_DOWN_COUNTER }, false },
	[CONTAINER_MEMORY_EVENT] = { { "hadal.container.memory.event", "{event}", "Limits of memory that were met",
				       HADAL_COUNTER }, true },
	[CONTAINER_DISK_IO] = { { "container.disk.io", "By", "Bytes read from and written to disks", HADAL_COUNTER },
				true },
	[CONTAINER_PRESSURE] = { { "hadal.container.pressure", "s", "Time that some or all work waited for want of it",
				   HADAL_COUNTER }, true },
	[CONTAINER_THREADS] = { { "hadal.container.thread.count", "{thread}", "Threads", HADAL_UP_DOWN_COUNTER }, true },
	[TASK_CPU_THROTTLED] = { { "hadal.task.cpu.throttled", "s",
				   "Time that CPUs were refused because the task's limit was used up",
				   HADAL_COUNTER }, false },
	[TASK_CPU_LIMIT] = { { "hadal.task.cpu.limit", "{cpu}", "CPUs that tasks may use", HADAL_GAUGE }, false },
	[TASK_MEMORY_USAGE] = { { "hadal.task.memory.usage", "By", "Memory of tasks with a limit of their own",
				  HADAL_UP_DOWN_COUNTER }, false },
	[TASK_MEMORY_LIMIT] = { { "hadal.task.memory.limit", "By", "Memory that tasks may use",
				  HADAL_UP_DOWN_COUNTER }, false },
	[HOST_CPU_TIME] = { { "system.cpu.time", "s", "Time of all CPUs", HADAL_COUNTER }, false },
	[HOST_CPU_COUNT] = { { "system.cpu.logical.count", "{cpu}", "CPUs online", HADAL_UP_DOWN_COUNTER }, false },
	[HOST_MEMORY_USAGE] = { { "system.memory.usage", "By", "Memory by what it is used for",
				  HADAL_UP_DOWN_COUNTER }, false },
	[HOST_MEMORY_LIMIT] = { { "system.memory.limit", "By", "All memory", HADAL_UP_DOWN_COUNTER }, false },
	[HOST_MEMORY_FOR_USE] = { { "system.memory.linux.available", "By", "Memory that could be had without swapping",
				    HADAL_UP_DOWN_COUNTER }, false },
	[HOST_LOAD_1] = { { "system.cpu.load_average.1m", "{thread}", "Load over one minute", HADAL_GAUGE }, false },
	[HOST_LOAD_5] = { { "system.cpu.load_average.5m", "{thread}", "Load over five minutes", HADAL_GAUGE }, true },
	[HOST_LOAD_15] = { { "system.cpu.load_average.15m", "{thread}", "Load over fifteen minutes", HADAL_GAUGE },
			   true },
	[HOST_UP_TIME] = { { "system.uptime", "s", "Time since boot", HADAL_GAUGE }, false },
	[HOST_PRESSURE] = { { "hadal.system.pressure", "s", "Time that some or all work waited for want of it",
			      HADAL_COUNTER }, false },
};

const struct hadal_metric_info *export_usage_metric(size_t i, bool *full)
{
	if (i >= METRICS)
		return NULL;
	*full = metrics[i].full;
	return &metrics[i].info;
}

/* Where points go. */
struct place {
	struct hadal_batch *batch;
	struct hadal_resource *resource;
	struct hadal_point point;
	bool full;
};

static struct hadal_metric *metric_of(const struct place *place, enum metric_name name)
{
	return hadal_resource_metric(place->resource, &metrics[name].info);
}

/* Whether it is a number that tells nothing: a counter that has never counted. */
static bool is_nothing(enum metric_name name, double value)
{
	return metrics[name].info.kind == HADAL_COUNTER && value <= 0;
}

static bool is_told(const struct place *place, enum metric_name name)
{
	return place->full || !metrics[name].full;
}

static void put(const struct place *place, enum metric_name name, const struct hadal_telemetry_attribute *attributes,
		uint64_t value)
{
	struct hadal_point point = place->point;

	if (!is_told(place, name) || is_nothing(name, (double)value))
		return;
	point.attributes = hadal_batch_attributes(place->batch, attributes, attributes ? ATTRIBUTES : 0);
	hadal_metric_add_int(metric_of(place, name), &point, (int64_t)value);
}

static void put_real(const struct place *place, enum metric_name name,
		     const struct hadal_telemetry_attribute *attributes, double value)
{
	struct hadal_point point = place->point;

	if (!is_told(place, name) || is_nothing(name, value))
		return;
	if (metrics[name].info.kind == HADAL_GAUGE)
		point.start_time = 0;
	point.attributes = hadal_batch_attributes(place->batch, attributes, attributes ? ATTRIBUTES : 0);
	hadal_metric_add_double(metric_of(place, name), &point, value);
}

/* ---- of workloads ---- */

struct row {
	enum metric_name name;
	enum usage_value value;
	struct hadal_telemetry_attribute attributes[ATTRIBUTES];	/* text; without key and text: none */
	bool seconds;	/* the value is in ns, and told in s */
};

#define TEXT(name, text) { .key = name, .type = HADAL_VALUE_STRING, .string = text }

#define PRESSURE_ROW(metric, usage, of, share) \
	{ metric, usage, { TEXT("hadal.pressure.resource", of), TEXT("hadal.pressure.share", share) }, true }

static const struct row container_rows[] = {
	{ CONTAINER_STARTED, USAGE_STARTED, { { 0 } }, false },
	{ CONTAINER_RESTARTED, USAGE_RESTARTED, { { 0 } }, false },
	{ CONTAINER_CPU_TIME, USAGE_CPU_USER, { TEXT("cpu.mode", "user") }, true },
	{ CONTAINER_CPU_TIME, USAGE_CPU_SYSTEM, { TEXT("cpu.mode", "system") }, true },
	{ CONTAINER_CPU_THROTTLED, USAGE_CPU_THROTTLED, { { 0 } }, true },
	{ CONTAINER_CPU_LIMIT, USAGE_CPU_LIMIT, { { 0 } }, true },
	{ CONTAINER_CPU_PERIODS, USAGE_CPU_PERIODS, { { 0 } }, false },
	{ CONTAINER_CPU_PERIODS_THROTTLED, USAGE_CPU_PERIODS_THROTTLED, { { 0 } }, false },
	{ CONTAINER_MEMORY_USAGE, USAGE_MEMORY, { { 0 } }, false },
	{ CONTAINER_MEMORY_WORKING_SET, USAGE_MEMORY_WORKING_SET, { { 0 } }, false },
	{ CONTAINER_MEMORY_LIMIT, USAGE_MEMORY_LIMIT, { { 0 } }, false },
	{ CONTAINER_MEMORY_EVENT, USAGE_MEMORY_HIGH_HITS, { TEXT("hadal.container.memory.event.type", "high") }, false },
	{ CONTAINER_MEMORY_EVENT, USAGE_MEMORY_MAX_HITS, { TEXT("hadal.container.memory.event.type", "max") }, false },
	{ CONTAINER_MEMORY_EVENT, USAGE_MEMORY_OOM, { TEXT("hadal.container.memory.event.type", "oom") }, false },
	{ CONTAINER_MEMORY_EVENT, USAGE_MEMORY_OOM_KILLS,
	  { TEXT("hadal.container.memory.event.type", "oom_kill") }, false },
	{ CONTAINER_DISK_IO, USAGE_DISK_READ, { TEXT("disk.io.direction", "read") }, false },
	{ CONTAINER_DISK_IO, USAGE_DISK_WRITTEN, { TEXT("disk.io.direction", "write") }, false },
	PRESSURE_ROW(CONTAINER_PRESSURE, USAGE_CPU_SOME, "cpu", "some"),
	PRESSURE_ROW(CONTAINER_PRESSURE, USAGE_CPU_FULL, "cpu", "full"),
	PRESSURE_ROW(CONTAINER_PRESSURE, USAGE_MEMORY_SOME, "memory", "some"),
	PRESSURE_ROW(CONTAINER_PRESSURE, USAGE_MEMORY_FULL, "memory", "full"),
	PRESSURE_ROW(CONTAINER_PRESSURE, USAGE_IO_SOME, "io", "some"),
	PRESSURE_ROW(CONTAINER_PRESSURE, USAGE_IO_FULL, "io", "full"),
	{ CONTAINER_THREADS, USAGE_THREADS, { { 0 } }, false },
};

static const struct row task_rows[] = {
	{ TASK_CPU_THROTTLED, USAGE_CPU_THROTTLED, { { 0 } }, true },
	{ TASK_CPU_LIMIT, USAGE_CPU_LIMIT, { { 0 } }, true },
	{ TASK_MEMORY_USAGE, USAGE_MEMORY, { { 0 } }, false },
	{ TASK_MEMORY_LIMIT, USAGE_MEMORY_LIMIT, { { 0 } }, false },
};

static const struct row pressure_rows[] = {
	PRESSURE_ROW(HOST_PRESSURE, USAGE_CPU_SOME, "cpu", "some"),
	PRESSURE_ROW(HOST_PRESSURE, USAGE_MEMORY_SOME, "memory", "some"),
	PRESSURE_ROW(HOST_PRESSURE, USAGE_MEMORY_FULL, "memory", "full"),
	PRESSURE_ROW(HOST_PRESSURE, USAGE_IO_SOME, "io", "some"),
	PRESSURE_ROW(HOST_PRESSURE, USAGE_IO_FULL, "io", "full"),
};

#define ROWS(list) (sizeof(list) / sizeof((list)[0]))

static void put_row(const struct place *place, const struct row *row, uint64_t value)
{
	if (row->seconds)
		put_real(place, row->name, row->attributes, (double)value / 1e9);
	else
		put(place, row->name, row->attributes, value);
}

/* Whether it has a point: a gauge that is known no more has one, by which it ends. */
static bool row_is_told(const struct row *row, const struct usage_sum *sum, bool full)
{
	if (!full && metrics[row->name].full)
		return false;
	if (row->value >= USAGE_COUNTERS)
		return usage_sum_knows(sum, row->value) || sum->told >> row->value & 1;
	return usage_knows(&sum->total, row->value) &&
	       !is_nothing(row->name, (double)sum->total.value[row->value]);
}

static void put_gauge(const struct place *place, const struct row *row, struct usage_sum *sum)
{
	uint32_t bit = 1U << row->value;
	bool known = usage_sum_knows(sum, row->value);
	struct place target = *place;

	if (!known)
		target.point.no_recorded_value = true;
	sum->told = known ? sum->told | bit : sum->told & ~bit;
	put_row(&target, row, sum->total.value[row->value]);
}

static void put_sum(const struct place *place, const struct row *rows, size_t count, struct usage_sum *sum)
{
	for (size_t i = 0; i < count; i++) {
		if (!row_is_told(&rows[i], sum, place->full))
			continue;
		if (rows[i].value >= USAGE_COUNTERS)
			put_gauge(place, &rows[i], sum);
		else
			put_row(place, &rows[i], sum->total.value[rows[i].value]);
	}
}

void export_workload_usage(struct hadal_batch *batch, struct hadal_resource *resource, const struct hadal_point *point,
			   struct workload_usage *usage, bool full)
{
	struct place place = { .batch = batch, .resource = resource, .point = *point, .full = full };

	put(&place, CONTAINER_ACTIVE, NULL, usage->containers.live);
	put_sum(&place, container_rows, ROWS(container_rows), &usage->containers);
	put_sum(&place, task_rows, ROWS(task_rows), &usage->tasks);
}

static unsigned int rows_told(const struct row *rows, size_t count, const struct usage_sum *sum, bool full)
{
	unsigned int told = 0;

	for (size_t i = 0; i < count; i++)
		told += row_is_told(&rows[i], sum, full);
	return told;
}

/* The first of them is how many containers run. */
unsigned int export_workload_usage_points(const struct workload_usage *usage, bool full)
{
	return 1 + rows_told(container_rows, ROWS(container_rows), &usage->containers, full) +
	       rows_told(task_rows, ROWS(task_rows), &usage->tasks, full);
}

/* ---- of the host ---- */

static void put_cpu_time(const struct place *place, const char *mode, uint64_t ticks)
{
	const struct hadal_telemetry_attribute attributes[ATTRIBUTES] = { hadal_string("cpu.mode", mode), { 0 } };

	put_real(place, HOST_CPU_TIME, attributes, (double)ticks / (double)sysconf(_SC_CLK_TCK));
}

static void put_cpu(const struct place *place, const struct host_usage *usage)
{
	static const struct {
		const char *mode;
		enum host_cpu_mode of;
	} modes[] = {
		{ "user", HOST_CPU_USER }, { "nice", HOST_CPU_NICE }, { "system", HOST_CPU_SYSTEM },
		{ "idle", HOST_CPU_IDLE }, { "iowait", HOST_CPU_IOWAIT }, { "steal", HOST_CPU_STEAL },
	};

	for (size_t i = 0; i < ROWS(modes); i++)
		put_cpu_time(place, modes[i].mode, usage->cpu[modes[i].of]);
	put_cpu_time(place, "interrupt", usage->cpu[HOST_CPU_INTERRUPT] + usage->cpu[HOST_CPU_SOFT_INTERRUPT]);
	put(place, HOST_CPU_COUNT, NULL, usage->cpus);
}

static void put_memory_state(const struct place *place, const char *state, uint64_t bytes)
{
	const struct hadal_telemetry_attribute attributes[ATTRIBUTES] = {
		hadal_string("system.memory.state", state), { 0 }
	};

	put(place, HOST_MEMORY_USAGE, attributes, bytes);
}

static void put_memory(const struct place *place, const struct host_usage *usage)
{
	const uint64_t *memory = usage->memory;
	uint64_t cached = memory[HOST_MEMORY_CACHED] + memory[HOST_MEMORY_RECLAIMABLE];
	uint64_t rest = memory[HOST_MEMORY_FREE] + memory[HOST_MEMORY_BUFFERS] + cached;

	put_memory_state(place, "used", memory[HOST_MEMORY_TOTAL] > rest ? memory[HOST_MEMORY_TOTAL] - rest : 0);
	put_memory_state(place, "free", memory[HOST_MEMORY_FREE]);
	put_memory_state(place, "buffers", memory[HOST_MEMORY_BUFFERS]);
	put_memory_state(place, "cached", cached);
	put(place, HOST_MEMORY_LIMIT, NULL, memory[HOST_MEMORY_TOTAL]);
	put(place, HOST_MEMORY_FOR_USE, NULL, memory[HOST_MEMORY_AVAILABLE]);
}

static void put_pressure(const struct place *place, const struct host_usage *usage)
{
	for (size_t i = 0; i < ROWS(pressure_rows); i++) {
		if (usage_knows(&usage->pressure, pressure_rows[i].value))
			put_row(place, &pressure_rows[i], usage->pressure.value[pressure_rows[i].value]);
	}
}

/* What it counts it has counted since it was booted. */
void export_host_usage(struct hadal_batch *batch, struct hadal_resource *resource, const struct hadal_point *point,
		       const struct host_usage *usage, bool full)
{
	struct place place = { .batch = batch, .resource = resource, .point = *point, .full = full };

	place.point.counted_before = true;
	place.point.start_time = usage->boot_time && usage->boot_time < point->time ? usage->boot_time : point->time - 1;
	if (host_knows(usage, HOST_STAT))
		put_cpu(&place, usage);
	if (host_knows(usage, HOST_MEMINFO))
		put_memory(&place, usage);
	if (host_knows(usage, HOST_LOADAVG)) {
		put_real(&place, HOST_LOAD_1, NULL, usage->load[0]);
		put_real(&place, HOST_LOAD_5, NULL, usage->load[1]);
		put_real(&place, HOST_LOAD_15, NULL, usage->load[2]);
	}
	if (host_knows(usage, HOST_UPTIME))
		put_real(&place, HOST_UP_TIME, NULL, usage->uptime);
	put_pressure(&place, usage);
}
