// SPDX-License-Identifier: MIT
//
// Several sinks on one spool: what one's receiver does is nothing to another. One is well, one is
// not there, and one has its answers through a line that takes a second for each byte.
import assert from 'node:assert/strict';
import { connect, createServer } from 'node:net';
import { test } from '../suite.mjs';
import { freePort } from '../victoriametrics.mjs';
import { accountsBalance, counterResource, logResource, now, onceEach, randomNumbers, recordNumbers, startDriver, startReceiver }
	from './context.mjs';
import { spoolDirectory } from './place.mjs';

const id = ({ headers }) => headers['hadal-batch-id'];
const numbersOf = (resources) => resources.flatMap(({ logs = [] }) => logs.map(({ attributes }) => attributes.number));
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

/** Passes requests on to @port at once, and answers byte by byte, one in a second, until it is mended. */
async function slowLine(t, port) {
	const line = { slow: true, bytes: 0 };
	const server = createServer((client) => {
		const behind = connect(port, '127.0.0.1');
		const end = () => {
			client.destroy();
			behind.destroy();
		};
		t.after(end);
		for (const socket of [client, behind])
			socket.on('error', end).on('close', end);
		client.pipe(behind);
		behind.on('data', async (data) => {
			behind.pause();
			let sent = 0;
			while (line.slow && sent < data.length && !client.destroyed) {
				client.write(data.subarray(sent, ++sent));
				line.bytes++;
				await sleep(1000);
			}
			client.write(data.subarray(sent));
			behind.resume();
		});
	});
	await new Promise((done) => server.listen(0, '127.0.0.1', done));
	t.after(() => server.close());
	line.url = `http://127.0.0.1:${server.address().port}`;
	return line;
}

const BACKOFF = ['backoff_first_ms=1', 'backoff_max_ms=20'];

async function startThree(t, ...shipper) {
	const well = await startReceiver(t), behind = await startReceiver(t), port = await freePort();
	const line = await slowLine(t, behind.port);
	const sinks = {
		well: [`endpoint=${well.url}`, 'delta', ...BACKOFF],
		dead: ['sink=dead', `endpoint=http://127.0.0.1:${port}`, 'delta', ...BACKOFF],
		slow: ['sink=slow', `endpoint=${line.url}`, 'delta', ...BACKOFF],
	};
	const driver = startDriver(t, [`spool_directory=${spoolDirectory(t)}`, ...shipper,
		...sinks.well, ...sinks.dead, ...sinks.slow]);
	const mend = async () => {
		line.slow = false;
		return { well, slow: behind, dead: await startReceiver(t, { port }) };
	};
	return { driver, sinks, well, line, mend };
}

/** What a receiver that knows ids holds: the log records, and the sum of the increments. */
function effect(receiver) {
	const taken = new Set(), numbers = [];
	let sum = 0, records = 0, metrics = 0;
	for (const request of receiver.requests.filter(({ answer }) => answer === '200')) {
		const isNew = !taken.has(id(request));
		taken.add(id(request));
		if (request.path === '/v1/logs') {
			const these = receiver.records.slice(records, records += request.items);
			numbers.push(...isNew ? recordNumbers(these) : []);
			continue;
		}
		const [{ scopeMetrics: [{ metrics: [{ sum: { dataPoints } }] }] }] = receiver.metrics[metrics++].resourceMetrics;
		sum += isNew ? Number(dataPoints[0].asInt) : 0;
	}
	return { numbers, sum };
}

const settled = ({ metrics, logs }) => !metrics.waiting && !logs.waiting;
const allSettled = ({ sinks }) => Object.values(sinks).every(settled);

function assertBalanced({ sinks }) {
	for (const [name, { metrics, logs }] of Object.entries(sinks))
		assert.ok(accountsBalance(metrics) && accountsBalance(logs), `${name}: ${JSON.stringify({ metrics, logs })}`);
}

