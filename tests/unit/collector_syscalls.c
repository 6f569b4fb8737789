/* SPDX-License-Identifier: MIT */
/*
 * The seccomp filter: each test is done by a child that has it, and judged by how
 * the child ends.
 */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include <hadal/hadal.h>

#include "collector_parts.h"
#include "config.h"
#include "identity.h"
#include "procfs.h"
#include "program_reader.h"
#include "query_server.h"
#include "ship.h"
#include "sink.h"
#include "sink_state.h"
#include "spool.h"
#include "syscall_filter.h"
#include "web_server.h"

enum { KILLED = -1 };	/* beside 0 and errno: how an attempt ends */

/* Returns 0 or errno. */
typedef int (*attempt_fn)(void);

static int error_of(long result)
{
	return result < 0 ? errno : 0;
}

static bool writes_files;	/* what the children may do besides */

/* A child that has not come to its end after 30 s never will. */
static int outcome_of(enum syscall_filter filter, attempt_fn attempt)
{
	pid_t child = fork();
	int status;

	assert_true(child >= 0);
	if (!child) {
		alarm(30);
		_exit(syscall_filter_apply(filter, writes_files) ? 255 : attempt());
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	if (WIFSIGNALED(status)) {
		assert_int_equal(WTERMSIG(status), SIGSYS);
		return KILLED;
	}
	assert_int_not_equal(WEXITSTATUS(status), 255);
	return WEXITSTATUS(status);
}

/* ---- what hadald has no use for ---- */

static int run_a_program(void)
{
	static char *const arguments[] = { "/bin/true", NULL };

	return error_of(execv("/bin/true", arguments));
}

static int trace_a_process(void)
{
	return error_of(syscall(SYS_ptrace, 0, 0, 0, 0));
}

static int write_into_a_process(void)
{
	return error_of(syscall(SYS_process_vm_writev, getppid(), NULL, 0, NULL, 0, 0));
}

static int load_a_module(void)
{
	return error_of(syscall(SYS_finit_module, -1, "", 0));
}

static int load_bpf(void)
{
	return error_of(syscall(SYS_bpf, 0, NULL, 0));
}

static int enter_a_namespace(void)
{
	return error_of(syscall(SYS_setns, -1, 0));
}

static int make_a_namespace(void)
{
	return error_of(syscall(SYS_unshare, CLONE_NEWNET));
}

static int become_root(void)
{
	return error_of(syscall(SYS_setuid, 0));
}

static int make_a_file(void)
{
	return error_of(open("/tmp/hadald-made", O_RDWR | O_CREAT | O_CLOEXEC, 0600));
}

static int write_a_file(void)
{
	return error_of(open("/dev/null", O_WRONLY | O_CLOEXEC));
}

static int truncate_a_file(void)
{
	return error_of(syscall(SYS_openat, AT_FDCWD, "/dev/null", O_RDWR | O_TRUNC));
}

static int rename_a_file(void)
{
	return error_of(renameat(AT_FDCWD, "/nonexistent", AT_FDCWD, "/nonexistent.2"));
}

static int fork_a_process(void)
{
	return error_of(syscall(SYS_clone, (long)SIGCHLD, 0, 0, 0, 0));
}

static int clone_into_a_namespace(void)
{
	return error_of(syscall(SYS_clone, (long)(CLONE_THREAD | CLONE_NEWUSER), 0, 0, 0, 0));
}

static int signal_another(void)
{
	return error_of(kill(getppid(), 0));
}

static int tgkill_another(void)
{
	return error_of(syscall(SYS_tgkill, getppid(), getppid(), 0));
}

static int open_a_packet_socket(void)
{
	return error_of(socket(AF_PACKET, SOCK_RAW, 0));
}

static int type_into_the_terminal(void)
{
	return error_of(ioctl(STDIN_FILENO, TIOCSTI, "x"));
}

static int run_what_was_written(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ?
	       errno : 0;
}

static int make_memory_run(void)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return error_of(mprotect(page, 4096, PROT_READ | PROT_EXEC));
}

