/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "edge_points.h"
#include "model.h"
#include "workload_info.h"
#include "workload_points.h"

#define SECOND		1000000000ULL
#define DEAD_AGE	(30 * SECOND)	/* sockets of dead processes close within it, as a rule */
#define UNUSED_AGE	(300 * SECOND)

/* What is known by the records of how it comes and goes: what of these was lost only a dump makes good. */
#define HELD_BY_RECORDS	(HADAL_DUMP_CGROUPS | HADAL_DUMP_PROCESSES)

static void default_to(unsigned int *value, unsigned int otherwise)
{
	if (!*value)
		*value = otherwise;
}

static struct model_config with_defaults(const struct model_config *from)
{
	struct model_config config = *from;

	default_to(&config.processes, 65536);
	default_to(&config.cgroups, 16384);
	default_to(&config.containers, 4096);
	default_to(&config.owners, 16384);
	default_to(&config.listeners, 16384);
	default_to(&config.connections, 131072);
	default_to(&config.udp_flows, 65536);
	default_to(&config.flows, 16384);
	default_to(&config.workloads, 1000);
	default_to(&config.edges_host, 2000);
	default_to(&config.edges_workload, 200);
	default_to(&config.events, 1000);
	if (!config.identity_wait)
		config.identity_wait = 30 * SECOND;
	if (!config.idle_age)
		config.idle_age = 600 * SECOND;
	if (!config.ephemeral_high) {
		config.ephemeral_low = 32768;
		config.ephemeral_high = 60999;
	}
	return config;
}

static void init_tables(struct model *model)
{
	const struct model_config *config = &model->config;
	struct counts *counts = &model->counts;
	struct edge_table_config edges = {
		.host_limit = config->edges_host,
		.workload_limit = config->edges_workload,
		.ephemeral_low = config->ephemeral_low,
		.ephemeral_high = config->ephemeral_high,
	};

	workloads_init(&model->workloads, config->workloads, counts);
	containers_init(&model->containers, config->containers, config->identity_wait, counts);
	model->containers.usage.read = config->read_usage;
	model->containers.usage.context = config->usage_context;
	cgroups_init(&model->cgroups, config->cgroups, config->identity_wait, &model->containers,
		     config->cgroup_path, config->path_context, counts);
	process_table_init(&model->processes, config->processes, &model->owners, &model->cgroups,
			   config->executable_path, config->path_context, counts);
	listener_table_init(&model->listeners, config->listeners, &model->owners, counts);
	peers_init(&model->peers, &model->containers, &model->listeners, config->networks, config->network_count);
	peers_set_balancers(&model->peers, config->balancers, config->balancer_count);
	proxies_init(&model->proxies, &model->containers, &model->peers, config->proxies, config->proxy_count,
		     config->proxy_executables, config->proxy_executable_count);
	model->processes.proxies = &model->proxies;
	model->processes.details = &model->details;
	model->details.since = config->start_boottime;
	dns_names_init(&model->names, counts);
	flow_table_init(&model->flows, config->flows, &model->owners, counts);
	edge_table_init(&model->edges, &edges, &model->workloads, counts);
	event_queue_init(&model->events, config->events, config->redactor, &model->owners,
			 &model->processes.programs, counts);
}

static void init_connections(struct model *model, struct connection_table *table,
			     const struct connection_table_config *config)
{
	*table = (struct connection_table){
		.config = *config,
		.processes = &model->processes,
		.cgroups = &model->cgroups,
		.owners = &model->owners,
		.listeners = &model->listeners,
		.peers = &model->peers,
		.names = &model->names,
		.flows = &model->flows,
		.counts = &model->counts,
	};
	connection_table_init(table);
}

static void init_transports(struct model *model)
{
	const struct model_config *config = &model->config;
	struct connection_table_config tcp = {
		.limit = config->connections, .histograms = config->histograms, .transport = FLOW_TCP,
		.nat = config->nat, .nat_context = config->nat_context,
	};
	struct connection_table_config udp = {
		.limit = config->udp_flows, .transport = FLOW_UDP,
		.nat = config->nat, .nat_context = config->nat_context,
		.ephemeral_low = config->ephemeral_low, .ephemeral_high = config->ephemeral_high,
	};

	init_connections(model, &model->connections, &tcp);
	init_connections(model, &model->udp, &udp);
}

