/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host_fixture.h"
#include "made_root.h"

int host_setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	assert_non_null(fixture);
	strcpy(fixture->root, "/tmp/hadal-doctor-XXXXXX");
	assert_non_null(mkdtemp(fixture->root));
	*state = fixture;
	return 0;
}

int host_teardown(void **state)
{
	struct fixture *fixture = *state;

	host_release(&fixture->host);
	/* What /etc/default/hadald and systemd give hadald is set in this program. */
	unsetenv("OTEL_EXPORTER_OTLP_ENDPOINT");
	unsetenv("CREDENTIALS_DIRECTORY");
	unsetenv("HADAL_TOKEN");
	made_root_remove(fixture->root);
	free(fixture);
	return 0;
}

void put_bytes(struct fixture *fixture, const char *path, const void *content, size_t size)
{
	made_root_put_bytes(fixture->root, path, content, size);
}

void put(struct fixture *fixture, const char *path, const char *content)
{
	made_root_put(fixture->root, path, content);
}

static struct finding run(const struct host *host, const char *name)
{
	struct finding finding = { .verdict = VERDICT_UNKNOWN };

	for (size_t i = 0; i < check_count; i++) {
		if (strcmp(checks[i].name, name))
			continue;
		check_run(&checks[i], host, 0, &finding);
		return finding;
	}
	fail_msg("no check is named %s", name);
	return finding;
}

struct finding look(struct fixture *fixture, const char *release, const char *name)
{
	host_release(&fixture->host);
	assert_int_equal(host_examine(&fixture->host, fixture->root, release), 0);
	return run(&fixture->host, name);
}

struct finding look_running(struct fixture *fixture, const char *release, const char *name)
{
	host_release(&fixture->host);
	assert_int_equal(host_examine(&fixture->host, fixture->root, release), 0);
	fixture->host.running = true;
	fixture->host.living = true;
	return run(&fixture->host, name);
}