static int raise_a_limit(void)
{
	struct { uint64_t soft, hard; } limit = { 100, 100 };

	return error_of(syscall(SYS_prlimit64, 0, 7, &limit, NULL));
}

static const struct {
	const char *name;
	attempt_fn attempt;
	int refused;	/* how it ends where unknown calls are refused */
} attempts[] = {
	{ "run a program", run_a_program, KILLED },
	{ "trace a process", trace_a_process, KILLED },
	{ "write into a process", write_into_a_process, KILLED },
	{ "load a module", load_a_module, KILLED },
	{ "load BPF", load_bpf, KILLED },
	{ "enter a namespace", enter_a_namespace, EPERM },
	{ "make a namespace", make_a_namespace, KILLED },
	{ "become root", become_root, KILLED },
	{ "make a file", make_a_file, EPERM },
	{ "write a file", write_a_file, EPERM },
	{ "truncate a file", truncate_a_file, EPERM },
	{ "rename a file", rename_a_file, EPERM },
	{ "fork", fork_a_process, EPERM },
	{ "clone into a namespace", clone_into_a_namespace, EPERM },
	{ "signal another process", signal_another, EPERM },
	{ "signal a thread of another process", tgkill_another, EPERM },
	{ "open a packet socket", open_a_packet_socket, EPERM },
	{ "type into the terminal", type_into_the_terminal, EPERM },
	{ "map memory to write and run", run_what_was_written, EPERM },
	{ "make memory run", make_memory_run, EPERM },
	{ "raise a limit", raise_a_limit, EPERM },
};

static void what_is_not_on_the_list_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(attempts) / sizeof(attempts[0]); i++) {
		int outcome = outcome_of(SYSCALL_FILTER_REFUSE, attempts[i].attempt);

		if (outcome != attempts[i].refused)
			fail_msg("%s: %d instead of %d", attempts[i].name, outcome, attempts[i].refused);
	}
}

static void or_kills(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(attempts) / sizeof(attempts[0]); i++) {
		if (outcome_of(SYSCALL_FILTER_KILL, attempts[i].attempt) != KILLED)
			fail_msg("%s: not killed", attempts[i].name);
	}
}

/* Else the tests above would show nothing. */
static void off_is_off(void **state)
{
	(void)state;
	assert_int_equal(outcome_of(SYSCALL_FILTER_OFF, write_a_file), 0);
	assert_int_equal(outcome_of(SYSCALL_FILTER_OFF, run_a_program), 0);
	assert_int_equal(outcome_of(SYSCALL_FILTER_OFF, load_bpf) == KILLED, 0);
}

static void *write_from_a_thread(void *context)
{
	atomic_bool *confined = context;

	while (!atomic_load(confined))
		sched_yield();
	return (void *)(intptr_t)write_a_file();
}

/* Threads that were there before are confined too. */
static int attempt_by_a_thread(void)
{
	atomic_bool confined = false;
	pthread_t thread;
	void *result;

	if (pthread_create(&thread, NULL, write_from_a_thread, &confined) ||
	    syscall_filter_apply(SYSCALL_FILTER_REFUSE, false))
		return 0;
	atomic_store(&confined, true);
	pthread_join(thread, &result);
	return (int)(intptr_t)result;
}

static void all_threads_are_confined(void **state)
{
	(void)state;
	assert_int_equal(outcome_of(SYSCALL_FILTER_OFF, attempt_by_a_thread), EPERM);
}

/* ---- what hadald does ---- */

static struct web_page pages[] = {
	{ "/v1/metadata", 200, "{\"Cluster\":\"c\",\"ContainerInstanceArn\":"
	  "\"arn:aws:ecs:eu-west-1:123456789012:container-instance/c/i\"}", WEB_ANSWER },
	{ NULL, 0, NULL, WEB_ANSWER },
};

static struct web_server *server;