int model_new(const struct model_config *config, struct model **model)
{
	struct model *new = calloc(1, sizeof(*new));

	if (!new)
		return -ENOMEM;
	new->config = with_defaults(config);
	if (owners_init(&new->owners, new->config.owners, &new->counts)) {
		free(new);
		return -ENOMEM;
	}
	new->interval_start = config->start_time;
	init_tables(new);
	init_transports(new);
	*model = new;
	return 0;
}

void model_set_ephemeral_ports(struct model *model, uint16_t low, uint16_t high)
{
	model->edges.config.ephemeral_low = low;
	model->edges.config.ephemeral_high = high;
	model->udp.config.ephemeral_low = low;
	model->udp.config.ephemeral_high = high;
}

/* In the order of who refers to whom. */
void model_free(struct model *model)
{
	if (!model)
		return;
	event_queue_free(&model->events);
	process_details_free(&model->details);
	edge_table_free(&model->edges);
	connection_table_free(&model->udp);
	connection_table_free(&model->connections);
	flow_table_free(&model->flows);
	dns_names_free(&model->names);
	peers_free(&model->peers);
	listener_table_free(&model->listeners);
	process_table_free(&model->processes);
	owners_free(&model->owners);
	cgroups_free(&model->cgroups);
	containers_free(&model->containers);
	workloads_free(&model->workloads);
	free(model);
}

/* ---- processes ---- */

static void count_exit(struct model *model, struct owner *owner, const struct hadal_record_process_exit *record)
{
	struct exits *exits = owner_exits(&model->owners, owner);
	int status = (int)record->exit_code;
	unsigned int signal = WIFSIGNALED(status) ? (unsigned int)WTERMSIG(status) : 0;

	if (!exits)
		return;
	if (signal)
		exits->signal[signal < WORKLOAD_SIGNALS ? signal : 0]++;
	else if (WEXITSTATUS(status))
		exits->failure++;
	else
		exits->success++;
}

/*
 * At the choice, since the end may take long, or at the end of who shared the
 * chosen one's memory; once, also of who was chosen twice. Returns whether it was now.
 */
static bool count_oom(struct model *model, struct process *process, struct owner *owner,
		      const struct hadal_record *record)
{
	struct exits *exits;

	if (!(hadal_record_process(record)->flags & HADAL_PROCESS_OOM) || (process && process->oom_killed))
		return false;
	/* Without room for the process its end will tell, which comes once. */
	if (!process && record->type != HADAL_RECORD_PROCESS_EXIT)
		return false;
	exits = owner_exits(&model->owners, owner);
	if (!exits)
		return false;
	exits->oom_killed++;
	if (process)
		process->oom_killed = true;
	return true;
}

/* The first process of a pid namespace, which is what a container runs. */
static bool is_container_init(const struct process *process)
{
	return process->ns_tgid == 1 && process->key.tgid != 1;
}

static struct container *container_of_process(const struct process *process)
{
	struct cgroup *cgroup = process->owner->cgroup;

	return cgroup ? cgroup->container : NULL;
}

/* When its first process ends a container does; its cgroup is still there for a moment. */
static void note_usage(struct model *model, const struct process *process, const struct hadal_record *record)
{
	const struct hadal_record_process_exit *exited = (const struct hadal_record_process_exit *)record;
	struct container *container = container_of_process(process);

	if (!container)
		return;
	usage_process_ended(container->usage, exited->user_time, exited->system_time, exited->cpu_time);
	if (!is_container_init(process))
		return;
	usage_read_last(container->usage, &model->containers.usage, record->time);
	if (container->task)
		usage_read_last(container->task->usage, &model->containers.usage, record->time);
}

static void note_lifecycle(struct model *model, const struct process *process, const struct hadal_record *record)
{
	const struct hadal_record_process_exit *exited = (const struct hadal_record_process_exit *)record;
	bool abnormal = hadal_record_process(record)->flags & HADAL_PROCESS_OOM;

	if (record->type == HADAL_RECORD_PROCESS_EXIT && WCOREDUMP((int)exited->exit_code))
		abnormal = true;
	if (abnormal || is_container_init(process))
		event_queue_add(&model->events, record, &model->clock, process, abnormal);
}

