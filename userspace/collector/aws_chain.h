/* SPDX-License-Identifier: MIT */
/*
 * Whose credentials hadald has, in the order of AWS's SDKs: those of its
 * environment, of the container that it runs in, of the instance's role. The first
 * that is named decides: who has a role of his own does not act by another.
 */
#ifndef HADALD_AWS_CHAIN_H
#define HADALD_AWS_CHAIN_H

#include "aws_credentials.h"
#include "http.h"

#define AWS_TASK_CREDENTIALS	"http://169.254.170.2"

enum { AWS_ERROR_SIZE = 256 };

/* Where they are; strings are borrowed, NULL or "": not there. */
struct aws_credential_sources {
	const char *ec2_metadata, *ec2_metadata_ipv6;
	const char *task;	/* such as AWS_TASK_CREDENTIALS */
};

/**
 * aws_get_credentials() - ask for credentials
 * @error: gets why there are none, naming who was asked
 *
 * Takes at most some seconds, where what should answer does not.
 *
 * Return: 0; -ENOENT: nobody has any now. @credentials is for aws_wipe_credentials() in both cases.
 */
int aws_get_credentials(struct http *http, const struct aws_credential_sources *sources,
			struct aws_credentials *credentials, char error[AWS_ERROR_SIZE]);

#endif
