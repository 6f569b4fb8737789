/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth_bearer.h"
#include "clock.h"
#include "errand.h"
#include "kept_texts.h"
#include "log.h"
#include "token.h"

#define HEADER	"Authorization: Bearer "

struct auth_bearer {
	struct hadal_ship_auth auth;	/* the first */
	struct kept_texts texts;	/* of what follows */
	const char *path;		/* NULL: AWS keeps it */
	bool guarded;
	struct aws_secret secret;
	struct errand *errand;		/* that asks AWS; NULL */
	unsigned int failures;		/* in a row; the errand's own */
	pthread_mutex_t lock;		/* of all that follows */
	char token[TOKEN_SIZE];		/* "": there was none yet */
	uint64_t number;		/* of it */
	struct stat status;		/* of the file when it was read */
	uint64_t looked, read;		/* ms, CLOCK_MONOTONIC: the file; and of AWS, asked for a 401 */
	bool asked;			/* AWS, and has not told yet */
	char error[512];		/* why there is no newer one; "": there is none to be had */
};

/* The token that was known stays: who replaces a file may be half way. Each kind of trouble is told once. */
static void note_failure(struct auth_bearer *bearer, const char *error)
{
	if (strcmp(bearer->error, error))
		log_line(LOG_PRIORITY_WARNING, "the token: %s%s", error,
			 bearer->token[0] ? "; going on with the one before" : "");
	snprintf(bearer->error, sizeof(bearer->error), "%s", error);
}

static void take_token(struct auth_bearer *bearer, const char *token)
{
	if (!token_usable(token)) {
		note_failure(bearer, "it has a character that no token may have");
		return;
	}
	bearer->error[0] = '\0';
	if (strcmp(bearer->token, token) == 0)
		return;
	if (bearer->number++)
		log_line(LOG_PRIORITY_INFO, "the token has changed");
	strcpy(bearer->token, token);
}

/* ---- a file ---- */

static void read_file(struct auth_bearer *bearer)
{
	char token[TOKEN_SIZE], error[512];

	bearer->read = now_ms();
	if (token_read(bearer->path, bearer->guarded, token, &bearer->status, error, sizeof(error)))
		note_failure(bearer, error);
	else
		take_token(bearer, token);
	explicit_bzero(token, sizeof(token));
}

static void look_at_file(struct auth_bearer *bearer)
{
	uint64_t now = now_ms();

	if (bearer->looked && now - bearer->looked < AUTH_LOOK_SPACING)
		return;
	bearer->looked = now;
	if (!bearer->read || bearer->error[0] || token_changed(bearer->path, &bearer->status))
		read_file(bearer);
}

/* ---- what AWS keeps ---- */

static int64_t ask_aws(void *context, const atomic_bool *stop)
{
	struct auth_bearer *bearer = context;
	char token[TOKEN_SIZE] = "", error[AWS_ERROR_SIZE] = "no memory";
	struct http *http = http_new(stop);
	bool told = http && !aws_secret_get(http, &bearer->secret, token, error);

	http_free(http);
	if (atomic_load(stop)) {
		explicit_bzero(token, sizeof(token));
		return ERRAND_NEVER;
	}
	pthread_mutex_lock(&bearer->lock);
	if (told)
		take_token(bearer, token);
	else
		note_failure(bearer, error);
	bearer->asked = !told;
	pthread_mutex_unlock(&bearer->lock);
	explicit_bzero(token, sizeof(token));
	bearer->failures = told ? 0 : bearer->failures + 1;
	return told ? ERRAND_NEVER : errand_back_off(bearer->failures, AUTH_RETRY_FIRST, AUTH_RETRY_MAX);
}

/* Whether there may soon be another than the one that was refused. */
static bool ask_again(struct auth_bearer *bearer)
{
	uint64_t now = now_ms();

	if (bearer->asked || (bearer->read && now - bearer->read < AUTH_ASK_SPACING))
		return bearer->asked;
	bearer->read = now;
	bearer->asked = true;
	errand_ask(bearer->errand);
	return true;
}

/* ---- requests ---- */

