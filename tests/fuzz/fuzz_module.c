// SPDX-License-Identifier: MIT
/* Files of kernel modules, as distributions compress and sign them. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "fuzz.h"
#include "fuzz_file.h"
#include "module_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char path[64], error[128] = "";
	struct module_file module;
	int result;

	fuzz_file_write("hadal.ko", data, size);
	snprintf(path, sizeof(path), "%s/hadal.ko", fuzz_path);
	result = module_file_read(path, &module, error, sizeof(error));
	assert(!result || *error);
	assert(memchr(module.version, '\0', sizeof(module.version)));
	assert(memchr(module.vermagic, '\0', sizeof(module.vermagic)));
	assert(memchr(module.signer, '\0', sizeof(module.signer)));
	return 0;
}
