/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * Hadal: the contract between hadal.ko and its readers.
 *
 * A session is an open file of /dev/hadal. Its life:
 *
 *	fd = open("/dev/hadal", O_RDWR)
 *	ioctl(fd, HADAL_IOC_QUERY, &query)	what this module can do
 *	ioctl(fd, HADAL_IOC_CONFIGURE, &config)	makes the rings
 *	mmap() of each CPU's two rings
 *	ioctl(fd, HADAL_IOC_START)		events begin
 *	ioctl(fd, HADAL_IOC_DUMP, &dump)	what existed before
 *	poll(), read the rings, write consumer positions, ...
 *	ioctl(fd, HADAL_IOC_STOP), close(fd)
 *
 * The session belongs to the open file, not to a task: a forked child or a
 * process that was passed the descriptor may go on with it. Several sessions
 * may run at once, each with rings of its own.
 *
 * Structs given to ioctl begin with their size in bytes. A module that knows
 * a longer struct takes the missing tail as zero; one that knows a shorter
 * struct accepts a longer one if the tail that it does not know is zero, else
 * it answers E2BIG. Fields are only ever added at the end, and so it is with
 * records: a reader uses hadal_record.size to step and ignores what it does
 * not know. Everything is in the host's byte order.
 *
 * Rings
 * -----
 * Each CPU has two rings (lanes): lifecycle, for what state depends on, and
 * flow, for what may come in floods. One ring is mapped in two parts:
 *
 *	HADAL_RING_CONSUMER	one page, read-write, struct hadal_ring_consumer
 *	HADAL_RING_DATA		read-only: one page with struct
 *				hadal_ring_producer, then the data twice in a
 *				row, so that a record never wraps
 *
 * Positions count bytes from the ring's start, modulo 2^32; the data size is
 * a power of two, and position & (data_size - 1) is the offset. To read:
 *
 *	committed = load_acquire(&producer->commit)
 *	while (position != HADAL_COMMIT_POSITION(committed))
 *		record at data + (position & (data_size - 1)); use it;
 *		position += record->size
 *	store_release(&consumer->position, position)
 *
 * The load-acquire pairs with the module's release of commit, which follows
 * the stores of the records; the store-release makes the reader's loads
 * complete before the module may write over them. The module believes the
 * consumer position only as far as it limits this reader itself.
 *
 * A full ring drops the newest record. Every record that was due in a ring,
 * written or dropped, takes the next sequence number of that ring; a gap in
 * the numbers is exactly the loss, and the LOST record right behind it says how
 * many of each class. The sequence in commit is that of the next record, so loss
 * at the end shows too.
 *
 * Time order over several rings: hadal_record.time rises within a ring. While
 * producer->busy is not zero, a record may have its time and not be visible
 * yet. A reader that takes a clock reading, and a moment later sees busy 0 and
 * then loads commit, has all records of that ring up to the reading.
 */
#ifndef _UAPI_LINUX_HADAL_H
#define _UAPI_LINUX_HADAL_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define HADAL_ABI_VERSION	1

#define HADAL_DEVICE_PATH	"/dev/hadal"

/* Classes: what a session asks for, and what is counted apart. */
enum hadal_class {
	HADAL_CLASS_CONTROL,	/* the session's own records; always on */
	HADAL_CLASS_PROCESS,
	HADAL_CLASS_CGROUP,
	HADAL_CLASS_TCP,
	HADAL_CLASS_UDP,	/* flows; not hooked unless a session asks for it */
	HADAL_CLASS_DNS,	/* answers; not hooked unless a session asks for it */
	HADAL_CLASS_SLOTS = 8,	/* size of arrays by class */
};

#define HADAL_CLASS_BIT(class)	(1U << (class))

enum hadal_lane {
	HADAL_LANE_LIFECYCLE,	/* control, process, cgroup */
	HADAL_LANE_FLOW,	/* tcp, udp, dns */
	HADAL_LANES,
};

/* ---- mapping ---- */

enum hadal_ring_part {
	HADAL_RING_CONSUMER,
	HADAL_RING_DATA,
};

/*
 * The offset argument of mmap(). Lengths must be exact: one page for the
 * consumer part, page size + 2 * data size for the data part. ENXIO: that CPU
 * has no ring yet. EPERM: PROT_EXEC, or PROT_WRITE on the data part. EINVAL:
 * wrong length, or not MAP_SHARED.
 */
#define HADAL_RING_OFFSET(cpu, lane, part) \
	((((__u64)(cpu) << 2) | ((__u64)(lane) << 1) | (__u64)(part)) << 32)

struct hadal_ring_producer {
	__u64 commit;		/* sequence << 32 | position */
	__u32 busy;		/* records under way */
	__u32 data_size;	/* bytes */
	__u32 cpu;
	__u32 lane;		/* enum hadal_lane */
};

#define HADAL_COMMIT_POSITION(commit)	((__u32)(commit))
#define HADAL_COMMIT_SEQUENCE(commit)	((__u32)((commit) >> 32))

