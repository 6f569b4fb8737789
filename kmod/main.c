// SPDX-License-Identifier: GPL-2.0-only
#include <linux/cpuhotplug.h>
#include <linux/miscdevice.h>
#include <linux/module.h>

#include "exec_path.h"
#include "probes.h"
#include "session.h"
#include "sysfs.h"

static struct miscdevice hadal_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "hadal",
	/* Readers write their positions: a group that may only read could not. */
	.mode = 0660,
	.fops = &hadal_session_fops,
	.groups = hadal_sysfs_groups,
};

static int cpuhp_state;

static int prepare_cpu(unsigned int cpu)
{
	hadal_exec_path_prepare_cpu(cpu);
	hadal_session_prepare_cpu(cpu);
	return 0;
}

static int __init hadal_init(void)
{
	int error;

	cpuhp_state = cpuhp_setup_state(CPUHP_BP_PREPARE_DYN, "hadal:prepare", prepare_cpu, NULL);
	if (cpuhp_state < 0)
		return cpuhp_state;
	error = misc_register(&hadal_device);
	if (error) {
		cpuhp_remove_state(cpuhp_state);
		hadal_exec_path_free();
	}
	return error;
}

static void __exit hadal_exit(void)
{
	misc_deregister(&hadal_device);
	cpuhp_remove_state(cpuhp_state);
	hadal_exec_path_free();
	hadal_probes_exit();
}

module_init(hadal_init);
module_exit(hadal_exit);

MODULE_DESCRIPTION("Process and connection events for the Hadal collector");
MODULE_AUTHOR("The Hadal authors");
MODULE_LICENSE("GPL");
MODULE_VERSION(HADAL_VERSION);
