/* SPDX-License-Identifier: MIT */
/*
 * Source: the service model of each, "Common errors"; of clocks, how AWS's SDKs
 * correct for them.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth_sigv4.h"
#include "aws_sigv4.h"
#include "clock.h"

enum { LOOKED_AT = 4096 };	/* bytes of a body */

struct auth_sigv4 {
	struct hadal_ship_auth auth;	/* the first */
	struct aws_keeper *keeper;
	struct aws_scope scopes[HADAL_SIGNALS];
	pthread_mutex_t lock;
	struct aws_denial denials[HADAL_SIGNALS];	/* under lock */
};

static bool is_said(const struct hadal_ship_refusal *refusal, const char *text)
{
	size_t size = refusal->size < LOOKED_AT ? refusal->size : LOOKED_AT;

	return strstr(refusal->type, text) || (size && memmem(refusal->body, size, text, strlen(text)));
}

enum aws_refusal aws_refusal_of(const struct hadal_ship_refusal *refusal, const char **name)
{
	static const struct {
		const char *text;
		enum aws_refusal refusal;
	} errors[] = {
		{ "RequestTimeTooSkewed", AWS_REFUSAL_CLOCK },
		{ "RequestExpired", AWS_REFUSAL_CLOCK },
		{ "RequestInTheFuture", AWS_REFUSAL_CLOCK },
		{ "Signature expired", AWS_REFUSAL_CLOCK },
		{ "Signature not yet current", AWS_REFUSAL_CLOCK },
		{ "ExpiredToken", AWS_REFUSAL_ENDED },
		{ "UnrecognizedClient", AWS_REFUSAL_ENDED },
		{ "InvalidClientTokenId", AWS_REFUSAL_ENDED },
		{ "InvalidAccessKeyId", AWS_REFUSAL_ENDED },
		{ "InvalidSignature", AWS_REFUSAL_SIGNATURE },
		{ "SignatureDoesNotMatch", AWS_REFUSAL_SIGNATURE },
		{ "IncompleteSignature", AWS_REFUSAL_SIGNATURE },
		{ "AccessDenied", AWS_REFUSAL_DENIED },
	};

	*name = "";
	if (refusal->status != 400 && refusal->status != 401 && refusal->status != 403)
		return AWS_REFUSAL_OTHER;
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		if (is_said(refusal, errors[i].text)) {
			*name = errors[i].text;
			return errors[i].refusal;
		}
	}
	return refusal->status == 400 ? AWS_REFUSAL_OTHER : AWS_REFUSAL_DENIED;
}

void aws_denial_sent(struct aws_denial *denial)
{
	if (denial->under_way)
		denial->since = 0;
	denial->under_way = true;
}

bool aws_denial_waits(struct aws_denial *denial, uint64_t now)
{
	denial->under_way = false;
	if (!denial->since)
		denial->since = now;
	return now - denial->since < AWS_DENIED_WAIT;
}

static void note_sent(struct auth_sigv4 *signer, enum hadal_signal signal)
{
	pthread_mutex_lock(&signer->lock);
	aws_denial_sent(&signer->denials[signal]);
	pthread_mutex_unlock(&signer->lock);
}

static bool is_to_wait(struct auth_sigv4 *signer, enum hadal_signal signal)
{
	bool waits;

	pthread_mutex_lock(&signer->lock);
	waits = aws_denial_waits(&signer->denials[signal], now_ns() / 1000000);
	pthread_mutex_unlock(&signer->lock);
	return waits;
}

static int authorize(struct hadal_ship_auth *auth, const struct hadal_ship_unsent *unsent, struct curl_slist **headers,
		     uint64_t *number, char *error, size_t error_size)
{
	struct auth_sigv4 *signer = (struct auth_sigv4 *)auth;
	const struct aws_scope *scope = &signer->scopes[unsent->signal];
	struct aws_credentials credentials;
	struct aws_signing signing = {
		.method = "POST", .url = unsent->url, .region = scope->region, .service = scope->service,
		.credentials = &credentials, .body = unsent->body, .size = unsent->size,
		.now = aws_keeper_now(signer->keeper),
	};
	char why[AWS_ERROR_SIZE];
	int result;

	*number = aws_keeper_get(signer->keeper, &credentials, why);
	if (!*number) {
		snprintf(error, error_size, "no credentials to sign with: %s", why);
		return -EAGAIN;
	}
	result = aws_sign(&signing, headers);
	aws_wipe_credentials(&credentials);
	if (result)
		snprintf(error, error_size, "it cannot be signed: %s", strerror(-result));
	else
		note_sent(signer, unsent->signal);
	return result == -EINVAL ? -EAGAIN : result;
}

/* Whether AWS's clock is another than was signed by; it is signed by AWS's from then on. */
static bool take_clock(struct auth_sigv4 *signer, const char *text, time_t least)
{
	time_t date = *text ? curl_getdate(text, NULL) : -1;
	time_t now = aws_keeper_now(signer->keeper);

	if (date <= 0 || (date > now ? date - now : now - date) < least)
		return false;
	return aws_keeper_set_clock(signer->keeper, date);
}

static bool refused(struct hadal_ship_auth *auth, const struct hadal_ship_refusal *refusal, char *error,
		    size_t error_size)
{
	struct auth_sigv4 *signer = (struct auth_sigv4 *)auth;
	const char *name;

	switch (aws_refusal_of(refusal, &name)) {
	case AWS_REFUSAL_OTHER:
		return false;
	case AWS_REFUSAL_CLOCK:
		take_clock(signer, refusal->date, 0);
		break;
	case AWS_REFUSAL_SIGNATURE:
		if (!take_clock(signer, refusal->date, AWS_CLOCK_OFF))
			aws_keeper_refused(signer->keeper, refusal->number);
		break;
	case AWS_REFUSAL_ENDED:
		aws_keeper_refused(signer->keeper, refusal->number);
		break;
	case AWS_REFUSAL_DENIED:
		if (!is_to_wait(signer, refusal->signal))
			return false;
		break;
	}
	snprintf(error, error_size, "AWS refuses who asks: status %ld%s%s", refusal->status, *name ? ", " : "", name);
	return true;
}

static void close_signer(struct hadal_ship_auth *auth)
{
	struct auth_sigv4 *signer = (struct auth_sigv4 *)auth;

	aws_keeper_stop(signer->keeper);
	pthread_mutex_destroy(&signer->lock);
	free(signer);
}

int auth_sigv4_new(const struct aws_credential_sources *sources, const struct aws_scope scopes[HADAL_SIGNALS],
		   struct hadal_ship_auth **auth)
{
	struct auth_sigv4 *signer = calloc(1, sizeof(*signer));
	int result;

	if (!signer)
		return -ENOMEM;
	signer->auth = (struct hadal_ship_auth){ .authorize = authorize, .refused = refused, .close = close_signer };
	memcpy(signer->scopes, scopes, sizeof(signer->scopes));
	pthread_mutex_init(&signer->lock, NULL);
	result = aws_keeper_start(sources, &signer->keeper);
	if (result)
		close_signer(&signer->auth);
	else
		*auth = &signer->auth;
	return result;
}
