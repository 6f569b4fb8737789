/* SPDX-License-Identifier: MIT */
/*
 * What hadal doctor learns by asking: receivers, and who on the host knows names. All
 * of them are servers on loopback.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "checks_parts.h"
#include "collector_setup.h"
#include "host_fixture.h"
#include "web_server.h"

#define RELEASE		"6.12.40-cloud-amd64"
#define TOKEN		"not-for-any-eyes-4711"

static struct finding find(struct fixture *fixture, const char *name)
{
	return look_running(fixture, RELEASE, name);
}

__attribute__((format(printf, 2, 3)))
static void configure(struct fixture *fixture, const char *format, ...)
{
	char text[1024];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	put(fixture, "/etc/hadal/hadald.conf", text);
}

/* A token's file, with that mode. Static. */
static const char *token_file(struct fixture *fixture, mode_t mode)
{
	static char path[256];

	put(fixture, "/token", TOKEN "\n");
	snprintf(path, sizeof(path), "%s/token", fixture->root);
	chmod(path, mode);
	return path;
}

static void expect_text(const struct finding *finding, enum verdict verdict, const char *text)
{
	if (!strstr(finding->text, text))
		fail_msg("'%s' is not in: %s", text, finding->text);
	assert_int_equal(finding->verdict, verdict);
	assert_null(strstr(finding->text, TOKEN));
	assert_null(strstr(finding->remedy, TOKEN));
	if (verdict == VERDICT_BAD)
		assert_true(finding->remedy[0]);
}

static void expect(struct fixture *fixture, const char *name, enum verdict verdict, const char *text)
{
	struct finding finding = find(fixture, name);

	expect_text(&finding, verdict, text);
}

/* ---- receivers ---- */

static void an_empty_request_shows_that_all_is_well(void **state)
{
	struct web_page pages[] = {
		{ .path = "POST /v1/metrics", .status = 200, .body = "" },
		{ .path = "POST /v1/logs", .status = 200, .body = "" }, { .path = NULL },
	};
	struct web_server *server = web_start(pages);
	struct fixture *fixture = *state;
	char request[4096];

	configure(fixture, "[otlp]\nendpoint = %s\ntoken_file = %s\n", web_url(server), token_file(fixture, 0600));
	expect(fixture, "endpoint", VERDICT_GOOD, "takes an empty request: status 200");
	assert_int_equal(web_requests(server, "POST /v1/metrics"), 1);
	assert_int_equal(web_requests(server, "POST /v1/logs"), 1);
	web_posted(server, request, sizeof(request));
	assert_non_null(strstr(request, "Authorization: Bearer " TOKEN "\r\n"));
	assert_non_null(strstr(request, "Content-Type: application/x-protobuf\r\n"));
	assert_non_null(strstr(request, "Content-Length: 0\r\n"));
	assert_null(strstr(request, "Content-Encoding"));
	expect(fixture, "token", VERDICT_GOOD, "and the receiver takes it");
	web_stop(server);
}

static void answers_are_judged(void **state)
{
	static const struct {
		int status;
		enum verdict endpoint, token;
		const char *text;
	} cases[] = {
		{ 401, VERDICT_GOOD, VERDICT_BAD, "refuses it with status 401" },
		{ 403, VERDICT_GOOD, VERDICT_BAD, "refuses it with status 403" },
		{ 404, VERDICT_BAD, VERDICT_UNKNOWN, "status 404" },
		{ 503, VERDICT_BAD, VERDICT_UNKNOWN, "status 503" },
		{ 400, VERDICT_UNKNOWN, VERDICT_UNKNOWN, "status 400" },
	};
	struct web_page pages[] = { { .path = "POST /v1/metrics", .body = "" }, { .path = NULL } };
	struct web_server *server = web_start(pages);
	struct fixture *fixture = *state;

	configure(fixture, "[otlp]\nendpoint = %s\ntoken_file = %s\n", web_url(server), token_file(fixture, 0600));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		pages[0].status = cases[i].status;
		assert_int_equal(find(fixture, "endpoint").verdict, cases[i].endpoint);
		expect(fixture, "token", cases[i].token, cases[i].text);
	}
	configure(fixture, "[otlp]\nendpoint = %s\n", web_url(server));
	pages[0].status = 401;
	expect(fixture, "token", VERDICT_BAD, "the receiver wants one: status 401");
	web_stop(server);
}

