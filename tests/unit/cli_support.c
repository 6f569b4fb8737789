/* SPDX-License-Identifier: MIT */
/*
 * What hadal support writes: what is to be in it is, and no secret is, wherever on the
 * host one was put. The archive is read by tar.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <hadal/hadal.h>
#include <zlib.h>

#include "collector_setup.h"
#include "command_output.h"
#include "host_fixture.h"
#include "secrets.h"
#include "support.h"
#include "support_archive.h"
#include "text_file.h"
#include "web_server.h"

#define RELEASE	"6.12.40-cloud-amd64"

/* One for each place, so that the one that gets out tells from where. */
static const char *const all_secrets[] = {
	"OfTheTokenFile1", "OfACredential22", "OfTheHeaders333", "OfMetricsHeader", "OfASinksHeaders", "OfTheUserPart55",
	"OfThePassword66", "OfAQueryString7", "OfAnUnknownKey8", "OfAComment99999", "OfAnEnvironment", "OfTheProxyPass1",
	"OfUnknownVarAbc", "OfTheRedactionX", "00112233445566778899aabbccddeeff", "OfSinksOwnKey12", "OfOtherKernLine",
	"OfKernelCmdLine", "OfTheDriverEnv0", "OfALineWithNone", "OfInitsEnvironm", "OfAKeysOwnName1", "OfASinksKeyName",
	"OfAVariablesNam", "OfASectionsName",
};

enum { SECRETS = sizeof(all_secrets) / sizeof(all_secrets[0]) };

/* By the linker's --wrap (build.mk). */
static bool no_memory;

gzFile __real_gzdopen(int fd, const char *mode);
gzFile __wrap_gzdopen(int fd, const char *mode);

gzFile __wrap_gzdopen(int fd, const char *mode)
{
	return no_memory ? NULL : __real_gzdopen(fd, mode);
}

/* Puts each of them where it might be. */
static void hide_secrets(struct fixture *fixture, const char *url)
{
	char text[2048], token[256];

	snprintf(token, sizeof(token), "%s/token", fixture->root);
	put(fixture, "/token", "OfTheTokenFile1\n");
	chmod(token, 0600);
	snprintf(text, sizeof(text),
		 "# OfAComment99999\n"
		 "[otlp]\n"
		 "OfAKeysOwnName1eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9lIiwi==\n"
		 "endpoint = %s\n"
		 "logs_endpoint = https://OfTheUserPart55:OfThePassword66@logs.invalid/v1/logs?key=OfAQueryString7\n"
		 "token_file = %s\n"
		 "headers = X-Key=OfTheHeaders333\n"
		 "metrics_headers = X-Api-Key=OfMetricsHeader\n"
		 "tokken = OfAnUnknownKey8\n"
		 "[collector]\ninterval = 30\nredact = OfTheRedactionX\n"
		 "[module]\nconnection_key = 00112233445566778899aabbccddeeff\n", url, token);
	put(fixture, "/etc/hadal/hadald.conf", text);
	put(fixture, "/etc/hadal/hadald.d/10-more.conf",
	    "[sink more]\nendpoint = http://127.0.0.1:1\nheaders = Authorization=Basic%20OfASinksHeaders\nown = OfSinksOwnKey12\n"
	    "OfASinksKeyName=\n"
	    "[OfASectionsName]\ninterval = 1\n"
	    "OfALineWithNone\n");
	put(fixture, "/etc/default/hadald",
	    "HADAL_TOKEN=OfAnEnvironment\nHTTPS_PROXY=http://me:OfTheProxyPass1@proxy.invalid:3128\nMINE='OfUnknownVarAbc'\n"
	    "OTEL_EXPORTER_OTLP_COMPRESSION=none\nOfAVariablesNam=\n");
	put(fixture, "/etc/credstore/hadal-token", "OfACredential22");
	put(fixture, "/dev/kmsg",
	    "6,1,1,-;Kernel command line: quiet hadal.x=OfKernelCmdLine\n"
	    "5,1,1,-;Unknown kernel command line parameters \"hadal.x=OfKernelCmdLine\", will be passed to user space.\n"
	    "7,1,1,-;    HADAL_KEY=OfInitsEnvironm\n"
	    "4,5,5,-; probe_close+0x10/0x20 [hadal]\n"
	    "6,2,2,-;other: OfOtherKernLine\n"
	    "6,3,3,-;hadal: loading out-of-tree module taints kernel. OfTheHeaders333\n"
	    " SUBSYSTEM=hadal OfOtherKernLine\n");
	put(fixture, "/var/log/hadal-dkms-" RELEASE ".log", "kmod/a.c:1: error: OfTheProxyPass1 is odd\n");
	put(fixture, "/var/lib/dkms/hadal/0.1.0/6.1.0/x86_64/log/make.log", "CC kmod/b.o OfAnEnvironment\n");
	put(fixture, "/sys/class/misc/hadal/tcp/lost", "42\n");
	put(fixture, "/sys/class/misc/hadal/uevent", "MAJOR=10\n");
	put(fixture, "/sys/module/hadal/parameters/connections_max", "65536\n");
	put(fixture, "/etc/os-release", "ID=debian\nPRETTY_NAME=\"of the root\"\n");
	setenv("HADAL_TEST_SECRET", "OfTheDriverEnv0", 1);
}