struct hadal_ring_consumer {
	__u32 position;		/* bytes read, modulo 2^32 */
};

/* ---- ioctls ---- */

#define HADAL_IOC_MAGIC		'H'
#define HADAL_IOC_QUERY		_IO(HADAL_IOC_MAGIC, 0xd0)
#define HADAL_IOC_CONFIGURE	_IO(HADAL_IOC_MAGIC, 0xd1)
#define HADAL_IOC_START		_IO(HADAL_IOC_MAGIC, 0xd2)	/* no argument */
#define HADAL_IOC_STOP		_IO(HADAL_IOC_MAGIC, 0xd3)	/* no argument */
#define HADAL_IOC_DUMP		_IO(HADAL_IOC_MAGIC, 0xd4)
#define HADAL_IOC_STATS		_IO(HADAL_IOC_MAGIC, 0xd5)

/* Bytes of the structs' first versions: the least size that is taken. */
#define HADAL_QUERY_SIZE_FIRST	72
#define HADAL_CONFIG_SIZE_FIRST	48
#define HADAL_DUMP_SIZE_FIRST	24
#define HADAL_STATS_SIZE_FIRST	264

/* Filled in up to the size that the caller gives. */
struct hadal_query {
	__u32 size;
	__u32 abi_version;
	__u32 classes;		/* HADAL_CLASS_BIT of what is there */
	__u32 possible_cpus;	/* CPU numbers are below this */
	__u32 page_size;	/* bytes */
	__u32 ring_size_min;	/* bytes of data in one ring */
	__u32 ring_size_max;
	__u32 argv_limit;	/* bytes: the largest argv_max */
	__u32 record_max;	/* bytes: the longest record without argv */
	__u32 connections_max;	/* entries in the table of live connections */
	char version[32];	/* the module's version, NUL-terminated */
};

/*
 * Once per session, before START. EBUSY: was done before. EPROTONOSUPPORT:
 * another abi_version. EINVAL: no or unknown class, unknown flag, ring size
 * out of range or not a power of two, watermark above the smaller ring,
 * argv_max too large for the lifecycle ring (4 * argv_max) or the limit, a
 * filter that makes no sense.
 * ENOSPC: the total of ring memory would exceed the module's parameter
 * ring_memory_max.
 *
 * Filters. What does not pass each of them is filtered: it takes no sequence
 * number and is neither produced nor lost; due = produced + filtered.
 *
 *	cgroups		in one of these v2 cgroups or below: the cgroup itself. A
 *			process by where it is at the record's time, a
 *			connection or flow by its owner's cgroup when it became
 *			the owner; a connection without owner by who called
 *			socket(); an answer of DNS by where its receiver is
 *	ports		tcp, udp, dns: local or peer port in one of these ranges;
 *			with EXCLUDE_PORTS in none of them. Each answer of DNS has
 *			the peer port 53
 *	NO_LOOPBACK	tcp, udp, dns: neither end's address is of loopback, nor
 *			are both the same. Of DNS that leaves out what resolvers
 *			on the host tell (127.0.0.53, Docker's 127.0.0.11)
 *	min_duration	tcp: since start_time, at the record's time. So
 *			ESTABLISHED and ACCEPTED are always filtered, SNAPSHOT
 *			shows what has lasted long enough, and CLOSED of those
 *			tells all. FAILED and listeners pass; what has no
 *			start_time passes
 *
 * EINVAL: more than there is room for, a range that is empty or has port 0,
 * EXCLUDE_PORTS without ports, cgroup 0, an unused place that is not 0.
 * ENOENT: no such cgroup. EUSERS: 16 sessions with cgroups are there already.
 */
#define HADAL_FILTER_CGROUPS	16
#define HADAL_FILTER_PORTS	16

#define HADAL_CONFIG_NO_LOOPBACK	(1U << 0)
#define HADAL_CONFIG_EXCLUDE_PORTS	(1U << 1)

struct hadal_port_range {
	__u16 first;		/* host byte order */
	__u16 last;		/* included */
};

struct hadal_config {
	__u32 size;
	__u32 abi_version;	/* HADAL_ABI_VERSION */
	__u32 classes;		/* HADAL_CLASS_BIT(PROCESS) | ... */
	__u32 flags;		/* HADAL_CONFIG_* */
	__u32 lifecycle_ring_size;	/* bytes per CPU */
	__u32 flow_ring_size;	/* bytes per CPU */
	__u32 watermark;	/* bytes in a ring that wake poll(); 0: a quarter of each */
	__u32 argv_max;		/* bytes of argv per exec; 0: none */
	__u8 key[16];		/* secret of connection keys, the same on all hosts */
	/* Up to here HADAL_CONFIG_SIZE_FIRST. */
	__u32 cgroup_count;	/* of cgroups; 0: all pass */
	__u32 port_count;	/* of ports; 0: all pass */
	__u64 min_duration;	/* ns; 0: all pass */
	__u64 cgroups[HADAL_FILTER_CGROUPS];	/* ids, as in hadal_process.cgroup_id */
	struct hadal_port_range ports[HADAL_FILTER_PORTS];
};

