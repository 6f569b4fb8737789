/* SPDX-License-Identifier: MIT */
/*
 * hadald's configuration: what it takes, and what it says of what is wrong.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "config.h"

struct place {
	char directory[64];
	char file[128];
	char *report;
	size_t report_size;
};

static void write_file(const struct place *place, const char *name, const char *text, mode_t mode)
{
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", place->directory, name);
	file = fopen(path, "we");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(path, mode), 0);
}

static void clear_environment(void)
{
	static const char *const names[] = {
		"OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
		"OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "OTEL_EXPORTER_OTLP_HEADERS",
		"OTEL_EXPORTER_OTLP_COMPRESSION", "OTEL_EXPORTER_OTLP_TIMEOUT",
		"OTEL_EXPORTER_OTLP_CERTIFICATE", "HADAL_TOKEN", "HADAL_CONNECTION_KEY", "CREDENTIALS_DIRECTORY",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		unsetenv(names[i]);
}

static int set_up(void **state)
{
	struct place *place = calloc(1, sizeof(*place));
	char drop_ins[128];

	if (!place)
		return -1;
	clear_environment();
	strcpy(place->directory, "/tmp/hadald-config.XXXXXX");
	if (!mkdtemp(place->directory))
		return -1;
	snprintf(place->file, sizeof(place->file), "%s/hadald.conf", place->directory);
	snprintf(drop_ins, sizeof(drop_ins), "%s/hadald.d", place->directory);
	*state = place;
	return mkdir(drop_ins, 0700);
}

static int tear_down(void **state)
{
	struct place *place = *state;
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", place->directory);
	free(place->report);
	free(place);
	return system(command);
}

/* Loads and keeps what was reported. */
static int load(struct place *place, struct config *config)
{
	FILE *report;
	int result;

	free(place->report);
	report = open_memstream(&place->report, &place->report_size);
	result = config_load(config, place->file, report);
	fclose(report);
	config->report = NULL;
	return result;
}

static void expect_fault(struct place *place, const char *text, const char *expected)
{
	struct config config;
	char line[512];

	write_file(place, "hadald.conf", text, 0644);
	assert_int_equal(load(place, &config), -EINVAL);
	snprintf(line, sizeof(line), "%s%s\n", expected[0] == ':' ? place->file : "", expected);
	assert_string_equal(place->report, line);
	config_free(&config);
}

