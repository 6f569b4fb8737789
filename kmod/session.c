// SPDX-License-Identifier: GPL-2.0-only
#include <linux/capability.h>
#include <linux/cpu.h>
#include <linux/cred.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/user_namespace.h>

#include "conn_table.h"
#include "dump.h"
#include "emit.h"
#include "probes.h"
#include "process.h"
#include "session.h"

#define ARGV_LIMIT	4096U
#define KNOWN_CLASSES	(HADAL_CLASS_BIT(HADAL_CLASS_PROCESS) | \
			 HADAL_CLASS_BIT(HADAL_CLASS_CGROUP) | HADAL_CLASS_BIT(HADAL_CLASS_TCP) | \
			 HADAL_CLASS_BIT(HADAL_CLASS_UDP) | HADAL_CLASS_BIT(HADAL_CLASS_DNS))

/*
 * Configured sessions: those that need rings on a CPU that comes online. The
 * lock is taken inside CPU hotplug, so nothing may wait for hotplug under it.
 */
static LIST_HEAD(all_sessions);
static DEFINE_MUTEX(all_sessions_lock);

static atomic_t open_sessions;
static atomic64_t last_number;

/* Counts of sessions that are gone, under all_sessions_lock. */
static struct hadal_stats retired;

/* Open sessions. */
unsigned int hadal_session_count(void)
{
	return atomic_read(&open_sessions);
}

/* ---- rings ---- */

static void free_cpu_rings(struct hadal_cpu_rings *rings)
{
	int lane;

	if (!rings)
		return;
	for (lane = 0; lane < HADAL_LANES; lane++)
		hadal_ring_memory_destroy(rings->lane[lane]);
	kfree(rings);
}

static u32 ring_size(const struct hadal_session *session, int lane)
{
	return lane == HADAL_LANE_LIFECYCLE ? session->config.lifecycle_ring_size :
					      session->config.flow_ring_size;
}

static int prepare_rings(struct hadal_session *session, unsigned int cpu)
{
	struct hadal_ring_memory *memory;
	struct hadal_cpu_rings *rings;
	u32 size, watermark;
	int lane;

	if (session->rings[cpu])
		return 0;
	rings = kzalloc(sizeof(*rings), GFP_KERNEL_ACCOUNT);
	if (!rings)
		return -ENOMEM;
	for (lane = 0; lane < HADAL_LANES; lane++) {
		size = ring_size(session, lane);
		watermark = session->config.watermark ?: size / 4;
		memory = hadal_ring_memory_create(size, watermark, cpu, lane);
		if (IS_ERR(memory)) {
			free_cpu_rings(rings);
			return PTR_ERR(memory);
		}
		rings->lane[lane] = memory;
	}
	/* No hook runs for the session on that CPU yet: one of the two has not begun. */
	for (lane = 0; lane < HADAL_LANES; lane++)
		per_cpu_ptr(session->cpus, cpu)->ring[lane] = &rings->lane[lane]->ring;
	/* Pairs with the acquire of rings_of_cpu(). */
	smp_store_release(&session->rings[cpu], rings);
	return 0;
}

static void free_rings(struct hadal_session *session)
{
	unsigned int cpu;

	if (!session->rings)
		return;
	for (cpu = 0; cpu < nr_cpu_ids; cpu++)
		free_cpu_rings(session->rings[cpu]);
	kvfree(session->rings);
	session->rings = NULL;
}

static struct hadal_cpu_rings *rings_of_cpu(const struct hadal_session *session, u64 cpu)
{
	if (cpu >= nr_cpu_ids)
		return NULL;
	return smp_load_acquire(&session->rings[cpu]);
}

static void tell_ring_added(struct hadal_session *session, unsigned int cpu)
{
	struct hadal_record_ring_added record = { .added_cpu = cpu };

	preempt_disable();
	hadal_emit_to(session, &record.header, sizeof(record), HADAL_RECORD_RING_ADDED);
	preempt_enable();
}

/**
 * hadal_session_prepare_cpu() - cpuhp prepare step: rings for a CPU
 * @cpu: about to come online
 *
 * A session that gets no memory must not keep the CPU from coming online: what
 * happens there is then counted as lost.
 */
void hadal_session_prepare_cpu(unsigned int cpu)
{
	struct hadal_session *session;

	mutex_lock(&all_sessions_lock);
	list_for_each_entry(session, &all_sessions, all) {
		if (!session->rings[cpu] && !prepare_rings(session, cpu))
			tell_ring_added(session, cpu);
	}
	mutex_unlock(&all_sessions_lock);
}

/* ---- counts ---- */

