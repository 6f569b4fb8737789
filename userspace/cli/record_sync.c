/* SPDX-License-Identifier: MIT */
#include "record_sync.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "thread.h"

struct record_sync {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	int fd;
	bool wanted, ending;
	int failure;	/* -errno of the first that failed */
};

static int sync_once(int fd)
{
	return fdatasync(fd) ? -errno : 0;
}

static void *run(void *context)
{
	struct record_sync *sync = context;
	int result;

	pthread_mutex_lock(&sync->lock);
	while (sync->wanted || !sync->ending) {
		if (!sync->wanted) {
			pthread_cond_wait(&sync->changed, &sync->lock);
			continue;
		}
		sync->wanted = false;
		pthread_mutex_unlock(&sync->lock);
		result = sync_once(sync->fd);
		pthread_mutex_lock(&sync->lock);
		if (!sync->failure)
			sync->failure = result;
	}
	pthread_mutex_unlock(&sync->lock);
	return NULL;
}

static int start(struct record_sync *sync, int fd)
{
	int result;

	sync->fd = fd;
	pthread_mutex_init(&sync->lock, NULL);
	pthread_cond_init(&sync->changed, NULL);
	result = thread_start(&sync->thread, run, sync);
	if (result) {
		pthread_cond_destroy(&sync->changed);
		pthread_mutex_destroy(&sync->lock);
	}
	return result;
}

int record_sync_new(struct record_sync **sync, int fd)
{
	struct stat status;
	int result;

	*sync = NULL;
	if (fstat(fd, &status))
		return -errno;
	if (!S_ISREG(status.st_mode))
		return 0;
	*sync = calloc(1, sizeof(**sync));
	if (!*sync)
		return -ENOMEM;
	result = start(*sync, fd);
	if (result) {
		free(*sync);
		*sync = NULL;
	}
	return result;
}

static int tell(struct record_sync *sync, bool ending)
{
	int failure;

	pthread_mutex_lock(&sync->lock);
	sync->wanted = true;
	sync->ending = ending;
	failure = sync->failure;
	pthread_cond_signal(&sync->changed);
	pthread_mutex_unlock(&sync->lock);
	return failure;
}

int record_sync_want(struct record_sync *sync)
{
	return sync ? tell(sync, false) : 0;
}

int record_sync_end(struct record_sync *sync)
{
	int failure;

	if (!sync)
		return 0;
	tell(sync, true);
	pthread_join(sync->thread, NULL);
	failure = sync->failure;
	pthread_cond_destroy(&sync->changed);
	pthread_mutex_destroy(&sync->lock);
	free(sync);
	return failure;
}