/*
 * Writes what exists into the rings, a slice a call, as much as fits: while
 * state says HADAL_DUMP_MORE, drain the rings and call again. Records stand
 * between DUMP_START and DUMP_END. CONNECTIONS alone, called at an interval,
 * gives the counters of live connections; so does UDP those of flows, and lets
 * go of flows without a datagram for udp_idle seconds, a parameter of the
 * module. EINVAL: nothing or something unknown asked for, UDP by a session that
 * has not the class, or not what the unfinished dump was begun with. ENOTCONN:
 * the session is not started.
 */
#define HADAL_DUMP_PROCESSES	(1U << 0)
#define HADAL_DUMP_CONNECTIONS	(1U << 1)
#define HADAL_DUMP_CGROUPS	(1U << 2)	/* of the unified hierarchy */
#define HADAL_DUMP_UDP		(1U << 3)

enum hadal_dump_state {
	HADAL_DUMP_DONE,
	HADAL_DUMP_MORE,
};

struct hadal_dump {
	__u32 size;
	__u32 what;		/* HADAL_DUMP_* */
	__u32 state;		/* out: enum hadal_dump_state */
	__u32 reserved;		/* 0 */
	__u64 records;		/* out: records of this dump so far */
};

/*
 * produced = delivered + lost, always, and due = produced + filtered.
 * Delivered: written into a ring.
 */
struct hadal_class_stats {
	__u64 produced;
	__u64 delivered;
	__u64 lost;
	__u64 bytes;		/* of what was delivered, headers included */
};

#define HADAL_CPU_ALL	0xffffffffU

/* ENXIO: no ring on that CPU. ENOTCONN: not configured. */
struct hadal_stats {
	__u32 size;
	__u32 cpu;		/* in: one CPU, or HADAL_CPU_ALL */
	struct hadal_class_stats class_stats[HADAL_CLASS_SLOTS];
	/* Up to here HADAL_STATS_SIZE_FIRST. */
	__u64 filtered[HADAL_CLASS_SLOTS];	/* due, and did not pass the filters */
	__u64 governed[HADAL_CLASS_SLOTS];	/* of what is lost: by the governor */
};

/* ---- records ---- */

enum hadal_record_type {
	/* control, lifecycle lane; LOST stands in the ring that lost */
	HADAL_RECORD_LOST = 1,
	HADAL_RECORD_CLOCK_SYNC,
	HADAL_RECORD_DUMP_START,
	HADAL_RECORD_DUMP_END,
	HADAL_RECORD_RING_ADDED,

	/* process, lifecycle lane */
	HADAL_RECORD_PROCESS_FORK = 16,
	HADAL_RECORD_PROCESS_EXEC,
	HADAL_RECORD_PROCESS_EXIT,
	HADAL_RECORD_PROCESS_EXISTING,
	HADAL_RECORD_PROCESS_OOM,

	/* cgroup, lifecycle lane */
	HADAL_RECORD_CGROUP_MKDIR = 32,
	HADAL_RECORD_CGROUP_RMDIR,
	HADAL_RECORD_CGROUP_EXISTING,

	/* tcp, flow lane */
	HADAL_RECORD_TCP_ESTABLISHED = 48,
	HADAL_RECORD_TCP_FAILED,
	HADAL_RECORD_TCP_ACCEPTED,
	HADAL_RECORD_TCP_CLOSED,
	HADAL_RECORD_TCP_SNAPSHOT,
	HADAL_RECORD_TCP_LISTENING,
	HADAL_RECORD_TCP_LISTENER_CLOSED,

	/* udp, flow lane */
	HADAL_RECORD_UDP_FLOW = 64,

	/* dns, flow lane */
	HADAL_RECORD_DNS_ANSWER = 80,
};

/* Every record begins so, on an 8-byte boundary. */
struct hadal_record {
	__u32 size;		/* bytes, this header included; a multiple of 8 */
	__u16 type;		/* enum hadal_record_type */
	__u8 record_class;	/* enum hadal_class */
	__u8 lane;		/* enum hadal_lane */
	__u64 time;		/* ns, CLOCK_MONOTONIC */
	__u32 sequence;		/* of this ring */
	__u32 cpu;
};

/* In front of the first record after a gap. */
struct hadal_record_lost {
	struct hadal_record header;
	__u32 count[HADAL_CLASS_SLOTS];	/* records lost since the last LOST */
	__u32 governed[HADAL_CLASS_SLOTS];	/* of these: not for want of room, but by the governor */
};

/* At START and with each dump: one instant on three clocks, in ns. */
struct hadal_record_clock_sync {
	struct hadal_record header;
	__u64 monotonic;
	__u64 boottime;
	__u64 realtime;
};