static void add_ring_stats(struct hadal_stats *stats, const struct hadal_ring *ring)
{
	const struct hadal_ring_counters *counters;
	struct hadal_class_stats *of_class;
	int class;

	for (class = 0; class < HADAL_CLASS_SLOTS; class++) {
		counters = &ring->counters[class];
		of_class = &stats->class_stats[class];
		of_class->produced += local64_read(&counters->produced);
		of_class->delivered += local64_read(&counters->delivered);
		of_class->lost += local64_read(&counters->lost);
		of_class->bytes += local64_read(&counters->bytes);
		stats->governed[class] += local64_read(&counters->governed);
	}
}

static void add_filtered(struct hadal_stats *stats, const struct hadal_session_cpu *cpu)
{
	int class;

	for (class = 0; class < HADAL_CLASS_SLOTS; class++)
		stats->filtered[class] += READ_ONCE(cpu->filtered[class]);
}

/* A CPU may have none of the rings, and what was filtered there counts all the same. */
static void add_cpu_stats(struct hadal_stats *stats, const struct hadal_session *session, u32 cpu)
{
	const struct hadal_cpu_rings *rings = rings_of_cpu(session, cpu);
	int lane;

	for (lane = 0; rings && lane < HADAL_LANES; lane++)
		add_ring_stats(stats, &rings->lane[lane]->ring);
	add_filtered(stats, per_cpu_ptr(session->cpus, cpu));
}

static void add_session_stats(struct hadal_stats *stats, const struct hadal_session *session)
{
	unsigned int cpu;
	int class;
	u64 lost;

	for_each_possible_cpu(cpu)
		add_cpu_stats(stats, session, cpu);
	for (class = 0; class < HADAL_CLASS_SLOTS; class++) {
		lost = atomic64_read(&session->no_ring[class]);
		stats->class_stats[class].produced += lost;
		stats->class_stats[class].lost += lost;
	}
}

/* Totals by class since the module was loaded. */
void hadal_session_totals(struct hadal_stats *stats)
{
	struct hadal_session *session;

	mutex_lock(&all_sessions_lock);
	*stats = retired;
	list_for_each_entry(session, &all_sessions, all)
		add_session_stats(stats, session);
	mutex_unlock(&all_sessions_lock);
}

/* ---- ioctls ---- */

/*
 * A struct that begins with its size. Shorter than its first version: EINVAL;
 * with a tail that is unknown here and not zero: E2BIG. A tail that the caller
 * does not know is zero.
 */
static int get_sized(void *to, size_t size, size_t first_size, void __user *from, u32 *user_size)
{
	if (get_user(*user_size, (u32 __user *)from))
		return -EFAULT;
	if (*user_size < first_size)
		return -EINVAL;
	if (*user_size > PAGE_SIZE)
		return -E2BIG;
	return copy_struct_from_user(to, size, from, *user_size);
}

/* As much as the caller has room for. */
static int put_sized(void __user *to, const void *from, size_t size, u32 user_size)
{
	return copy_to_user(to, from, min_t(size_t, size, user_size)) ? -EFAULT : 0;
}

static long query(void __user *arg)
{
	struct hadal_query query;
	u32 user_size;
	int error = get_sized(&query, sizeof(query), HADAL_QUERY_SIZE_FIRST, arg, &user_size);

	if (error)
		return error;
	query = (struct hadal_query) {
		.size = sizeof(query),
		.abi_version = HADAL_ABI_VERSION,
		.classes = HADAL_CLASS_BIT(HADAL_CLASS_CONTROL) | KNOWN_CLASSES,
		.possible_cpus = nr_cpu_ids,
		.page_size = PAGE_SIZE,
		.ring_size_min = HADAL_RING_SIZE_MIN,
		.ring_size_max = HADAL_RING_SIZE_MAX,
		.argv_limit = ARGV_LIMIT,
		.record_max = HADAL_RECORD_MAX,
		.connections_max = hadal_conn_table_max(),
		.version = HADAL_VERSION,
	};
	return put_sized(arg, &query, sizeof(query), user_size);
}

static bool good_ring_size(u32 size)
{
	return size >= HADAL_RING_SIZE_MIN && size <= HADAL_RING_SIZE_MAX && is_power_of_2(size);
}

static int check_config(const struct hadal_config *config)
{
	if (config->abi_version != HADAL_ABI_VERSION)
		return -EPROTONOSUPPORT;
	if (!(config->classes & KNOWN_CLASSES) ||
	    config->classes & ~(KNOWN_CLASSES | HADAL_CLASS_BIT(HADAL_CLASS_CONTROL)))
		return -EINVAL;
	if (!good_ring_size(config->lifecycle_ring_size) || !good_ring_size(config->flow_ring_size))
		return -EINVAL;
	if (config->watermark > min(config->lifecycle_ring_size, config->flow_ring_size))
		return -EINVAL;
	if (config->argv_max > ARGV_LIMIT || 4 * config->argv_max > config->lifecycle_ring_size)
		return -EINVAL;
	return 0;
}