static void remote_write_gets_its_own_kind_of_nothing(void **state)
{
	struct web_page pages[] = { { .path = "POST /api/v1/write", .status = 204, .body = "" }, { .path = NULL } };
	struct web_server *server = web_start(pages);
	struct fixture *fixture = *state;
	char request[4096];

	configure(fixture, "[sink amp]\ntype = remote_write\nendpoint = %s/api/v1/write\n", web_url(server));
	expect(fixture, "endpoint", VERDICT_GOOD, "status 204");
	assert_string_equal(find(fixture, "endpoint").sink, "amp");
	web_posted(server, request, sizeof(request));
	assert_non_null(strstr(request, "Content-Encoding: snappy\r\n"));
	assert_non_null(strstr(request, "Content-Length: 1\r\n"));
	web_stop(server);
}

static void every_sink_has_a_finding(void **state)
{
	struct fixture *fixture = *state;
	struct finding finding;
	size_t i = 0;

	configure(fixture, "[otlp]\nendpoint = http://127.0.0.1:1\n[sink pull]\ntype = scrape\n[sink file]\ntype = json_lines\n");
	expect(fixture, "endpoint", VERDICT_BAD, "http://127.0.0.1:1/v1/metrics: ");
	while (strcmp(checks[i].name, "endpoint"))
		i++;
	assert_int_equal(check_findings(&checks[i], &fixture->host), 3);
	check_run(&checks[i], &fixture->host, 2, &finding);
	assert_string_equal(finding.sink, "file");
	expect_text(&finding, VERDICT_NOT_NEEDED, "json_lines sends to nobody");
	configure(fixture, "[sink amp]\ntype = remote_write\nendpoint = http://127.0.0.1:1\n");
	assert_non_null(strstr(find(fixture, "endpoint").remedy, "the port of sink amp.endpoint"));
	configure(fixture, "[collector]\ninterval = 10\n");
	expect(fixture, "endpoint", VERDICT_NOT_NEEDED, "nothing leaves this host");
	expect(fixture, "token", VERDICT_NOT_NEEDED, "nothing leaves this host");
}

static void tokens_that_are_none_are_told(void **state)
{
	struct fixture *fixture = *state;
	char passwd[128];

	configure(fixture, "[otlp]\nendpoint = http://127.0.0.1:1\ntoken_file = %s\n", token_file(fixture, 0644));
	expect(fixture, "token", VERDICT_BAD, "others may read or write it");
	configure(fixture, "[otlp]\nendpoint = http://127.0.0.1:1\ntoken_file = /nonexistent/token\n");
	expect(fixture, "token", VERDICT_BAD, "/nonexistent/token: No such file");
	/* Root can read it, and hadald cannot. */
	configure(fixture, "[otlp]\nendpoint = http://127.0.0.1:1\ntoken_file = %s\n", token_file(fixture, 0600));
	snprintf(passwd, sizeof(passwd), "hadald:x:%u:1::/:/bin/false\n", getuid() + 1);
	put(fixture, "/etc/passwd", passwd);
	expect(fixture, "token", VERDICT_BAD, "is not the user hadald's");
	snprintf(passwd, sizeof(passwd), "hadald:x:%u:1::/:/bin/false\n", getuid());
	put(fixture, "/etc/passwd", passwd);
	expect(fixture, "token", VERDICT_UNKNOWN, "the receiver cannot be asked");
	/* It is no matter of the network where it goes. */
	configure(fixture, "[otlp]\nendpoint = http://collector.example:4318\ntoken_file = %s\n", token_file(fixture, 0600));
	expect(fixture, "endpoint", VERDICT_BAD, "a credential is not sent over plain http");
	configure(fixture, "[otlp]\nendpoint = http://collector.example:4318\nheaders = Authorization=Basic%%20" TOKEN "\n");
	expect(fixture, "endpoint", VERDICT_BAD, "a credential is not sent over plain http");
	expect(fixture, "token", VERDICT_UNKNOWN, "the header Authorization");
}