static void every_key_is_taken(void **state)
{
	struct place *place = *state;
	struct config config;

	write_file(place, "token", "s3cret\n", 0600);
	write_file(place, "hadald.conf",
		   "# comment\n"
		   "[otlp]\n"
		   "endpoint = https://collector.example:4318/base\n"
		   "metrics_endpoint = https://m.example/v1/metrics\n"
		   "headers = x-scope=a%20b, y = c%2Cd\n"
		   "compression = none\n"
		   "timeout = 7\n"
		   "queue = 32M\n"
		   "[collector]\n"
		   "interval = 10\n"
		   "logs = off\n"
		   "profile = full\n"
		   "histograms = explicit\n"
		   "arguments = on\nudp = on\ndns = off\nbuilds = off\n"
		   "[module]\n"
		   "lifecycle_ring = 64K\n"
		   "flow_ring = 2M\n"
		   "watermark = 4096\n"
		   "argv_max = 1K\n"
		   "connection_key = 000102030405060708090a0b0c0d0EFF\n"
		   "[filter]\n"
		   "cgroups = /ecs, /system.slice/docker.service\n"
		   "ports = 80, 8000-8099\n"
		   "loopback = off\n"
		   "min_duration = 250\n"
		   "[limits]\n"
		   "edges_per_host = 10\n"
		   "edges_per_workload = 5\n"
		   "[docker]\n"
		   "socket =\n"
		   "[host]\n"
		   "id = i-1\n"
		   "[peers]\n"
		   "networks = 10.1.0.0/16, 2001:db8::/32\n"
		   "load_balancers = 10.2.0.0/24\n"
		   "[proxies]\n"
		   "containers = edge-*, gate\n"
		   "executables = haproxy\n", 0644);
	assert_int_equal(load(place, &config), 0);
	assert_string_equal(place->report, "");
	assert_string_equal(config.endpoint, "https://collector.example:4318/base");
	assert_int_equal(config.header_count, 2);
	assert_string_equal(config.headers[0].name, "x-scope");
	assert_string_equal(config.headers[0].value, "a b");
	assert_string_equal(config.headers[1].name, "y");
	assert_string_equal(config.headers[1].value, "c,d");
	assert_true(config.no_compression);
	assert_int_equal(config.proxy_count, 2);
	assert_string_equal(config.proxies[0].via, "edge");
	assert_string_equal(config.proxies[1].pattern, "gate");
	assert_int_equal(config.proxy_executable_count, 1);
	assert_string_equal(config.proxy_executables[0].pattern, "haproxy");
	assert_int_equal(config.timeout, 7000);
	assert_int_equal(config.queue_bytes, 32 << 20);
	assert_int_equal(config.interval, 10);
	assert_int_equal(config.logs, CONFIG_LOGS_OFF);
	assert_int_equal(config.profile, CONFIG_PROFILE_FULL);
	assert_int_equal(config.histograms, HISTOGRAM_EXPLICIT);
	assert_true(config.arguments);
	assert_true(config.udp);
	assert_false(config.dns);
	assert_int_equal(config.balancer_count, 1);
	assert_string_equal(config.balancers[0].name, "10.2.0.0/24");
	assert_false(config.builds);
	assert_int_equal(config.lifecycle_ring, 65536);
	assert_int_equal(config.flow_ring, 2 << 20);
	assert_int_equal(config.watermark, 4096);
	assert_int_equal(config.argv_max, 1024);
	assert_int_equal(config.connection_key[1], 1);
	assert_int_equal(config.connection_key[15], 0xff);
	assert_int_equal(config.filter_cgroup_count, 2);
	assert_string_equal(config.filter_cgroups[0], "/ecs");
	assert_string_equal(config.filter_cgroups[1], "/system.slice/docker.service");
	assert_int_equal(config.filter_port_count, 2);
	assert_int_equal(config.filter_ports[0].last, 80);
	assert_int_equal(config.filter_ports[1].first, 8000);
	assert_int_equal(config.filter_ports[1].last, 8099);
	assert_int_equal(config.filter_not_port_count, 0);
	assert_false(config.filter_loopback);
	assert_int_equal(config.filter_min_duration, 250000000);
	assert_int_equal(config.edges_host, 10);
	assert_string_equal(config.docker_socket, "");
	assert_string_equal(config.ecs_introspection, "http://127.0.0.1:51678");
	assert_string_equal(config.host_id, "i-1");
	assert_int_equal(config.network_count, 2);
	config_free(&config);
}

static void nothing_set_means_nothing_leaves(void **state)
{
	struct place *place = *state;
	struct config config;

	write_file(place, "hadald.conf", "", 0644);
	assert_int_equal(load(place, &config), 0);
	assert_false(config_ships(&config));
	assert_int_equal(config.interval, 60);
	assert_int_equal(config.argv_max, 256);
	assert_true(config.filter_loopback);
	assert_true(config.dns);
	assert_true(config.builds);
	assert_int_equal(config.filter_cgroup_count + config.filter_port_count + config.filter_not_port_count + config.filter_min_duration, 0);
	assert_int_equal(config.points, 500);
	assert_int_equal(config.edges_host, 2000);
	assert_int_equal(config.edges_workload, 200);
	config_free(&config);
}

