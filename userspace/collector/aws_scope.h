/* SPDX-License-Identifier: MIT */
/* Of which region and service an address of AWS is: what a signature names. */
#ifndef HADALD_AWS_SCOPE_H
#define HADALD_AWS_SCOPE_H

#include <stdbool.h>

enum {
	AWS_REGION_SIZE = 32,	/* bytes with NUL */
	AWS_SERVICE_SIZE = 64,
};

struct aws_scope {
	char region[AWS_REGION_SIZE];	/* "": not known */
	char service[AWS_SERVICE_SIZE];
};

/* Whether it can be a region's name: no service is asked whether it is one. */
bool aws_is_region(const char *region);

/* The same of the name by which a service is signed for. */
bool aws_is_service(const char *service);

/**
 * aws_scope_of_host() - what a host's name says
 * @host: such as monitoring.eu-west-1.amazonaws.com
 * @scope: both are "" where it is none of AWS's names
 */
void aws_scope_of_host(const char *host, struct aws_scope *scope);

/* The region that AWS_REGION, else AWS_DEFAULT_REGION, names; NULL: neither does. */
const char *aws_region_of_environment(void);

#endif