test('sinks: one dead and one slow neither delay nor lose what is for the one that is well; later they have it too', async (t) => {
	const { driver, sinks, well, line, mend } = await startThree(t);
	const late = await startReceiver(t);
	const resources = [];
	const submitAll = async (count) => {
		for (const end = resources.length + count; resources.length < end;) {
			const number = BigInt(resources.length + 1);
			resources.push(logResource(3));
			driver.submit(counterResource('three', {}, number, now - 100n + number), resources.at(-1));
			await driver.until(() => well.records.length === 3 * resources.length);
		}
		// An answer that a reload does not wait for is one that is asked for again.
		await driver.until(settled);
	};
	await submitAll(15);
	// A reload meanwhile: in another order, one with other settings, and one more.
	driver.send({ sinks: [...sinks.well, 'header=X-Reload:1', ...sinks.slow, ...sinks.dead,
		'sink=late', `endpoint=${late.url}`, 'delta', ...BACKOFF] });
	await driver.until(({ sinks: those }) => those.late);
	await submitAll(15);
	driver.send({ sinks: [...sinks.well, ...sinks.dead, ...sinks.slow, 'sink=late', `endpoint=${late.url}`, 'delta', ...BACKOFF] });
	await submitAll(10);
	await driver.until(() => line.bytes >= 5);

	const before = await driver.settle();
	assert.ok(onceEach(well.requests));
	assert.deepEqual(effect(well), { numbers: numbersOf(resources), sum: 40 });
	// The slow one's first answer is still on its way.
	for (const name of ['dead', 'slow'])
		assert.deepEqual([before.sinks[name].metrics.waiting, before.sinks[name].logs.waiting], [40, 120], name);
	assertBalanced(before);

	const receivers = await mend();
	const after = await driver.until(allSettled);
	assertBalanced(after);
	for (const [name, receiver] of Object.entries(receivers)) {
		assert.deepEqual(effect(receiver), { numbers: numbersOf(resources), sum: 40 }, name);
		const { metrics, logs } = after.sinks[name === 'well' ? 'first' : name];
		assert.deepEqual([metrics.submitted, metrics.accepted, logs.submitted, logs.accepted], [40, 40, 120, 120], name);
	}
	assert.deepEqual(effect(late), { numbers: numbersOf(resources.slice(15)), sum: 25 });
	assert.equal((await driver.stop()).stopped, 0);
});

test('sinks: over the bound of the spool those that are behind lose the oldest, each its own, to the point', async (t) => {
	const { driver, sinks, well, mend } = await startThree(t, `spool_bytes=${1 << 20}`);
	const random = randomNumbers(1);
	const noise = () => Array.from({ length: 8000 }, () => random(16).toString(16)).join('');
	const resources = [];
	for (let i = 0; i < 60; i++) {
		const batch = Array.from({ length: 6 }, () => logResource(1, { noise: noise() }));
		resources.push(...batch);
		driver.submit(...batch);
		await driver.until((stats) => well.records.length === resources.length && settled(stats));
		if (i === 40)	// when much was lost, and each of those behind has a record in hand
			driver.send({ sinks: [...sinks.well, ...sinks.slow, ...sinks.dead] });
	}
	const before = await driver.settle();
	assertBalanced(before);
	const receivers = await mend();
	const after = await driver.until(allSettled);
	assertBalanced(after);
	assert.equal(after.sinks.first.logs.accepted, 360);
	assert.deepEqual(recordNumbers(well.records), numbersOf(resources));
	for (const name of ['dead', 'slow']) {
		const { logs } = after.sinks[name], { numbers } = effect(receivers[name]);
		assert.ok(logs.dropped_full > 0, name);
		assert.equal(logs.accepted + logs.dropped_full, 360, name);
		// The newest, without a gap; an older one may have been under way all the time.
		const newest = numbersOf(resources).slice(-logs.accepted + 6);
		assert.deepEqual(numbers.slice(-newest.length), newest, name);
		// The slow one's receiver has taken some before what it answered arrived.
		assert.ok(numbers.length >= logs.accepted, name);
		assert.equal(new Set(numbers).size, numbers.length, name);
	}
});

test('sinks: a reload with a record in hand counts nothing twice', async (t) => {
	const receiver = await startReceiver(t, { answers: ['503:3600'] });
	const sink = [`endpoint=${receiver.url}`, 'logs_off', 'request_bytes=700', ...BACKOFF];
	const driver = startDriver(t, [`spool_directory=${spoolDirectory(t)}`, ...sink]);
	driver.submit(counterResource('kept', {}, 1), counterResource('too.large', { filling: 'x'.repeat(800) }, 1), logResource(3));
	const held = await driver.until(({ last_error: error }) => error.includes('503'));
	assert.deepEqual([held.metrics.waiting, held.metrics.dropped_oversize, held.logs.dropped_off], [1, 1, 3]);
	for (const answer of ['503:3600', '200']) {
		receiver.answers = [answer];
		const { length } = receiver.requests;
		driver.send({ sinks: sink });
		await driver.until(() => receiver.requests.length > length);
	}
	const stats = await driver.settle();
	assert.deepEqual([stats.metrics.submitted, stats.metrics.accepted, stats.metrics.dropped_oversize], [2, 1, 1]);
	assert.deepEqual([stats.logs.submitted, stats.logs.dropped_off, stats.logs.waiting], [3, 3, 0]);
	assertBalanced(stats);
});
