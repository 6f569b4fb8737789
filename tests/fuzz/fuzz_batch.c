// SPDX-License-Identifier: MIT
/*
 * What a record of the spool holds. The first byte says what the others are: its
 * data as they are, or before they are compressed. What is read is added up, told
 * on by each kind of sink, and packed again; protobuf-c reads the requests of OTLP.
 */
#include <assert.h>
#include <errno.h>
#include <stdbool.h>

#include "batch.h"
#include "fuzz.h"
#include "json_lines.h"
#include "otlp_encode.h"
#include "prometheus_write.h"
#include "proto/otlp.pb-c.h"
#include "series.h"
#include "spool_batch.h"
#include "spool_form.h"

enum { LIMIT = 16 << 10 };

/* What is written by hand is what OTLP's declaration says. */
static void decode(enum hadal_signal signal, const uint8_t *body, size_t size)
{
	ProtobufCMessage *message;

	if (signal == HADAL_SIGNAL_METRICS)
		message = (ProtobufCMessage *)otlp__export_metrics_service_request__unpack(NULL, size, body);
	else
		message = (ProtobufCMessage *)otlp__export_logs_service_request__unpack(NULL, size, body);
	assert(message && !message->n_unknown_fields && protobuf_c_message_check(message));
	protobuf_c_message_free_unpacked(message, NULL);
}

static int take_request(void *context, enum hadal_signal signal, uint64_t items, uint8_t *body, size_t size)
{
	(void)context;
	assert(items && size && size <= LIMIT);
	decode(signal, body, size);
	free(body);
	return 0;
}

static int take_write(void *context, const struct prometheus_write_request *request)
{
	(void)context;
	assert(request->items && request->size);
	free(request->body);
	return 0;
}

static int take_lines(void *context, const struct json_lines *lines)
{
	(void)context;
	assert(lines->items && lines->text[lines->size - 1] == '\n');
	free(lines->text);
	return 0;
}

static void tell(struct hadal_batch *batch)
{
	const struct hadal_batch_counts counts = hadal_batch_counts(batch);
	const uint64_t items[HADAL_SIGNALS] = { counts.points, counts.records };
	struct prometheus_write_result written;
	struct hadal_otlp_result encoded;
	struct json_lines_result lines;

	for (int i = 0; i < HADAL_SIGNALS; i++) {
		const enum hadal_signal signal = (enum hadal_signal)i;

		assert(hadal_otlp_encode(batch, signal, LIMIT, take_request, NULL, &encoded) == 0);
		assert(encoded.encoded + encoded.oversize == items[i] && !encoded.lost);
		assert(json_lines_encode(batch, signal, false, 0, items[i], LIMIT, take_lines, NULL, &lines) == 0);
		assert(lines.encoded + lines.oversize == items[i] && !lines.lost);
	}
	assert(prometheus_write_encode(batch, 0, items[0], LIMIT, take_write, NULL, &written) == 0);
	assert(written.encoded + written.untold + written.oversize == items[0] && !written.lost);
}

/* What was read can be written, and is read then as it was. */
static void pack_again(struct hadal_batch *batch)
{
	const struct hadal_batch_counts counts = hadal_batch_counts(batch);
	struct hadal_batch *again;
	const char *wrong;
	uint8_t *data;
	size_t size;

	assert(hadal_spool_pack(batch, &data, &size) == 0);
	assert(hadal_spool_unpack(data, size, &again, &wrong) == 0);
	assert(hadal_batch_counts(again).points == counts.points && hadal_batch_counts(again).records == counts.records);
	hadal_batch_free(again);
	free(data);
}

static int read_batch(uint8_t what, const uint8_t *bytes, size_t size, struct hadal_batch **batch)
{
	const char *wrong = NULL;
	const int ret = what % 2 ? hadal_spool_form_read(bytes, size, batch, &wrong) :
				   hadal_spool_unpack(bytes, size, batch, &wrong);

	assert(ret ? !*batch && wrong && *wrong : *batch != NULL);
	return ret;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hadal_series_table *totals;
	struct hadal_batch *batch;
	uint8_t *copy;

	if (!size)
		return 0;
	copy = fuzz_copy(data + 1, size - 1);
	if (!read_batch(data[0], copy, size - 1, &batch)) {
		pack_again(batch);
		totals = hadal_series_new(0);
		assert(totals);
		hadal_series_totals(totals, batch);
		tell(batch);
		hadal_series_free(totals);
		hadal_batch_free(batch);
	}
	free(copy);
	return 0;
}