/* Unpacks the archive; all of it in one text, to be freed. */
static char *unpack(struct fixture *fixture)
{
	char command[512], path[128];

	snprintf(command, sizeof(command), "cd %s && tar xzf s.tar.gz && cat hadal-support/* >all", fixture->root);
	assert_int_equal(system(command), 0);
	snprintf(path, sizeof(path), "%s/all", fixture->root);
	return read_file(path);
}

/* What support_write() lists; static. */
static const char *write_archive(struct fixture *fixture, bool living)
{
	static char listed[4096];
	char path[128];
	FILE *list = fmemopen(listed, sizeof(listed), "w");

	snprintf(path, sizeof(path), "%s/s.tar.gz", fixture->root);
	host_release(&fixture->host);
	assert_int_equal(host_examine(&fixture->host, fixture->root, RELEASE), 0);
	fixture->host.living = living;
	assert_int_equal(support_write(&fixture->host, path, list), 0);
	fclose(list);
	return listed;
}

static void no_secret_gets_out(void **state)
{
	struct web_page pages[] = {
		/* A receiver that tells what it was sent. */
		{ .path = "POST /v1/metrics", .status = 200, .body = "OfTheTokenFile1" }, { .path = NULL },
	};
	struct web_server *server = web_start(pages);
	struct fixture *fixture = *state;
	char *text, request[4096];

	hide_secrets(fixture, web_url(server));
	write_archive(fixture, true);
	text = unpack(fixture);
	for (size_t i = 0; i < SECRETS; i++)
		if (strstr(text, all_secrets[i]))
			fail_msg("%s is in the archive", all_secrets[i]);
	/* The environment's token counts before the others: it was there to be told. */
	web_posted(server, request, sizeof(request));
	assert_non_null(strstr(request, "Authorization: Bearer OfAnEnvironment\r\n"));
	assert_non_null(strstr(request, "X-Key: OfTheHeaders333\r\n"));
	free(text);
	web_stop(server);
}

