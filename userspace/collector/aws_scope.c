/* SPDX-License-Identifier: MIT */
/*
 * Source: AWS general reference, "Service endpoints"; AWS PrivateLink, "Access AWS
 * services", for the names of interface endpoints.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws_scope.h"

enum { HOST_SIZE = 256, LABELS = 16 };

bool aws_is_region(const char *region)
{
	size_t length = strspn(region, "abcdefghijklmnopqrstuvwxyz0123456789-");

	/* eu-west-1, us-gov-east-1, us-iso-east-1 */
	return length >= 8 && length < AWS_REGION_SIZE && !region[length] && isalpha((unsigned char)region[0]) &&
	       strchr(region, '-') && region[length - 2] == '-' && isdigit((unsigned char)region[length - 1]);
}

bool aws_is_service(const char *service)
{
	size_t length = strspn(service, "abcdefghijklmnopqrstuvwxyz0123456789-");

	return length && length < AWS_SERVICE_SIZE && !service[length];
}

/* Cuts off what ends all names of AWS; false: this one does not end so. */
static bool cut_domain(char *host)
{
	static const char *const domains[] = {
		".vpce.amazonaws.com", ".vpce.amazonaws.com.cn", ".amazonaws.com", ".amazonaws.com.cn", ".amazonaws.eu",
		".api.aws", ".api.amazonwebservices.com.cn",
	};
	size_t length = strlen(host);

	for (size_t i = 0; i < sizeof(domains) / sizeof(domains[0]); i++) {
		size_t end = strlen(domains[i]);

		if (length > end && strcmp(host + length - end, domains[i]) == 0) {
			host[length - end] = '\0';
			return true;
		}
	}
	return false;
}

/* By which name it is signed for. */
static void take_service(const char *label, char service[AWS_SERVICE_SIZE])
{
	char name[AWS_SERVICE_SIZE];
	size_t length = (size_t)snprintf(name, sizeof(name), "%s", label);

	if (length >= sizeof(name))
		return;
	if (length > 5 && strcmp(name + length - 5, "-fips") == 0)
		name[length - 5] = '\0';
	if (strcmp(name, "aps-workspaces") == 0)
		strcpy(name, "aps");
	if (aws_is_service(name))
		strcpy(service, name);
}

void aws_scope_of_host(const char *host, struct aws_scope *scope)
{
	char copy[HOST_SIZE], *labels[LABELS], *rest = copy, *label;
	unsigned int count = 0, region = LABELS;

	*scope = (struct aws_scope){ .region = "" };
	if (snprintf(copy, sizeof(copy), "%s", host) >= (int)sizeof(copy))
		return;
	for (char *at = copy; *at; at++)
		*at = (char)tolower((unsigned char)*at);
	if (!cut_domain(copy))
		return;
	while (count < LABELS && (label = strsep(&rest, ".")))
		labels[count++] = label;
	for (unsigned int i = 0; i < count; i++) {
		if (aws_is_region(labels[i]))
			region = i;
	}
	if (region == LABELS)
		return;
	strcpy(scope->region, labels[region]);
	/* SERVICE.REGION, and PIPELINE.REGION.SERVICE */
	if (region + 1 < count)
		take_service(labels[region + 1], scope->service);
	else if (region)
		take_service(labels[region - 1], scope->service);
}

const char *aws_region_of_environment(void)
{
	static const char *const names[] = { "AWS_REGION", "AWS_DEFAULT_REGION" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *value = getenv(names[i]);

		if (value && *value)
			return value;
	}
	return NULL;
}