static int wait_a_little(void)
{
	static const struct timespec pause = { .tv_nsec = 10000000 };

	return nanosleep(&pause, NULL);
}

/* The agent's answer and one of Docker's socket, by the thread that asks. */
static int use_identity(void)
{
	struct lookup_sources sources = {
		.docker_socket = web_socket(server), .ecs_introspection = web_url(server),
		.ecs_task_metadata = web_url(server),
	};
	struct identity_request request = { .container_id = "0123", .pid = getpid() };
	struct identity_answer answer;
	struct instance_facts facts;
	struct identity *identity;

	if (identity_start(&sources, &identity) || identity_ask(identity, &request))
		return 1;
	while (!identity_instance(identity, &facts) || !identity_take(identity, &answer))
		wait_a_little();
	identity_stop(identity);
	return strcmp(facts.region, "eu-west-1") != 0;
}

/* To a name, so that it is looked up; nobody answers with more than 404 there. */
static int use_shipper(void)
{
	static const struct hadal_metric_info info = { "a", "1", "", HADAL_GAUGE };
	struct hadal_point point = { .time = 1 };
	struct hadal_sink_config sink = { .name = "otlp", .kind = "otlp", .ship.timeout_ms = 5000 };
	const struct hadal_shipper_config config = { .sinks = &sink, .sink_count = 1 };
	struct hadal_batch *batch = hadal_batch_new(0);
	struct hadal_ship_stats stats;
	struct hadal_shipper *shipper;
	char url[128], error[256];

	snprintf(url, sizeof(url), "http://localhost%s", strrchr(web_url(server), ':'));
	sink.ship.endpoint = url;
	hadal_metric_add_int(hadal_resource_metric(hadal_batch_resource(batch, NULL), &info), &point, 1);
	if (hadal_shipper_new(&config, &shipper, error, sizeof(error)) || hadal_shipper_submit(shipper, batch))
		return 2;
	hadal_shipper_stop(shipper, 10000, &stats);
	return stats.sink[0].signal[HADAL_SIGNAL_METRICS].rejected != 1;
}

static struct hadal_spool *spool;

/* As the thread that spools and a sink's do, with all that is done to files. */
static int use_spool(void)
{
	const uint64_t items[HADAL_SIGNALS] = { 1, 1 };
	struct hadal_sink_state state = { .position = 1 };
	struct hadal_spool_record record;
	uint64_t sequence;

	for (int i = 0; i < 40; i++) {	/* more than one segment, and the oldest goes */
		static const uint8_t data[64 << 10];

		if (hadal_spool_append(spool, items, data, sizeof(data), &sequence))
			return 2;
		hadal_spool_tick(spool);
	}
	if (hadal_spool_read(spool, sequence, &record))
		return 3;
	free(record.data);
	if (hadal_sink_state_write(hadal_spool_path(spool), "a", &state))
		return 4;
	return hadal_sink_state_overwrite(hadal_spool_path(spool), "a", &state) ? 5 : 0;
}

static void remove_tree(const char *path)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", path);
	assert_int_equal(system(command), 0);
}

static struct config shipping;

/* To ship is new, with SIGHUP: it would open a spool. */
static int ship_later(void)
{
	struct collector collector = { .no_files = true };

	return collector_change_shipper(&collector, &shipping) || collector.shipper;
}

static void what_writes_files_later_needs_a_restart(void **state)
{
	char path[] = "/tmp/hadald-syscalls.XXXXXX", name[64];
	FILE *file;

	(void)state;
	assert_non_null(mkdtemp(path));
	snprintf(name, sizeof(name), "%s/conf", path);
	file = fopen(name, "w");
	assert_non_null(file);
	fprintf(file, "[otlp]\nendpoint = http://127.0.0.1:1\n[spool]\ndirectory = %s/spool\n",
		path);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(config_load(&shipping, name, stderr), 0);
	assert_int_equal(outcome_of(SYSCALL_FILTER_KILL, ship_later), 0);
	config_free(&shipping);
	remove_tree(path);
}