/* Under CPU hotplug's read lock: no CPU is missed between here and the list. */
static int make_rings(struct hadal_session *session)
{
	unsigned int cpu;
	int error = 0;

	mutex_lock(&all_sessions_lock);
	for_each_online_cpu(cpu) {
		error = prepare_rings(session, cpu);
		if (error)
			break;
	}
	if (!error)
		list_add_tail(&session->all, &all_sessions);
	mutex_unlock(&all_sessions_lock);
	return error;
}

static void free_configured(struct hadal_session *session)
{
	free_rings(session);
	free_percpu(session->cpus);
	session->cpus = NULL;
	hadal_filter_destroy(session->filter);
	session->filter = NULL;
}

/* All but the rings themselves. */
static int prepare_session(struct hadal_session *session, const struct hadal_config *config)
{
	struct hadal_filter *filter = hadal_filter_create(config);

	if (IS_ERR(filter))
		return PTR_ERR(filter);
	session->filter = filter;
	session->config = *config;
	session->classes = config->classes | HADAL_CLASS_BIT(HADAL_CLASS_CONTROL);
	session->unfiltered = filter ? 0 : session->classes;
	session->cpus = alloc_percpu_gfp(struct hadal_session_cpu, GFP_KERNEL_ACCOUNT);
	session->rings = kvcalloc(nr_cpu_ids, sizeof(*session->rings), GFP_KERNEL_ACCOUNT);
	return session->cpus && session->rings ? 0 : -ENOMEM;
}

static int configure_locked(struct hadal_session *session, const struct hadal_config *config)
{
	int error;

	if (session->is_configured)
		return -EBUSY;
	error = check_config(config);
	if (error)
		return error;
	error = prepare_session(session, config);
	if (!error) {
		cpus_read_lock();
		error = make_rings(session);
		cpus_read_unlock();
	}
	if (error) {
		free_configured(session);
		return error;
	}
	/* Pairs with the acquire in is_configured(). */
	smp_store_release(&session->is_configured, true);
	return 0;
}

static long configure(struct hadal_session *session, void __user *arg)
{
	struct hadal_config config;
	u32 user_size;
	int error = get_sized(&config, sizeof(config), HADAL_CONFIG_SIZE_FIRST, arg, &user_size);

	if (error)
		return error;
	mutex_lock(&session->lock);
	error = configure_locked(session, &config);
	mutex_unlock(&session->lock);
	memzero_explicit(&config, sizeof(config));
	return error;
}

static int start_locked(struct hadal_session *session)
{
	int error;

	if (!session->is_configured)
		return -ENOTCONN;
	if (session->is_running)
		return -EALREADY;
	error = hadal_probes_start(session);
	if (error)
		return error;
	session->is_running = true;
	hadal_dump_clock_sync(session);
	return 0;
}

static void stop_locked(struct hadal_session *session)
{
	if (!session->is_running)
		return;
	session->is_running = false;
	hadal_dump_abandon(session);
	hadal_probes_stop(session);
}

static long start(struct hadal_session *session)
{
	int error;

	mutex_lock(&session->lock);
	error = start_locked(session);
	mutex_unlock(&session->lock);
	return error;
}

static long stop(struct hadal_session *session)
{
	int error = 0;

	mutex_lock(&session->lock);
	if (session->is_running)
		stop_locked(session);
	else
		error = session->is_configured ? -EALREADY : -ENOTCONN;
	mutex_unlock(&session->lock);
	return error;
}

static long dump(struct hadal_session *session, void __user *arg)
{
	struct hadal_dump dump;
	u32 user_size;
	int error = get_sized(&dump, sizeof(dump), HADAL_DUMP_SIZE_FIRST, arg, &user_size);

	if (error)
		return error;
	mutex_lock(&session->lock);
	error = session->is_running ? hadal_dump_step(session, &dump) : -ENOTCONN;
	mutex_unlock(&session->lock);
	if (error)
		return error;
	return put_sized(arg, &dump, sizeof(dump), user_size);
}

static bool is_configured(const struct hadal_session *session)
{
	return smp_load_acquire(&session->is_configured);
}

static long stats(struct hadal_session *session, void __user *arg)
{
	struct hadal_stats stats;
	u32 user_size, cpu;
	int error = get_sized(&stats, sizeof(stats), HADAL_STATS_SIZE_FIRST, arg, &user_size);

	if (error)
		return error;
	if (!is_configured(session))
		return -ENOTCONN;
	cpu = stats.cpu;
	if (cpu != HADAL_CPU_ALL && !rings_of_cpu(session, cpu))
		return -ENXIO;
	stats = (struct hadal_stats) { .size = sizeof(stats), .cpu = cpu };
	if (cpu == HADAL_CPU_ALL)
		add_session_stats(&stats, session);
	else
		add_cpu_stats(&stats, session, cpu);
	return put_sized(arg, &stats, sizeof(stats), user_size);
}