static void record_process(struct model *model, const struct hadal_record *record)
{
	const struct hadal_process *from = hadal_record_process(record);
	struct process *process;
	struct owner *owner;
	bool chosen;

	if (from->flags & HADAL_PROCESS_ENDED)
		return;
	process = process_record(&model->processes, record);
	owner = process ? process->owner : model->owners.unknown;
	if (from->flags & HADAL_PROCESS_KERNEL)
		return;
	if (record->type == HADAL_RECORD_PROCESS_EXIT)
		count_exit(model, owner, (const struct hadal_record_process_exit *)record);
	if (process && record->type == HADAL_RECORD_PROCESS_EXIT)
		note_usage(model, process, record);
	chosen = count_oom(model, process, owner, record) && record->type == HADAL_RECORD_PROCESS_OOM;
	if (process && model->config.lifecycle &&
	    (chosen || record->type == HADAL_RECORD_PROCESS_EXIT || record->type == HADAL_RECORD_PROCESS_EXEC))
		note_lifecycle(model, process, record);
}

/* ---- sockets ---- */

/* @owner: NULL if none is known. */
static void count_drops(struct model *model, struct listener *listener, struct owner *owner,
			const struct hadal_record_tcp_listener *record)
{
	uint32_t dropped = listener_drops(&model->listeners, listener, record, model->connections.start);
	struct flow_key key = {
		.owner = owner ? owner : model->owners.unknown, .role = HADAL_TCP_SERVER,
		.form = FLOW_PEER_NONE, .server_port = record->tcp.local_port,
	};
	struct flow *flow = dropped ? flow_get(&model->flows, &key) : NULL;

	if (flow)
		flow->values.listener_dropped += dropped;
}

static void record_listening(struct model *model, const struct hadal_record_tcp_listener *record)
{
	const struct hadal_tcp *tcp = &record->tcp;
	struct listener *listener;

	if (tcp->flags & HADAL_TCP_DUMPED)
		model->listeners_dumped++;
	listener = listener_opened(&model->listeners, tcp,
				   connection_owner(&model->connections, tcp, record->header.time),
				   model->connections.dump);
	if (listener)
		count_drops(model, listener, listener->owner, record);
}

/* One that was not in the table has its owner from this, its last record. */
static void record_listener_closed(struct model *model, const struct hadal_record_tcp_listener *record)
{
	struct listener *listener = listener_find(&model->listeners, record->tcp.id);
	struct owner *owner;

	if (listener) {
		count_drops(model, listener, listener->owner, record);
		listener_closed(&model->listeners, record->tcp.id);
		return;
	}
	owner = connection_owner(&model->connections, &record->tcp, record->header.time);
	count_drops(model, NULL, owner, record);
	owner_put(&model->owners, owner);
}

/* ---- control ---- */

static void dump_started(struct model *model, const struct hadal_record_dump *record)
{
	model->dump_start = record->header.time;
	model->dumped = 0;
	model->lost_since = 0;
	if (record->what & HADAL_DUMP_UDP)
		model->udp.dump++;
	if (!(record->what & HADAL_DUMP_CONNECTIONS))
		return;
	model->connections.dump++;
	model->listeners_dumped = 0;
}

static void dump_was_cut(struct model *model, uint32_t what)
{
	count(&model->counts, COUNT_DUMP_INCOMPLETE);
	model->lost |= what & HELD_BY_RECORDS;
	if (what & HADAL_DUMP_UDP && model->udp.dump)
		model->udp.dump--;
	if (what & HADAL_DUMP_CONNECTIONS && model->connections.dump)
		model->connections.dump--;
}

/*
 * Only what a whole dump leaves out has ended: what was lost of one would come
 * back, and be counted once more.
 */
static void dump_ended(struct model *model, const struct hadal_record_dump *record)
{
	uint64_t now = record->header.time;

	if (model->dumped < record->records) {
		dump_was_cut(model, record->what);
		return;
	}
	if (record->what & HADAL_DUMP_CGROUPS)
		cgroups_resync(&model->cgroups, model->dump_start, now);
	if (record->what & HADAL_DUMP_PROCESSES)
		process_table_resync(&model->processes, model->dump_start, now);
	model->lost = (model->lost & ~record->what) | model->lost_since;
	if (record->what & HADAL_DUMP_UDP)
		connections_sweep(&model->udp, model->udp.dump, now);
	if (!(record->what & HADAL_DUMP_CONNECTIONS))
		return;
	connections_sweep(&model->connections, model->connections.dump, now);
	if (model->listeners_dumped)
		listener_table_sweep(&model->listeners, model->connections.dump);
}

