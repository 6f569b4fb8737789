/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hadal/cgroup.h>
#include <hadal/hadal.h>

#include "hook_test.h"
#include "log.h"
#include "quarantine.h"
#include "source.h"

struct module_source {
	struct source source;
	const struct config *config;
	struct hadal_session *session;
	struct hadal_reader *reader;
	struct hadal_query query;
	char limits[256];
};

static struct module_source *module_of(struct source *source)
{
	return (struct module_source *)source;
}

/* ---- records ---- */

static int complain(struct module_source *module, const char *what, int error)
{
	const char *detail = hadal_session_error(module->session);

	snprintf(module->source.error, sizeof(module->source.error), "%s: %s", what,
		 *detail ? detail : strerror(-error));
	return error;
}

static int next_record(struct source *source, const struct hadal_record **record)
{
	struct module_source *module = module_of(source);
	int result = hadal_reader_next(module->reader, record);

	if (result < 0)
		snprintf(source->error, sizeof(source->error), "reading the module's rings: %s",
			 hadal_reader_error(module->reader));
	return result;
}

static int request_dump(struct source *source, uint32_t what)
{
	int result = hadal_session_request_dump(module_of(source)->session, what);

	return result && result != -EBUSY ? complain(module_of(source), "a snapshot of connections", result) : result;
}

static int step(struct source *source)
{
	int result = hadal_session_dump_step(module_of(source)->session);

	return result < 0 ? complain(module_of(source), "a dump of the module's state", result) : result;
}

static int stats(struct source *source, struct hadal_stats *stats)
{
	int result = hadal_session_stats(module_of(source)->session, HADAL_CPU_ALL, stats);

	return result ? complain(module_of(source), "the module's counters", result) : 0;
}

static void stop(struct source *source)
{
	hadal_session_stop(module_of(source)->session);
}

static void close_module(struct source *source)
{
	hadal_session_close(module_of(source)->session);
	free(source);
}

/* ---- its configuration ---- */

/* A module that is still loaded after an upgrade may tell less. */
static bool module_tells(const struct module_source *module, unsigned int class)
{
	return module->query.classes & HADAL_CLASS_BIT(class);
}

static void module_config(const struct module_source *module, struct hadal_config *to)
{
	const struct config *config = module->config;

	hadal_config_default(to, &module->query);
	to->classes = HADAL_CLASS_BIT(HADAL_CLASS_PROCESS) | HADAL_CLASS_BIT(HADAL_CLASS_TCP);
	if (module_tells(module, HADAL_CLASS_CGROUP))
		to->classes |= HADAL_CLASS_BIT(HADAL_CLASS_CGROUP);
	if (config->dns && module_tells(module, HADAL_CLASS_DNS))
		to->classes |= HADAL_CLASS_BIT(HADAL_CLASS_DNS);
	if (module->source.udp)
		to->classes |= HADAL_CLASS_BIT(HADAL_CLASS_UDP);
	to->lifecycle_ring_size = (uint32_t)config->lifecycle_ring;
	to->flow_ring_size = (uint32_t)config->flow_ring;
	to->watermark = (uint32_t)config->watermark;
	to->argv_max = config->arguments ? (uint32_t)config->argv_max : 0;
	memcpy(to->key, config->connection_key, sizeof(to->key));
}

static int filter_cgroups(struct module_source *module, struct hadal_config *to)
{
	const struct config *config = module->config;
	uint64_t id;
	int result;

	for (unsigned int i = 0; i < config->filter_cgroup_count; i++) {
		result = hadal_cgroup_id(config->filter_cgroups[i], &id);
		if (result) {
			snprintf(module->source.error, sizeof(module->source.error),
				 "filter.cgroups: there is no v2 cgroup %s", config->filter_cgroups[i]);
			return result;
		}
		to->cgroups[to->cgroup_count++] = id;
	}
	return 0;
}

static void filter_ports(const struct config *config, struct hadal_config *to)
{
	bool excludes = config->filter_not_port_count;
	const struct hadal_port_range *ports = excludes ? config->filter_not_ports : config->filter_ports;

	if (excludes)
		to->flags |= HADAL_CONFIG_EXCLUDE_PORTS;
	to->port_count = excludes ? config->filter_not_port_count : config->filter_port_count;
	memcpy(to->ports, ports, to->port_count * sizeof(to->ports[0]));
}

static int filter_config(struct module_source *module, struct hadal_config *to)
{
	if (!module->config->filter_loopback)
		to->flags |= HADAL_CONFIG_NO_LOOPBACK;
	filter_ports(module->config, to);
	to->min_duration = module->config->filter_min_duration;
	return filter_cgroups(module, to);
}

static bool tells_udp(const struct module_source *module)
{
	if (!module->config->udp)
		return false;
	if (module_tells(module, HADAL_CLASS_UDP))
		return true;
	log_line(LOG_PRIORITY_WARNING, "collector.udp is on, and module %s does not tell of UDP",
		 module->query.version);
	return false;
}