/* By /etc/default/hadald and a credential of systemd's. */
static void what_systemd_gives_counts(void **state)
{
	struct web_page pages[] = {
		{ .path = "POST /v1/metrics", .status = 200, .body = "" },
		{ .path = "POST /v1/logs", .status = 200, .body = "" }, { .path = NULL },
	};
	struct web_server *server = web_start(pages);
	struct fixture *fixture = *state;
	char text[256], request[4096];

	snprintf(text, sizeof(text), "# where to\n OTEL_EXPORTER_OTLP_ENDPOINT=\"%s\"\n\nNONSENSE\n", web_url(server));
	put(fixture, "/etc/default/hadald", text);
	put(fixture, "/etc/credstore/hadal-token", TOKEN);
	expect(fixture, "token", VERDICT_GOOD, "/etc/credstore/hadal-token, and the receiver takes it");
	web_posted(server, request, sizeof(request));
	assert_non_null(strstr(request, "Authorization: Bearer " TOKEN "\r\n"));
	web_stop(server);
}

/* By the instance's role, as hadald signs. */
static void requests_are_signed(void **state)
{
	struct web_page pages[] = {
		{ .path = "PUT /latest/api/token", .status = 200, .body = WEB_TOKEN, .behaviour = WEB_TOKENS },
		{ .path = "/latest/meta-data/iam/security-credentials/", .status = 200, .body = "shipper", .behaviour = WEB_GUARDED },
		{ .path = "/latest/meta-data/iam/security-credentials/shipper", .status = 200, .behaviour = WEB_GUARDED,
		  .body = "{\"Code\":\"Success\",\"Type\":\"AWS-HMAC\",\"AccessKeyId\":\"ASIAEXAMPLE\",\"SecretAccessKey\":\"" TOKEN
			  "\",\"Token\":\"session\",\"Expiration\":\"2999-01-01T00:00:00Z\"}" },
		{ .path = "POST /v1/metrics", .status = 200, .body = "" },
		{ .path = "POST /v1/logs", .status = 200, .body = "" }, { .path = NULL },
	};
	struct web_server *server = web_start(pages);
	struct fixture *fixture = *state;
	char request[4096];

	configure(fixture, "[otlp]\nendpoint = %s\nauth = sigv4\nsigv4_region = eu-west-1\n[ec2]\nmetadata = %s\nmetadata_ipv6 =\n",
		  web_url(server), web_url(server));
	expect(fixture, "token", VERDICT_GOOD, "AWS's signature, and the receiver takes it");
	web_posted(server, request, sizeof(request));
	assert_non_null(strstr(request, "Authorization: AWS4-HMAC-SHA256 Credential=ASIAEXAMPLE/"));
	web_stop(server);
}

/* ---- what stands between ---- */

/* A TLS server with a certificate of its own, for "localhost". */
struct tls_server {
	char directory[64];
	FILE *says;
	pid_t pid;
	unsigned int port;
};

static void make_certificate(const struct tls_server *server)
{
	char command[512];

	snprintf(command, sizeof(command), "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost "
		 "-addext subjectAltName=DNS:localhost -keyout %s/key -out %s/crt 2>/dev/null",
		 server->directory, server->directory);
	assert_int_equal(system(command), 0);
}

