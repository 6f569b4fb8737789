/* SPDX-License-Identifier: MIT */
/*
 * By which build a file was made: files of the compiler at hand, files made by
 * hand, and whatever else may stand where an executable is looked for; and the
 * thread that looks.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "elf_images.h"
#include "program_reader.h"

static char directory[] = "/tmp/hadald-build.XXXXXX";
static int directory_fd;

static int enter(void **state)
{
	(void)state;
	if (!mkdtemp(directory))
		return -1;
	directory_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	/* Whatever hangs here is to fail. */
	alarm(60);
	return directory_fd < 0;
}

static int leave(void **state)
{
	char command[64];

	(void)state;
	snprintf(command, sizeof(command), "rm -r %s", directory);
	close(directory_fd);
	return system(command);
}

static int open_file(const char *name, int flags)
{
	int fd = openat(directory_fd, name, flags | O_CLOEXEC, 0755);

	assert_true(fd >= 0);
	return fd;
}

static void write_file(const char *name, const void *bytes, size_t size)
{
	int fd = open_file(name, O_WRONLY | O_CREAT | O_TRUNC);

	assert_int_equal(write(fd, bytes, size), (ssize_t)size);
	close(fd);
}

static int read_file(const char *name, struct build_facts *facts)
{
	int fd = open_file(name, O_RDONLY), result = build_read(fd, facts);

	close(fd);
	return result;
}

static void expect_facts(const struct build_facts *facts, bool gnu, bool go, bool info)
{
	assert_string_equal(facts->gnu_id, gnu ? IMAGE_GNU_ID : "");
	assert_string_equal(facts->go_id, go ? IMAGE_GO_ID : "");
	assert_string_equal(facts->go_version, info ? IMAGE_GO_VERSION : "");
	assert_string_equal(facts->module_path, info ? IMAGE_MODULE_PATH : "");
	assert_string_equal(facts->module_version, info ? IMAGE_MODULE_VERSION : "");
}

/* ---- by the compiler ---- */

static void compile(const char *name, const char *options)
{
	char command[512];

	snprintf(command, sizeof(command), "cc -nostdlib -static %s -o %s/%s %s/start.s", options, directory, name,
		 directory);
	assert_int_equal(system(command), 0);
}

static void write_source(const char *more)
{
	char text[512];

	snprintf(text, sizeof(text), ".globl _start\n_start: nop\n.data\n.fill 4096\n%s", more);
	write_file("start.s", text, strlen(text));
}

static void files_of_the_linker(void **state)
{
	static const struct {
		const char *options;
		bool has_id;
	} forms[] = {
		{ "-Wl,--build-id=0x" IMAGE_GNU_ID, true },
		{ "-Wl,--build-id=0x" IMAGE_GNU_ID " -s", true },
		{ "-Wl,--build-id=0x" IMAGE_GNU_ID " -fuse-ld=gold", true },
		{ "-Wl,--build-id=none", false },
#ifdef __x86_64__
		{ "-Wl,--build-id=0x" IMAGE_GNU_ID " -m32", true },
#endif
	};
	struct build_facts facts;

	(void)state;
	write_source("");
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		compile("linked", forms[i].options);
		assert_int_equal(read_file("linked", &facts), 0);
		expect_facts(&facts, forms[i].has_id, false, false);
	}
}

/* Where segments say nothing sections are gone by: here the header owns to no segment. */
static void sections_tell_when_segments_do_not(void **state)
{
	struct build_facts facts;
	uint16_t none = 0;
	int fd;

	(void)state;
	write_source("");
	compile("linked", "-Wl,--build-id=0x" IMAGE_GNU_ID);
	fd = open_file("linked", O_RDWR);
	assert_int_equal(pwrite(fd, &none, sizeof(none), offsetof(Elf64_Ehdr, e_phnum)), sizeof(none));
	close(fd);
	assert_int_equal(read_file("linked", &facts), 0);
	expect_facts(&facts, true, false, false);
}

/* As other linkers than Go's place it: in a section somewhere. */
static void what_go_writes_in_a_section(void **state)
{
	struct build_facts facts;

	(void)state;
	write_source(".section .go.buildinfo,\"aw\"\n.balign 16\n.ascii \"\\377 Go buildinf:\\010\\002\"\n.zero 16\n"
		     ".byte 8\n.ascii \"" IMAGE_GO_VERSION "\"\n.byte 0\n");
	compile("linked", "-Wl,--build-id=none");
	assert_int_equal(read_file("linked", &facts), 0);
	assert_string_equal(facts.go_version, IMAGE_GO_VERSION);
	assert_string_equal(facts.module_path, "");
}

/* ---- by hand ---- */