static void what_helps_is_in_it(void **state)
{
	static const char *const wanted[] = {
		"# /etc/hadal/hadald.conf\n", "[otlp] endpoint = http://127.0.0.1:1/x\n", "[collector] interval = 30\n",
		"[otlp] logs_endpoint = https://logs.invalid/v1/logs\n", "[otlp] headers = REDACTED\n",
		"[otlp] REDACTED = REDACTED\n", "[module] connection_key = REDACTED\n", "[collector] redact = REDACTED\n",
		"# /etc/hadal/hadald.d/10-more.conf\n", "[sink more] headers = REDACTED\n", "[sink more] REDACTED = REDACTED\n",
		"[REDACTED] REDACTED = REDACTED\n", "# line 8 is none of a configuration\n", "HADAL_TOKEN=REDACTED\n",
		"\nREDACTED=REDACTED\n", "HTTPS_PROXY=REDACTED\n", ": key xxxxxxxx",
		"OTEL_EXPORTER_OTLP_COMPRESSION=none\n", "\"check\":\"kernel headers\"",
		"4,5,5,-; probe_close+0x10/0x20 [hadal]\n",
		"6,3,3,-;hadal: loading out-of-tree module taints kernel. xxxxxxxxxxxxxxx\n",
		"==== /var/log/hadal-dkms-" RELEASE ".log\n", "/sys/class/misc/hadal/tcp/lost 42\n",
		"/sys/module/hadal/parameters/connections_max 65536\n", "PRETTY_NAME=\"of the root\"\n",
		"hadal " HADAL_VERSION ", abi ",
	};
	static const char *const files[] = {
		"configuration.txt", "doctor.json", "status.json", "versions.txt", "kernel.log", "dkms.log", "units.txt",
		"journal.txt", "counters.txt",
	};
	struct fixture *fixture = *state;
	char *text, *page = read_file("docs/security.md");
	const char *listed;
	size_t lines = 0;

	hide_secrets(fixture, "http://127.0.0.1:1/x");
	listed = write_archive(fixture, false);
	for (const char *at = listed; (at = strchr(at, '\n')); at++)
		lines++;
	assert_int_equal(lines, sizeof(files) / sizeof(files[0]));
	for (size_t i = 0; i < lines; i++)
		if (!strstr(listed, files[i]) || !is_quoted(page, files[i], '`'))
			fail_msg("%s is not listed, or not in docs/security.md: %s", files[i], listed);
	free(page);
	text = unpack(fixture);
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		if (!strstr(text, wanted[i]))
			fail_msg("'%s' is not in the archive", wanted[i]);
	assert_null(strstr(text, "MAJOR=10"));
	free(text);
}

static void it_is_for_its_owner_and_new(void **state)
{
	struct fixture *fixture = *state;
	struct stat status;
	char path[128];

	write_archive(fixture, false);
	snprintf(path, sizeof(path), "%s/s.tar.gz", fixture->root);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
	assert_int_equal(support_write(&fixture->host, path, stdout), -EEXIST);
	assert_int_equal(support_write(&fixture->host, "/nonexistent/x", stdout), -ENOENT);
}

static void archives_say_what_went_wrong(void **state)
{
	static char much[4 << 20];
	struct rlimit limit, small;
	struct archive *archive;
	char path[128], name[201];

	snprintf(path, sizeof(path), "%s/archive", ((struct fixture *)*state)->root);
	assert_int_equal(symlink("/tmp/elsewhere", path), 0);
	/* It does not follow what is there already. */
	assert_int_equal(archive_open(path, &archive), -EEXIST);
	unlink(path);
	no_memory = true;
	assert_int_equal(archive_open(path, &archive), -ENOMEM);
	no_memory = false;
	/* Nothing is left in the way of the next try. */
	assert_int_equal(archive_open(path, &archive), 0);
	memset(name, 'n', 200);
	name[200] = '\0';
	assert_int_equal(archive_add(archive, name, "x", 1), -EINVAL);
	assert_int_equal(archive_close(archive), -EINVAL);
	unlink(path);
	/* No room: as of a disk that is full, of a file that may grow no more. */
	for (size_t i = 0; i < sizeof(much); i++)
		much[i] = (char)rand();
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &limit);
	small = (struct rlimit){ .rlim_cur = 4096, .rlim_max = limit.rlim_max };
	assert_int_equal(archive_open(path, &archive), 0);
	setrlimit(RLIMIT_FSIZE, &small);
	archive_add(archive, "name", much, sizeof(much));
	assert_int_equal(archive_close(archive), -EFBIG);
	setrlimit(RLIMIT_FSIZE, &limit);
}