static void run_server(const struct tls_server *server, int output)
{
	char key[80], certificate[80];

	snprintf(key, sizeof(key), "%s/key", server->directory);
	snprintf(certificate, sizeof(certificate), "%s/crt", server->directory);
	/* It goes with this program, however that ends. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(output, STDOUT_FILENO);
	dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), STDERR_FILENO);
	execlp("openssl", "openssl", "s_server", "-accept", "127.0.0.1:0", "-key", key, "-cert", certificate, "-rev", NULL);
	_exit(127);
}

static void start_tls(struct tls_server *server)
{
	char line[256];
	int pipes[2];

	strcpy(server->directory, "/tmp/hadal-tls-XXXXXX");
	assert_non_null(mkdtemp(server->directory));
	make_certificate(server);
	assert_int_equal(pipe(pipes), 0);
	server->pid = fork();
	if (!server->pid)
		run_server(server, pipes[1]);
	close(pipes[1]);
	server->says = fdopen(pipes[0], "r");
	server->port = 0;
	while (!server->port && fgets(line, sizeof(line), server->says))
		sscanf(line, "ACCEPT 127.0.0.1:%u", &server->port);
	assert_int_not_equal(server->port, 0);
}

static void stop_tls(struct tls_server *server)
{
	char command[128];

	kill(server->pid, SIGKILL);
	waitpid(server->pid, NULL, 0);
	fclose(server->says);
	snprintf(command, sizeof(command), "rm -r %s", server->directory);
	assert_int_equal(system(command), 0);
}

/* Answers whoever connects without listening to them. */
static pid_t start_deaf(unsigned int *port)
{
	static const char answer[] = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n";
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM, 0), peer;
	socklen_t length = sizeof(address);
	pid_t pid;

	assert_int_equal(bind(fd, (struct sockaddr *)&address, length), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
	*port = ntohs(address.sin_port);
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		peer = accept(fd, NULL, NULL);
		_exit(write(peer, answer, sizeof(answer) - 1) < 0);
	}
	close(fd);
	return pid;
}

static void ports_without_tls_are_told(void **state)
{
	struct fixture *fixture = *state;
	struct finding finding;
	unsigned int port;
	pid_t pid = start_deaf(&port);

	configure(fixture, "[otlp]\nendpoint = https://127.0.0.1:%u\n", port);
	finding = find(fixture, "endpoint");
	expect_text(&finding, VERDICT_BAD, "(SSL connect error)");
	assert_non_null(strstr(finding.remedy, "openssl s_client -connect 127.0.0.1:PORT"));
	waitpid(pid, NULL, 0);
}

static void faults_of_tls_are_named(void **state)
{
	struct fixture *fixture = *state;
	struct tls_server server;
	struct finding finding;

	start_tls(&server);
	configure(fixture, "[otlp]\nendpoint = https://localhost:%u\n", server.port);
	finding = find(fixture, "endpoint");
	expect_text(&finding, VERDICT_BAD, "self-signed certificate (SSL peer certificate or SSH remote key was not OK)");
	assert_non_null(strstr(finding.remedy, "otlp.ca_certificate"));
	/* With its authority, by another name. */
	configure(fixture, "[otlp]\nendpoint = https://127.0.0.1:%u\nca_certificate = %s/crt\n", server.port,
		  server.directory);
	finding = find(fixture, "endpoint");
	expect_text(&finding, VERDICT_BAD, "matches target host name");
	assert_non_null(strstr(finding.remedy, "to a name that the receiver's certificate has"));
	/* By its own: s_server is no receiver, but TLS is no matter any more. */
	configure(fixture, "[otlp]\nendpoint = https://localhost:%u\nca_certificate = %s/crt\n", server.port,
		  server.directory);
	finding = find(fixture, "endpoint");
	expect_text(&finding, VERDICT_BAD, "Received HTTP/0.9");
	configure(fixture, "[otlp]\nendpoint = https://localhost:%u\nca_certificate = /nonexistent\n", server.port);
	finding = find(fixture, "endpoint");
	expect_text(&finding, VERDICT_BAD, "/nonexistent");
	assert_non_null(strstr(finding.remedy, "PEM, readable by hadald"));
	stop_tls(&server);
}

static void faults_of_the_way_are_named(void **state)
{
	struct fixture *fixture = *state;
	struct finding finding;

	configure(fixture, "[otlp]\nendpoint = http://127.0.0.1:1\n");
	finding = find(fixture, "endpoint");
	expect_text(&finding, VERDICT_BAD, "(Couldn't connect to server)");
	assert_non_null(strstr(finding.remedy, "see whether the receiver runs at http://127.0.0.1:1/v1/metrics"));
	configure(fixture, "[otlp]\nendpoint = https://user:" TOKEN "@no-such-host.invalid\n");
	finding = find(fixture, "endpoint");
	expect_text(&finding, VERDICT_BAD, "(Couldn't resolve host name)");
	assert_string_equal(finding.remedy, "mend the name in otlp.endpoint, or this host's DNS: getent ahosts no-such-host.invalid");
}

/* ---- the clock ---- */

