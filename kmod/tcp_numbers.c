// SPDX-License-Identifier: GPL-2.0-only
#include <linux/compiler.h>
#include <linux/tcp.h>
#include <net/sock.h>
#include <net/tcp.h>

#include "compat.h"
#include "tcp_numbers.h"

#define READ_TRIES	4

/* What SYN and FIN add to the counters, and the counters at one instant. */
struct numbers {
	u64 bytes_acked;
	u64 bytes_received;
	u32 snd_una;
	u32 snd_nxt;
	u32 write_seq;
	u32 rcv_nxt;
	u32 copied_seq;
	u32 syn;
	u32 fin_queued;
	u32 fin_acked;
	u32 fin_received;
};

static __always_inline void read_once(struct numbers *numbers, const struct tcp_sock *tp)
{
	numbers->snd_una = data_race(READ_ONCE(tp->snd_una));
	numbers->bytes_acked = data_race(READ_ONCE(tp->bytes_acked));
	numbers->snd_nxt = data_race(READ_ONCE(tp->snd_nxt));
	numbers->write_seq = data_race(READ_ONCE(tp->write_seq));
	numbers->rcv_nxt = data_race(READ_ONCE(tp->rcv_nxt));
	numbers->bytes_received = data_race(READ_ONCE(tp->bytes_received));
	numbers->copied_seq = data_race(READ_ONCE(tp->copied_seq));
}

/* Who holds a socket changes its numbers one after the other. */
static bool is_held(const struct sock *sk)
{
	return sock_owned_by_user_nocheck(sk) ||
	       spin_is_locked((spinlock_t *)&sk->sk_lock.slock);
}

static bool same(const struct numbers *a, const struct numbers *b)
{
	return a->snd_una == b->snd_una && a->bytes_acked == b->bytes_acked &&
	       a->snd_nxt == b->snd_nxt && a->rcv_nxt == b->rcv_nxt &&
	       a->bytes_received == b->bytes_received;
}

/*
 * A live socket changes while it is read. Sequence number and byte counter move
 * together, one after the other: both readings may lie in between, and whoever has
 * the socket then has it between the readings.
 *
 * Return: whether the numbers are of one instant, at which nobody changed them.
 */
static bool read_numbers(struct numbers *numbers, const struct sock *sk)
{
	const struct tcp_sock *tp = tcp_sk(sk);
	struct numbers again HADAL_ALL_SET;
	bool at_rest;
	int try;

	read_once(numbers, tp);
	for (try = 0; try < READ_TRIES; try++) {
		smp_rmb();
		at_rest = !is_held(sk);
		smp_rmb();
		read_once(&again, tp);
		if (at_rest && same(&again, numbers))
			return true;
		*numbers = again;
	}
	return false;
}

static bool closing_sent(int state)
{
	return state == TCP_FIN_WAIT1 || state == TCP_FIN_WAIT2 || state == TCP_CLOSING ||
	       state == TCP_LAST_ACK;
}

static __always_inline void read_flags(struct numbers *numbers, const struct sock *sk, int state, u8 role)
{
	numbers->syn = role == HADAL_TCP_CLIENT && !tcp_sk(sk)->repair;
	numbers->fin_queued = closing_sent(state);
	numbers->fin_acked = state == TCP_FIN_WAIT2 ||
			     ((state == TCP_CLOSING || state == TCP_LAST_ACK) &&
			      numbers->snd_una == numbers->write_seq);
	numbers->fin_received = sock_flag(sk, SOCK_DONE);
}

static u64 less(u64 from, u32 what)
{
	return from > what ? from - what : 0;
}

static __always_inline void count_payload(struct hadal_tcp_counters *counters, const struct numbers *numbers)
{
	u32 in_flight = numbers->snd_nxt - numbers->snd_una;
	u32 queued = numbers->write_seq - numbers->snd_una;
	u32 fin_sent = numbers->fin_queued && numbers->snd_nxt == numbers->write_seq;

	counters->acked = less(numbers->bytes_acked, numbers->syn + numbers->fin_acked);
	counters->sent = less(numbers->bytes_acked + in_flight, numbers->syn + fin_sent);
	counters->written = less(numbers->bytes_acked + queued,
				 numbers->syn + numbers->fin_queued);
	counters->received = less(numbers->bytes_received, numbers->fin_received);
	counters->unread = less((u32)(numbers->rcv_nxt - numbers->copied_seq),
				numbers->fin_received);
}

