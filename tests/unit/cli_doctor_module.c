/* SPDX-License-Identifier: MIT */
/*
 * What hadal doctor reads of the module's file, of what DKMS made, and of what decides
 * whether it is loaded. The files are ELF, compressed and signed as the kernel's own.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <lzma.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <hadal/hadal.h>

#include "host_fixture.h"
#include "module_images.h"
#include "quarantine.h"

#define RELEASE		"6.12.40-cloud-amd64"
#define MODULE		"/lib/modules/" RELEASE "/updates/dkms/hadal.ko"
#define VERMAGIC	RELEASE " SMP preempt mod_unload modversions "
#define INFO		"license=Dual MIT/GPL\0version=1.2.3\0vermagic=" VERMAGIC
#define SIGNER		"DKMS module signing key"

/* ---- module files ---- */

/* As the kernel's sign-file does: CMS, detached, without certificates and attributes. */
static void sign(struct module_image *image)
{
	unsigned char signature[4096];
	size_t length;
	FILE *from;

	from = popen("d=$(mktemp -d) && cd $d && openssl req -x509 -newkey rsa:2048 -nodes -subj '/CN=" SIGNER "' "
		     "-keyout key -out crt 2>/dev/null && echo module >m && openssl cms -sign -binary -noattr -nocerts "
		     "-outform DER -in m -signer crt -inkey key; rm -rf $d", "re");
	assert_non_null(from);
	length = fread(signature, 1, sizeof(signature), from);
	assert_int_equal(pclose(from), 0);
	assert_true(length > 200 && length < sizeof(signature));
	module_image_append(image, signature, length);
	module_image_trailer(image, (uint32_t)length);
}

static struct finding look_at(struct fixture *fixture, const struct module_image *image, const char *name)
{
	put_bytes(fixture, MODULE, image->bytes, image->size);
	return look(fixture, RELEASE, name);
}

static void vermagic_is_the_kernels(void **state)
{
	static const char other[] = "version=1\0vermagic=6.12.41-cloud-amd64 SMP ";
	struct fixture *fixture = *state;
	struct module_image image;
	struct finding finding;
	char remedy[128];

	assert_int_equal(look(fixture, RELEASE, "module vermagic").verdict, VERDICT_NOT_NEEDED);
	module_image_make(&image, INFO, sizeof(INFO));
	finding = look_at(fixture, &image, "module vermagic");
	assert_int_equal(finding.verdict, VERDICT_GOOD);
	assert_string_equal(finding.text, VERMAGIC);
	assert_string_equal(fixture->host.module_file.version, "1.2.3");
	module_image_make(&image, other, sizeof(other));
	finding = look_at(fixture, &image, "module vermagic");
	assert_int_equal(finding.verdict, VERDICT_BAD);
	assert_non_null(strstr(finding.text, "is built for kernel 6.12.41-cloud-amd64, not for " RELEASE));
	snprintf(remedy, sizeof(remedy), "dkms install hadal/%s -k " RELEASE " --force", hadal_version());
	assert_string_equal(finding.remedy, remedy);
}

/* As hadal.ko with that suffix: it is read, and that it is not whole is told. */
static void expect_packed(struct fixture *fixture, const char *suffix, const unsigned char *packed, size_t size)
{
	char path[256], full[320];

	snprintf(path, sizeof(path), MODULE "%s", suffix);
	put_bytes(fixture, path, packed, size);
	assert_string_equal(look(fixture, RELEASE, "module vermagic").text, VERMAGIC);
	put_bytes(fixture, path, packed, size - 20);
	assert_int_equal(look(fixture, RELEASE, "module vermagic").verdict, VERDICT_BAD);
	snprintf(full, sizeof(full), "%s%s", fixture->root, path);
	assert_int_equal(unlink(full), 0);
}

