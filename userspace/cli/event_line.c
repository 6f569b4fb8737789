/* SPDX-License-Identifier: MIT */
#include "event_output.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <hadal/dns.h>
#include <hadal/event.h>

#include "cli.h"

#define NSEC_PER_SEC	1000000000ULL

static void print_string(FILE *to, const char *string)
{
	print_text(to, (struct hadal_text){ string, strlen(string) });
}

/* Time of day in UTC, to the microsecond. */
static void print_time(FILE *to, const struct hadal_record *record, const struct hadal_clock *clock)
{
	uint64_t realtime = hadal_clock_from_monotonic(clock, record->time);
	char text[HADAL_TIMESTAMP_SIZE];

	hadal_timestamp(realtime, text);
	fprintf(to, "%.15s ", text + strlen("1970-01-01T"));
}

static void print_duration(FILE *to, const char *what, uint64_t duration)
{
	double seconds = (double)duration / (double)NSEC_PER_SEC;

	if (!duration)
		return;
	if (seconds < 1)
		fprintf(to, " %s %.3f ms", what, seconds * 1000);
	else
		fprintf(to, " %s %.3f s", what, seconds);
}

static void print_container(FILE *to, const struct container *container)
{
	if (container)
		fprintf(to, " [%.12s]", container->container_id);
}

/* ---- processes ---- */

static void print_process(FILE *to, const struct hadal_process *process)
{
	fprintf(to, " %u ", process->tgid);
	print_string(to, process->comm);
}

static void print_exec(FILE *to, const struct hadal_record_process_exec *exec)
{
	struct hadal_text argv = hadal_exec_argv(exec), argument;

	fprintf(to, " %u ", exec->process.tgid);
	print_text(to, hadal_exec_path(exec));
	if (argv.length)
		fputs(" :", to);
	while (hadal_texts_next(&argv, &argument)) {
		fputc(' ', to);
		print_text(to, argument);
	}
	if (exec->flags & HADAL_EXEC_ARGV_TRUNCATED)
		fputs(" ...", to);
}

static void print_exit(FILE *to, const struct hadal_record_process_exit *exit)
{
	uint32_t signal = exit->exit_code & 0x7f;

	print_process(to, &exit->process);
	if (signal)
		fprintf(to, " signal %u", signal);
	else
		fprintf(to, " code %u", exit->exit_code >> 8 & 0xff);
	if (exit->process.flags & HADAL_PROCESS_OOM)
		fputs(" out of memory", to);
	print_duration(to, "cpu", exit->cpu_time);
}

/* ---- tcp ---- */

static void print_endpoint(FILE *to, uint16_t family, const uint8_t *address, uint16_t port)
{
	char text[HADAL_ADDRESS_SIZE];

	hadal_address_text(family, address, text);
	fprintf(to, family == AF_INET6 ? "[%s]:%u" : "%s:%u", text, port);
}

/* From client to server, whichever end this is. */
static void print_ends(FILE *to, const struct hadal_tcp *tcp)
{
	bool server = tcp->role == HADAL_TCP_SERVER;

	fprintf(to, " %u ", tcp->owner_tgid);
	print_endpoint(to, tcp->family, tcp->local_address, tcp->local_port);
	if (tcp->role == HADAL_TCP_LISTENER)
		return;
	fputs(server ? " <- " : " -> ", to);
	print_endpoint(to, tcp->family, tcp->peer_address, tcp->peer_port);
}

static void print_counters(FILE *to, const struct hadal_tcp_counters *counters)
{
	fprintf(to, " sent %llu acked %llu received %llu", (unsigned long long)counters->sent,
		(unsigned long long)counters->acked, (unsigned long long)counters->received);
	if (counters->segments_retransmitted)
		fprintf(to, " retransmitted %u segments", counters->segments_retransmitted);
	if (counters->srtt)
		fprintf(to, " rtt %.3f ms", counters->srtt / 1000.0);
}

static void print_failed(FILE *to, const struct hadal_record_tcp_failed *failed)
{
	print_ends(to, &failed->tcp);
	fprintf(to, " %s", failed->error ? hadal_error_type(failed->error) : "on this host");
	print_duration(to, "after", failed->duration);
}

static void print_closed(FILE *to, const struct hadal_record_tcp_closed *closed)
{
	uint64_t start = closed->tcp.start_time, end = closed->header.time;
	const char *ending = hadal_tcp_ending_name(closed->ending);

	print_ends(to, &closed->tcp);
	if (ending)
		fprintf(to, " %s", ending);
	if (closed->error)
		fprintf(to, " %s", hadal_error_type(closed->error));
	print_counters(to, &closed->counters);
	print_duration(to, "after", start && end > start ? end - start : 0);
}

static void print_cgroup(FILE *to, const struct hadal_record_cgroup *cgroup)
{
	fprintf(to, " %llu ", (unsigned long long)cgroup->cgroup_id);
	print_text(to, hadal_record_cgroup_path(cgroup));
}

/* ---- udp ---- */