static __always_inline void count_segments(struct hadal_tcp_counters *counters, const struct tcp_sock *tp)
{
	u32 min_rtt = tcp_min_rtt(tp);

	counters->retransmitted = data_race(READ_ONCE(tp->bytes_retrans));
	counters->segments_out = data_race(READ_ONCE(tp->segs_out));
	counters->segments_in = data_race(READ_ONCE(tp->segs_in));
	counters->data_segments_out = data_race(READ_ONCE(tp->data_segs_out));
	counters->data_segments_in = data_race(READ_ONCE(tp->data_segs_in));
	counters->segments_retransmitted = data_race(READ_ONCE(tp->total_retrans));
	counters->srtt = data_race(READ_ONCE(tp->srtt_us)) >> 3;
	counters->rttvar = data_race(READ_ONCE(tp->mdev_us)) >> 2;
	counters->min_rtt = min_rtt == ~0U ? 0 : min_rtt;
	counters->congestion_window = data_race(tcp_snd_cwnd(tp));
}

/*
 * snd_una moves only with bytes_acked, rcv_nxt with bytes_received; acked bytes
 * of the one that connected begin with its SYN.
 */
static __always_inline void isn_of(struct hadal_isn_pair *isn, const struct numbers *numbers, u8 role)
{
	u32 sent = numbers->snd_una - (u32)numbers->bytes_acked;
	u32 received = numbers->rcv_nxt - (u32)numbers->bytes_received - 1;

	isn->known = true;
	if (role == HADAL_TCP_SERVER) {
		isn->client = received;
		isn->server = sent - 1;
	} else {
		isn->client = sent;
		isn->server = received;
	}
}

/**
 * hadal_tcp_role_of() - who opened a connection of which that was not seen
 * @sk: the socket
 *
 * A listener's child keeps its backlog; a socket that connects never had one. A
 * backlog of 0 is rare: then by what was sent, of which the sequence numbers of
 * the end that connected count one more, its SYN. (bytes_sent may be too high
 * where the host drops packets; it is then unlike both.)
 *
 * Return: HADAL_TCP_CLIENT or HADAL_TCP_SERVER.
 */
u8 hadal_tcp_role_of(const struct sock *sk)
{
	const struct tcp_sock *tp = tcp_sk(sk);
	int state = READ_ONCE(sk->sk_state);
	struct numbers numbers HADAL_ALL_SET;
	u64 by_sequence;
	u32 fin_sent;

	if (READ_ONCE(sk->sk_max_ack_backlog))
		return HADAL_TCP_SERVER;
	if (state == TCP_SYN_SENT)
		return HADAL_TCP_CLIENT;
	read_numbers(&numbers, sk);
	fin_sent = closing_sent(state) && numbers.snd_nxt == numbers.write_seq;
	by_sequence = numbers.bytes_acked + (u32)(numbers.snd_nxt - numbers.snd_una) - fin_sent;
	return by_sequence == data_race(READ_ONCE(tp->bytes_sent) - READ_ONCE(tp->bytes_retrans)) ?
	       HADAL_TCP_SERVER : HADAL_TCP_CLIENT;
}

/* Of a socket whose lock is held. */
void hadal_tcp_isn_pair(struct hadal_isn_pair *isn, const struct sock *sk, u8 role)
{
	const struct tcp_sock *tp = tcp_sk(sk);
	const struct numbers numbers = {
		.bytes_acked = tp->bytes_acked,
		.bytes_received = tp->bytes_received,
		.snd_una = tp->snd_una,
		.rcv_nxt = tp->rcv_nxt,
	};

	isn_of(isn, &numbers, role);
}

/**
 * hadal_tcp_count() - counters of a socket that closes, its lock held
 * @counters: filled in
 * @sk: the socket
 * @state: the state that it leaves
 * @role: enum hadal_tcp_role
 */
void hadal_tcp_count(struct hadal_tcp_counters *counters, const struct sock *sk, int state, u8 role)
{
	struct numbers numbers HADAL_ALL_SET;

	read_once(&numbers, tcp_sk(sk));
	read_flags(&numbers, sk, state, role);
	count_payload(counters, &numbers);
	count_segments(counters, tcp_sk(sk));
}

/**
 * hadal_tcp_count_live() - counters of a socket that goes on meanwhile
 * @counters: filled in
 * @isn: filled in, of the same instant; not known where somebody has the socket
 * @sk: the socket, kept from being freed
 * @role: enum hadal_tcp_role
 *
 * Exact where nothing moves; else each number is one that was true, and what is
 * reckoned of two, sent and written, may be off by what one acknowledgement covers.
 */
void hadal_tcp_count_live(struct hadal_tcp_counters *counters, struct hadal_isn_pair *isn,
			  const struct sock *sk, u8 role)
{
	struct numbers numbers HADAL_ALL_SET;

	isn->known = read_numbers(&numbers, sk);
	if (isn->known)
		isn_of(isn, &numbers, role);
	read_flags(&numbers, sk, READ_ONCE(sk->sk_state), role);
	count_payload(counters, &numbers);
	count_segments(counters, tcp_sk(sk));
}
