// SPDX-License-Identifier: MIT
//
// What hadald had spooled when it ended, read from its files, and what of it came to a receiver.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { loadDecoder, plainAttributes } from '../e2e/otlp-log-receiver.mjs';
import { parseId } from '../e2e/ship/place.mjs';

const HEADER = 64, RECORD_MAGIC = 0x43455248;	// userspace/collector/spool_segment.c

function* recordsOf(bytes) {
	for (let at = HEADER; at + HEADER <= bytes.length && bytes.readUInt32LE(at) === RECORD_MAGIC;) {
		const size = bytes.readUInt32LE(at + 56);
		if (at + HEADER + size > bytes.length)
			return;		// torn
		const run = bytes.toString('hex', at + 16, at + 32);
		yield { record: `${run}-${bytes.readBigUInt64LE(at + 8)}`, m: bytes.readUInt32LE(at + 48), l: bytes.readUInt32LE(at + 52) };
		at += HEADER + size;
	}
}

/** Adds the records in a spool's files to @known: what each has, { m: points, l: log records }, by its name. */
export function addSpooled(directory, known) {
	for (const name of readdirSync(directory).filter((one) => one.endsWith('.spool')))
		for (const { record, m, l } of recordsOf(readFileSync(join(directory, name))))
			known.set(record, { m, l });
}

/** Requests that a receiver has of what came: each name once, whatever was sent again being what it was. */
export function inEffect(requests) {
	const kept = new Map();
	for (const request of requests) {
		const before = kept.get(request.id);
		assert.ok(!before || before.body.equals(request.body), `${request.id} came again, and is another`);
		kept.set(request.id, request);
	}
	return [...kept.values()];
}

/** Whether @requests have each item of each record of @spooled, once. */
export function assertWhole(requests, spooled) {
	const parts = new Map();
	for (const { id } of requests) {
		const { record, first, end } = parseId(id);
		parts.set(record, [...parts.get(record) ?? [], [Number(first), Number(end)]]);
	}
	for (const [record, items] of spooled)
		for (const signal of ['m', 'l']) {
			let next = 0;
			for (const [first, end] of (parts.get(`${record}-${signal}`) ?? []).sort((a, b) => a[0] - b[0])) {
				assert.equal(first, next, `${record}-${signal}: from ${first} on, after ${next}`);
				next = end;
			}
			assert.equal(next, items[signal], `${record}-${signal}: ${next} of ${items[signal]} arrived`);
		}
}

/** { series: [{ time, start, value, ended }] } of counters of integers, in the order of time. */
export function counters(requests) {
	const { ExportMetricsServiceRequest: type } = loadDecoder(process.env.OTLP_DECODER).collector.metrics.v1;
	const series = new Map();
	for (const { body } of requests.filter(({ path }) => path.endsWith('/metrics'))) {
		const message = type.toObject(type.decode(gunzipSync(body)), { longs: String });
		for (const { resource, scopeMetrics } of message.resourceMetrics)
			for (const { name, sum } of scopeMetrics.flatMap(({ metrics }) => metrics).filter((one) => one.sum?.isMonotonic))
				for (const point of sum.dataPoints.filter(({ asInt, flags }) => asInt !== undefined || flags)) {
					const key = JSON.stringify([plainAttributes(resource.attributes), name, plainAttributes(point.attributes)]);
					series.set(key, [...series.get(key) ?? [], { time: BigInt(point.timeUnixNano),
						start: BigInt(point.startTimeUnixNano), value: BigInt(point.asInt ?? 0), ended: Boolean(point.flags) }]);
				}
	}
	for (const points of series.values())
		points.sort((one, other) => (one.time < other.time ? -1 : one.time > other.time ? 1 : 0));
	return series;
}