static bool is_dumped(const struct hadal_record *record)
{
	switch (record->type) {
	case HADAL_RECORD_CGROUP_EXISTING:
	case HADAL_RECORD_PROCESS_EXISTING:
	case HADAL_RECORD_TCP_SNAPSHOT:
		return true;
	case HADAL_RECORD_TCP_LISTENING:
		return hadal_record_tcp(record)->flags & HADAL_TCP_DUMPED;
	case HADAL_RECORD_UDP_FLOW:
		return !(hadal_record_udp(record)->flags & HADAL_UDP_ENDED);
	default:
		return false;
	}
}

static void records_lost(struct model *model, const struct hadal_record_lost *record)
{
	if (record->count[HADAL_CLASS_PROCESS])
		model->lost_since |= HADAL_DUMP_PROCESSES;
	if (record->count[HADAL_CLASS_CGROUP])
		model->lost_since |= HADAL_DUMP_CGROUPS;
	model->lost |= model->lost_since;
}

static void clock_synced(struct model *model, const struct hadal_record *record)
{
	hadal_clock_update(&model->clock, record);
	if (model->connections.start)
		return;
	model->connections.start = model->clock.monotonic;
	model->udp.start = model->clock.monotonic;
}

void model_record(struct model *model, const struct hadal_record *record)
{
	model->dumped += is_dumped(record);
	switch (record->type) {
	case HADAL_RECORD_LOST:
		records_lost(model, (const struct hadal_record_lost *)record);
		break;
	case HADAL_RECORD_RING_ADDED:
		break;
	case HADAL_RECORD_CLOCK_SYNC:
		clock_synced(model, record);
		break;
	case HADAL_RECORD_DUMP_START:
		dump_started(model, (const struct hadal_record_dump *)record);
		break;
	case HADAL_RECORD_DUMP_END:
		dump_ended(model, (const struct hadal_record_dump *)record);
		break;
	case HADAL_RECORD_CGROUP_MKDIR:
	case HADAL_RECORD_CGROUP_RMDIR:
	case HADAL_RECORD_CGROUP_EXISTING:
		cgroups_record(&model->cgroups, (const struct hadal_record_cgroup *)record);
		break;
	case HADAL_RECORD_PROCESS_FORK:
	case HADAL_RECORD_PROCESS_EXEC:
	case HADAL_RECORD_PROCESS_EXIT:
	case HADAL_RECORD_PROCESS_EXISTING:
	case HADAL_RECORD_PROCESS_OOM:
		record_process(model, record);
		break;
	case HADAL_RECORD_TCP_LISTENING:
		record_listening(model, (const struct hadal_record_tcp_listener *)record);
		break;
	case HADAL_RECORD_TCP_LISTENER_CLOSED:
		record_listener_closed(model, (const struct hadal_record_tcp_listener *)record);
		break;
	case HADAL_RECORD_DNS_ANSWER:
		dns_names_record(&model->names, (const struct hadal_record_dns_answer *)record);
		break;
	case HADAL_RECORD_UDP_FLOW:
		connection_udp_record(&model->udp, (const struct hadal_record_udp_flow *)record);
		break;
	default:
		connection_record(&model->connections, record);
	}
}

void model_change_source(struct model *model, uint64_t now)
{
	connections_restart(&model->connections, now);
	connections_restart(&model->udp, now);
	listener_table_free(&model->listeners);	/* empty, it can be used again */
	model->lost = 0;
	model->dumped = 0;
}

void model_tick(struct model *model, uint64_t now)
{
	connections_expire(&model->connections, now);
	process_table_sweep(&model->processes, now, DEAD_AGE);
}

/* ---- intervals ---- */

static void settle_exits(struct model *model, struct owner *owner, uint64_t now, uint64_t wall, bool all)
{
	if (!owner->exits || (!all && owner_pending(owner, now)))
		return;
	owner_settle_exits(&model->owners, owner, owner_workload(owner, &model->workloads, wall), wall);
}

static void settle_all_exits(struct model *model, uint64_t now, uint64_t wall, bool all)
{
	struct owner *owner, *next;

	HASH_ITER(hh, model->owners.table, owner, next)
		settle_exits(model, owner, now, wall, all);
	settle_exits(model, model->owners.unknown, now, wall, all);
	settle_exits(model, model->owners.kernel, now, wall, all);
}

