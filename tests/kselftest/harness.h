/* SPDX-License-Identifier: MIT */
/*
 * A small test harness in the manner of the kernel's kselftest: each test runs
 * in a forked child of its own process group with a timeout, results are KTAP.
 *
 *	FIXTURE(thing) { int fd; };
 *	FIXTURE_SETUP(thing) { self->fd = ...; ASSERT_LE(0, self->fd); }
 *	FIXTURE_TEARDOWN(thing) { close(self->fd); }
 *	TEST_F(thing, works) { EXPECT_EQ(1, read(self->fd, ...)); }
 *	TEST(alone) { ... }
 *	HARNESS_MAIN
 *
 * EXPECT_* notes a failure and goes on; ASSERT_* ends the test (the teardown
 * still runs), also from inside functions that the test calls. In a process
 * that the test has forked, ASSERT_* ends that process with status 1.
 * The first argument is what is expected, the second what is seen.
 */
#ifndef KSELFTEST_HARNESS_H
#define KSELFTEST_HARNESS_H

#include <stdbool.h>
#include <stddef.h>

#define HARNESS_TIMEOUT	600	/* s that a test may take unless it says otherwise */

struct harness_test {
	const char *name;
	unsigned int timeout;		/* seconds */
	size_t fixture_size;		/* bytes */
	void (*setup)(void *self);	/* NULL: none */
	void (*body)(void *self);
	void (*teardown)(void *self);	/* NULL: none */
	struct harness_test *next;
};

/* Called by constructors that TEST and TEST_F make; tests run in that order. */
void harness_add(struct harness_test *test);

/* [-l] [TEST...]: lists the tests, or runs all or those named. */
int harness_main(int argc, char **argv);

/*
 * How many times slower than an emulated guest with Debian's kernel the machine
 * is: all bounds on time are that much longer. From the environment,
 * HADAL_TEST_SLOWNESS; 1 unless set.
 */
unsigned int harness_slowness(void);

/*
 * The part of a load of count that such a machine can be asked for: the N-th with
 * HADAL_TEST_SHARE=N in the environment, at least 1.
 */
unsigned int harness_share(unsigned int count);

/*
 * How often to do what is done over and over, count times where nothing is shared:
 * a third of that, at least twice, where loads are.
 */
unsigned int harness_rounds(unsigned int count);

/* Whether an EXPECT has failed in this process. */
bool harness_failed(void);

/* Ends the test as skipped; what is missing is said in the output. */
void harness_skip(const char *format, ...)
	__attribute__((noreturn, format(printf, 1, 2)));

/* A line of diagnosis in the output. */
void harness_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