struct hadal_record_dump {	/* DUMP_START, DUMP_END */
	struct hadal_record header;
	__u32 what;		/* HADAL_DUMP_* */
	__u32 dump;		/* number of the dump in this session, from 1 */
	__u64 records;		/* in DUMP_END: how many stood between */
};

/*
 * A CPU came online and has its rings now: map them. Sent once: where LOST counts of the
 * control class, any CPU may have got rings.
 */
struct hadal_record_ring_added {
	struct hadal_record header;
	__u32 added_cpu;
	__u32 reserved;
};

#define HADAL_COMM_LEN	16

#define HADAL_PROCESS_KERNEL	(1U << 0)	/* a kernel thread */
#define HADAL_PROCESS_OOM	(1U << 1)	/* chosen by the OOM killer; at exit: had been */
#define HADAL_PROCESS_ENDED	(1U << 2)	/* EXISTING: it ended meanwhile; take it as never said */
#define HADAL_PROCESS_INDIRECT	(1U << 3)	/* never the module's: see HADAL_TCP_INDIRECT; what it used is not known */
#define HADAL_PROCESS_SIBLING	(1U << 4)	/* FORK: its parent did not fork it, a child of that did: CLONE_PARENT */

/* Process ids are those of the initial pid namespace unless said otherwise. */
struct hadal_process {
	__u64 start_boottime;	/* ns, CLOCK_BOOTTIME; (tgid, start_boottime) is unique */
	__u64 cgroup_id;	/* in the hierarchy below; v2: inode number of its directory */
	__u32 cgroup_hierarchy;	/* 0 unified (v2) */
	__u32 tgid;
	__u32 parent_tgid;	/* 0: no parent known */
	__u32 ns_tgid;		/* tgid in its own pid namespace; 0: not read (exec, exit) */
	__u32 pid_ns;		/* inode number; 0: none any more */
	__u32 net_ns;
	__u32 mnt_ns;		/* 0: not read, the kernel keeps it to itself */
	__u32 uid;		/* real, initial user namespace */
	__u32 gid;
	__u32 flags;		/* HADAL_PROCESS_* */
	char comm[HADAL_COMM_LEN];	/* filled up with NULs, at least one */
};

/*
 * PROCESS_OOM: the OOM killer chose it, and will kill it; its exit follows, which
 * may take long. Where it shares memory with others these are killed too, and
 * their exits alone tell. PROCESS_FORK: the child. PROCESS_EXISTING: found by a dump; its executable
 * and arguments are for /proc, which start_boottime ties to this process.
 */
struct hadal_record_process {
	struct hadal_record header;
	struct hadal_process process;
};

#define HADAL_EXEC_PATH_TRUNCATED	(1U << 0)
#define HADAL_EXEC_SCRIPT_TRUNCATED	(1U << 1)
#define HADAL_EXEC_ARGV_TRUNCATED	(1U << 2)	/* over argv_max, or not in memory */

/*
 * At strings_offset stand path, script and argv, one after the other. Path is
 * the file that runs, as seen from the root of its process; on PREEMPT_RT of a
 * file on another mount than that root, one that is deleted, being renamed, of a
 * long name or more than 64 levels deep, the name by which it was opened. Script
 * is what was named when an interpreter runs it, else empty. Neither has a NUL.
 * Argv holds the arguments, each with its NUL; a last one without NUL was cut.
 */
struct hadal_record_process_exec {
	struct hadal_record header;
	struct hadal_process process;
	__u32 old_tid;		/* the thread that called exec; the others have ended */
	__u32 argc;
	__u16 path_len;		/* bytes */
	__u16 script_len;
	__u16 argv_len;
	__u16 flags;		/* HADAL_EXEC_* */
	__u16 strings_offset;	/* bytes from the record's beginning */
	__u16 reserved[3];
};

/* One a process, when its last thread ends. */
struct hadal_record_process_exit {
	struct hadal_record header;
	struct hadal_process process;
	__u32 exit_code;	/* as wait() has it: code << 8, or signal | 0x80 if dumped */
	__u32 reserved;
	__u64 user_time;	/* ns, in steps of the scheduler's tick, all threads */
	__u64 system_time;	/* ns, likewise */
	__u64 cpu_time;		/* ns on a CPU, up to the scheduler's last update */
	__u64 max_rss;		/* bytes */
	__u64 minor_faults;
	__u64 major_faults;
	__u64 voluntary_switches;
	__u64 involuntary_switches;
	__u64 read_bytes;	/* from storage; 0 without CONFIG_TASK_IO_ACCOUNTING */
	__u64 write_bytes;
};

#define HADAL_CGROUP_PATH_TRUNCATED	(1U << 0)	/* it may have been cut */
#define HADAL_CGROUP_REMOVED		(1U << 1)	/* EXISTING: gone meanwhile; take it as never said */

/*
 * CGROUP_MKDIR, CGROUP_RMDIR, CGROUP_EXISTING. The path, as seen from the root of
 * its hierarchy and without a NUL, stands at path_offset; RMDIR has none.
 */
