// SPDX-License-Identifier: MIT
//
// hadald --estimate beside a hadald that ships, for the same time: what is said of an
// interval is what is sent in one. tests/unit/collector_estimate.c has it of the same input, to the
// byte; here are the programs, on a host that is not the same at each moment: what else runs on it
// comes and goes, and with it how well an interval compresses. So both begin at once, the bytes of a
// point are compared, of intervals that have about as many points, and while the two are not alike
// it is tried again, to an end: an estimate that is wrong is so each time.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { REMOTE_WRITE } from './cloud.mjs';
import { startCloud, startCollector } from './context.mjs';
import { test } from '../e2e/suite.mjs';

const TOLERANCE = 0.10, ALIKE = 0.10, SECONDS = 6, TRIES = 20;
const UNITS = { '': 1, K: 1e3, M: 1e6, G: 1e9 };

/** { sink: { items, requests, ... } } of the lines "as configured", in an interval. */
function readTables(text) {
	return Object.fromEntries(text.split('\n\n').slice(1).map((table) => {
		const [title, , head, ...lines] = table.split('\n');
		const columns = head.trim().split(/ +/).slice(3);
		const line = lines.slice(lines.indexOf('as configured:') + 1).find((one) => one.includes('metrics'));
		const values = line.trim().split(/ +/).slice(4).map((word) => {
			const [, number, unit] = /^([0-9.]+)([KMG]?)$/.exec(word);
			return Number(number) * UNITS[unit];
		});
		return [title.split(' ')[0], Object.fromEntries(columns.slice(0, columns.length / 2).map((name, i) => [name, values[i]]))];
	}));
}

/** [{ points, bytes }] of the intervals' requests. */
function fromRequests(requests) {
	return requests.filter(({ id }) => !id.endsWith('+0')).map(({ id, body }) => (
		{ points: Number(id.split('+')[1]), bytes: body.length }));
}

function fromLines(text) {
	const intervals = {};
	for (const line of text.split('\n').slice(0, -1)) {
		const interval = intervals[JSON.parse(line).timestamp] ??= { points: 0, bytes: 0 };
		interval.points++;
		interval.bytes += Buffer.byteLength(line) + 1;
	}
	return Object.values(intervals);
}

/** Of each sink the intervals that were sent. */
const sent = (cloud, collector) => ({ otlp: fromRequests(cloud.taken('/v1/metrics')), amp: fromRequests(cloud.taken(REMOTE_WRITE)),
	lines: fromLines(collector.read('lines')) });

/** How @estimated differs from each of @intervals; undefined: one is alike. */
function difference(estimated, intervals) {
	const alike = intervals.filter(({ points }) => Math.abs(points - estimated.items) <= ALIKE * points);
	if (alike.some(({ points, bytes }) => Math.abs(estimated.sent / estimated.items - bytes / points) <= TOLERANCE * bytes / points))
		return undefined;
	return `estimated ${estimated.sent} bytes for ${estimated.items} points, sent ` +
		intervals.map(({ points, bytes }) => `${bytes} for ${points}`).join(', ');
}

async function estimate(path) {
	const { stdout } = await promisify(execFile)(process.env.HADALD, [`--estimate=${SECONDS}`, '--config', path]);
	const tables = readTables(stdout);
	assert.deepEqual(Object.keys(tables), ['otlp', 'amp', 'lines']);
	assert.equal(tables.otlp.requests, 1);
	assert.ok(tables.amp.samples > tables.amp.items);
	return tables;
}

/** Both from the same moment on. Of each sink in which they are not alike, how. */
async function compare(t) {
	const cloud = await startCloud(t);
	cloud.judge = async () => null;
	const collector = startCollector(t, cloud, { sections: { collector: { logs: 'off' }, otlp: { auth: 'none' },
		'sink amp': { type: 'remote_write', endpoint: `${cloud.url}${REMOTE_WRITE}`, auth: 'none' },
		'sink lines': { type: 'json_lines', path: '{}/lines' } } });
	const tables = await estimate(collector.path);
	await cloud.until(() => cloud.taken('/v1/metrics').length && cloud.taken(REMOTE_WRITE).length &&
		existsSync(join(collector.directory, 'lines')));
	const intervals = sent(cloud, collector);
	assert.equal(await collector.stop(), 0);
	return Object.keys(intervals).map((sink) => difference(tables[sink], intervals[sink])).filter((text) => text);
}

test('estimate: of each sink what is sent', async (t) => {
	let differences;
	for (let left = TRIES; left && (!differences || differences.length); left--)
		differences = await compare(t);
	assert.deepEqual(differences, []);
}, 600000);