static void clocks_are_compared(void **state)
{
	struct clock_facts facts = { .kernel = CLOCK_ALONE };
	struct finding finding = { .verdict = VERDICT_UNKNOWN };

	(void)state;
	judge_clock(&facts, &finding);
	assert_int_equal(finding.verdict, VERDICT_UNKNOWN);
	assert_non_null(strstr(finding.remedy, "chrony"));
	facts.kernel = CLOCK_SYNCHRONIZED;
	judge_clock(&facts, &finding);
	assert_string_equal(finding.text, "kept in time");
	facts.teller = "otlp";
	facts.ahead = -30;
	judge_clock(&facts, &finding);
	assert_int_equal(finding.verdict, VERDICT_GOOD);
	facts.ahead = -90;
	judge_clock(&facts, &finding);
	assert_string_equal(finding.text, "this host's clock is 90 s ahead of that of the receiver of otlp");
	facts.ahead = 90;
	judge_clock(&facts, &finding);
	assert_int_equal(finding.verdict, VERDICT_BAD);
	assert_string_equal(finding.text, "this host's clock is 90 s behind that of the receiver of otlp");
}

static void the_receiver_tells_the_time(void **state)
{
	struct web_page pages[] = {
		{ .path = "POST /v1/metrics", .status = 200, .body = "" },
		{ .path = "POST /v1/logs", .status = 200, .body = "Sun, 06 Nov 1994 08:49:37 GMT", .behaviour = WEB_DATED },
		{ .path = NULL },
	};
	struct web_server *server = web_start(pages);
	struct fixture *fixture = *state;
	time_t now = time(NULL);
	char date[64];

	configure(fixture, "[otlp]\nendpoint = %s\n", web_url(server));
	expect(fixture, "clock", VERDICT_BAD, "s ahead of that of the receiver of otlp");
	strftime(date, sizeof(date), "%a, %d %b %Y %T GMT", gmtime(&now));
	pages[1].body = date;
	expect(fixture, "clock", VERDICT_GOOD, "that of the receiver of otlp is within a minute");
	web_stop(server);
}

/* ---- who is on the host ---- */

static void configurations_are_read(void **state)
{
	struct fixture *fixture = *state;

	expect(fixture, "configuration", VERDICT_GOOD, "0 sinks");
	configure(fixture, "[otlp]\nendpoint = http://127.0.0.1:1\ncompresion = gzip\n[collector]\ninterval = x\n");
	expect(fixture, "configuration", VERDICT_BAD, "hadald.conf:3: key 'otlp.compresion': unknown key, and more");
}

/* As hadald reads them: the file that they are beside may be missing. */
static void drop_ins_count_alone_too(void **state)
{
	struct fixture *fixture = *state;

	put(fixture, "/etc/hadal/hadald.d/10-otlp.conf", "[otlp]\nendpoint = http://127.0.0.1:1\n");
	expect(fixture, "configuration", VERDICT_GOOD, "1 sinks");
	put(fixture, "/etc/hadal/hadald.d/20-wrong.conf", "[otlp]\ncompresion = gzip\n");
	expect(fixture, "configuration", VERDICT_BAD, "20-wrong.conf:2: key 'otlp.compresion': unknown key");
}

static void hadald_is_asked(void **state)
{
	struct fixture *fixture = *state;

	configure(fixture, "[query]\nsocket = %s/none\n", fixture->root);
	expect(fixture, "hadald", VERDICT_NOT_NEEDED, "not installed as a service");
	put(fixture, "/lib/systemd/system/hadald.service", "");
	assert_non_null(strstr(find(fixture, "hadald").remedy, "systemctl enable --now hadald"));
	configure(fixture, "[query]\nsocket =\n");
	expect(fixture, "hadald", VERDICT_NOT_NEEDED, "switched off");
}

static void docker_is_asked(void **state)
{
	struct web_page pages[] = { { .path = "/version", .status = 200, .body = "{}" }, { .path = NULL } };
	struct web_server *server = web_start(pages);
	struct fixture *fixture = *state;

	configure(fixture, "[docker]\nsocket = %s\n", web_socket(server));
	expect(fixture, "docker", VERDICT_GOOD, "answers");
	pages[0].status = 500;
	expect(fixture, "docker", VERDICT_BAD, "its status is not 200");
	configure(fixture, "[docker]\nsocket = %s/none\n", fixture->root);
	expect(fixture, "docker", VERDICT_NOT_NEEDED, "no Docker on this host");
	web_stop(server);
}