struct hadal_record_cgroup {
	struct hadal_record header;
	__u64 cgroup_id;	/* in this hierarchy; v2: inode number of its directory */
	__u32 hierarchy;	/* 0 unified (v2) */
	__u32 level;		/* below the root, which is 0 */
	__u16 path_len;		/* bytes */
	__u16 flags;		/* HADAL_CGROUP_* */
	__u16 path_offset;	/* bytes from the record's beginning */
	__u16 reserved;
};

enum hadal_tcp_role {
	HADAL_TCP_ROLE_UNKNOWN,
	HADAL_TCP_CLIENT,
	HADAL_TCP_SERVER,
	HADAL_TCP_LISTENER,
};

/* How the owner is known. */
enum hadal_tcp_owner {
	HADAL_TCP_OWNER_UNKNOWN,
	HADAL_TCP_OWNER_CALLER,	/* called connect(), accept() or listen() */
	HADAL_TCP_OWNER_HOLDER,	/* found by a dump to hold a descriptor of it */
	HADAL_TCP_OWNER_KERNEL,	/* a kernel thread's, or the kernel's own in a process's call */
};

#define HADAL_TCP_DUMPED		(1U << 0)	/* was there before the module looked */
#define HADAL_TCP_NO_OPEN_SEEN		(1U << 1)	/* not in the table: no id, owner, start */
#define HADAL_TCP_NOT_ACCEPTED		(1U << 2)	/* closed before accept() took it */
#define HADAL_TCP_ACCEPTED_AFTER_CLOSE	(1U << 3)	/* this ACCEPTED follows its CLOSED */
#define HADAL_TCP_FASTOPEN		(1U << 4)	/* connect latency says nothing */
#define HADAL_TCP_V4MAPPED		(1U << 5)	/* an IPv6 socket that speaks IPv4 */
#define HADAL_TCP_KERNEL_SOCKET		(1U << 6)	/* made by the kernel, for itself or as part of MPTCP */
#define HADAL_TCP_MPTCP			(1U << 7)	/* a subflow of an MPTCP connection */
#define HADAL_TCP_PORT_UNKNOWN		(1U << 8)	/* listening, port not chosen yet */
#define HADAL_TCP_RESET_SENT		(1U << 9)	/* this end sent a reset, or closes by one */
#define HADAL_TCP_RESET_RECEIVED	(1U << 10)	/* see ENDING_RESET and ENDING_RESET_AFTER_CLOSE */
/*
 * Never the module's: made by a collector that has none, of what sock_diag tells
 * at intervals. start_time is the latest instant at which it was not there yet;
 * role and key are derived from ports and addresses; latency and ending are unknown.
 */
#define HADAL_TCP_INDIRECT		(1U << 11)

/* Addresses: AF_INET uses the first 4 bytes; network byte order. */
struct hadal_tcp {
	__u64 id;		/* of this connection end, since the module was loaded */
	__u64 key;		/* alike on both ends; 0: none (listener, never established), or not known */
	__u64 start_time;	/* ns, CLOCK_MONOTONIC, of connect() or establishment; 0: not seen */
	__u64 cgroup_id;	/* the owner's when it became so; 0: no owner */
	__u64 socket_cgroup_id;	/* v2, of who called socket() */
	__u64 owner_start_boottime;	/* with owner_tgid names the process; 0: no owner */
	__u32 owner_tgid;
	__u32 cgroup_hierarchy;	/* of cgroup_id */
	__u32 net_ns;		/* inode number */
	__u32 flags;		/* HADAL_TCP_* */
	__u8 role;		/* enum hadal_tcp_role */
	__u8 owner;		/* enum hadal_tcp_owner */
	__u16 family;		/* AF_INET, AF_INET6 */
	__u16 local_port;	/* host byte order */
	__u16 peer_port;
	__u8 local_address[16];
	__u8 peer_address[16];
};

/*
 * Payload in bytes; neither SYN nor FIN counts. For a graceful close sent =
 * acked = what the peer received. After a reset: sent >= what the peer
 * received >= acked.
 */
struct hadal_tcp_counters {
	__u64 written;		/* by the application */
	__u64 sent;		/* handed to the network, each byte once */
	__u64 acked;		/* by the peer's TCP */
	__u64 received;		/* in order */
	__u64 retransmitted;	/* tried again */
	__u32 unread;		/* received and not read */
	__u32 segments_out;	/* all, also without payload */
	__u32 segments_in;
	__u32 data_segments_out;
	__u32 data_segments_in;
	__u32 segments_retransmitted;	/* SYN and FIN too */
	__u32 srtt;		/* us, smoothed; 0: none measured */
	__u32 rttvar;		/* us, mean deviation */
	__u32 min_rtt;		/* us; 0: none measured */
	__u32 congestion_window;	/* segments */
};