static char *answer(void *context, const char *request, bool fresh)
{
	(void)context;
	(void)request;
	(void)fresh;
	return strdup("{}\n");
}

static int use_files(void)
{
	struct address addresses[8];
	struct config config;
	char path[4096];
	int result;

	result = config_load(&config, "packaging/hadald.conf", stderr);
	config_free(&config);
	interface_addresses(addresses, 8);
	if (!procfs_net_ns())
		return 3;
	return result || procfs_executable(getpid(), 0, path, sizeof(path)) != -ESRCH;
}

/* What it asks of the module; there is no module here. */
static int use_module(void)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	return fd < 0 || ioctl(fd, HADAL_IOC_QUERY, NULL) != -1 || errno != ENOTTY;
}

static int use_programs(void)
{
	struct program_question question = { .tgid = (uint32_t)getpid(), .start_boottime = 1 };
	struct program_answer told;
	struct program_reader *reader;

	if (program_reader_start(&reader) || program_reader_ask(reader, &question))
		return 4;
	while (!program_reader_take(reader, &told))
		wait_a_little();
	program_reader_stop(reader);
	return 0;
}

static struct query_server *queries;

static int close_queries(void)
{
	query_server_turn(queries, 0);
	query_server_close(queries);
	return 0;
}

static int use_environment(void)
{
	char text[1 << 16];

	return procfs_environment(getpid(), text, sizeof(text)) > 0 ? 0 : EINVAL;
}

static void what_a_spool_does_is_on_the_longer_list(void **state)
{
	struct hadal_spool_config config = { .bytes = 1 << 20, .age_ms = 60000, .memory_bytes = 1 << 20,
					     .memory_records = 10, .sync_ms = 1 };
	char path[] = "/tmp/hadald-syscalls.XXXXXX";
	struct hadal_spool_stats stats;

	(void)state;
	assert_non_null(mkdtemp(path));
	config.directory = path;
	assert_int_equal(hadal_spool_open(&config, &spool), 0);
	hadal_spool_stats(spool, &stats);
	assert_true(stats.on_disk);
	assert_int_equal(outcome_of(SYSCALL_FILTER_KILL, use_spool), KILLED);
	writes_files = true;
	assert_int_equal(outcome_of(SYSCALL_FILTER_KILL, use_spool), 0);
	writes_files = false;
	hadal_spool_close(spool);
	remove_tree(path);
}

static void what_hadald_does_is_on_the_list(void **state)
{
	static const struct {
		const char *name;
		attempt_fn use;
	} uses[] = {
		{ "identity", use_identity }, { "shipper", use_shipper }, { "files", use_files },
		{ "module", use_module }, { "programs", use_programs }, { "queries", close_queries },
		{ "environment", use_environment },
	};
	struct counts counts = { 0 };
	char path[] = "/tmp/hadald-syscalls.XXXXXX", error[256];

	(void)state;
	assert_non_null(mkdtemp(path));
	char socket_path[64];
	snprintf(socket_path, sizeof(socket_path), "%s/s", path);
	assert_int_equal(query_server_open(socket_path, "nogroup", answer, NULL, &counts, &queries, error,
					   sizeof(error)), 0);
	server = web_start(pages);
	for (size_t i = 0; i < sizeof(uses) / sizeof(uses[0]); i++) {
		int outcome = outcome_of(SYSCALL_FILTER_KILL, uses[i].use);

		if (outcome)
			fail_msg("%s: %d", uses[i].name, outcome);
	}
	web_stop(server);
	query_server_close(queries);
	rmdir(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_not_on_the_list_is_refused),
		cmocka_unit_test(or_kills),
		cmocka_unit_test(off_is_off),
		cmocka_unit_test(all_threads_are_confined),
		cmocka_unit_test(what_hadald_does_is_on_the_list),
		cmocka_unit_test(what_a_spool_does_is_on_the_longer_list),
		cmocka_unit_test(what_writes_files_later_needs_a_restart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