static void either_class_and_byte_order(void **state)
{
	struct elf_image image;
	struct build_facts facts;

	(void)state;
	for (unsigned int form = 0; form < 8; form++) {
		image_usual(&image, form & 1, form & 2);
		if (form & 4)
			image_by_sections(&image);
		write_file("image", image.bytes, image.size);
		assert_int_equal(read_file("image", &facts), 0);
		expect_facts(&facts, true, true, true);
	}
}

static void is_right_or_nothing(const char *text, const char *right)
{
	if (*text)
		assert_string_equal(text, right);
}

/* What is cut off is not there; what is left of it is not taken for the whole. */
static void a_cut_file_tells_nothing_false(void **state)
{
	struct elf_image image;
	struct build_facts facts;
	int result;

	(void)state;
	image_usual(&image, true, false);
	for (size_t size = 0; size < image.size; size++) {
		write_file("image", image.bytes, size);
		result = read_file("image", &facts);
		assert_int_equal(result, size < sizeof(Elf64_Ehdr) ? -ENOEXEC : 0);
		is_right_or_nothing(facts.gnu_id, IMAGE_GNU_ID);
		is_right_or_nothing(facts.go_id, IMAGE_GO_ID);
		is_right_or_nothing(facts.go_version, IMAGE_GO_VERSION);
		is_right_or_nothing(facts.module_path, IMAGE_MODULE_PATH);
		is_right_or_nothing(facts.module_version, IMAGE_MODULE_VERSION);
	}
}

static void ids_of_odd_sizes(void **state)
{
	uint8_t id[65];
	struct elf_image image;
	struct build_facts facts;

	(void)state;
	memset(id, 0xee, sizeof(id));
	for (size_t size = 0; size <= sizeof(id); size++) {
		image_make(&image, true, false, id, size);
		write_file("image", image.bytes, image.size);
		assert_int_equal(read_file("image", &facts), 0);
		assert_int_equal(strlen(facts.gnu_id), size <= 64 ? 2 * size : 0);
		assert_string_equal(facts.go_id, IMAGE_GO_ID);
	}
}

static void text_that_is_no_name(void **state)
{
	static const char *const versions[] = { "go1\n", "go 1", "go1\x1b[2J", "go\xc3\xa9",
						"go1.22.1-with-more-than-there-is-room-for-and-that-is-not-a-version" };
	struct elf_image image;
	struct build_facts facts;

	(void)state;
	for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
		image_usual(&image, true, false);
		image_go_info(&image, versions[i], "mod\ta b\tv1\n");
		write_file("image", image.bytes, image.size);
		assert_int_equal(read_file("image", &facts), 0);
		assert_string_equal(facts.go_version, "");
		assert_string_equal(facts.module_path, "");
		assert_string_equal(facts.module_version, "v1");
	}
}

static uint64_t seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec;
}

/* All of the tables that the header claims are holes; what is read does not grow with the file. */
static void a_hundred_gigabytes_of_nothing(void **state)
{
	uint64_t sections = 90ULL << 30, since = seconds();
	uint16_t count = 0xffff, size = sizeof(Elf64_Shdr);
	struct elf_image image;
	struct build_facts facts;
	int fd;

	(void)state;
	image_usual(&image, true, false);
	memset(image.bytes + IMAGE_NOTES, 0, sizeof(image.bytes) - IMAGE_NOTES);
	memcpy(image.bytes + offsetof(Elf64_Ehdr, e_shoff), &sections, sizeof(sections));
	memcpy(image.bytes + offsetof(Elf64_Ehdr, e_shentsize), &size, sizeof(size));
	memcpy(image.bytes + offsetof(Elf64_Ehdr, e_shnum), &count, sizeof(count));
	memcpy(image.bytes + offsetof(Elf64_Ehdr, e_phnum), &count, sizeof(count));
	write_file("image", image.bytes, image.size);
	fd = open_file("image", O_RDWR);
	assert_int_equal(ftruncate(fd, 100LL << 30), 0);
	close(fd);
	assert_int_equal(read_file("image", &facts), 0);
	expect_facts(&facts, false, false, false);
	assert_true(seconds() - since < 5);
}

/* ---- finding it ---- */

static void what_is_no_regular_file(void **state)
{
	struct file_key key;

	(void)state;
	assert_int_equal(mkfifoat(directory_fd, "fifo", 0600), 0);
	assert_int_equal(symlinkat("fifo", directory_fd, "to-fifo"), 0);
	assert_int_equal(symlinkat("/dev/zero", directory_fd, "to-device"), 0);
	assert_int_equal(symlinkat("to-itself", directory_fd, "to-itself"), 0);
	assert_int_equal(program_find(directory_fd, "fifo", &key), -EACCES);
	assert_int_equal(program_find(directory_fd, "to-fifo", &key), -EACCES);
	assert_int_equal(program_find(directory_fd, "to-device", &key), -EACCES);
	assert_int_equal(program_find(directory_fd, ".", &key), -EACCES);
	assert_int_equal(program_find(directory_fd, "to-itself", &key), -ELOOP);
	assert_int_equal(program_find(directory_fd, "nothing", &key), -ENOENT);
}