static size_t pack_gzip(const struct module_image *image, unsigned char *packed, size_t most)
{
	z_stream stream = { .next_in = (Bytef *)(uintptr_t)image->bytes, .avail_in = (uInt)image->size,
			    .next_out = packed, .avail_out = (uInt)most };

	assert_int_equal(deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
	assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
	deflateEnd(&stream);
	return stream.total_out;
}

static void modules_may_be_compressed(void **state)
{
	struct fixture *fixture = *state;
	unsigned char packed[MODULE_IMAGE_SIZE];
	struct module_image image;
	size_t size = 0;

	module_image_make(&image, INFO, sizeof(INFO));
	assert_int_equal(lzma_easy_buffer_encode(6, LZMA_CHECK_CRC32, NULL, image.bytes, image.size, packed, &size,
						 sizeof(packed)), LZMA_OK);
	expect_packed(fixture, ".xz", packed, size);
	size = ZSTD_compress(packed, sizeof(packed), image.bytes, image.size, 3);
	assert_false(ZSTD_isError(size));
	expect_packed(fixture, ".zst", packed, size);
	expect_packed(fixture, ".gz", packed, pack_gzip(&image, packed, sizeof(packed)));
}

static void damaged_modules_are_told(void **state)
{
	struct fixture *fixture = *state;
	struct finding finding;
	struct module_image image;

	put(fixture, MODULE, "");
	finding = look(fixture, RELEASE, "module vermagic");
	assert_int_equal(finding.verdict, VERDICT_BAD);
	assert_non_null(strstr(finding.text, "hadal.ko: not a whole kernel module"));
	assert_non_null(strstr(finding.remedy, "dkms install"));
	module_image_make(&image, INFO, sizeof(INFO));
	/* A signature that is longer than all that stands before it. */
	module_image_trailer(&image, 1 << 20);
	assert_int_equal(look_at(fixture, &image, "module signature").verdict, VERDICT_BAD);
	for (size_t size = 0; size < image.size; size += 7) {
		put_bytes(fixture, MODULE, image.bytes, size);
		look(fixture, RELEASE, "module vermagic");
	}
}

static void signatures_are_read(void **state)
{
	struct fixture *fixture = *state;
	struct finding finding;
	struct module_image image;

	module_image_make(&image, INFO, sizeof(INFO));
	assert_string_equal(look_at(fixture, &image, "module signature").text, "not signed");
	sign(&image);
	finding = look_at(fixture, &image, "module signature");
	assert_int_equal(finding.verdict, VERDICT_GOOD);
	assert_string_equal(finding.text, "signed by " SIGNER);
	assert_string_equal(look(fixture, RELEASE, "module vermagic").text, VERMAGIC);
	/* Signed, with what is no signature. */
	module_image_make(&image, INFO, sizeof(INFO));
	module_image_append(&image, "rubbish", 7);
	module_image_trailer(&image, 7);
	finding = look_at(fixture, &image, "module signature");
	assert_string_equal(finding.text, "signed, by whom its signature does not say");
}

static void keys_matter_where_signatures_are_demanded(void **state)
{
	struct fixture *fixture = *state;
	struct finding finding;
	struct module_image image;

	put(fixture, "/sys/module/module/parameters/sig_enforce", "Y\n");
	module_image_make(&image, INFO, sizeof(INFO));
	put_bytes(fixture, MODULE, image.bytes, image.size);
	finding = look_running(fixture, RELEASE, "module signature");
	assert_int_equal(finding.verdict, VERDICT_BAD);
	assert_string_equal(finding.text, "not signed, and module.sig_enforce is on");
	assert_non_null(strstr(finding.remedy, "sign hadal.ko with a key"));
	sign(&image);
	put_bytes(fixture, MODULE, image.bytes, image.size);
	assert_int_equal(look_running(fixture, RELEASE, "module signature").verdict, VERDICT_BAD);
	put(fixture, "/proc/keys", "0ab I------ 1 perm 1f030000 0 0 asymmetri " SIGNER ": 6ccece7e: X509.rsa []\n");
	finding = look_running(fixture, RELEASE, "module signature");
	assert_int_equal(finding.verdict, VERDICT_GOOD);
	assert_string_equal(finding.text, "signed by " SIGNER ", whose key the kernel has");
}

/* As before a reload: what is loaded now says nothing of what is to come. */
static void what_the_kernel_would_refuse_is_known_before(void **state)
{
	static const char other[] = "version=1\0vermagic=6.12.41-cloud-amd64 SMP ";
	struct fixture *fixture = *state;
	struct module_image image;
	char why[512];

	put(fixture, "/sys/module/hadal/version", "1.2.3\n");
	module_image_make(&image, other, sizeof(other));
	look_at(fixture, &image, "module vermagic");
	assert_true(module_would_be_refused(&fixture->host, why, sizeof(why)));
	assert_non_null(strstr(why, "is built for kernel 6.12.41-cloud-amd64, not for " RELEASE));
	module_image_make(&image, INFO, sizeof(INFO));
	look_at(fixture, &image, "module vermagic");
	assert_false(module_would_be_refused(&fixture->host, why, sizeof(why)));
	put(fixture, "/sys/module/module/parameters/sig_enforce", "Y\n");
	assert_true(module_would_be_refused(&fixture->host, why, sizeof(why)));
	assert_non_null(strstr(why, "is not signed, and module.sig_enforce is on"));
	sign(&image);
	look_at(fixture, &image, "module vermagic");
	assert_true(module_would_be_refused(&fixture->host, why, sizeof(why)));
	assert_non_null(strstr(why, "is signed by " SIGNER ", whose key is not seen"));
	put(fixture, "/proc/keys", "0ab I------ 1 perm 1f030000 0 0 asymmetri " SIGNER ": 6ccece7e: X509.rsa []\n");
	assert_false(module_would_be_refused(&fixture->host, why, sizeof(why)));
}

/* ---- DKMS ---- */

static void dkms_tells_what_it_has(void **state)
{
	struct fixture *fixture = *state;
	char path[256], text[512], remedy[128];
	struct finding finding;

	finding = look(fixture, RELEASE, "dkms module");
	assert_int_equal(finding.verdict, VERDICT_BAD);
	assert_non_null(strstr(finding.remedy, "install the package hadal-dkms"));
	put(fixture, "/var/lib/dkms/hadal/0.0.1/source/x", "");
	assert_non_null(strstr(look(fixture, RELEASE, "dkms module").text, ", but 0.0.1"));
	snprintf(path, sizeof(path), "/usr/src/hadal-%s/dkms.conf", hadal_version());
	put(fixture, path, "");
	snprintf(path, sizeof(path), "/var/lib/dkms/hadal/%s/source", hadal_version());
	put(fixture, path, "");
	finding = look(fixture, RELEASE, "dkms module");
	assert_non_null(strstr(finding.text, "has not built it for " RELEASE));
	snprintf(remedy, sizeof(remedy), "dkms install hadal/%s -k " RELEASE, hadal_version());
	assert_string_equal(finding.remedy, remedy);
	snprintf(path, sizeof(path), "/usr/src/hadal-%s/PACKAGED", hadal_version());
	put(fixture, path, "hadal-dkms\n");
	assert_string_equal(look(fixture, RELEASE, "dkms module").remedy, "/usr/share/hadal-dkms/dkms/package configure");
	snprintf(path, sizeof(path), "/var/lib/dkms/hadal/%s/build/make.log", hadal_version());
	put(fixture, path, "make: entering\nkmod/ring.c:7:2: error: no such thing\nmake: *** Error 2\n");
	finding = look(fixture, RELEASE, "dkms module");
	assert_int_equal(finding.verdict, VERDICT_BAD);
	snprintf(text, sizeof(text), "could not be built for " RELEASE ": kmod/ring.c:7:2: error: no such thing (%s)", path);
	assert_non_null(strstr(finding.text, text));
	put(fixture, "/var/log/hadal-dkms-" RELEASE ".log", "nothing of use\n");
	assert_non_null(strstr(look(fixture, RELEASE, "dkms module").text,
			       "no error is told (/var/log/hadal-dkms-" RELEASE ".log)"));
	look(fixture, RELEASE, "dkms module");
	snprintf(path, sizeof(path), "/var/lib/dkms/hadal/%s/" RELEASE "/%s/module/hadal.ko", hadal_version(),
		 fixture->host.machine);
	put(fixture, path, "");
	assert_int_equal(look(fixture, RELEASE, "dkms module").verdict, VERDICT_GOOD);
}

/* The version before goes on working, and all that builds the next is asked for. */
static void an_upgrade_that_could_not_build_is_told(void **state)
{
	struct fixture *fixture = *state;
	struct module_image image;
	struct finding finding;
	char path[256];

	module_image_make(&image, INFO, sizeof(INFO));
	finding = look_at(fixture, &image, "module installed");
	assert_int_equal(finding.verdict, VERDICT_GOOD);
	assert_string_equal(finding.text, "hadal.ko for " RELEASE ", of version 1.2.3");
	assert_int_equal(look(fixture, RELEASE, "kernel headers").verdict, VERDICT_NOT_NEEDED);
	put(fixture, "/var/log/hadal-dkms-" RELEASE ".log", "kmod/ring.c:7:2: error: no such thing\n");
	snprintf(path, sizeof(path), "/usr/src/hadal-%s/PACKAGED", hadal_version());
	put(fixture, path, "hadal-dkms\n");
	finding = look(fixture, RELEASE, "module installed");
	assert_int_equal(finding.verdict, VERDICT_BAD);
	assert_non_null(strstr(finding.text, "hadal.ko for " RELEASE " is still of 1.2.3: the build of "));
	assert_string_equal(finding.remedy, "/usr/share/hadal-dkms/dkms/package configure");
	assert_int_equal(look(fixture, RELEASE, "kernel headers").verdict, VERDICT_BAD);
	assert_int_equal(look(fixture, RELEASE, "dkms module").verdict, VERDICT_BAD);
}

/* ---- what decides ---- */

#define BOOT	"/proc/sys/kernel/random/boot_id"

static void a_switch_that_was_found_off_is_told(void **state)
{
	struct fixture *fixture = *state;
	struct finding finding;

	put(fixture, BOOT, "11111111-1111-4111-8111-111111111111\n");
	put(fixture, QUARANTINE_DIRECTORY "/" QUARANTINE_OFF_FILE,
	    "boot=11111111-1111-4111-8111-111111111111\nreason=the tag hadal is off\n");
	finding = look_running(fixture, RELEASE, "module switch");
	assert_int_equal(finding.verdict, VERDICT_BAD);
	assert_string_equal(finding.text, "the module is switched off: the tag hadal is off");
	put(fixture, BOOT, "22222222-2222-4222-8222-222222222222\n");
	assert_int_equal(look_running(fixture, RELEASE, "module switch").verdict, VERDICT_GOOD);
}

static void the_command_line_switches_off(void **state)
{
	static const struct {
		const char *line;
		enum verdict verdict;
	} cases[] = {
		{ "root=/dev/vda quiet\n", VERDICT_GOOD }, { "a hadal.disable b\n", VERDICT_BAD },
		{ "hadal.disable=1\n", VERDICT_BAD }, { "x hadal.disable\n", VERDICT_BAD },
		{ "hadal.disable=0\n", VERDICT_GOOD }, { "hadal.disable=no\n", VERDICT_GOOD }, { "hadal.disable=\n", VERDICT_BAD },
		{ "hadal.disabled nohadal.disable\n", VERDICT_GOOD },
	};
	struct fixture *fixture = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		put(fixture, "/proc/cmdline", cases[i].line);
		assert_int_equal(look_running(fixture, RELEASE, "module switch").verdict, cases[i].verdict);
	}
}

