/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "checks_parts.h"
#include "collector_setup.h"
#include "config_values.h"
#include "ecs.h"
#include "http.h"
#include "imds.h"
#include "query.h"

/* ---- hadald ---- */

void look_at_configuration(const struct host *host, struct finding *finding)
{
	const struct collector_setup *collector = host->collector;

	if (!collector->errors) {
		conclude(finding, VERDICT_GOOD, "each line of it is good; %zu sinks", collector->receiver_count);
		return;
	}
	conclude(finding, VERDICT_BAD, "%s%s", collector->wrong, collector->errors > 1 ? ", and more" : "");
	mend_by(finding, "mend that line; hadald --check-config names all that is wrong");
}

static bool has_unit(const struct host *host, const char *name)
{
	static const char *const places[] = { "/etc/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system" };

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (host_has(host, "%s/%s", places[i], name))
			return true;
	return false;
}

static void tell_silence(const struct host *host, int failure, const char *error, struct finding *finding)
{
	if (failure == -EACCES || failure == -EPERM) {
		conclude(finding, VERDICT_UNKNOWN, "%s", error);
		mend_by(finding, "be root, or: usermod --append --groups hadal USER, and log in again");
	} else if ((failure == -ENOENT || failure == -ECONNREFUSED) && !has_unit(host, "hadald.service")) {
		conclude(finding, VERDICT_NOT_NEEDED, "hadald is not installed as a service, and does not run");
	} else {
		conclude(finding, VERDICT_BAD, "%s", error);
		mend_by(finding, "systemctl enable --now hadald; if it does not stay: journalctl --unit hadald");
	}
}

static void tell_answer(struct json_object *answer, struct finding *finding)
{
	struct json_object *degraded = member_of(answer, "degraded");

	if (degraded)
		conclude(finding, VERDICT_GOOD, "answers, and runs degraded, without the module: %s",
			 member_text_or(degraded, "reason", "no reason told"));
	else
		conclude(finding, VERDICT_GOOD, "answers, pid %llu", (unsigned long long)member_number(answer, "pid"));
}

void look_at_hadald(const struct host *host, struct finding *finding)
{
	const char *socket = unless_empty(host->collector->config.query_socket);
	struct json_object *answer = NULL;
	char error[QUERY_ERROR_SIZE];
	int result;

	if (!socket) {
		conclude(finding, VERDICT_NOT_NEEDED, "query.socket is switched off: hadald answers nobody");
		return;
	}
	result = query_ask(socket, QUERY_STATUS, &answer, error);
	if (result)
		tell_silence(host, result, error, finding);
	else
		tell_answer(answer, finding);
	json_object_put(answer);
}

/* ---- whom it asks ---- */

/* One GET. Returns as http_get(); the answer is thrown away. */
static int ask(const char *unix_socket, const char *url)
{
	struct http *http = http_new(NULL);
	struct http_body body = { .data = NULL };
	int result = http ? http_get(http, unix_socket, url, &body) : -ENOMEM;

	if (http)
		http_body_free(&body);
	http_free(http);
	return result;
}

void look_at_docker(const struct host *host, struct finding *finding)
{
	const char *socket = unless_empty(host->collector->config.docker_socket);
	int result;

	if (!socket) {
		conclude(finding, VERDICT_NOT_NEEDED, "docker.socket is switched off: names come from the ECS agent alone");
	} else if (access(socket, F_OK)) {
		conclude(finding, VERDICT_NOT_NEEDED, "no %s: no Docker on this host", socket);
	} else if (access(socket, R_OK | W_OK)) {
		conclude(finding, VERDICT_UNKNOWN, "%s: %s", socket, strerror(errno));
		mend_by(finding, "be root");
	} else if ((result = ask(socket, "http://docker/version")) == 200) {
		conclude(finding, VERDICT_GOOD, "%s answers; hadald may ask it only with SupplementaryGroups=docker", socket);
	} else {
		conclude(finding, VERDICT_BAD, "%s does not answer as Docker does: %s", socket,
			 result < 0 ? strerror(-result) : "its status is not 200");
		mend_by(finding, "systemctl restart docker; or switch it off: docker.socket =");
	}
}

/* A host that is meant to be one of a cluster's. */
static bool is_container_instance(const struct host *host)
{
	return host_has(host, "/etc/ecs/ecs.config") || has_unit(host, "ecs.service");
}

void look_at_ecs_agent(const struct host *host, struct finding *finding)
{
	const char *base = unless_empty(host->collector->config.ecs_introspection);
	struct http *http = base ? http_new(NULL) : NULL;
	enum identity_result result = IDENTITY_NOT_FOUND;
	struct instance_facts facts = { .cluster = "" };

	if (!base) {
		conclude(finding, VERDICT_NOT_NEEDED, "ecs.introspection is switched off");
		return;
	}
	if (http)
		result = ecs_metadata(http, base, &facts);
	http_free(http);
	if (result == IDENTITY_FOUND) {
		conclude(finding, VERDICT_GOOD, "%s answers; cluster %s", base, facts.cluster);
	} else if (is_container_instance(host)) {
		conclude(finding, VERDICT_BAD, "%s does not tell of a cluster: services have no names of ECS", base);
		mend_by(finding, "systemctl enable --now ecs; docker logs ecs-agent says why it is not in its cluster");
	} else {
		conclude(finding, VERDICT_NOT_NEEDED, "no ECS agent at %s, and this is no container instance", base);
	}
}

/* Who says so is the firmware: the metadata service may be the one that is amiss. */
static bool is_ec2(const struct host *host)
{
	char vendor[64];

	host_line(host, "/sys/class/dmi/id/sys_vendor", vendor, sizeof(vendor));
	return !strcmp(vendor, "Amazon EC2");
}

/* The one of the two addresses that answers; NULL: neither. */
static const char *ask_metadata(const struct config *config, struct instance_facts *facts)
{
	const char *const bases[] = { unless_empty(config->ec2_metadata), unless_empty(config->ec2_metadata_ipv6) };
	struct http *http = http_new(NULL);
	const char *found = NULL;

	for (size_t i = 0; http && !found && i < sizeof(bases) / sizeof(bases[0]); i++)
		if (bases[i] && imds_instance(http, bases[i], facts) == IDENTITY_FOUND)
			found = bases[i];
	http_free(http);
	return found;
}

void look_at_metadata(const struct host *host, struct finding *finding)
{
	const struct config *config = &host->collector->config;
	struct instance_facts facts = { .cluster = "" };
	const char *found;

	if (!unless_empty(config->ec2_metadata) && !unless_empty(config->ec2_metadata_ipv6)) {
		conclude(finding, VERDICT_NOT_NEEDED, "ec2.metadata is switched off");
		return;
	}
	if (!is_ec2(host) && config->ec2_metadata && !strcmp(config->ec2_metadata, IMDS_IPV4)) {
		conclude(finding, VERDICT_NOT_NEEDED, "not an instance of EC2");
		return;
	}
	found = ask_metadata(config, &facts);
	if (found) {
		conclude(finding, VERDICT_GOOD, "%s answers: %s in %s", found, facts.instance, facts.zone);
		return;
	}
	conclude(finding, VERDICT_BAD, "the metadata service does not tell what instance this is: account, region and zone stay unknown");
	mend_by(finding, "aws ec2 modify-instance-metadata-options --instance-id ID --http-endpoint enabled --http-tokens required; in a container also --http-put-response-hop-limit 2");
}