static void faults_name_file_line_and_key(void **state)
{
	static const struct {
		const char *text, *expected;
	} cases[] = {
		{ "\n\n[otlp]\nendpiont = x\n", ":4: key 'otlp.endpiont': unknown key" },
		{ "endpoint = x\n", ":1: key 'endpoint': unknown key" },
		{ "[collector]\ninterval = 0\n", ":2: key 'collector.interval': 0 is not between 1 and 3600" },
		{ "[collector]\ninterval = 10s\n", ":2: key 'collector.interval': '10s' is not a number" },
		{ "[collector]\ninterval = 99999999999999999999999\n",
		  ":2: key 'collector.interval': '99999999999999999999999' is not a number" },
		{ "[collector]\nlogs = all\n", ":2: key 'collector.logs': 'all' is neither 'lifecycle' nor 'off'" },
		{ "[collector]\narguments = yes\n", ":2: key 'collector.arguments': 'yes' is neither 'on' nor 'off'" },
		{ "[collector]\nredact = (x\n", ":2: key 'collector.redact': not a regular expression (POSIX, extended), "
		  "or one that matches the empty text" },
		{ "[collector]\nredact = x*\n", ":2: key 'collector.redact': not a regular expression (POSIX, extended), "
		  "or one that matches the empty text" },
		{ "[collector]\nseccomp = on\n",
		  ":2: key 'collector.seccomp': 'on' is none of 'refuse', 'kill', 'off'" },
		{ "[module]\nload = maybe\n", ":2: key 'module.load': 'maybe' is none of 'on', 'off', 'canary'" },
		{ "[module]\nload = canary\n",
		  ":2: key 'module.load': 'canary' without module.tag or module.parameter, which say where" },
		{ "[module]\ntag = a/b\n", ":2: key 'module.tag': 'a/b' is no key of a tag of 128 letters, digits or + - = . , _ : @ at most" },
		{ "[module]\nparameter_endpoint = http://example.com\n",
		  ":2: key 'module.parameter_endpoint': 'http://example.com' begins neither with https:// nor with http://127.0.0.1" },
		{ "[module]\nflow_ring = 1T\n",
		  ":2: key 'module.flow_ring': '1T' is not a number of bytes (such as 65536, 64K, 1M)" },
		{ "[module]\nflow_ring = 17179869184G\n",
		  ":2: key 'module.flow_ring': '17179869184G' is not a number of bytes (such as 65536, 64K, 1M)" },
		{ "[module]\n\nflow_ring = 100000\n", ":3: key 'module.flow_ring': not a power of two" },
		{ "[module]\nwatermark = 512K\n",
		  ":2: key 'module.watermark': above the smaller of the two rings" },
		{ "[module]\nargv_max = 4097\n", ":2: key 'module.argv_max': 4097 is not between 0 and 4096" },
		{ "[collector]\narguments = on\n[module]\nargv_max = 4K\nlifecycle_ring = 8K\n",
		  ":4: key 'module.argv_max': above a quarter of module.lifecycle_ring" },
		{ "[module]\nconnection_key = 0g0102030405060708090a0b0c0d0e0f\n",
		  ":2: key 'module.connection_key': not 32 hexadecimal digits" },
		{ "[filter]\ncgroups = /a, b\n",
		  ":2: key 'filter.cgroups': not a list of paths that begin with /, as in /proc/PID/cgroup" },
		{ "[filter]\ncgroups = /,/,/,/,/,/,/,/,/,/,/,/,/,/,/,/,/\n",
		  ":2: key 'filter.cgroups': more than 16 cgroups" },
		{ "[filter]\nports = 0\n", ":2: key 'filter.ports': not a list of ports such as 80, 443, 8000-8099" },
		{ "[filter]\nnot_ports = 9-8\n",
		  ":2: key 'filter.not_ports': not a list of ports such as 80, 443, 8000-8099" },
		{ "[filter]\nports = 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17\n",
		  ":2: key 'filter.ports': more than 16 ports or ranges" },
		{ "[filter]\nports = 1\nnot_ports = 2\n",
		  ":3: key 'filter.not_ports': not together with filter.ports" },
		{ "[filter]\nloopback = no\n", ":2: key 'filter.loopback': 'no' is neither 'on' nor 'off'" },
		{ "[filter]\nmin_duration = 1s\n",
		  ":2: key 'filter.min_duration': not a number of milliseconds of at most a day" },
		{ "[filter]\nmin_duration = 86400001\n",
		  ":2: key 'filter.min_duration': not a number of milliseconds of at most a day" },
		{ "[otlp]\nauth = basic\n", ":2: key 'otlp.auth': 'basic' is none of 'bearer', 'sigv4', 'none'" },
		{ "[otlp]\nheaders = a\n", ":2: key 'otlp.headers': not a list of NAME=VALUE, with commas between" },
		{ "[otlp]\nheaders = a=%0\n", ":2: key 'otlp.headers': a value with a broken percent-encoding" },
		{ "[otlp]\nheaders = =b\n", ":2: key 'otlp.headers': a header without a name" },
		{ "[otlp]\ncompression = zstd\n", ":2: key 'otlp.compression': neither 'gzip' nor 'none'" },
		{ "[peers]\nnetworks = 10.0.0.0/40\n",
		  ":2: key 'peers.networks': not a list of networks such as 10.1.0.0/16, 2001:db8::/32" },
		{ "[proxies]\ncontainers = envoy, *\n",
		  ":2: key 'proxies.containers': not a list of names of up to 63 characters, none with a wildcard in front, such as envoy, edge-*" },
		{ "[docker]\nsocket = run/docker.sock\n",
		  ":2: key 'docker.socket': 'run/docker.sock' is not an absolute path" },
		{ "[ecs]\ntask_metadata = ftp://x\n",
		  ":2: key 'ecs.task_metadata': 'ftp://x' does not begin with http://" },
		{ "[ecs]\napi = yes\n", ":2: key 'ecs.api': 'yes' is neither 'on' nor 'off'" },
		{ "[ecs]\napi_endpoint = http://ecs.example\n",
		  ":2: key 'ecs.api_endpoint': 'http://ecs.example' begins neither with https:// nor with http://127.0.0.1" },
		{ "[ecs]\napi_endpoint = http://127.0.0.1.example\n", ":2: key 'ecs.api_endpoint': "
		  "'http://127.0.0.1.example' begins neither with https:// nor with http://127.0.0.1" },
		{ "[ecs]\napi_endpoint = http://127.0.0.1:@ecs.example\n",
		  ":2: key 'ecs.api_endpoint': it has a user or a password: what is asked is signed instead" },
		{ "[limits]\nevents = 0\n", ":2: key 'limits.events': 0 is not between 1 and 1000000" },
		{ "[otlp]\nwhat is this\n", ":2: neither [section] nor key = value" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		expect_fault(*state, cases[i].text, cases[i].expected);
}

/* Whatever is wrong with shipping, the line is that of its own key. */
static void faults_of_shipping_name_their_key(void **state)
{
	static const struct {
		const char *text, *expected;
	} cases[] = {
		{ "[otlp]\nendpoint = https://a.example\nmetrics_endpoint = ftp://m\n",
		  ":3: key 'otlp.metrics_endpoint': endpoint of metrics: not an http:// or https:// URL" },
		{ "[otlp]\nmetrics_endpoint = https://m.example\nlogs_endpoint = l\n",
		  ":3: key 'otlp.logs_endpoint': endpoint of logs: not an http:// or https:// URL" },
		{ "[otlp]\nendpoint =\nlogs_endpoint = http://l.example\nheaders = x-api-key=1\n",
		  ":3: key 'otlp.logs_endpoint': x-api-key is not sent over plain http" },
		{ "[otlp]\nendpoint = https://a.example\nheaders = content-type=x\n",
		  ":3: key 'otlp.headers': header content-type cannot be configured" },
		{ "[otlp]\nendpoint = https://a.example\nca_certificate = /nonexistent\n",
		  ":3: key 'otlp.ca_certificate': CA certificate /nonexistent: No such file" },
		{ "[otlp]\nendpoint = https://a.example\nclient_certificate = /nonexistent\n",
		  ":3: key 'otlp.client_certificate': " },
		{ "[otlp]\nendpoint = https://a.example\nclient_key = /dev/null\n",
		  ":3: key 'otlp.client_key': a client key is configured without" },
		{ "[otlp]\nendpoint = http://a.example\ntoken_parameter = /a\n",
		  ":2: key 'otlp.endpoint': the token is not sent over plain http to another host" },
		{ "[otlp]\nendpoint = https://a.example\ntoken_parameter = /a\ntoken_secret = b\n",
		  ":3: key 'otlp.token_parameter': not together with otlp.token_secret" },
		{ "[otlp]\nendpoint = https://a.example\ntoken_secret = a b\n",
		  ":3: key 'otlp.token_secret': no name, and no ARN, of at most 2048 characters" },
		{ "[otlp]\nendpoint = https://a.example\ntoken_secret = a\ntoken_endpoint = http://b.example\n",
		  ":4: key 'otlp.token_endpoint': 'http://b.example' begins neither with https:// nor with" },
		{ "[otlp]\nendpoint = https://a.example\ntoken_secret = a\nheaders = authorization=b\n",
		  ":4: key 'otlp.headers': both the token and a header Authorization are configured" },
		{ "[otlp]\nendpoint = https://a.example\nauth = sigv4\n",
		  ":3: key 'otlp.auth': of which region to sign is said neither by the endpoint nor by AWS_REGION" },
		{ "[otlp]\nendpoint = https://a.example\nauth = sigv4\nsigv4_region = Europe\n",
		  ":4: key 'otlp.sigv4_region': 'Europe' is no region of AWS" },
		{ "[otlp]\nendpoint = https://monitoring.eu-west-1.amazonaws.com\nauth = sigv4\nsigv4_service = a/b\n",
		  ":4: key 'otlp.sigv4_service': 'a/b' is no service of AWS" },
		{ "[otlp]\nendpoint = http://monitoring.eu-west-1.amazonaws.com\nauth = sigv4\n",
		  ":2: key 'otlp.endpoint': AWS's signature is not sent over plain http to another host" },
		{ "[otlp]\nendpoint = https://monitoring.eu-west-1.amazonaws.com/?a=b\nauth = sigv4\n",
		  ":2: key 'otlp.endpoint': https://monitoring.eu-west-1.amazonaws.com/v1/metrics: what is signed has no user" },
		{ "[otlp]\nendpoint = https://monitoring.eu-west-1.amazonaws.com\nauth = sigv4\nlogs_headers = x-amz-date=1\n",
		  ":4: key 'otlp.logs_headers': header x-amz-date cannot be configured: it is the signature's" },
		{ "[otlp]\nendpoint = https://monitoring.eu-west-1.amazonaws.com\nauth = sigv4\nheaders = authorization=1\n",
		  ":4: key 'otlp.headers': both AWS's signature and a header Authorization are configured" },
	};
	struct place *place = *state;
	struct config config;
	char expected[512];

	unsetenv("AWS_REGION");
	unsetenv("AWS_DEFAULT_REGION");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		write_file(place, "hadald.conf", cases[i].text, 0644);
		assert_int_equal(load(place, &config), -EINVAL);
		snprintf(expected, sizeof(expected), "%s%s", place->file, cases[i].expected);
		if (strncmp(place->report, expected, strlen(expected)))
			assert_string_equal(place->report, expected);
		config_free(&config);
	}
	write_file(place, "hadald.conf", "[otlp]\nendpoint = https://a.example\n", 0644);
	setenv("HADAL_TOKEN", "two words", 1);
	assert_int_equal(load(place, &config), -EINVAL);
	assert_int_equal(strncmp(place->report, "environment: HADAL_TOKEN: the token holds a space",
				 strlen("environment: HADAL_TOKEN: the token holds a space")), 0);
	config_free(&config);
	clear_environment();
}

/* Long lines are read in pieces; they count once. */
static void long_lines_count_once(void **state)
{
	struct place *place = *state;
	char text[8192];

	memset(text, 0, sizeof(text));
	strcpy(text, "[host]\nid = ");
	memset(text + strlen(text), 'x', 6000);
	strcat(text, "\nnonsense = 1\n");
	expect_fault(place, text, ":3: key 'host.nonsense': unknown key");
}

static void every_fault_is_told(void **state)
{
	struct place *place = *state;
	struct config config;
	unsigned int lines = 0;

	write_file(place, "hadald.conf", "[collector]\ninterval = x\nlogs = x\nprofile = x\n", 0644);
	write_file(place, "hadald.d/50-a.conf", "[limits]\nevents = -1\n", 0644);
	write_file(place, "hadald.d/not-read.txt", "[limits]\nevents = -1\n", 0644);
	assert_int_equal(load(place, &config), -EINVAL);
	for (const char *at = place->report; (at = strchr(at, '\n')); at++)
		lines++;
	assert_int_equal(lines, 4);
	assert_non_null(strstr(place->report, "hadald.d/50-a.conf:2: key 'limits.events': '-1' is not a number"));
	config_free(&config);
}

static void later_counts(void **state)
{
	struct place *place = *state;
	struct config config;

	write_file(place, "hadald.conf", "[host]\nid = main\n[otlp]\nendpoint = https://a.example\n", 0644);
	write_file(place, "hadald.d/20-b.conf", "[host]\nid = second\n", 0644);
	write_file(place, "hadald.d/10-a.conf", "[host]\nid = first\n", 0644);
	setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "https://b.example", 1);
	setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "2500", 1);
	assert_int_equal(load(place, &config), 0);
	assert_string_equal(config.host_id, "second");
	assert_string_equal(config.endpoint, "https://b.example");
	assert_int_equal(config.timeout, 2500);
	config_free(&config);
	clear_environment();
}