static long session_ioctl(struct file *file, unsigned int command, unsigned long argument)
{
	struct hadal_session *session = file->private_data;
	void __user *arg = (void __user *)argument;

	switch (command) {
	case HADAL_IOC_QUERY:
		return query(arg);
	case HADAL_IOC_CONFIGURE:
		return configure(session, arg);
	case HADAL_IOC_START:
		return start(session);
	case HADAL_IOC_STOP:
		return stop(session);
	case HADAL_IOC_DUMP:
		return dump(session, arg);
	case HADAL_IOC_STATS:
		return stats(session, arg);
	default:
		return -ENOTTY;
	}
}

/* ---- the file ---- */

/* Takes no lock that an ioctl holds: mmap_lock is held here. */
static int session_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct hadal_session *session = file->private_data;
	u64 place = (u64)vma->vm_pgoff << PAGE_SHIFT;
	u64 lane = (place >> 33) & 1, cpu = place >> 34;
	struct hadal_cpu_rings *rings;

	if (vma->vm_flags & VM_EXEC)
		return -EPERM;
	if (!is_configured(session) || (u32)place)
		return -EINVAL;
	rings = rings_of_cpu(session, cpu);
	if (!rings)
		return -ENXIO;
	if ((place >> 32) & 1)
		return hadal_ring_memory_map_data(rings->lane[lane], vma);
	return hadal_ring_memory_map_consumer(rings->lane[lane], vma);
}

/* A watermark may lie so high that no record fits below it. */
static bool ring_wants_reader(const struct hadal_ring *ring)
{
	u32 unread = hadal_ring_unread(ring);

	return unread >= ring->watermark || (unread && data_race(hadal_ring_has_untold(ring)));
}

static bool session_wants_reader(const struct hadal_session *session)
{
	struct hadal_cpu_rings *rings;
	unsigned int cpu;
	int lane;

	for (cpu = 0; cpu < nr_cpu_ids; cpu++) {
		rings = rings_of_cpu(session, cpu);
		for (lane = 0; rings && lane < HADAL_LANES; lane++)
			if (ring_wants_reader(&rings->lane[lane]->ring))
				return true;
	}
	return false;
}

static __poll_t session_poll(struct file *file, poll_table *table)
{
	struct hadal_session *session = file->private_data;

	if (!is_configured(session))
		return EPOLLERR;
	poll_wait(file, &session->wait, table);
	clear_bit(0, &session->wake_wanted);
	/* The next writer sees the bit clear, or we see what it wrote. */
	smp_mb__after_atomic();
	return session_wants_reader(session) ? EPOLLIN | EPOLLRDNORM : 0;
}

static void wake_reader(struct irq_work *work)
{
	struct hadal_session *session = container_of(work, struct hadal_session, wake);

	wake_up_interruptible(&session->wait);
}

static int session_open(struct inode *inode, struct file *file)
{
	struct hadal_session *session;

	/* The file mode is the gate; a user namespace's root does not pass it. */
	if (current_user_ns() != &init_user_ns)
		return -EPERM;
	session = kzalloc(sizeof(*session), GFP_KERNEL_ACCOUNT);
	if (!session)
		return -ENOMEM;
	session->number = atomic64_inc_return(&last_number);
	mutex_init(&session->lock);
	INIT_LIST_HEAD(&session->all);
	INIT_LIST_HEAD(&session->running);
	init_waitqueue_head(&session->wait);
	init_irq_work(&session->wake, wake_reader);
	file->private_data = session;
	atomic_inc(&open_sessions);
	return stream_open(inode, file);
}

static void retire(struct hadal_session *session)
{
	mutex_lock(&all_sessions_lock);
	list_del(&session->all);
	add_session_stats(&retired, session);
	mutex_unlock(&all_sessions_lock);
}

static int session_release(struct inode *inode, struct file *file)
{
	struct hadal_session *session = file->private_data;

	mutex_lock(&session->lock);
	stop_locked(session);
	mutex_unlock(&session->lock);
	if (session->is_configured)
		retire(session);
	irq_work_sync(&session->wake);
	free_configured(session);
	mutex_destroy(&session->lock);
	kfree_sensitive(session);
	atomic_dec(&open_sessions);
	return 0;
}

const struct file_operations hadal_session_fops = {
	.owner = THIS_MODULE,
	.open = session_open,
	.release = session_release,
	.unlocked_ioctl = session_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.mmap = session_mmap,
	.poll = session_poll,
	.llseek = noop_llseek,
};
