/* SPDX-License-Identifier: MIT */
/*
 * How a capture comes to the disk: over one that takes its time and may refuse, by the
 * linker's --wrap (build.mk).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <unistd.h>

#include "record_sync.h"

static struct {
	sem_t begun, may_end;
	atomic_uint syncs;
	int refusal;	/* errno; 0: none */
} disk;

int __wrap_fdatasync(int fd);

int __wrap_fdatasync(int fd)
{
	(void)fd;
	disk.syncs++;
	sem_post(&disk.begun);
	sem_wait(&disk.may_end);
	errno = disk.refusal;
	return disk.refusal ? -1 : 0;
}

static int up(void **state)
{
	(void)state;
	disk.syncs = 0;
	disk.refusal = 0;
	return sem_init(&disk.begun, 0, 0) || sem_init(&disk.may_end, 0, 0);
}

static struct record_sync *sync_of(int fd)
{
	struct record_sync *sync;

	assert_int_equal(record_sync_new(&sync, fd), 0);
	return sync;
}

/* What is asked for meanwhile is one more, not one each. */
static void nobody_waits_for_the_disk_but_at_the_end(void **state)
{
	int fd = memfd_create("capture", MFD_CLOEXEC);
	struct record_sync *sync = sync_of(fd);

	(void)state;
	assert_non_null(sync);
	assert_int_equal(record_sync_want(sync), 0);
	sem_wait(&disk.begun);
	for (int i = 0; i < 5; i++)
		assert_int_equal(record_sync_want(sync), 0);
	sem_post(&disk.may_end);
	sem_post(&disk.may_end);
	sem_post(&disk.may_end);
	assert_int_equal(record_sync_end(sync), 0);
	assert_in_range(disk.syncs, 2, 3);
	close(fd);
}

static void a_disk_that_refuses_is_told_of(void **state)
{
	int fd = memfd_create("capture", MFD_CLOEXEC);
	struct record_sync *sync = sync_of(fd);

	(void)state;
	disk.refusal = EIO;
	sem_post(&disk.may_end);
	assert_int_equal(record_sync_end(sync), -EIO);
	assert_int_equal(disk.syncs, 1);
	close(fd);
}

static void a_pipe_has_no_disk(void **state)
{
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_null(sync_of(ends[1]));
	assert_int_equal(record_sync_want(NULL), 0);
	assert_int_equal(record_sync_end(NULL), 0);
	close(ends[0]);
	close(ends[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(nobody_waits_for_the_disk_but_at_the_end, up),
		cmocka_unit_test_setup(a_disk_that_refuses_is_told_of, up),
		cmocka_unit_test_setup(a_pipe_has_no_disk, up),
	};

	return cmocka_run_group_tests_name("record_sync", tests, NULL, NULL);
}