static void a_missing_file_that_was_named(void **state)
{
	struct place *place = *state;
	struct config config;

	assert_int_equal(load(place, &config), -EINVAL);
	assert_non_null(strstr(place->report, "No such file"));
	config_free(&config);
}

static void tokens_stay_secret(void **state)
{
	struct place *place = *state;
	struct config config;
	char text[5000];

	snprintf(text, sizeof(text), "[otlp]\nendpoint = https://a.example\ntoken_file = %s/token\n",
		 place->directory);
	write_file(place, "hadald.conf", text, 0644);
	write_file(place, "token", "s3cret\n", 0600);
	assert_int_equal(load(place, &config), 0);
	assert_string_equal(config.token, "s3cret");
	config_free(&config);

	write_file(place, "token", "s3cret\n", 0640);
	assert_int_equal(load(place, &config), -EINVAL);
	assert_non_null(strstr(place->report, ":3: key 'otlp.token_file': "));
	assert_non_null(strstr(place->report, "others may read"));
	assert_null(strstr(place->report, "s3cret"));
	config_free(&config);

	/* what was cut off would be missed by the receiver alone */
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	write_file(place, "token", text, 0600);
	assert_int_equal(load(place, &config), -EINVAL);
	assert_non_null(strstr(place->report, "more than 4096 bytes"));
	config_free(&config);

	write_file(place, "token", "\n", 0600);
	assert_int_equal(load(place, &config), -EINVAL);
	assert_non_null(strstr(place->report, "no token in it"));
	config_free(&config);

	/* over plain http: to loopback alone */
	write_file(place, "hadald.conf", "[otlp]\nendpoint = http://a.example:4318\n", 0644);
	setenv("HADAL_TOKEN", "s3cret", 1);
	assert_int_equal(load(place, &config), -EINVAL);
	assert_non_null(strstr(place->report, "hadald.conf:2: key 'otlp.endpoint': "));
	assert_null(strstr(place->report, "s3cret"));
	config_free(&config);
	write_file(place, "hadald.conf", "[otlp]\nendpoint = http://127.0.0.1:4318\n", 0644);
	assert_int_equal(load(place, &config), 0);
	config_free(&config);
	clear_environment();
}