static int append_token(const char *token, struct curl_slist **headers)
{
	char line[sizeof(HEADER) + TOKEN_MAX];
	struct curl_slist *longer;

	snprintf(line, sizeof(line), HEADER "%s", token);
	longer = curl_slist_append(*headers, line);
	explicit_bzero(line, sizeof(line));
	if (!longer)
		return -ENOMEM;
	*headers = longer;
	return 0;
}

static int authorize(struct hadal_ship_auth *auth, const struct hadal_ship_unsent *unsent, struct curl_slist **headers,
		     uint64_t *number, char *error, size_t error_size)
{
	struct auth_bearer *bearer = (struct auth_bearer *)auth;
	int result = -EAGAIN;

	(void)unsent;
	pthread_mutex_lock(&bearer->lock);
	if (bearer->path)
		look_at_file(bearer);
	*number = bearer->number;
	if (bearer->token[0])
		result = append_token(bearer->token, headers);
	if (result == -EAGAIN)
		snprintf(error, error_size, "no token: %s", bearer->error[0] ? bearer->error : "it is being asked for");
	else if (result)
		snprintf(error, error_size, "no memory");
	pthread_mutex_unlock(&bearer->lock);
	return result;
}

/* Whether another than that of @number is there, or may soon be. */
static bool find_newer(struct auth_bearer *bearer, uint64_t number)
{
	if (bearer->number != number)
		return true;
	if (!bearer->path)
		return ask_again(bearer);
	if (token_changed(bearer->path, &bearer->status) || now_ms() - bearer->read >= AUTH_READ_SPACING)
		read_file(bearer);
	return bearer->number != number;
}

static bool refused(struct hadal_ship_auth *auth, const struct hadal_ship_refusal *refusal, char *error,
		    size_t error_size)
{
	struct auth_bearer *bearer = (struct auth_bearer *)auth;
	bool newer;

	if (refusal->status != 401)
		return false;
	pthread_mutex_lock(&bearer->lock);
	newer = find_newer(bearer, refusal->number);
	pthread_mutex_unlock(&bearer->lock);
	if (newer)
		snprintf(error, error_size, "status 401, and there is a newer token, or may be");
	return newer;
}

static void close_bearer(struct hadal_ship_auth *auth)
{
	struct auth_bearer *bearer = (struct auth_bearer *)auth;

	errand_stop(bearer->errand);
	explicit_bzero(bearer->token, sizeof(bearer->token));
	pthread_mutex_destroy(&bearer->lock);
	kept_texts_free(&bearer->texts);
	free(bearer);
}

static struct auth_bearer *new_bearer(void)
{
	struct auth_bearer *bearer = calloc(1, sizeof(*bearer));

	if (!bearer)
		return NULL;
	bearer->auth = (struct hadal_ship_auth){ .authorize = authorize, .refused = refused, .close = close_bearer };
	pthread_mutex_init(&bearer->lock, NULL);
	return bearer;
}

int auth_bearer_file(const char *path, bool guarded, struct hadal_ship_auth **auth)
{
	struct auth_bearer *bearer = new_bearer();

	if (!bearer)
		return -ENOMEM;
	bearer->path = path;
	bearer->guarded = guarded;
	if (!kept_text(&bearer->texts, &bearer->path)) {
		close_bearer(&bearer->auth);
		return -ENOMEM;
	}
	*auth = &bearer->auth;
	return 0;
}

static bool keep_secret(struct auth_bearer *bearer, const struct aws_secret *secret)
{
	struct aws_secret *kept = &bearer->secret;
	const char **const texts[] = {
		&kept->name, &kept->field, &kept->region, &kept->endpoint,
		&kept->sources.ec2_metadata, &kept->sources.ec2_metadata_ipv6, &kept->sources.task,
	};
	bool whole = true;

	*kept = *secret;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		whole &= kept_text(&bearer->texts, texts[i]);
	return whole;
}

int auth_bearer_secret(const struct aws_secret *secret, struct hadal_ship_auth **auth)
{
	struct auth_bearer *bearer = new_bearer();
	int result;

	if (!bearer)
		return -ENOMEM;
	bearer->asked = true;
	result = keep_secret(bearer, secret) ? 0 : -ENOMEM;
	if (!result)
		result = errand_start("hadald-token", ask_aws, bearer, &bearer->errand);
	if (result)
		close_bearer(&bearer->auth);
	else
		*auth = &bearer->auth;
	return result;
}
