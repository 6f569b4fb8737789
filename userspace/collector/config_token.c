// SPDX-License-Identifier: MIT
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth.h"
#include "config_keys.h"
#include "config_parts.h"
#include "config_values.h"
#include "token.h"

static void read_token(struct config *config, const char *path, bool guarded, const char *origin, const char *key)
{
	char token[TOKEN_SIZE], error[PATH_MAX + 64];
	struct stat status;

	config->token_origin = origin;
	config->token_key = key;
	config->token_guarded = guarded;
	if (token_read(path, guarded, token, &status, error, sizeof(error)))
		config_wrong(config, origin, key, "%s", error);
	else if (!config_replace(&config->token, token) || !config_replace(&config->token_path, path))
		config_wrong(config, origin, key, "no memory");
	explicit_bzero(token, sizeof(token));
}

/* The environment, else the file that is named, else the systemd credential. */
void config_find_token(struct config *config)
{
	const char *directory = getenv("CREDENTIALS_DIRECTORY");
	char path[PATH_MAX];

	if (config->token || config->auth != CONFIG_AUTH_BEARER)
		return;
	if (config->token_file && *config->token_file) {
		read_token(config, config->token_file, false, config_origin(config, "otlp.token_file"),
			   "otlp.token_file");
		return;
	}
	/* The service's token is for where the service ships to, not for every sink. */
	if (!directory || config->sink_name || auth_keeps_token(config))
		return;
	snprintf(path, sizeof(path), "%s/hadal-token", directory);
	if (access(path, F_OK) == 0)
		read_token(config, path, true, "systemd credential", "hadal-token");
}