static void credentials_of_systemd(void **state)
{
	struct place *place = *state;
	struct config config;

	write_file(place, "hadald.conf", "[otlp]\nendpoint = https://a.example\n", 0644);
	write_file(place, "hadal-token", "from-systemd", 0400);
	setenv("CREDENTIALS_DIRECTORY", place->directory, 1);
	assert_int_equal(load(place, &config), 0);
	assert_string_equal(config.token, "from-systemd");
	config_free(&config);

	/* where it is the service's by an ACL, the group's bits show the ACL's mask */
	write_file(place, "hadal-token", "from-systemd", 0440);
	assert_int_equal(load(place, &config), 0);
	assert_string_equal(config.token, "from-systemd");
	config_free(&config);
	clear_environment();
}

static void signals_without_an_endpoint_are_off(void **state)
{
	struct place *place = *state;
	struct hadal_sink_config sinks[HADAL_SINKS_MAX];
	struct config config;

	write_file(place, "hadald.conf", "[otlp]\nmetrics_endpoint = https://a.example/m\n", 0644);
	assert_int_equal(load(place, &config), 0);
	assert_int_equal(config_sinks(&config, sinks), 1);
	assert_false(sinks[0].ship.signal_off[HADAL_SIGNAL_METRICS]);
	assert_true(sinks[0].ship.signal_off[HADAL_SIGNAL_LOGS]);
	config_free(&config);
}