static void the_ecs_agent_is_asked(void **state)
{
	struct web_page pages[] = {
		{ .path = "/v1/metadata", .status = 200, .body = "{\"Cluster\":\"shop\",\"ContainerInstanceArn\":"
		  "\"arn:aws:ecs:eu-west-1:123456789012:container-instance/shop/0123\",\"Version\":\"x\"}" }, { .path = NULL },
	};
	struct web_server *server = web_start(pages);
	struct fixture *fixture = *state;

	configure(fixture, "[ecs]\nintrospection = %s\n", web_url(server));
	expect(fixture, "ecs agent", VERDICT_GOOD, "cluster shop");
	configure(fixture, "[ecs]\nintrospection = http://127.0.0.1:1\n");
	expect(fixture, "ecs agent", VERDICT_NOT_NEEDED, "no container instance");
	put(fixture, "/etc/ecs/ecs.config", "");
	assert_non_null(strstr(find(fixture, "ecs agent").remedy, "systemctl enable --now ecs"));
	web_stop(server);
}

static void the_instance_is_asked_what_it_is(void **state)
{
	struct web_page pages[] = {
		{ .path = "PUT /latest/api/token", .status = 200, .body = WEB_TOKEN, .behaviour = WEB_TOKENS },
		{ .path = "/latest/dynamic/instance-identity/document", .status = 200, .behaviour = WEB_GUARDED,
		  .body = "{\"accountId\":\"123456789012\",\"region\":\"eu-west-1\",\"availabilityZone\":\"eu-west-1b\","
			  "\"instanceId\":\"i-0123456789abcdef0\",\"instanceType\":\"m7g.large\",\"imageId\":\"ami-1\"}" }, { .path = NULL },
	};
	struct web_server *server = web_start(pages);
	struct fixture *fixture = *state;

	expect(fixture, "instance metadata", VERDICT_NOT_NEEDED, "not an instance of EC2");
	configure(fixture, "[ec2]\nmetadata = %s\nmetadata_ipv6 =\n", web_url(server));
	expect(fixture, "instance metadata", VERDICT_GOOD, "i-0123456789abcdef0 in eu-west-1b");
	pages[0].status = 403;
	assert_non_null(strstr(find(fixture, "instance metadata").remedy, "--http-endpoint enabled"));
	web_stop(server);
}

static void nobody_is_asked_for_another_system(void **state)
{
	struct fixture *fixture = *state;

	configure(fixture, "[otlp]\nendpoint = http://127.0.0.1:1\n");
	assert_int_equal(look(fixture, RELEASE, "endpoint").verdict, VERDICT_UNKNOWN);
	assert_false(fixture->host.collector->receivers[0].asked);
	assert_int_equal(look(fixture, RELEASE, "configuration").verdict, VERDICT_GOOD);
}

#define TEST(function)	cmocka_unit_test_setup_teardown(function, host_setup, host_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_empty_request_shows_that_all_is_well),
		TEST(answers_are_judged),
		TEST(remote_write_gets_its_own_kind_of_nothing),
		TEST(every_sink_has_a_finding),
		TEST(tokens_that_are_none_are_told),
		TEST(what_systemd_gives_counts),
		TEST(requests_are_signed),
		TEST(ports_without_tls_are_told),
		TEST(faults_of_tls_are_named),
		TEST(faults_of_the_way_are_named),
		cmocka_unit_test(clocks_are_compared),
		TEST(the_receiver_tells_the_time),
		TEST(configurations_are_read),
		TEST(drop_ins_count_alone_too),
		TEST(hadald_is_asked),
		TEST(docker_is_asked),
		TEST(the_ecs_agent_is_asked),
		TEST(the_instance_is_asked_what_it_is),
		TEST(nobody_is_asked_for_another_system),
	};

	return cmocka_run_group_tests_name("doctor of the network", tests, NULL, NULL);
}
