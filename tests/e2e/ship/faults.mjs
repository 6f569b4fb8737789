// SPDX-License-Identifier: MIT
//
// Every fault that a way to a receiver may have, through the spool: totals to a real VictoriaMetrics,
// logs to a receiver with OpenTelemetry's decoder, and the fault between hadald and both. When it is
// over all has arrived, in effect once, but for what the specification gives up; that is counted.
import assert from 'node:assert/strict';
import { test } from '../suite.mjs';
import { freePort, VictoriaMetrics } from '../victoriametrics.mjs';
import { makeCertificates } from './certificates.mjs';
import { accountsBalance, counterResource, logResource, now, recordNumbers, startDriver, startReceiver, VICTORIAMETRICS }
	from './context.mjs';
import { spoolDirectory } from './place.mjs';
import { FaultProxy } from './proxy.mjs';

const SHORT = { timeout_ms: 500 };	// for what ends by it
const LARGE = 100000;
const httpDate = (seconds) => new Date(Date.now() + seconds * 1000).toUTCString();

// `says`: what hadald logs. `lost`: where what was in the first request of each signal is counted; `tls`: the proxy wants it.
const FAULTS = [
	{ name: 'refused', says: /Failed to connect/, refused: true },
	{ name: 'reset in a request', says: /reset by peer/, line: 'reset in a request' },
	{ name: 'reset in an answer', says: /reset by peer/, line: 'reset in an answer' },
	{ name: 'a black hole', says: /timed out/, line: 'black hole', options: SHORT },
	{ name: 'a byte a second there', says: /timed out/, line: 'a byte a second there', options: SHORT },
	{ name: 'a byte a second back', says: /timed out/, line: 'a byte a second back', options: SHORT },
	{ name: '413', says: /^$/, status: 413, above: LARGE, times: Infinity, options: { no_compression: '' } },
	{ name: '429, seconds', says: /status 429/, status: 429, times: 1, headers: () => ({ 'Retry-After': '1' }) },
	{ name: '429, a date', says: /status 429/, status: 429, times: 1, headers: () => ({ 'Retry-After': httpDate(1) }) },
	{ name: '500', says: /rejected 1 points or records: status 500/, status: 500, lost: 'rejected' },
	{ name: '503', says: /status 503/, status: 503 },
	{ name: '503 of another type', says: /status 503: <h1>Busy/, status: 503, headers: () => ({ 'Content-Type': 'text/html' }), text: '<h1>Busy</h1>' },
	{ name: '200 of another type', says: /^$/, type: 'text/html', text: '<h1>Welcome</h1>' },
	{ name: 'an answer without end', says: /Failure writing/, endless: true, lost: 'dropped_failed' },
	{ name: 'a certificate that has ended', says: /has expired/, tls: true, certificate: 'expired' },
	{ name: 'a certificate of another name', says: /subject name/, tls: true, certificate: 'other' },
	{ name: 'a certificate of an unknown CA', says: /self-signed/, tls: true, certificate: 'own' },
	{ name: 'plain HTTP on the port of TLS', says: /wrong version number/, tls: true, line: 'plain HTTP on the port of TLS' },
];

let database;

const theDatabase = () => (database ??= VictoriaMetrics.start(VICTORIAMETRICS));

export async function closeDatabase() {
	await (await database)?.stop();
}

/** Three batches: a total that rises by ten, and log records. */
function batches(metric) {
	return [1n, 2n, 3n].map((number) => [counterResource(metric, {}, 10n * number, now - 100n + number),
		logResource(40, { filling: 'x'.repeat(4000) })]);
}

/** What the receiver of logs has, each id once. */
function logsOf({ requests, records }) {
	const taken = new Map();
	let at = 0;
	for (const { headers, items, answer } of requests.filter(({ path }) => path === '/v1/logs')) {
		assert.equal(answer, '200');
		taken.set(headers['hadal-batch-id'], recordNumbers(records.slice(at, at += items)));
	}
	return [...taken.values()].flat();
}

async function totalsOf(metric) {
	const [{ values, timestamps }] = await (await theDatabase()).export(`{__name__="${metric}"}`);
	return [...new Map(timestamps.map((time, i) => [time, values[i]])).values()];
}

function assertCounted({ metrics, logs }, lost) {
	assert.ok(accountsBalance(metrics) && accountsBalance(logs), JSON.stringify({ metrics, logs }));
	assert.deepEqual([metrics.submitted, logs.submitted], [3, 120]);
	assert.deepEqual([metrics.accepted, logs.accepted], lost ? [2, 80] : [3, 120]);
	if (lost)
		assert.deepEqual([metrics[lost], logs[lost]], [1, 40]);
}

FAULTS.forEach((fault, i) => test(`faults: ${fault.name}`, async (t) => {
	const metric = `fault.${i}`, logs = await startReceiver(t), certificates = fault.tls && makeCertificates(t);
	const port = await freePort(), scheme = fault.tls ? 'https' : 'http';
	const proxy = new FaultProxy({ '/v1/metrics': `${(await theDatabase()).endpoint}/v1/metrics`, '/v1/logs': `${logs.url}/v1/logs` },
		fault, certificates);
	t.after(() => proxy.close());
	if (!fault.refused)
		await proxy.listen(port);
	const driver = startDriver(t, { endpoint: `${scheme}://127.0.0.1:${port}`, spool_directory: spoolDirectory(t),
		...certificates && { ca_certificate: certificates('ca.pem') }, ...fault.options });
	const submitted = batches(metric);
	for (const resources of submitted)
		driver.submit(...resources);
	if (fault.refused) {
		await driver.until(({ retries }) => retries >= 2);
		await proxy.listen(port);
	}
	assertCounted(await driver.settle(), fault.lost);
	assert.match(driver.messages, fault.says);
	assert.ok(fault.refused || proxy.met >= Math.min(fault.times ?? 2, 2), `met ${proxy.met} times`);
	const there = submitted.slice(fault.lost ? 1 : 0);
	assert.deepEqual(logsOf(logs), there.flatMap(([, { logs: list }]) => list.map(({ attributes }) => attributes.number)));
	assert.deepEqual(await totalsOf(metric), [10, 20, 30].slice(-there.length));
	assert.equal((await driver.stop()).stopped, 0);
}));