static void sinks_have_sections(void **state)
{
	struct place *place = *state;
	struct hadal_sink_config sinks[HADAL_SINKS_MAX];
	struct config config;
	char text[512];

	write_file(place, "a-token", "of-b\n", 0600);
	snprintf(text, sizeof(text), "[otlp]\nendpoint = https://a.example\n[sink b]\nendpoint = https://b.example\n"
		 "token_file = %s/a-token\nheaders = x=1\ntemporality = delta\nsignals = metrics\n"
		 "[collector]\ninterval = 9\n[sink c]\nlogs_endpoint = https://c.example/l\n[sink b]\ntimeout = 3\n",
		 place->directory);
	write_file(place, "hadald.conf", text, 0644);
	setenv("HADAL_TOKEN", "of-a", 1);
	assert_int_equal(load(place, &config), 0);
	clear_environment();
	assert_int_equal(config.interval, 9);
	assert_int_equal(config_sinks(&config, sinks), 3);
	assert_string_equal(sinks[0].name, "otlp");
	assert_string_equal(sinks[0].ship.token, "of-a");
	assert_false(sinks[0].delta);
	assert_string_equal(sinks[1].name, "b");
	assert_string_equal(sinks[1].kind, "otlp");
	assert_string_equal(sinks[1].ship.endpoint, "https://b.example");
	assert_string_equal(sinks[1].ship.token, "of-b");
	assert_string_equal(sinks[1].ship.headers[0].name, "x");
	assert_int_equal(sinks[1].ship.timeout_ms, 3000);
	assert_true(sinks[1].delta && sinks[1].ship.signal_off[HADAL_SIGNAL_LOGS]);
	assert_false(sinks[1].ship.signal_off[HADAL_SIGNAL_METRICS]);
	assert_string_equal(sinks[2].name, "c");
	assert_null(sinks[2].ship.token);
	assert_true(sinks[2].ship.signal_off[HADAL_SIGNAL_METRICS]);
	config_free(&config);
}