static void a_marker_is_a_quarantine(void **state)
{
	struct fixture *fixture = *state;
	struct finding finding;

	assert_int_equal(look_running(fixture, RELEASE, "module quarantine").verdict, VERDICT_GOOD);
	put(fixture, BOOT, "22222222-2222-4222-8222-222222222222\n");
	put(fixture, QUARANTINE_DIRECTORY "/" QUARANTINE_FILE,
	    "boot=11111111-1111-4111-8111-111111111111\nkernel=6.1.0\ntime=2026-01-01T00:00:00Z\n");
	finding = look_running(fixture, RELEASE, "module quarantine");
	assert_int_equal(finding.verdict, VERDICT_BAD);
	assert_non_null(strstr(finding.text, "loaded at 2026-01-01T00:00:00Z on kernel 6.1.0"));
	assert_non_null(strstr(finding.remedy, "hadal module release"));
	/* Not yet: it was loaded in this boot. */
	put(fixture, BOOT, "11111111-1111-4111-8111-111111111111\n");
	finding = look_running(fixture, RELEASE, "module quarantine");
	assert_int_equal(finding.verdict, VERDICT_GOOD);
	assert_non_null(strstr(finding.text, "on probation"));
}

static void loaded_and_installed_are_compared(void **state)
{
	struct fixture *fixture = *state;
	struct finding finding;
	struct module_image image;

	module_image_make(&image, INFO, sizeof(INFO));
	put_bytes(fixture, MODULE, image.bytes, image.size);
	put(fixture, "/sys/module/hadal/version", "1.2.3\n");
	assert_int_equal(look_running(fixture, RELEASE, "module loaded").verdict, VERDICT_GOOD);
	put(fixture, "/sys/module/hadal/version", "1.2.2\n");
	finding = look_running(fixture, RELEASE, "module loaded");
	assert_int_equal(finding.verdict, VERDICT_BAD);
	assert_string_equal(finding.text, "version 1.2.2 is loaded, 1.2.3 is installed");
	assert_string_equal(finding.remedy, "hadal module reload");
}

