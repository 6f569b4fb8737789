/* SPDX-License-Identifier: MIT */
/*
 * Credentials of AWS, and the documents in which they come. Who has them is
 * asked by aws_chain.h.
 */
#ifndef HADALD_AWS_CREDENTIALS_H
#define HADALD_AWS_CREDENTIALS_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

enum {
	AWS_KEY_SIZE = 132,	/* bytes with NUL: the API has 128 at most */
	AWS_SECRET_SIZE = 256,
	AWS_TOKEN_SIZE = 8192,	/* it has no bound; some 1,500 are usual */
	AWS_ROLE_SIZE = 132,
};

struct aws_credentials {
	char key[AWS_KEY_SIZE];		/* "": none */
	char secret[AWS_SECRET_SIZE];
	char token[AWS_TOKEN_SIZE];	/* "": of a user, not of a role */
	time_t expires;			/* s since 1970; 0: not known */
};

/* Whether there are any, and of characters that a header may have. */
bool aws_credentials_usable(const struct aws_credentials *credentials);

/**
 * aws_parse_credentials() - read a document of the metadata service or of a task's credentials
 *
 * Return: 0; -EINVAL: it has none, or such as cannot be sent in a header. @credentials is then wiped.
 */
int aws_parse_credentials(const char *text, size_t length, struct aws_credentials *credentials);

/**
 * aws_parse_role() - read the name of the instance's role, the first of a list by lines
 *
 * Return: 0; -EINVAL: none, or none that is part of a path.
 */
int aws_parse_role(const char *text, size_t length, char role[AWS_ROLE_SIZE]);

void aws_wipe_credentials(struct aws_credentials *credentials);

#endif
