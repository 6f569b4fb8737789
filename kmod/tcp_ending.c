// SPDX-License-Identifier: GPL-2.0-only
/*
 * The tracepoint does not say why a socket passes to CLOSE. What it left behind
 * at that moment does: where the kernel ends a connection for an error, sk_err
 * is set just before; where the socket's own process does, sk_err is set after,
 * and sk_shutdown and SOCK_DEAD tell how far close() has come.
 */
#include <linux/errno.h>
#include <linux/preempt.h>
#include <linux/sched.h>
#include <linux/tcp.h>
#include <net/sock.h>
#include <net/tcp.h>

#include "tcp_ending.h"

/*
 * tcp_reset() also runs where data comes behind this end's close(), to be
 * answered by a reset. Of these two the socket shows no difference.
 */
static u32 reset_received(const struct sock *sk, int old_state)
{
	bool may_be_own = (old_state == TCP_FIN_WAIT1 || old_state == TCP_FIN_WAIT2) &&
			  sk->sk_shutdown & RCV_SHUTDOWN;

	return may_be_own ? HADAL_TCP_ENDING_RESET_AFTER_CLOSE : HADAL_TCP_ENDING_RESET;
}

/*
 * An error that an ICMP message left in sk_err, for a process that asked for
 * these (IP_RECVERR), ends nothing. One that a timeout found is in sk_err_soft
 * too.
 */
static u32 ending_by_error(const struct sock *sk, int old_state)
{
	int error = READ_ONCE(sk->sk_err);

	switch (error) {
	case 0:
		return HADAL_TCP_ENDING_UNKNOWN;
	case ECONNRESET:
	case EPIPE:
		return reset_received(sk, old_state);
	case ETIMEDOUT:
		return HADAL_TCP_ENDING_TIMED_OUT;
	case ECONNABORTED:
		return HADAL_TCP_ENDING_DESTROYED;
	default:
		return error == READ_ONCE(sk->sk_err_soft) ? HADAL_TCP_ENDING_UNREACHABLE :
							     HADAL_TCP_ENDING_UNKNOWN;
	}
}

/* Without FIN, by the process. close() has shut both directions before it looks. */
static u32 abort_by_caller(const struct sock *sk, u32 unread)
{
	if (sk->sk_shutdown != SHUTDOWN_MASK)
		return HADAL_TCP_ENDING_DISCONNECTED;
	if (unread)
		return HADAL_TCP_ENDING_ABORTED_UNREAD;
	return sock_flag(sk, SOCK_LINGER) && !sk->sk_lingertime ? HADAL_TCP_ENDING_ABORTED_LINGER :
								   HADAL_TCP_ENDING_DISCONNECTED;
}

/* A socket that close() has left behind is the kernel's to give up. */
static u32 ending_without_ack(const struct sock *sk, u32 unread)
{
	if (sock_flag(sk, SOCK_DEAD) || !in_task() || current->flags & PF_KTHREAD)
		return HADAL_TCP_ENDING_KERNEL;
	return abort_by_caller(sk, unread);
}

static bool fin_acked(const struct sock *sk)
{
	return tcp_sk(sk)->snd_una == tcp_sk(sk)->write_seq;
}

/*
 * From FIN_WAIT2 it goes on as a stand-in, which waits for the peer's FIN or has
 * it: then the socket is left behind (SOCK_DEAD), or FIN came (SOCK_DONE). A
 * process may have asked for a reset in place of waiting (TCP_LINGER2).
 */
static u32 ending_in_fin_wait2(const struct sock *sk, u32 unread)
{
	if (sock_flag(sk, SOCK_DONE))
		return HADAL_TCP_ENDING_LOCAL_CLOSE;
	if (!sock_flag(sk, SOCK_DEAD))
		return ending_without_ack(sk, unread);
	return READ_ONCE(tcp_sk(sk)->linger2) < 0 ? HADAL_TCP_ENDING_ABORTED_LINGER :
						    HADAL_TCP_ENDING_LOCAL_CLOSE;
}

static u32 ending_by_state(const struct sock *sk, const struct hadal_conn *conn, int old_state,
			   u32 unread)
{
	switch (old_state) {
	case TCP_FIN_WAIT2:
		return ending_in_fin_wait2(sk, unread);
	case TCP_CLOSING:
		return fin_acked(sk) ? HADAL_TCP_ENDING_BOTH_CLOSE :
				       ending_without_ack(sk, unread);
	case TCP_LAST_ACK:
		return fin_acked(sk) ? HADAL_TCP_ENDING_PEER_CLOSE :
				       ending_without_ack(sk, unread);
	}
	if (conn->state == HADAL_CONN_UNACCEPTED)
		return HADAL_TCP_ENDING_NOT_ACCEPTED;
	return ending_without_ack(sk, unread);
}

/**
 * hadal_tcp_ending() - who ends a connection, and how
 * @sk: passes to CLOSE, its lock held
 * @conn: what is known of it
 * @old_state: the state that it leaves
 * @unread: bytes received and not read
 *
 * Return: enum hadal_tcp_ending.
 */
u32 hadal_tcp_ending(const struct sock *sk, const struct hadal_conn *conn, int old_state, u32 unread)
{
	return ending_by_error(sk, old_state) ?: ending_by_state(sk, conn, old_state, unread);
}