void harness_fail_at(const char *file, int line, bool fatal, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* To be called in a process that a test forked: it is not to run the teardown. */
void harness_in_child(void);

#define HARNESS_MAIN							\
	int main(int argc, char **argv)					\
	{								\
		return harness_main(argc, argv);			\
	}

#define HARNESS_REGISTER(id, ...)					\
	static struct harness_test test_entry_##id = { __VA_ARGS__ };	\
	static void __attribute__((constructor)) test_add_##id(void)	\
	{								\
		harness_add(&test_entry_##id);				\
	}

#define TEST_TIMEOUT(id, seconds)					\
	static void test_body_##id(void);				\
	static void test_run_##id(void *self)				\
	{								\
		(void)self;						\
		test_body_##id();					\
	}								\
	HARNESS_REGISTER(id, .name = #id, .timeout = (seconds), .body = test_run_##id) \
	static void test_body_##id(void)

#define TEST(id)	TEST_TIMEOUT(id, HARNESS_TIMEOUT)

#define FIXTURE(type)	struct type

#define HARNESS_FIXTURE_PART(type, part)				\
	static void fixture_##part##_##type(struct type *self);		\
	static void fixture_##part##_any_##type(void *self)		\
	{								\
		fixture_##part##_##type(self);				\
	}								\
	static void fixture_##part##_##type(struct type *self)

#define FIXTURE_SETUP(type)	HARNESS_FIXTURE_PART(type, setup)
#define FIXTURE_TEARDOWN(type)	HARNESS_FIXTURE_PART(type, teardown)

#define TEST_F_TIMEOUT(type, id, seconds)				\
	static void test_body_##type##_##id(struct type *self);		\
	static void test_run_##type##_##id(void *self)			\
	{								\
		test_body_##type##_##id(self);				\
	}								\
	HARNESS_REGISTER(type##_##id, .name = #type "." #id,		\
			 .timeout = (seconds), .fixture_size = sizeof(struct type), \
			 .setup = fixture_setup_any_##type, .body = test_run_##type##_##id, \
			 .teardown = fixture_teardown_any_##type)	\
	static void test_body_##type##_##id(struct type *self __attribute__((unused)))

#define TEST_F(type, id)	TEST_F_TIMEOUT(type, id, HARNESS_TIMEOUT)

#define HARNESS_COMPARE(expected, op, seen, fatal)			\
	do {								\
		long long expected_ = (long long)(expected);		\
		long long seen_ = (long long)(seen);			\
		if (!(expected_ op seen_))				\
			harness_fail_at(__FILE__, __LINE__, fatal,	\
					"%s " #op " %s: %lld (0x%llx), %lld (0x%llx)", \
					#expected, #seen, expected_,	\
					(unsigned long long)expected_,	\
					seen_, (unsigned long long)seen_); \
	} while (0)

#define HARNESS_COMPARE_STRINGS(expected, seen, fatal)			\
	do {								\
		const char *expected_ = (expected);			\
		const char *seen_ = (seen);				\
		if (!harness_same_string(expected_, seen_))		\
			harness_fail_at(__FILE__, __LINE__, fatal,	\
					"%s is %s: \"%s\", \"%s\"", #seen, #expected, \
					expected_ ? expected_ : "(null)", \
					seen_ ? seen_ : "(null)");	\
	} while (0)

#define HARNESS_CHECK(condition, fatal)					\
	do {								\
		if (!(condition))					\
			harness_fail_at(__FILE__, __LINE__, fatal, "%s is not so", #condition); \
	} while (0)

bool harness_same_string(const char *a, const char *b);

#define ASSERT_EQ(expected, seen)	HARNESS_COMPARE(expected, ==, seen, true)
#define ASSERT_NE(expected, seen)	HARNESS_COMPARE(expected, !=, seen, true)
#define ASSERT_LT(expected, seen)	HARNESS_COMPARE(expected, <, seen, true)
#define ASSERT_LE(expected, seen)	HARNESS_COMPARE(expected, <=, seen, true)
#define ASSERT_GE(expected, seen)	HARNESS_COMPARE(expected, >=, seen, true)
#define ASSERT_TRUE(condition)		HARNESS_CHECK(condition, true)
#define ASSERT_STREQ(expected, seen)	HARNESS_COMPARE_STRINGS(expected, seen, true)

#define EXPECT_EQ(expected, seen)	HARNESS_COMPARE(expected, ==, seen, false)
#define EXPECT_NE(expected, seen)	HARNESS_COMPARE(expected, !=, seen, false)
#define EXPECT_LT(expected, seen)	HARNESS_COMPARE(expected, <, seen, false)
#define EXPECT_LE(expected, seen)	HARNESS_COMPARE(expected, <=, seen, false)
#define EXPECT_GE(expected, seen)	HARNESS_COMPARE(expected, >=, seen, false)
#define EXPECT_TRUE(condition)		HARNESS_CHECK(condition, false)
#define EXPECT_STREQ(expected, seen)	HARNESS_COMPARE_STRINGS(expected, seen, false)

/* For what must succeed for the test to mean anything; shows errno. */
#define MUST(call)							\
	({								\
		__typeof__(call) must_ = (call);			\
		if (must_ == (__typeof__(must_))-1)			\
			harness_fail_at(__FILE__, __LINE__, true, "%s: %m", #call); \
		must_;							\
	})

#endif
