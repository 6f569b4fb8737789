/* SPDX-License-Identifier: MIT */
/*
 * hadal record: what happens, into a file.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <json-c/json.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include <hadal/capture.h>

#include "cli.h"
#include "clock.h"
#include "config.h"
#include "record_facts.h"
#include "record_sync.h"
#include "stream.h"

#define NSEC_PER_SEC	1000000000ULL
#define SNAPSHOT	(10 * NSEC_PER_SEC)
/* What a crash may cost. */
#define FLUSH_INTERVAL	NSEC_PER_SEC

struct recording {
	struct stream_options options;
	const char *path;
	int fd;
	struct hadal_capture_writer *writer;
	struct record_facts *facts;
	struct record_sync *sync;
	struct config config;
	uint64_t records;
	uint64_t flushed;	/* CLOCK_MONOTONIC, ns */
	int failure;		/* -errno of writing */
};

static void help(void)
{
	fputs("Usage: hadal record [OPTION...] FILE\n"
	      "\n"
	      "Writes what exists, and then what happens, into FILE until interrupted;\n"
	      "hadal events --from FILE and hadal replay FILE show it, on any machine. FILE\n"
	      "must not exist; -: standard output.\n"
	      "\n"
	      "  --class LIST      of process,cgroup,tcp,udp,dns; default: process,cgroup,tcp\n"
	      "  --snapshot TIME   counters of the connections and flows that live, each so often;\n"
	      "                    default: 10s\n"
	      STREAM_OPTIONS_HELP, stdout);
}

static const struct option long_options[] = {
	STREAM_LONG_OPTIONS,
	{ NULL, 0, NULL, 0 },
};

static int take_option(void *context, int option, const char *name)
{
	return stream_options_take(context, option, "record", name);
}

/* ---- the capture ---- */

static int take(void *context, const struct hadal_record *record)
{
	struct recording *recording = context;

	recording->failure = record_facts_take(recording->facts, record);
	if (!recording->failure)
		recording->failure = hadal_capture_add(recording->writer, record);
	recording->records++;
	return recording->failure;
}

static int step(void *context)
{
	struct recording *recording = context;
	uint64_t now = clock_ns(CLOCK_MONOTONIC);

	recording->failure = record_facts_step(recording->facts);
	if (recording->failure)
		return recording->failure;
	if (now - recording->flushed < FLUSH_INTERVAL)
		return 0;
	recording->flushed = now;
	recording->failure = hadal_capture_flush(recording->writer);
	if (!recording->failure)
		recording->failure = record_sync_want(recording->sync);
	return recording->failure;
}

static void describe(struct json_object *description, const char *name, const char *value)
{
	json_object_object_add(description, name, json_object_new_string(value));
}

/* Where it is made, under the names of resource attributes. */
static struct json_object *description_of_host(void)
{
	struct json_object *description = json_object_new_object();
	char id[64];
	struct utsname host;

	uname(&host);
	describe(description, "host.name", host.nodename);
	describe(description, "host.arch", host.machine);
	describe(description, "os.type", "linux");
	describe(description, "os.version", host.release);
	if (read_line_of("/etc/machine-id", id, sizeof(id)) == 0)
		describe(description, "host.id", id);
	describe(description, "hadal.version", hadal_version());
	return description;
}

static int begin_capture(struct recording *recording)
{
	struct json_object *description = description_of_host();
	int error = hadal_capture_create(&recording->writer, recording->fd,
					 json_object_to_json_string_ext(description, JSON_C_TO_STRING_PLAIN),
					 clock_ns(CLOCK_REALTIME));

	json_object_put(description);
	if (error == 0)
		error = record_facts_new(&recording->facts, recording->writer, &recording->config);
	if (error == 0)
		error = record_sync_new(&recording->sync, recording->fd);
	return error;
}

static int complain_of_file(const struct recording *recording, int error)
{
	complain("%s: %s", recording->path, strerror(-error));
	return EXIT_FAILED;
}

/* ---- recording ---- */

static void report_unnamed(const struct recording *recording)
{
	unsigned int unnamed = record_facts_unnamed(recording->facts);

	if (unnamed)
		complain("of %u containers neither Docker nor the ECS agent has told", unnamed);
}

static int end_capture(struct recording *recording, struct stream *stream, int error)
{
	struct hadal_totals totals;
	int failure;

	if (!recording->failure)
		recording->failure = record_facts_finish(recording->facts);
	hadal_reader_totals(hadal_session_reader(stream->session), &totals);
	failure = hadal_capture_finish(recording->writer, &totals);
	if (!recording->failure)
		recording->failure = failure;
	failure = record_sync_end(recording->sync);
	if (!recording->failure)
		recording->failure = failure;
	if (recording->failure)
		return complain_of_file(recording, recording->failure);
	if (error < 0) {
		stream_complain(stream, error);
		return EXIT_FAILED;
	}
	stream_report(stream, "records", recording->records);
	report_unnamed(recording);
	return EXIT_WELL;
}

static bool is_output(const char *path)
{
	return !strcmp(path, "-");
}

/* Arguments of programs are in it: for its owner alone. */
static int open_file(const char *path)
{
	if (is_output(path))
		return dup(STDOUT_FILENO);
	return open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
}

static int refuse_to_begin(struct recording *recording, int error)
{
	if (recording->writer)
		hadal_capture_finish(recording->writer, NULL);
	/* It holds nothing, and would be in the way of the next try. */
	if (!is_output(recording->path))
		unlink(recording->path);
	return complain_of_file(recording, error);
}

static int record_into_file(struct recording *recording, struct stream *stream)
{
	int status, error;

	recording->fd = open_file(recording->path);
	if (recording->fd < 0)
		return complain_of_file(recording, -errno);
	error = begin_capture(recording);
	if (error == 0)
		status = end_capture(recording, stream, stream_run(stream));
	else
		status = refuse_to_begin(recording, error);
	record_facts_free(recording->facts);
	close(recording->fd);
	return status;
}

/* What can't be read of it, or is wrong there, is told; hadald would not have started with it. */
static void read_configuration(struct recording *recording)
{
	if (config_load_files(&recording->config, NULL, stderr))
		complain("of hadald's configuration the capture has only what could be read");
}

static int record_stream(struct recording *recording)
{
	struct stream stream = {
		.options = &recording->options,
		.take = take, .rest = step, .snapshot_at_end = true, .context = recording,
	};
	int status = stream_open(&stream);

	if (status != EXIT_WELL)
		return status;
	read_configuration(recording);
	status = record_into_file(recording, &stream);
	config_free(&recording->config);
	stream_close(&stream);
	return status;
}

static void set_defaults(struct stream_options *options)
{
	options->dump = true;
	if (!options->classes)
		options->classes = HADAL_CLASS_BIT(HADAL_CLASS_PROCESS) | HADAL_CLASS_BIT(HADAL_CLASS_CGROUP) |
				   HADAL_CLASS_BIT(HADAL_CLASS_TCP);
	if (!options->snapshot)
		options->snapshot = SNAPSHOT;
}

int command_record(int argc, char **argv)
{
	struct recording recording = { .records = 0 };
	int status = parse_options(argc, argv, long_options, help, take_option, &recording.options);

	if (status >= 0)
		return status;
	if (optind != argc - 1) {
		complain("record: %s; 'hadal record --help' says how it is called",
			 optind == argc ? "the file to write is missing" : "more than one file");
		return EXIT_USAGE;
	}
	recording.path = argv[optind];
	set_defaults(&recording.options);
	return record_stream(&recording);
}