/* ---- what is used ---- */

static void begin_usage(struct model *model)
{
	struct workload *workload;
	struct task *task;

	for (workload = model->workloads.table; workload; workload = workload->hh.next) {
		if (!workload->usage)
			continue;
		usage_sum_begin(&workload->usage->containers);
		usage_sum_begin(&workload->usage->tasks);
	}
	for (task = model->containers.tasks; task; task = task->hh.next)
		task->added_up = false;
}

/* A task without limits has none of its own to tell, and its throttling is that of its containers. */
static bool task_has_limits(const struct task *task)
{
	return task->usage && (usage_knows(&task->usage->last, USAGE_CPU_LIMIT) ||
			       usage_knows(&task->usage->last, USAGE_MEMORY_LIMIT));
}

static void add_task_usage(struct model *model, struct workload_usage *usage, struct task *task, uint64_t now)
{
	if (!task || !task->usage || task->added_up)
		return;
	task->added_up = true;
	usage_read(task->usage, &model->containers.usage, now);
	if (task_has_limits(task))
		usage_sum_add(&usage->tasks, task->usage);
}

/* It is counted when it is known whose it is; until then it adds up where it is. */
static void settle_usage(struct model *model, struct container *container, uint64_t now, uint64_t wall, bool all)
{
	struct workload_usage *usage;
	struct workload *workload;

	if (!container->usage)
		return;
	usage_read(container->usage, &model->containers.usage, now);
	if (usage_is_told(container->usage) || (!all && container_pending(container, now)))
		return;
	workload = container_workload(container, &model->workloads, wall);
	usage = workload ? workload_usage(workload) : NULL;
	if (!usage)
		return;
	usage_sum_add(&usage->containers, container->usage);
	add_task_usage(model, usage, container->task, now);
	workload->active_time = wall;
	workload->ended = false;
}

static void settle_all_usage(struct model *model, uint64_t now, uint64_t wall, bool all)
{
	struct container *container;

	begin_usage(model);
	for (container = model->containers.table; container; container = container->hh.next)
		settle_usage(model, container, now, wall, all);
}

/* ---- what runs ---- */

/* What @container runs; NULL: it has ended, or is not known. Its id may be another's by now. */
static const struct process *first_process(const struct model *model, const struct container *container)
{
	const struct process *process = process_find_living(&model->processes, (uint32_t)container->pid);

	return process && container_of_process(process) == container ? process : NULL;
}

/* Returns false while more of it will be known. */
static bool facts_of(const struct model *model, const struct container *container, struct workload_facts *facts)
{
	const struct process *first = first_process(model, container);
	const struct build_facts *build = first ? program_build(first->program) : NULL;

	if (first && program_pending(first->program))
		return false;
	*facts = (struct workload_facts){ .container = "" };
	strcpy(facts->container, container->facts.name_in_task);
	strcpy(facts->image, container->facts.image);
	if (container->task)
		strcpy(facts->revision, container->task->facts.revision);
	if (build)
		strcpy(facts->build_id, build->gnu_id);
	return facts->image[0] || facts->revision[0] || facts->build_id[0];
}

/* The agent's own, such as the one that holds a task's network, are made by no deploy. */
static bool is_of_the_agent(const struct container *container)
{
	return strncmp(container->facts.name_in_task, "~internal~", 10) == 0;
}

static void settle_info(struct model *model, const struct container *container, uint64_t now, uint64_t wall, bool all)
{
	struct workload_facts facts;
	struct workload_infos *infos;
	struct workload *workload;

	if (!container->references || container_has_ended(container) || is_of_the_agent(container) ||
	    (!all && container_pending(container, now)) || !facts_of(model, container, &facts))
		return;
	workload = container_workload(container, &model->workloads, wall);
	infos = workload ? workload_infos(workload) : NULL;
	if (!infos)
		return;
	if (!infos_add(infos, &facts))
		count(&model->counts, COUNT_INFOS_FULL);
	workload->active_time = wall;
	workload->ended = false;
}

