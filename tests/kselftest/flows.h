/* SPDX-License-Identifier: MIT */
/* The records of a load's connections, and what they must say. */
#ifndef KSELFTEST_FLOWS_H
#define KSELFTEST_FLOWS_H

#include <stdint.h>
#include <sys/types.h>

#include "load_tcp.h"
#include "recorder.h"

/* The kernel's states that tests name: linux/tcp.h does not go with netinet/tcp.h. */
enum {
	TCP_STATE_ESTABLISHED = 1,
	TCP_STATE_FIN_WAIT2 = 5,
	TCP_STATE_CLOSE_WAIT = 8,
};

/* Records of both ends of one connection, found by namespace and ports. */
struct flow_records {
	unsigned int established_count;
	unsigned int accepted_count;
	unsigned int failed_count;
	unsigned int client_closed_count;
	unsigned int server_closed_count;
	unsigned int client_snapshot_count;
	unsigned int server_snapshot_count;
	const struct hadal_record_tcp_established *established;	/* the last of each */
	const struct hadal_record_tcp_accepted *accepted;
	const struct hadal_record_tcp_failed *failed;
	const struct hadal_record_tcp_closed *client_closed;
	const struct hadal_record_tcp_closed *server_closed;
	const struct hadal_record_tcp_snapshot *client_snapshot;
	const struct hadal_record_tcp_snapshot *server_snapshot;
};

struct flow_records flow_gather(const struct recorder *recorder, uint32_t net_ns,
				uint16_t client_port, uint16_t server_port);

/* For recorder_count() and recorder_wait(). */
struct tcp_type_in {
	uint32_t net_ns;
	uint16_t type;	/* of the record; 0: any TCP record */
};

bool is_tcp_type_in(const struct hadal_record *record, const void *tcp_type_in);

/* How many records of a type there are in a namespace. */
size_t flow_count(const struct recorder *recorder, uint32_t net_ns, uint16_t type);

/* Waits until there are that many records of a type in a namespace. */
void flow_wait(struct recorder *recorder, uint32_t net_ns, uint16_t type, size_t want);

/* Waits until that many connection ends of the namespace have closed. */
void flow_wait_closed(struct recorder *recorder, uint32_t net_ns, size_t ends);

/* One ESTABLISHED, one ACCEPTED, a CLOSED on each side, and the two ends agree. */
void flow_check_life(const struct flow_records *records, const struct tcp_flow *flow,
		     uint32_t net_ns);

/* Addresses, ports, role and flags of one end. */
void flow_check_end(const struct hadal_tcp *tcp, const struct tcp_flow *flow, uint8_t role,
		    uint32_t net_ns);

/* Payload of one end that wrote and received so much, all of it acknowledged. */
void flow_check_counters(const struct hadal_tcp_counters *counters, uint64_t written,
			 uint64_t received);

/* Both CLOSED of a flow that has run as planned, to the byte. */
void flow_check_payload(const struct flow_records *records, const struct tcp_flow *flow);

#endif