static void a_file_that_changes_is_not_believed(void **state)
{
	struct build_facts facts;
	struct elf_image image;
	struct file_key key;
	int path;

	(void)state;
	image_usual(&image, true, false);
	write_file("image", image.bytes, image.size);
	path = program_find(directory_fd, "image", &key);
	assert_true(path >= 0);
	assert_int_equal(program_read(path, &key, &facts), 0);
	expect_facts(&facts, true, true, true);
	write_file("image", image.bytes, image.size - 1);
	assert_int_equal(program_read(path, &key, &facts), -ESTALE);
	close(path);
}

/* ---- the thread ---- */

static uint64_t start_of(pid_t pid)
{
	uint64_t ticks = 0;
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	file = fopen(path, "re");
	assert_non_null(file);
	assert_int_equal(fscanf(file, "%*d (%*[^)]) %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d "
				"%*d %*d %*d %lu", &ticks), 1);
	fclose(file);
	return ticks * (1000000000ULL / (uint64_t)sysconf(_SC_CLK_TCK));
}

static struct program_answer ask(struct program_reader *reader, pid_t pid, uint64_t start)
{
	struct program_question question = { .tgid = (uint32_t)pid, .start_boottime = start, .slot = 7 };
	struct program_answer answer;

	assert_int_equal(program_reader_ask(reader, &question), 0);
	while (!program_reader_take(reader, &answer))
		poll(NULL, 0, 1);
	assert_memory_equal(&answer.question, &question, sizeof(question));
	assert_true(answer.time > 0);
	return answer;
}

/* Runs @name until it is killed; returned once it does. */
static pid_t run_file(const char *name)
{
	int ends[2];
	char byte;
	pid_t pid;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		fexecve(openat(directory_fd, name, O_RDONLY | O_CLOEXEC), (char *[]){ (char *)name, NULL },
			(char *[]){ NULL });
		_exit(127);
	}
	close(ends[1]);
	assert_int_equal(read(ends[0], &byte, 1), 0);
	close(ends[0]);
	return pid;
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* It runs what has no name any more, and another stands in its place. */
static void the_file_that_a_process_runs(void **state)
{
	struct program_answer first, second, gone;
	struct program_reader *reader;
	uint64_t start;
	pid_t pid;

	(void)state;
	write_file("start.s", ".globl _start\n_start: b: jmp b\n", strlen(".globl _start\n_start: b: jmp b\n"));
	compile("spins", "-Wl,--build-id=0x" IMAGE_GNU_ID);
	pid = run_file("spins");
	start = start_of(pid);
	assert_int_equal(unlinkat(directory_fd, "spins", 0), 0);
	compile("spins", "-Wl,--build-id=none");
	assert_int_equal(program_reader_start(&reader), 0);
	first = ask(reader, pid, start);
	assert_int_equal(first.result, PROGRAM_READ);
	assert_non_null(first.build);
	assert_string_equal(first.build->facts.gnu_id, IMAGE_GNU_ID);
	second = ask(reader, pid, start);
	assert_ptr_equal(second.build, first.build);
	gone = ask(reader, pid, start + 1000000000);
	assert_int_equal(gone.result, PROGRAM_GONE);
	end(pid);
	gone = ask(reader, pid, start);
	assert_int_equal(gone.result, PROGRAM_GONE);
	assert_null(gone.build);
	program_reader_stop(reader);
	build_put(first.build);
	build_put(second.build);
}

static void answers_that_nobody_takes(void **state)
{
	struct program_question question = { .tgid = (uint32_t)getpid(), .start_boottime = start_of(getpid()) };
	struct program_reader *reader;

	(void)state;
	assert_int_equal(program_reader_start(&reader), 0);
	for (unsigned int i = 0; i < PROGRAMS_ASKED; i++)
		assert_int_equal(program_reader_ask(reader, &question), 0);
	program_reader_stop(reader);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_of_the_linker),
		cmocka_unit_test(sections_tell_when_segments_do_not),
		cmocka_unit_test(what_go_writes_in_a_section),
		cmocka_unit_test(either_class_and_byte_order),
		cmocka_unit_test(a_cut_file_tells_nothing_false),
		cmocka_unit_test(ids_of_odd_sizes),
		cmocka_unit_test(text_that_is_no_name),
		cmocka_unit_test(a_hundred_gigabytes_of_nothing),
		cmocka_unit_test(what_is_no_regular_file),
		cmocka_unit_test(a_file_that_changes_is_not_believed),
		cmocka_unit_test(the_file_that_a_process_runs),
		cmocka_unit_test(answers_that_nobody_takes),
	};

	return cmocka_run_group_tests(tests, enter, leave);
}