static void settle_all_infos(struct model *model, uint64_t now, uint64_t wall, bool all)
{
	struct container *container;
	struct workload *workload;

	for (workload = model->workloads.table; workload; workload = workload->hh.next)
		infos_begin(workload->infos);
	for (container = model->containers.table; container; container = container->hh.next)
		settle_info(model, container, now, wall, all);
}

/*
 * Docker's userland proxy takes a connection to a published port and makes one
 * of its own to the container. The client's edge goes straight to the
 * container; of the server's edge the real client is not known. Returns false
 * when the proxy serves no container that is known: it then is a peer like others.
 */
static bool peer_behind_proxy(const struct model *model, const struct flow *flow, struct peer *peer)
{
	static const char via[] = "docker-proxy";
	const struct container *local = owner_container(flow->key.owner);
	struct container *container;
	bool udp = flow->key.transport == FLOW_UDP;
	uint16_t inner;

	if (flow->key.role == HADAL_TCP_CLIENT) {
		container = peers_published(&model->peers, udp, flow->key.server_port, &inner);
		if (container)
			*peer = (struct peer){ .kind = PEER_WORKLOAD, .container = container, .via = via, .port = inner };
		return container;
	}
	if (!local || !container_publishes(local, udp, flow->key.server_port))
		return false;
	*peer = (struct peer){ .kind = PEER_OTHER, .via = via, .port = flow->key.server_port };
	return true;
}

/* Whether a flow of the proxy itself is told by the edges of those whom it connects. */
static bool is_folded(const struct model *model, const struct flow *flow, const struct peer *peer)
{
	const struct container *container = peer->container ? peer->container : owner_container(peer->owner);
	bool udp = flow->key.transport == FLOW_UDP;
	uint16_t inner;

	if (!owner_is_proxy(flow->key.owner) || peer->kind == PEER_NONE)
		return false;
	if (flow->key.role == HADAL_TCP_SERVER)
		return peers_published(&model->peers, udp, flow->key.server_port, &inner);
	return container && container_publishes(container, udp, flow->key.server_port);
}

/* Returns false when the peer may still become known. */
static bool flow_peer_owner(const struct model *model, const struct flow *flow, struct peer *peer)
{
	*peer = (struct peer){ .kind = PEER_WORKLOAD, .owner = flow->key.peer_owner, .port = flow->key.server_port };
	return !owner_is_proxy(peer->owner) || peer_behind_proxy(model, flow, peer) ||
	       !model->peers.containers_pending;
}

/* Returns false when the peer may still become known. */
static bool flow_peer(struct model *model, const struct flow *flow, uint64_t now, struct peer *peer)
{
	switch (flow->key.form) {
	case FLOW_PEER_OWNER:
		if (!flow_peer_owner(model, flow, peer))
			return false;
		break;
	case FLOW_PEER_ADDRESS:
		if (!peers_resolve(&model->peers, &flow->key, peer))
			return false;
		break;
	case FLOW_PEER_INTERNET:
		peers_internet(&flow->key, peer);
		break;
	case FLOW_PEER_NONE:
		*peer = (struct peer){ .kind = PEER_NONE, .port = flow->key.server_port };
		break;
	default:
		*peer = (struct peer){ .kind = PEER_OTHER };
	}
	if (peer->owner)
		return !owner_pending(peer->owner, now);
	return !peer->container || !container_pending(peer->container, now);
}

static struct workload *peer_workload(struct model *model, const struct peer *peer, uint64_t wall)
{
	if (peer->owner)
		return owner_workload(peer->owner, &model->workloads, wall);
	if (peer->container)
		return container_workload(peer->container, &model->workloads, wall);
	return NULL;
}

static struct workload *local_workload(struct model *model, const struct flow *flow,
				       const struct container *application, uint64_t wall)
{
	if (application)
		return container_workload(application, &model->workloads, wall);
	return owner_workload(flow->key.owner, &model->workloads, wall);
}

static void settle_flow(struct model *model, struct flow *flow, uint64_t now, uint64_t wall, bool all)
{
	const struct container *application;
	struct workload *workload, *other;
	struct peer peer;
	bool ready = !owner_pending(flow->key.owner, now);
	bool hidden;

	ready = flow_peer(model, flow, now, &peer) && ready;
	hidden = is_folded(model, flow, &peer);
	application = proxies_fold(&model->proxies, flow, &peer, now, &ready);
	if (!ready && !all) {
		if (!model->between)
			count(&model->counts, COUNT_IDENTITY_LATE);
		return;
	}
	if (hidden || proxies_hide(&model->proxies, flow, &peer)) {
		flow_remove(&model->flows, flow);
		return;
	}
	workload = local_workload(model, flow, application, wall);
	other = peer_workload(model, &peer, wall);
	if (workload && edge_add(&model->edges, workload, other, &peer, flow, wall))
		flow_remove(&model->flows, flow);
}