static void secrets_go_wherever_they_stand(void **state)
{
	struct secrets secrets = { .count = 0 };
	char text[] = "abcdefg, Bearer abcdefg and abcdefabcdefg; short";

	(void)state;
	secrets_learn(&secrets, "Bearer abcdefg");
	secrets_learn(&secrets, "short");
	secrets_learn(&secrets, NULL);
	secrets_remove(&secrets, text, sizeof(text) - 1);
	assert_string_equal(text, "xxxxxxx, xxxxxxxxxxxxxx and abcdefxxxxxxx; short");
	secrets_forget(&secrets);
	assert_int_equal(secrets.count, 0);
}

/* Whichever was learnt first. */
static void of_the_longer_secret_nothing_stays(void **state)
{
	struct secrets secrets = { .count = 0 };
	char text[] = "abcdefghij, abcdef and cdefghij";

	(void)state;
	secrets_learn(&secrets, "abcdef");
	secrets_learn(&secrets, "abcdefghij");
	secrets_learn(&secrets, "cdefgh");
	secrets_remove(&secrets, text, sizeof(text) - 1);
	assert_string_equal(text, "xxxxxxxxxx, xxxxxx and xxxxxxij");
	secrets_forget(&secrets);
}

static void secrets_go_from_json(void **state)
{
	struct secrets secrets = { .count = 0 };
	char text[] = "\"it's 1/2\\\"3\\\\4 and \\u0007bells!\"";

	(void)state;
	secrets_learn(&secrets, "1/2\"3\\4");
	secrets_learn(&secrets, "\abells!");
	secrets_remove(&secrets, text, sizeof(text) - 1);
	assert_string_equal(text, "\"it's xxxxxxxxx and xxxxxxxxxxxx\"");
	secrets_forget(&secrets);
}

/* What a program prints, by command_output(); static. */
static const char *output_of(const char *script, size_t most, unsigned int timeout)
{
	const char *const shell[] = { "sh", "-c", script, NULL }, *const none[] = { "/nonexistent/program", NULL };
	static char text[1024];
	FILE *to = fmemopen(text, sizeof(text), "w");

	command_output(script ? shell : none, to, most, timeout);
	fclose(to);
	return text;
}

static void programs_are_bounded(void **state)
{
	(void)state;
	assert_string_equal(output_of("echo out; echo error >&2; cat", 100, 5000), "out\nerror\n");
	assert_string_equal(output_of("echo 0123456789", 4, 5000), "0123");
	assert_string_equal(output_of("echo one; exec sleep 60", 100, 200), "one\n\nsh: not done within 200 ms\n");
	assert_string_equal(output_of(NULL, 100, 5000), "/nonexistent/program: No such file or directory\n");
}

/* What /etc/default/hadald has set. */
static int forget(void **state)
{
	unsetenv("HTTPS_PROXY");
	unsetenv("MINE");
	unsetenv("OTEL_EXPORTER_OTLP_COMPRESSION");
	return host_teardown(state);
}

#define TEST(function)	cmocka_unit_test_setup_teardown(function, host_setup, forget)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(no_secret_gets_out),
		TEST(what_helps_is_in_it),
		TEST(it_is_for_its_owner_and_new),
		TEST(archives_say_what_went_wrong),
		cmocka_unit_test(programs_are_bounded),
		cmocka_unit_test(secrets_go_wherever_they_stand),
		cmocka_unit_test(of_the_longer_secret_nothing_stays),
		cmocka_unit_test(secrets_go_from_json),
	};

	return cmocka_run_group_tests_name("support", tests, NULL, NULL);
}
