// SPDX-License-Identifier: MIT
#include "modules.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "harness.h"
#include "patience.h"

void module_load(const char *parameters)
{
	const char *path = getenv("HADAL_MODULE");
	int fd;

	if (!path)
		harness_skip("HADAL_MODULE does not name hadal.ko");
	fd = MUST(open(path, O_RDONLY | O_CLOEXEC));
	MUST(syscall(SYS_finit_module, fd, parameters, 0));
	close(fd);
}

int module_unload(void)
{
	return syscall(SYS_delete_module, "hadal", O_NONBLOCK) < 0 ? -errno : 0;
}

void module_unload_soon(void)
{
	struct patience patience = patience_begin();
	int err;

	while ((err = module_unload()) == -EWOULDBLOCK && patience_left(&patience))
		;
	ASSERT_EQ(0, err);
}