/* ESTABLISHED: connect() succeeded. */
struct hadal_record_tcp_established {
	struct hadal_record header;
	struct hadal_tcp tcp;
	__u64 connect_latency;	/* ns from SYN to established; 0: not known */
};

/*
 * A connect that came to nothing. error is the kernel's errno for it; 0: it
 * failed on this host before or without an answer (no port free, closed or
 * disconnected by its own process).
 */
struct hadal_record_tcp_failed {
	struct hadal_record header;
	struct hadal_tcp tcp;
	__u64 duration;		/* ns since connect(); 0: not known */
	__u32 error;		/* errno */
	__u32 syn_retransmitted;	/* segments */
};

/*
 * ACCEPTED: a process took it; established at tcp.start_time. One that closed
 * while it waited has its CLOSED first, with NOT_ACCEPTED, and if accept() still
 * returns it an ACCEPTED with the same id behind that. A subflow of MPTCP has it
 * when it is established, without an owner: accept() returns another socket,
 * later, and gives it one.
 */
struct hadal_record_tcp_accepted {
	struct hadal_record header;
	struct hadal_tcp tcp;
};

/*
 * Who ended a connection, and how, as far as this end can know. docs/abi.md has
 * what each is derived from.
 */
enum hadal_tcp_ending {
	HADAL_TCP_ENDING_UNKNOWN,
	HADAL_TCP_ENDING_LOCAL_CLOSE,	/* this end's FIN came first, and was acknowledged */
	HADAL_TCP_ENDING_PEER_CLOSE,	/* the peer's FIN came first; then this end's, acknowledged */
	HADAL_TCP_ENDING_BOTH_CLOSE,	/* the two crossed */
	HADAL_TCP_ENDING_RESET,		/* by the peer, or something between */
	HADAL_TCP_ENDING_RESET_AFTER_CLOSE, /* a reset behind this end's close(): see docs */
	HADAL_TCP_ENDING_TIMED_OUT,	/* no answer: retransmission, keepalive, TCP_USER_TIMEOUT */
	HADAL_TCP_ENDING_UNREACHABLE,	/* likewise, and ICMP or a route said why: error */
	HADAL_TCP_ENDING_ABORTED_UNREAD, /* close() with bytes unread: resets */
	HADAL_TCP_ENDING_ABORTED_LINGER, /* close() under SO_LINGER 0 or TCP_LINGER2 < 0: resets */
	HADAL_TCP_ENDING_DISCONNECTED,	/* connect(AF_UNSPEC): resets */
	HADAL_TCP_ENDING_NOT_ACCEPTED,	/* the listener was closed before accept(): resets */
	HADAL_TCP_ENDING_DESTROYED,	/* from outside: ss -K, BPF; resets */
	HADAL_TCP_ENDING_KERNEL,	/* given up: memory, too many orphans, namespace gone */
};

/* States are the kernel's: linux/tcp.h, 1 ESTABLISHED ... 11 CLOSING. */
struct hadal_record_tcp_closed {
	struct hadal_record header;
	struct hadal_tcp tcp;
	struct hadal_tcp_counters counters;
	__u32 old_state;
	__u32 error;		/* errno at close: ECONNRESET, ETIMEDOUT, EPIPE, ...; 0: none */
	__u32 closer_tgid;	/* in whose call it closed; 0: not in one */
	__u32 ending;		/* enum hadal_tcp_ending */
};

struct hadal_record_tcp_snapshot {
	struct hadal_record header;
	struct hadal_tcp tcp;
	struct hadal_tcp_counters counters;
	__u32 state;
	__u32 reserved;
};

/* LISTENING, LISTENER_CLOSED; in a dump LISTENING with HADAL_TCP_DUMPED. */
struct hadal_record_tcp_listener {
	struct hadal_record header;
	struct hadal_tcp tcp;
	__u32 backlog;		/* connections that may wait for accept() */
	__u32 waiting;		/* that do */
	__u32 dropped;		/* attempts it had no room for, or could not serve; modulo 2^32 */
	__u32 reserved;
};

#define HADAL_UDP_ENDED		(1U << 0)	/* the last record of this id */
#define HADAL_UDP_IDLE		(1U << 1)	/* ended for want of datagrams; its socket may live */
#define HADAL_UDP_V4MAPPED	(1U << 2)	/* an IPv6 socket that speaks IPv4 */
#define HADAL_UDP_KERNEL_SOCKET	(1U << 3)	/* made by the kernel for its own use */
#define HADAL_UDP_OTHER		(1U << 4)	/* no flow: all that found no room in the table */

/*
 * What one socket has exchanged with one peer. Bytes are payload. Sent: handed
 * to IP, each segment of a UDP_SEGMENT send by itself, a corked datagram when it
 * is whole. Received: taken by the application, in full also where its buffer
 * was shorter; not when it only peeks. Datagrams of sockets that the kernel
 * reads at once (tunnels) are not counted.
 */