static void print_flow(FILE *to, const struct hadal_udp *udp)
{
	if (udp->flags & HADAL_UDP_OTHER) {
		fputs(" others", to);
	} else {
		fprintf(to, " %u ", udp->owner_tgid);
		print_endpoint(to, udp->family, udp->local_address, udp->local_port);
		fputs(udp->role == HADAL_TCP_SERVER ? " <- " : " -> ", to);
		print_endpoint(to, udp->family, udp->peer_address, udp->peer_port);
	}
	fprintf(to, " sent %llu in %llu received %llu in %llu", (unsigned long long)udp->sent_bytes,
		(unsigned long long)udp->sent_datagrams, (unsigned long long)udp->received_bytes,
		(unsigned long long)udp->received_datagrams);
	if (udp->flags & HADAL_UDP_ENDED)
		fputs(udp->flags & HADAL_UDP_IDLE ? " idle" : " ended", to);
}

/* ---- dns ---- */

static void print_named(FILE *to, const char *name, unsigned int number)
{
	if (name)
		fprintf(to, " %s", name);
	else
		fprintf(to, " %u", number);
}

/* Names are of printable characters, whatever bytes they were of. */
static void print_question(FILE *to, const struct hadal_dns_message *message)
{
	if (message->question[0]) {
		fprintf(to, " %s", message->question);
		print_named(to, hadal_dns_type_name(message->question_type), message->question_type);
	}
	print_named(to, hadal_dns_response_code_name(message->response_code),
		    message->response_code);
}

static void print_resource(FILE *to, const struct hadal_dns_resource *resource)
{
	char text[HADAL_ADDRESS_SIZE];

	if (resource->family)
		hadal_address_text(resource->family, resource->address, text);
	fprintf(to, " %s", resource->family ? text : resource->target);
}

static void print_message(FILE *to, struct hadal_dns_message *message)
{
	struct hadal_dns_resource resource;
	int result;

	print_question(to, message);
	while ((result = hadal_dns_next(message, &resource)) > 0)
		print_resource(to, &resource);
	if (result < 0)
		fputs(" unsound", to);
	else if (message->is_cut || message->server_truncated)
		fputs(" ...", to);
}

static void print_answer(FILE *to, const struct hadal_record_dns_answer *answer)
{
	struct hadal_text payload = hadal_record_dns_payload(answer);
	const struct hadal_dns *dns = &answer->dns;
	struct hadal_dns_message message;

	fprintf(to, " %u ", dns->owner_tgid);
	print_endpoint(to, dns->family, dns->local_address, dns->local_port);
	fputs(" <- ", to);
	print_endpoint(to, dns->family, dns->peer_address, dns->peer_port);
	if (hadal_dns_parse(&message, payload.data, payload.length, dns->length) < 0)
		fputs(" unsound", to);
	else
		print_message(to, &message);
}

static void print_lost(FILE *to, const struct hadal_record_lost *lost)
{
	uint64_t governed = 0;
	unsigned int i;

	fprintf(to, " on CPU %u:", lost->header.cpu);
	for (i = 0; i < HADAL_CLASS_SLOTS; i++) {
		governed += lost->governed[i];
		if (lost->count[i] && hadal_class_name(i))
			fprintf(to, " %u %s", lost->count[i], hadal_class_name(i));
	}
	if (governed)
		fprintf(to, ", %llu of them by the governor", (unsigned long long)governed);
}

static void print_body(FILE *to, const struct hadal_record *record)
{
	const void *typed = record;

	switch (record->type) {
	case HADAL_RECORD_CGROUP_MKDIR:
	case HADAL_RECORD_CGROUP_RMDIR:
	case HADAL_RECORD_CGROUP_EXISTING:
		print_cgroup(to, typed);
		break;
	case HADAL_RECORD_LOST:
		print_lost(to, typed);
		break;
	case HADAL_RECORD_PROCESS_EXEC:
		print_exec(to, typed);
		break;
	case HADAL_RECORD_PROCESS_EXIT:
		print_exit(to, typed);
		break;
	case HADAL_RECORD_TCP_FAILED:
		print_failed(to, typed);
		break;
	case HADAL_RECORD_TCP_CLOSED:
		print_closed(to, typed);
		break;
	case HADAL_RECORD_TCP_SNAPSHOT:
		print_ends(to, hadal_record_tcp(record));
		print_counters(to, hadal_record_tcp_counters(record));
		break;
	case HADAL_RECORD_TCP_ESTABLISHED:
		print_ends(to, hadal_record_tcp(record));
		print_duration(to, "after",
			       ((const struct hadal_record_tcp_established *)typed)->connect_latency);
		break;
	case HADAL_RECORD_UDP_FLOW:
		print_flow(to, hadal_record_udp(record));
		break;
	case HADAL_RECORD_DNS_ANSWER:
		print_answer(to, typed);
		break;
	default:
		if (hadal_record_process(record))
			print_process(to, hadal_record_process(record));
		if (hadal_record_tcp(record))
			print_ends(to, hadal_record_tcp(record));
	}
}

int event_line(FILE *to, const struct hadal_record *record, const struct hadal_clock *clock,
	       const struct container *container)
{
	const char *name = hadal_event_name(record) + strlen("hadal.");
	const char *dot = strchr(name, '.');

	print_time(to, record, clock);
	fprintf(to, "%-7.*s %-15s", (int)(dot - name), name, dot + 1);
	print_body(to, record);
	print_container(to, container);
	fputc('\n', to);
	return 0;
}