/* Before any is settled: an edge may be told by what a later flow teaches. */
static void learn_from_proxies(struct model *model, uint64_t now)
{
	struct flow *flow;
	struct peer peer;

	proxies_index(&model->proxies);
	for (flow = model->flows.table; flow; flow = flow->hh.next) {
		if (proxies_carry(flow) && flow_peer(model, flow, now, &peer))
			proxies_learn(&model->proxies, flow, &peer);
	}
}

static void end_idle_workloads(struct model *model, uint64_t wall)
{
	struct workload *workload;

	for (workload = model->workloads.table; workload; workload = workload->hh.next)
		/* What it has counted may be still to be told. */
		workload->ended = !workload->late && !workload->references && wall > workload->active_time &&
				  wall - workload->active_time >= model->config.idle_age;
}

/*
 * A series is told from the start of what it counts, and its start must not
 * change from point to point. The wall clock may have been set back since.
 */
static uint64_t begin_interval(struct model *model, uint64_t wall)
{
	uint64_t since = model->interval_start;

	model->interval_start = wall;
	return since && since < wall ? since : wall - 1;
}

static void add_up(struct model *model, uint64_t since, uint64_t now, uint64_t wall, bool all)
{
	struct flow *flow, *next;

	model->workloads.since = since;
	cgroups_retry(&model->cgroups, now);
	peers_index(&model->peers, now);
	flows_begin(&model->flows);
	connections_settle(&model->connections, now, all);
	connections_interval(&model->connections, now, all);
	connections_settle(&model->udp, now, true);
	connections_interval(&model->udp, now, true);
	settle_all_exits(model, now, wall, all);
	learn_from_proxies(model, now);
	edges_begin(&model->edges, since);
	HASH_ITER(hh, model->flows.table, flow, next)
		settle_flow(model, flow, now, wall, all);
}

void model_interval(struct model *model, uint64_t now, uint64_t wall, bool all)
{
	add_up(model, begin_interval(model, wall), now, wall, all);
	settle_all_usage(model, now, wall, all);
	settle_all_infos(model, now, wall, all);
	edges_end_idle(&model->edges, wall, model->config.idle_age);
	end_idle_workloads(model, wall);
}

static void set_between(struct model *model, bool between)
{
	model->between = between;
	model->connections.between = between;
	model->udp.between = between;
}

/* What begins now is told at the interval's end, from the interval's start on. */
void model_refresh(struct model *model, uint64_t now, uint64_t wall)
{
	uint64_t since = model->interval_start;

	set_between(model, true);
	add_up(model, since && since < wall ? since : wall - 1, now, wall, false);
	set_between(model, false);
}

static void remove_ended_workloads(struct model *model)
{
	struct workload *workload, *next;

	HASH_ITER(hh, model->workloads.table, workload, next) {
		if (workload->ended && !workload->references)
			workload_remove(&model->workloads, workload);
	}
}

void model_interval_done(struct model *model, uint64_t now)
{
	process_details_told(&model->details);
	edges_planned(&model->edges);
	workloads_planned(&model->workloads);
	edges_remove_ended(&model->edges);
	remove_ended_workloads(model);
	cgroups_sweep(&model->cgroups, now, UNUSED_AGE);
	containers_sweep(&model->containers, now, UNUSED_AGE);
	dns_names_sweep(&model->names, now);
}

void model_detail_processes(struct model *model, unsigned int most, uint64_t now, uint64_t wall)
{
	struct detail_interval interval = { .most = most, .since = model->edges.since, .wall = wall, .now = now };

	process_details_interval(&model->details, &model->processes, &model->workloads, &interval);
}

void model_end_series(struct model *model)
{
	struct workload *workload;

	process_details_free(&model->details);
	edges_end_all(&model->edges);
	edges_remove_ended(&model->edges);
	for (workload = model->workloads.table; workload; workload = workload->hh.next)
		workload->ended = true;
	remove_ended_workloads(model);
}