struct hadal_udp {
	__u64 id;		/* of the flow, since the module was loaded; 0: OTHER */
	__u64 start_time;	/* ns, CLOCK_MONOTONIC, of its first datagram that was seen */
	__u64 last_time;	/* ns, likewise, of its last one, to a tick of the kernel */
	__u64 cgroup_id;	/* the owner's when it became so; 0: no owner */
	__u64 socket_cgroup_id;	/* v2, of who called socket() */
	__u64 owner_start_boottime;	/* with owner_tgid names the process; 0: no owner */
	__u64 sent_datagrams;	/* since start_time */
	__u64 sent_bytes;
	__u64 received_datagrams;
	__u64 received_bytes;
	__u32 owner_tgid;	/* sent or received its first datagram */
	__u32 cgroup_hierarchy;	/* of cgroup_id */
	__u32 net_ns;		/* inode number */
	__u32 flags;		/* HADAL_UDP_* */
	__u8 role;		/* enum hadal_tcp_role: client if the first datagram was sent */
	__u8 owner;		/* enum hadal_tcp_owner */
	__u16 family;		/* AF_INET, AF_INET6; of what is on the wire; OTHER: 0 */
	__u16 local_port;	/* host byte order */
	__u16 peer_port;
	__u8 local_address[16];	/* of the datagrams, not what the socket is bound to */
	__u8 peer_address[16];
};

/*
 * Written by a dump for each flow there is, and when a flow ends: with its
 * socket, or by a dump that finds it idle. Counters are absolute; each datagram
 * is in those of exactly one id, or of OTHER.
 */
struct hadal_record_udp_flow {
	struct hadal_record header;
	struct hadal_udp udp;
};

#define HADAL_DNS_PORT		53
#define HADAL_DNS_HEADER_MIN	12	/* bytes: what is shorter is no answer */
#define HADAL_DNS_CAPTURED_MAX	512	/* bytes of an answer that a record holds at most */
#define HADAL_DNS_SEGMENTS_MAX	64	/* answers in one buffer of UDP_GRO that are looked at */

#define HADAL_DNS_TRUNCATED	(1U << 0)	/* captured is less than length */
#define HADAL_DNS_V4MAPPED	(1U << 1)	/* an IPv6 socket that speaks IPv4 */
#define HADAL_DNS_KERNEL_SOCKET	(1U << 2)	/* made by the kernel for its own use */

/*
 * The ends of the datagram as its socket sees them, and who received it: that is
 * the owner, whoever asked. Nobody has vouched for what an answer says.
 */
struct hadal_dns {
	__u64 cgroup_id;	/* the owner's, then */
	__u64 socket_cgroup_id;	/* v2, of who called socket() */
	__u64 owner_start_boottime;	/* with owner_tgid names the process */
	__u32 owner_tgid;
	__u32 cgroup_hierarchy;	/* of cgroup_id */
	__u32 net_ns;		/* inode number */
	__u32 length;		/* bytes of the datagram's payload */
	__u32 flags;		/* HADAL_DNS_* */
	__u16 captured;		/* bytes of it in the record, the first ones */
	__u16 payload_offset;	/* of these, from the record's beginning */
	__u8 owner;		/* enum hadal_tcp_owner: CALLER, KERNEL */
	__u8 reserved;
	__u16 family;		/* AF_INET, AF_INET6; of what is on the wire */
	__u16 local_port;	/* host byte order */
	__u16 peer_port;	/* HADAL_DNS_PORT */
	__u8 local_address[16];
	__u8 peer_address[16];
};

/*
 * A datagram from port 53 with at least a header of DNS, in which QR says that it
 * is an answer, when the application takes it from its UDP socket: also into a
 * buffer that is too short. Not what it peeks at, nor what is dropped, unread, or
 * bad by its checksum; nor UDP-Lite, raw sockets, DNS over TCP, TLS or HTTPS.
 * Where the socket gets several datagrams joined (UDP_GRO) each is one, of more
 * than HADAL_DNS_SEGMENTS_MAX the first ones. Bytes between the payload and the
 * record's end are 0.
 */
struct hadal_record_dns_answer {
	struct hadal_record header;
	struct hadal_dns dns;
};

/* ---- the layout, fixed ---- */

#ifdef __cplusplus
#define HADAL_STATIC_ASSERT static_assert
#else
#define HADAL_STATIC_ASSERT _Static_assert
#endif