/* Before there is a session whose records are counted. */
static void test_hooks(struct module_source *module, const char *device)
{
	const struct config *config = module->config;
	char missed[160];

	if (!module_tells(module, HADAL_CLASS_UDP) || !(config->udp || config->dns))
		return;
	hook_test_describe(hook_test_udp(device), missed, sizeof(missed));
	if (!*missed)
		return;
	snprintf(module->limits, sizeof(module->limits), "this kernel was compiled so that the module can't see %s%s",
		 missed, config->dns ? ", and peers may lack their DNS names" : "");
	log_line(LOG_PRIORITY_WARNING, "%s", module->limits);
}

/* ---- a session ---- */

/* Filters cut out what is configured to be left out: without them more would leave the host. */
static int start(struct module_source *module, struct source_failure *failure)
{
	struct hadal_config to;
	int result;

	module_config(module, &to);
	result = filter_config(module, &to);
	failure->configuration = result;
	if (result)
		return result;
	result = hadal_session_configure(module->session, &to);
	if (result)
		return complain(module, "the module refuses the configuration of rings and filters", result);
	module->reader = hadal_session_reader(module->session);
	result = hadal_session_start(module->session);
	return result ? complain(module, "the session does not start", result) : 0;
}

static void describe(struct module_source *module)
{
	struct source *source = &module->source;

	hadal_session_query(module->session, &module->query);
	source->udp = tells_udp(module);
	source->fd = hadal_session_fd(module->session);
	source->state = "loaded";
	source->reason = "";
	source->limits = module->limits;
	source->version = module->query.version;
	source->counters_dump = HADAL_DUMP_CONNECTIONS | (source->udp ? HADAL_DUMP_UDP : 0);
	source->state_dump = source->counters_dump | HADAL_DUMP_PROCESSES |
			     (module_tells(module, HADAL_CLASS_CGROUP) ? HADAL_DUMP_CGROUPS : 0);
}

static const struct source_ops ops = {
	.next = next_record,
	.request_dump = request_dump,
	.step = step,
	.stats = stats,
	.stop = stop,
	.close = close_module,
};

/* What keeps it away, if it is known. */
static void explain_absence(const char *device, struct source_failure *failure)
{
	struct quarantine_marker marker;
	char *text = failure->reason, off[160];
	size_t size = sizeof(failure->reason);

	if (quarantine_look("", &marker) == QUARANTINE_HELD) {
		failure->state = "quarantined";
		snprintf(text, size, "the module is quarantined: the host went down within ten minutes of loading it (%s); "
			 "'hadal module release' lets it try again", marker.time);
		return;
	}
	if (quarantine_is_off("", off, sizeof(off))) {
		failure->state = "off";
		snprintf(text, size, "the module is switched off: %s; 'hadal module load' asks again", off);
		return;
	}
	failure->state = "absent";
	snprintf(text, size, "%s is not there: the module hadal is not loaded; 'hadal module load' loads it, "
		 "'hadal doctor' says what is missing", device);
}

static void explain_open(const char *device, struct source_failure *failure)
{
	char *text = failure->reason;
	size_t size = sizeof(failure->reason);

	switch (failure->error) {
	case -ENOENT:
	case -ENXIO:
	case -ENODEV:
		explain_absence(device, failure);
		break;
	case -EACCES:
	case -EPERM:
		failure->state = "refused";
		snprintf(text, size, "%s: %s; hadald must be in the group hadal", device, strerror(-failure->error));
		break;
	default:
		failure->state = "refused";
		snprintf(text, size, "%s: %s", device, strerror(-failure->error));
	}
}

static int fail(struct module_source *module, struct source_failure *failure, int error)
{
	failure->error = error;
	failure->state = error == -EPROTONOSUPPORT ? "incompatible" : "refused";
	snprintf(failure->reason, sizeof(failure->reason), "%.*s", (int)sizeof(failure->reason) - 1,
		 module->source.error);
	close_module(&module->source);
	return error;
}

int source_open_module(const struct config *config, struct source **source, struct source_failure *failure)
{
	const char *device = config->device ? config->device : HADAL_DEVICE_PATH;
	struct module_source *module = calloc(1, sizeof(*module));
	int result;

	*failure = (struct source_failure){ .error = -ENOMEM, .state = "refused", .reason = "no memory" };
	if (!module)
		return -ENOMEM;
	module->source.ops = &ops;
	module->config = config;
	failure->error = hadal_session_open(&module->session, device);
	if (failure->error) {
		explain_open(device, failure);
		free(module);
		return failure->error;
	}
	describe(module);
	test_hooks(module, device);
	result = start(module, failure);
	if (result)
		return fail(module, failure, result);
	*source = &module->source;
	return 0;
}
