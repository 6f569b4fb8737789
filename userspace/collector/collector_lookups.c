// SPDX-License-Identifier: MIT
#include <string.h>

#include "clock.h"
#include "collector_parts.h"
#include "identity.h"
#include "log.h"
#include "lookup.h"
#include "model.h"
#include "program_reader.h"

void collector_pump_identity(struct collector *collector)
{
	struct containers *containers = &collector->model->containers;
	struct identity_request request;
	struct identity_answer answer;
	uint64_t now = now_ns();

	if (!collector->identity)
		return;
	while (identity_take(collector->identity, &answer))
		containers_answer(containers, &answer, now);
	while (containers_next_request(containers, now, &request)) {
		if (identity_ask(collector->identity, &request)) {
			containers_unasked(containers, request.container_id, now);
			break;
		}
	}
}

int collector_start_identity(struct collector *collector)
{
	struct lookup_sources sources = {
		.docker_socket = collector->config.docker_socket,
		.ecs_introspection = collector->config.ecs_introspection,
		.ecs_task_metadata = collector->config.ecs_task_metadata,
		.ecs_api = {
			.on = collector->config.ecs_api, .endpoint = collector->config.ecs_api_endpoint,
			.credentials = {
				.ec2_metadata = collector->config.ec2_metadata,
				.ec2_metadata_ipv6 = collector->config.ec2_metadata_ipv6,
				.task = AWS_TASK_CREDENTIALS,
			},
		},
	};
	int result;

	/* It is not on this host, and what it says is for who is shipped to. */
	if (config_ships(&collector->config)) {
		sources.ec2_metadata = collector->config.ec2_metadata;
		sources.ec2_metadata_ipv6 = collector->config.ec2_metadata_ipv6;
	}
	result = identity_start(&sources, &collector->identity);
	if (result)
		log_line(LOG_PRIORITY_ERROR, "the thread for identities: %s", strerror(-result));
	return result;
}

void collector_stop_identity(struct collector *collector)
{
	identity_stop(collector->identity);
	collector->identity = NULL;
	containers_unanswered(&collector->model->containers, now_ns());
}

void collector_pump_programs(struct collector *collector, uint64_t drained)
{
	struct programs *programs = &collector->model->processes.programs;
	struct program_question question;
	struct program_answer answer;

	if (!collector->programs)
		return;
	while (program_reader_take(collector->programs, &answer))
		programs_answer(programs, &answer);
	programs_settle(programs, drained, collector->model->lost & HADAL_DUMP_PROCESSES);
	while (programs_next(programs, &question)) {
		if (program_reader_ask(collector->programs, &question)) {
			programs_unasked(programs, &question);
			break;
		}
	}
}

int collector_start_programs(struct collector *collector)
{
	int result = collector->config.builds ? program_reader_start(&collector->programs) : 0;

	if (result)
		log_line(LOG_PRIORITY_ERROR, "the thread for builds: %s", strerror(-result));
	return result;
}