static void a_sink_alone_ships(void **state)
{
	struct place *place = *state;
	struct hadal_sink_config sinks[HADAL_SINKS_MAX];
	struct config config;

	write_file(place, "hadald.conf", "[sink b]\nendpoint = https://b.example\n[collector]\nlogs = off\n", 0644);
	assert_int_equal(load(place, &config), 0);
	assert_true(config_ships(&config));
	assert_int_equal(config_sinks(&config, sinks), 1);
	assert_string_equal(sinks[0].name, "b");
	assert_true(sinks[0].ship.signal_off[HADAL_SIGNAL_LOGS]);
	config_free(&config);
}

static void faults_of_sinks_name_line_and_key(void **state)
{
	static const struct {
		const char *text, *told;
	} cases[] = {
		{ "[sink b]\nendpoint = ftp://b\n", ":2: key 'sink b.endpoint': " },
		{ "[sink b]\ntimeout = never\n", ":2: key 'sink b.timeout': " },
		{ "[sink b]\nendpoint = https://b\ntype = smoke\n", ":3: key 'sink b': type: there is no such type of sink" },
		{ "[sink b]\nendpoint = https://b\ncolour = red\n", ":2: key 'sink b': a sink of type otlp has no key 'colour'" },
		{ "[sink b]\nendpoint = https://b\nqueue = 1M\n", ":2: key 'sink b': a sink of type otlp has no key 'queue'" },
		{ "[sink b]\nendpoint = https://b\nsignals = some\n", "signals: none of 'all', 'metrics', 'logs'" },
		{ "[sink b/c]\nendpoint = https://b\n", ":2: key 'sink b/c': 'b/c' is no name of a sink" },
		{ "[sink otlp]\nendpoint = https://b\n", "that is the name of the sink that [otlp] is" },
		{ "[sink b]\ntype = otlp\n", ":2: key 'sink b': it has no endpoint" },
	};
	struct place *place = *state;
	struct config config;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		write_file(place, "hadald.conf", cases[i].text, 0644);
		assert_int_equal(load(place, &config), -EINVAL);
		if (!strstr(place->report, cases[i].told))
			fail_msg("'%s' is told as '%s'", cases[i].text, place->report);
		config_free(&config);
	}
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(every_key_is_taken),
		TEST(nothing_set_means_nothing_leaves),
		TEST(faults_name_file_line_and_key),
		TEST(faults_of_shipping_name_their_key),
		TEST(long_lines_count_once),
		TEST(every_fault_is_told),
		TEST(later_counts),
		TEST(a_missing_file_that_was_named),
		TEST(tokens_stay_secret),
		TEST(credentials_of_systemd),
		TEST(signals_without_an_endpoint_are_off),
		TEST(sinks_have_sections),
		TEST(a_sink_alone_ships),
		TEST(faults_of_sinks_name_line_and_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