#define HADAL_ASSERT_SIZE(type, bytes) \
	HADAL_STATIC_ASSERT(sizeof(struct type) == (bytes), #type " has changed its size")
#define HADAL_ASSERT_OFFSET(type, member, bytes) \
	HADAL_STATIC_ASSERT(__builtin_offsetof(struct type, member) == (bytes), \
			    #type "." #member " has moved")

HADAL_ASSERT_SIZE(hadal_ring_producer, 24);
HADAL_ASSERT_OFFSET(hadal_ring_producer, busy, 8);
HADAL_ASSERT_SIZE(hadal_ring_consumer, 4);
HADAL_ASSERT_SIZE(hadal_query, 72);
HADAL_ASSERT_OFFSET(hadal_query, version, 40);
HADAL_ASSERT_SIZE(hadal_port_range, 4);
HADAL_ASSERT_SIZE(hadal_config, 256);
HADAL_ASSERT_OFFSET(hadal_config, key, 32);
HADAL_ASSERT_OFFSET(hadal_config, cgroup_count, HADAL_CONFIG_SIZE_FIRST);
HADAL_ASSERT_OFFSET(hadal_config, min_duration, 56);
HADAL_ASSERT_OFFSET(hadal_config, cgroups, 64);
HADAL_ASSERT_OFFSET(hadal_config, ports, 192);
HADAL_ASSERT_SIZE(hadal_dump, 24);
HADAL_ASSERT_OFFSET(hadal_dump, records, 16);
HADAL_ASSERT_SIZE(hadal_stats, 8 + HADAL_CLASS_SLOTS * 48);
HADAL_ASSERT_OFFSET(hadal_stats, class_stats, 8);
HADAL_ASSERT_OFFSET(hadal_stats, filtered, HADAL_STATS_SIZE_FIRST);
HADAL_ASSERT_OFFSET(hadal_stats, governed, HADAL_STATS_SIZE_FIRST + HADAL_CLASS_SLOTS * 8);
HADAL_ASSERT_SIZE(hadal_record, 24);
HADAL_ASSERT_OFFSET(hadal_record, time, 8);
HADAL_ASSERT_OFFSET(hadal_record, sequence, 16);
HADAL_ASSERT_SIZE(hadal_record_lost, 88);
HADAL_ASSERT_OFFSET(hadal_record_lost, governed, 56);
HADAL_ASSERT_SIZE(hadal_record_clock_sync, 48);
HADAL_ASSERT_SIZE(hadal_record_dump, 40);
HADAL_ASSERT_SIZE(hadal_record_ring_added, 32);
HADAL_ASSERT_SIZE(hadal_process, 72);
HADAL_ASSERT_OFFSET(hadal_process, tgid, 20);
HADAL_ASSERT_OFFSET(hadal_process, comm, 56);
HADAL_ASSERT_SIZE(hadal_record_process, 96);
HADAL_ASSERT_SIZE(hadal_record_process_exec, 120);
HADAL_ASSERT_OFFSET(hadal_record_process_exec, path_len, 104);
HADAL_ASSERT_OFFSET(hadal_record_process_exec, strings_offset, 112);
HADAL_ASSERT_SIZE(hadal_record_process_exit, 184);
HADAL_ASSERT_OFFSET(hadal_record_process_exit, user_time, 104);
HADAL_ASSERT_SIZE(hadal_record_cgroup, 48);
HADAL_ASSERT_OFFSET(hadal_record_cgroup, path_len, 40);
HADAL_ASSERT_SIZE(hadal_tcp, 104);
HADAL_ASSERT_OFFSET(hadal_tcp, owner_tgid, 48);
HADAL_ASSERT_OFFSET(hadal_tcp, role, 64);
HADAL_ASSERT_OFFSET(hadal_tcp, local_address, 72);
HADAL_ASSERT_SIZE(hadal_tcp_counters, 80);
HADAL_ASSERT_OFFSET(hadal_tcp_counters, unread, 40);
HADAL_ASSERT_SIZE(hadal_record_tcp_established, 136);
HADAL_ASSERT_SIZE(hadal_record_tcp_failed, 144);
HADAL_ASSERT_SIZE(hadal_record_tcp_accepted, 128);
HADAL_ASSERT_SIZE(hadal_record_tcp_closed, 224);
HADAL_ASSERT_OFFSET(hadal_record_tcp_closed, ending, 220);
HADAL_ASSERT_SIZE(hadal_record_tcp_snapshot, 216);
HADAL_ASSERT_SIZE(hadal_record_tcp_listener, 144);
HADAL_ASSERT_OFFSET(hadal_record_tcp_listener, dropped, 136);
HADAL_ASSERT_SIZE(hadal_udp, 136);
HADAL_ASSERT_OFFSET(hadal_udp, sent_datagrams, 48);
HADAL_ASSERT_OFFSET(hadal_udp, owner_tgid, 80);
HADAL_ASSERT_OFFSET(hadal_udp, role, 96);
HADAL_ASSERT_OFFSET(hadal_udp, local_address, 104);
HADAL_ASSERT_SIZE(hadal_record_udp_flow, 160);
HADAL_ASSERT_SIZE(hadal_dns, 88);
HADAL_ASSERT_OFFSET(hadal_dns, owner_tgid, 24);
HADAL_ASSERT_OFFSET(hadal_dns, captured, 44);
HADAL_ASSERT_OFFSET(hadal_dns, family, 50);
HADAL_ASSERT_OFFSET(hadal_dns, local_address, 56);
HADAL_ASSERT_SIZE(hadal_record_dns_answer, 112);

#endif /* _UAPI_LINUX_HADAL_H */
