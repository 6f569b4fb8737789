// SPDX-License-Identifier: GPL-2.0-only
#include <linux/device.h>
#include <linux/sysfs.h>

#include "conn_table.h"
#include "emit.h"
#include "governor.h"
#include "ring_memory.h"
#include "session.h"
#include "sysfs.h"
#include "udp.h"

#define HADAL_ATTRIBUTE(name, format, value)						\
static ssize_t name##_show(struct device *dev, struct device_attribute *attr, char *buf)	\
{											\
	return sysfs_emit(buf, format "\n", value);					\
}											\
static DEVICE_ATTR_RO(name)

HADAL_ATTRIBUTE(version, "%s", HADAL_VERSION);
HADAL_ATTRIBUTE(abi, "%d", HADAL_ABI_VERSION);
HADAL_ATTRIBUTE(sessions, "%u", hadal_session_count());
HADAL_ATTRIBUTE(connections, "%lu", hadal_conn_table_live());
HADAL_ATTRIBUTE(connections_max, "%u", hadal_conn_table_max());
HADAL_ATTRIBUTE(connections_overflow, "%llu", hadal_conn_table_overflow());
HADAL_ATTRIBUTE(hook_hits, "%llu", hadal_governor_hits());
HADAL_ATTRIBUTE(hook_time, "%llu", hadal_governor_time());
HADAL_ATTRIBUTE(udp_flows, "%u", hadal_udp_table_live());
HADAL_ATTRIBUTE(udp_flows_max, "%u", hadal_udp_table_max());
HADAL_ATTRIBUTE(udp_overflow, "%llu", hadal_udp_overflow());
HADAL_ATTRIBUTE(ring_memory, "%lu", hadal_ring_memory_used());
HADAL_ATTRIBUTE(ring_memory_max, "%lu", READ_ONCE(hadal_ring_memory_max));
#ifdef HADAL_DEBUG
HADAL_ATTRIBUTE(debug_probes, "%lld", atomic64_read(&hadal_debug_probes));
HADAL_ATTRIBUTE(debug_preemptible, "%lld", atomic64_read(&hadal_debug_preemptible));
HADAL_ATTRIBUTE(debug_compared, "%lld", atomic64_read(&hadal_debug_compared));
HADAL_ATTRIBUTE(debug_mistaken, "%lld", atomic64_read(&hadal_debug_mistaken));
#endif

static struct attribute *module_attributes[] = {
	&dev_attr_version.attr,
	&dev_attr_abi.attr,
	&dev_attr_sessions.attr,
	&dev_attr_connections.attr,
	&dev_attr_connections_max.attr,
	&dev_attr_connections_overflow.attr,
	&dev_attr_hook_hits.attr,
	&dev_attr_hook_time.attr,
	&dev_attr_udp_flows.attr,
	&dev_attr_udp_flows_max.attr,
	&dev_attr_udp_overflow.attr,
	&dev_attr_ring_memory.attr,
	&dev_attr_ring_memory_max.attr,
#ifdef HADAL_DEBUG
	&dev_attr_debug_probes.attr,
	&dev_attr_debug_preemptible.attr,
	&dev_attr_debug_compared.attr,
	&dev_attr_debug_mistaken.attr,
#endif
	NULL,
};

static const struct attribute_group module_group = { .attrs = module_attributes };

/* ---- a directory per class ---- */

/* @offset: of the class's value in struct hadal_stats. */
struct class_attribute_of {
	struct device_attribute attribute;
	size_t offset;
};

static ssize_t class_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	const struct class_attribute_of *wanted =
		container_of(attr, struct class_attribute_of, attribute);
	struct hadal_stats stats;

	hadal_session_totals(&stats);
	return sysfs_emit(buf, "%llu\n", *(u64 *)((u8 *)&stats + wanted->offset));
}

#define CLASS_ATTRIBUTE(name, field)							\
	{										\
		.attribute = __ATTR(name, 0444, class_show, NULL),			\
		.offset = offsetof(struct hadal_stats, field),				\
	}

#define CLASS_GROUP(directory, which)							\
static struct class_attribute_of directory##_of[] = {					\
	CLASS_ATTRIBUTE(produced, class_stats[which].produced),				\
	CLASS_ATTRIBUTE(delivered, class_stats[which].delivered),			\
	CLASS_ATTRIBUTE(lost, class_stats[which].lost),					\
	CLASS_ATTRIBUTE(bytes, class_stats[which].bytes),				\
	CLASS_ATTRIBUTE(filtered, filtered[which]),					\
	CLASS_ATTRIBUTE(governed, governed[which]),					\
};											\
static struct attribute *directory##_attributes[] = {					\
	&directory##_of[0].attribute.attr,						\
	&directory##_of[1].attribute.attr,						\
	&directory##_of[2].attribute.attr,						\
	&directory##_of[3].attribute.attr,						\
	&directory##_of[4].attribute.attr,						\
	&directory##_of[5].attribute.attr,						\
	NULL,										\
};											\
static const struct attribute_group directory##_group = {				\
	.name = #directory,								\
	.attrs = directory##_attributes,						\
}

CLASS_GROUP(control, HADAL_CLASS_CONTROL);
CLASS_GROUP(process, HADAL_CLASS_PROCESS);
CLASS_GROUP(cgroup, HADAL_CLASS_CGROUP);
CLASS_GROUP(tcp, HADAL_CLASS_TCP);
CLASS_GROUP(udp, HADAL_CLASS_UDP);
CLASS_GROUP(dns, HADAL_CLASS_DNS);

const struct attribute_group *hadal_sysfs_groups[] = {
	&module_group,
	&control_group,
	&process_group,
	&cgroup_group,
	&tcp_group,
	&udp_group,
	&dns_group,
	NULL,
};
