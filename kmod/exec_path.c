// SPDX-License-Identifier: GPL-2.0-only
#include <linux/dcache.h>
#include <linux/err.h>
#include <linux/fs_struct.h>
#include <linux/mount.h>
#include <linux/path.h>
#include <linux/percpu.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/seqlock.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "exec_path.h"

#define COMPONENTS_WALKED	64	/* a bound; longer paths are d_path()'s */

/*
 * Where a path is written, to its end, before its length is known. An exec does not
 * interrupt another on its CPU. Made with the CPU, kept until the module goes.
 */
struct scratch {
	char path[PATH_MAX];
};

static DEFINE_PER_CPU(struct scratch *, scratches);

/* cpuhp prepare step. Without memory no path is found there. */
void hadal_exec_path_prepare_cpu(unsigned int cpu)
{
	if (!per_cpu(scratches, cpu))
		per_cpu(scratches, cpu) = kvzalloc(sizeof(struct scratch), GFP_KERNEL);
}

/* No probe may run any more. */
void hadal_exec_path_free(void)
{
	unsigned int cpu;

	for_each_possible_cpu(cpu) {
		kvfree(per_cpu(scratches, cpu));
		per_cpu(scratches, cpu) = NULL;
	}
}

/*
 * Writes "/NAME" before @end. A rename may change name and length apart from each
 * other: what is read stays within the dentry, where short names are. NULL: the name is
 * elsewhere, or there is no room.
 */
static __always_inline char *prepend_name(char *end, const char *start,
					  const struct dentry *dentry)
{
	const unsigned char *name = READ_ONCE(dentry->d_name.name);
	size_t length = READ_ONCE(dentry->d_name.len);
	size_t offset = (size_t)name - (size_t)dentry;

	if (unlikely(offset >= sizeof(*dentry) || length > sizeof(*dentry) - offset ||
		     length >= end - start))
		return NULL;
	end -= length;
	memcpy(end, name, length);
	*--end = '/';
	return end;
}

/*
 * As d_path() goes, for a file on the mount that has current's root: most are. NULL:
 * this one is not, or is deleted, or has a name that is not in its dentry. Under RCU;
 * a rename meanwhile is the caller's to find out.
 */
static char *walk(const struct path *file, char *start, char *end)
{
	const struct path *root = &current->fs->root;
	const struct dentry *top = READ_ONCE(root->dentry), *dentry = file->dentry, *parent;
	unsigned int left = COMPONENTS_WALKED;

	if (READ_ONCE(root->mnt) != file->mnt || d_unhashed(dentry))
		return NULL;
	while (dentry != top) {
		parent = READ_ONCE(dentry->d_parent);
		if (dentry == parent || dentry == file->mnt->mnt_root || !left--)
			return NULL;
		end = prepend_name(end, start, dentry);
		if (!end)
			return NULL;
		dentry = parent;
	}
	return end;
}

/* Without waiting for a rename, which on RT would sleep. */
static char *walk_at_once(const struct path *file, char *start, char *end)
{
	unsigned int seq;
	char *path;

	rcu_read_lock();
	seq = raw_read_seqcount(&rename_lock.seqcount.seqcount);
	path = seq & 1 ? NULL : walk(file, start, end);
	if (read_seqcount_retry(&rename_lock.seqcount.seqcount, seq))
		path = NULL;
	rcu_read_unlock();
	return path;
}

/**
 * hadal_exec_path() - the path of a file, as seen from current's root
 * @file: current holds a reference
 * @length: set to that of the path, in bytes
 *
 * What d_path() says; own steps where they do, in a third of its instructions.
 * d_path() takes no lock that sleeps, but on RT, where it is not asked.
 *
 * Return: the path, without NUL, until this CPU asks again; NULL where there is none
 */
const char *hadal_exec_path(const struct path *file, size_t *length)
{
	struct scratch *scratch = this_cpu_read(scratches);
	const char *path;
	char *end;

	if (unlikely(!scratch))
		return NULL;
	end = scratch->path + sizeof(scratch->path) - 1;
	path = walk_at_once(file, scratch->path, end);
	if (!path && !IS_ENABLED(CONFIG_PREEMPT_RT))
		path = d_path(file, scratch->path, sizeof(scratch->path));
	if (IS_ERR_OR_NULL(path))
		return NULL;
	*length = end - path;
	return path;
}