static void taints_are_named(void **state)
{
	struct fixture *fixture = *state;
	struct finding finding;

	assert_int_equal(look_running(fixture, RELEASE, "kernel taint").verdict, VERDICT_UNKNOWN);
	put(fixture, "/proc/sys/kernel/tainted", "0\n");
	assert_string_equal(look_running(fixture, RELEASE, "kernel taint").text, "not tainted");
	put(fixture, "/proc/sys/kernel/tainted", "12288\n");
	finding = look_running(fixture, RELEASE, "kernel taint");
	assert_int_equal(finding.verdict, VERDICT_GOOD);
	assert_string_equal(finding.text, "tainted: OE");
	put(fixture, "/proc/sys/kernel/tainted", "12416\n");
	assert_int_equal(look_running(fixture, RELEASE, "kernel taint").verdict, VERDICT_BAD);
}

static void the_group_may_open_the_device(void **state)
{
	struct fixture *fixture = *state;
	char path[256], group[64];

	snprintf(path, sizeof(path), "%s/dev/hadal", fixture->root);
	assert_int_equal(look_running(fixture, RELEASE, "device access").verdict, VERDICT_NOT_NEEDED);
	snprintf(group, sizeof(group), "other:x:0:\nhadal:x:%u:\n", getgid() + 1);
	put(fixture, "/etc/group", group);
	assert_int_equal(look_running(fixture, RELEASE, "device access").verdict, VERDICT_UNKNOWN);
	put(fixture, "/dev/hadal", "");
	chmod(path, 0660);
	assert_string_equal(look_running(fixture, RELEASE, "device access").remedy,
			    "udevadm control --reload; udevadm trigger --name-match=hadal");
	snprintf(group, sizeof(group), "hadal:x:%u:\n", getgid());
	put(fixture, "/etc/group", group);
	assert_int_equal(look_running(fixture, RELEASE, "device access").verdict, VERDICT_GOOD);
	chmod(path, 0640);
	assert_int_equal(look_running(fixture, RELEASE, "device access").verdict, VERDICT_BAD);
	chmod(path, 0666);
	assert_non_null(strstr(look_running(fixture, RELEASE, "device access").remedy, "chmod o="));
}

#define TEST(function)	cmocka_unit_test_setup_teardown(function, host_setup, host_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(vermagic_is_the_kernels),
		TEST(modules_may_be_compressed),
		TEST(damaged_modules_are_told),
		TEST(signatures_are_read),
		TEST(keys_matter_where_signatures_are_demanded),
		TEST(what_the_kernel_would_refuse_is_known_before),
		TEST(dkms_tells_what_it_has),
		TEST(an_upgrade_that_could_not_build_is_told),
		TEST(the_command_line_switches_off),
		TEST(a_switch_that_was_found_off_is_told),
		TEST(a_marker_is_a_quarantine),
		TEST(loaded_and_installed_are_compared),
		TEST(taints_are_named),
		TEST(the_group_may_open_the_device),
	};

	return cmocka_run_group_tests_name("doctor of the module", tests, NULL, NULL);
}
