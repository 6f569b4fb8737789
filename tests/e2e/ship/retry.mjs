// SPDX-License-Identifier: MIT
//
// What is repeated, what never is, and what goes when too much waits. Times are
// only ever looked at from below: how long must at least have passed.
import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { test } from '../suite.mjs';
import { accountsBalance, counterResource, logResource, onceEach, randomNumbers, recordNumbers, startDriver,
	startReceiver } from './context.mjs';

const id = ({ headers }) => headers['hadal-batch-id'];
const answers = ({ requests }) => requests.map(({ answer }) => answer);

for (const status of ['429', '502', '503', '504'])
	test(`retry: status ${status} is repeated until it is taken, once in effect`, async (t) => {
		const receiver = await startReceiver(t, { answers: [status, status, status] });
		const driver = startDriver(t, { endpoint: receiver.url });
		driver.submit(logResource(4));
		const stats = await driver.settle();
		assert.deepEqual(answers(receiver), [status, status, status, '200']);
		assert.equal(new Set(receiver.requests.map(id)).size, 1);
		assert.equal(new Set(receiver.requests.map(({ rawSize, size }) => `${rawSize} ${size}`)).size, 1);
		assert.equal(receiver.records.length, 4);
		assert.equal(stats.logs.accepted, 4);
		assert.equal(stats.retries, 3);
		assert.match(stats.last_error, new RegExp(`status ${status}`));
		assert.match(driver.messages, /will be repeated[^]*answers again after 3/);
	});

for (const status of ['400', '401', '403', '404', '413', '415', '500', '501'])
	test(`retry: status ${status} is never repeated, and the next batch goes its way`, async (t) => {
		const receiver = await startReceiver(t, { answers: [status] });
		const driver = startDriver(t, { endpoint: receiver.url });
		driver.submit(logResource(4));
		driver.submit(logResource(3));
		const stats = await driver.stop();
		assert.deepEqual(answers(receiver), [status, '200']);
		assert.notEqual(id(receiver.requests[0]), id(receiver.requests[1]));
		assert.equal(stats.logs.rejected, 4);
		assert.equal(stats.logs.accepted, 3);
		assert.equal(stats.retries, 0);
		assert.match(driver.messages, new RegExp(`rejected 4 points or records: status ${status}: answer ${status} as told`));
	});

test('retry: a redirection is not followed', async (t) => {
	const elsewhere = await startReceiver(t);
	const receiver = await startReceiver(t, { answers: [`redirect:${elsewhere.url}/v1/logs`] });
	const driver = startDriver(t, { endpoint: receiver.url, token: 'secret' });
	driver.submit(logResource(4));
	const stats = await driver.stop();
	assert.equal(stats.logs.rejected, 4);
	assert.equal(elsewhere.requests.length, 0);
});

test('retry: connections lost before and after the request was taken', async (t) => {
	const receiver = await startReceiver(t, { answers: ['close', 'reset', 'close', '503', 'reset', 'reset'] });
	const driver = startDriver(t, { endpoint: receiver.url });
	const resources = Array.from({ length: 5 }, () => logResource(3));
	for (const resource of resources)
		driver.submit(resource);
	const stats = await driver.stop();
	assert.equal(stats.stopped, 0);
	assert.equal(stats.logs.accepted, 15);
	const taken = new Map();	// a receiver that knows batch ids takes each once
	let position = 0;
	for (const request of receiver.requests.filter(({ answer }) => /200|reset/.test(answer))) {
		taken.set(id(request), receiver.records.slice(position, position + request.items));
		position += request.items;
	}
	assert.equal(position, receiver.records.length);
	assert.ok(receiver.records.length > 15, 'something was taken twice');
	assert.deepEqual(recordNumbers([...taken.values()].flat()),
		resources.flatMap(({ logs }) => logs.map(({ attributes }) => attributes.number)));
});

test('retry: a receiver that is not there yet gets everything once it is', async (t) => {
	const listener = createServer();
	await new Promise((done) => listener.listen(0, '127.0.0.1', done));
	const { port } = listener.address();
	await new Promise((done) => listener.close(done));
	const driver = startDriver(t, { endpoint: `http://127.0.0.1:${port}` });
	for (let i = 0; i < 10; i++)
		driver.submit(logResource(2));
	await driver.until(({ retries }) => retries >= 3);
	const receiver = await startReceiver(t, { port });
	const stats = await driver.settle();
	assert.equal(stats.logs.accepted, 20);
	assert.equal(receiver.records.length, 20);
	assert.ok(onceEach(receiver.requests));
});

test('retry: a receiver that goes away and comes back', async (t) => {
	const receiver = await startReceiver(t);
	const driver = startDriver(t, { endpoint: receiver.url });
	driver.submit(logResource(2));
	await driver.settle();
	await receiver.close();
	driver.submit(logResource(3));
	await driver.until(({ retries }) => retries >= 2);
	const again = await startReceiver(t, { port: receiver.port });
	const stats = await driver.settle();
	assert.equal(again.records.length, 3);
	assert.equal(stats.logs.accepted, 5);
});

test('retry: no answer in time is repeated', async (t) => {
	const receiver = await startReceiver(t, { answers: ['hang', 'hang'] });
	const driver = startDriver(t, { endpoint: receiver.url, timeout_ms: 500 });
	driver.submit(logResource(2));
	const stats = await driver.until(({ logs }) => logs.accepted === 2);
	assert.ok(stats.retries >= 2);
	assert.equal(new Set(receiver.requests.map(id)).size, 1);
});

for (const [what, value] of [['seconds', '1'], ['a date', 'date=2']])
	test(`retry: Retry-After in ${what} is waited for`, async (t) => {
		const receiver = await startReceiver(t, { answers: [`503:${value}`, `429:${value}`] });
		const driver = startDriver(t, { endpoint: receiver.url });
		driver.submit(logResource(2));
		driver.submit(logResource(2));
		const stats = await driver.settle();
		assert.equal(stats.logs.accepted, 4);
		const [first, second, third] = receiver.requests.map(({ at }) => at);
		// A date has whole seconds: up to one of the two is lost in it; and clocks are read to a millisecond.
		assert.ok(second - first >= 990, `waited ${second - first} ms`);
		assert.ok(third - second >= 990, `waited ${third - second} ms`);
	});

test('retry: a Retry-After without reason is cut, one that says nothing ignored', async (t) => {
	const receiver = await startReceiver(t, { answers: ['503:99999999999999999999', '503:date=99999999', '503:soon', '503:-1'] });
	const driver = startDriver(t, { endpoint: receiver.url, retry_after_max_ms: 50 });
	driver.submit(logResource(2));
	const stats = await driver.settle();
	assert.equal(stats.logs.accepted, 2);
	assert.equal(receiver.requests.length, 5);
});

test('retry: a partial success is counted and not repeated', async (t) => {
	const receiver = await startReceiver(t, { answers: ['partial:2:out of bounds', 'partial:0:just a\nwarning', 'partial:99:all'] });
	const driver = startDriver(t, { endpoint: receiver.url });
	driver.submit(logResource(5));
	driver.submit(logResource(5));
	driver.submit(counterResource('partial', {}, 1));
	const stats = await driver.stop();
	assert.equal(receiver.requests.length, 3);
	assert.deepEqual([stats.logs.accepted, stats.logs.rejected], [8, 2]);
	assert.deepEqual([stats.metrics.accepted, stats.metrics.rejected], [0, 1]);
	assert.equal(stats.partial, 3);
	assert.match(driver.messages, /rejected 2 points or records: out of bounds/);
});

test('retry: an answer without end is cut off, and not asked for again', async (t) => {
	const receiver = await startReceiver(t, { answers: ['huge'] });
	const driver = startDriver(t, { endpoint: receiver.url });
	driver.submit(logResource(5));
	driver.submit(logResource(2));
	const stats = await driver.stop();
	assert.equal(stats.logs.dropped_failed, 5);
	assert.equal(stats.logs.accepted, 2);
	assert.equal(receiver.requests.length, 2);
});

// Bounds

test('queue: over its number the oldest go, exactly counted', async (t) => {
	const receiver = await startReceiver(t, { answers: ['503'] });
	const never = 3600000;	// until the stop cuts it short
	const driver = startDriver(t, { endpoint: receiver.url, queue_batches: 5, backoff_first_ms: never, backoff_max_ms: never });
	const resources = Array.from({ length: 31 }, () => logResource(3));
	driver.submit(resources[0]);
	await driver.until(({ last_error: error }) => error.includes('503'));
	for (const [i, resource] of resources.slice(1).entries()) {
		driver.submit(resource);
		// The first is in the sink's hand, and goes from the queue without being lost.
		const lost = Math.max(0, i - 4);
		await driver.until(({ logs }) => logs.dropped_full === lost * 3);
	}
	const full = await driver.until(({ logs, queue_batches: count }) => logs.submitted === 31 * 3 && count === 5);
	assert.equal(full.logs.dropped_full, 25 * 3);
	assert.equal(full.queue_batches, 5);
	assert.ok(accountsBalance(full.logs));
	const stats = await driver.stop();
	assert.equal(stats.logs.accepted, 6 * 3);
	assert.equal(stats.queue_bytes, 0);
	assert.deepEqual(recordNumbers(receiver.records),
		[resources[0], ...resources.slice(-5)].flatMap(({ logs }) => logs.map(({ attributes }) => attributes.number)));
	assert.match(driver.messages, /the queue is full/);
});

test('queue: its bound in bytes holds, and what is too large alone is refused', async (t) => {
	const receiver = await startReceiver(t, { answers: ['503:3600'] });
	const limit = 300000, random = randomNumbers(1);
	// What cannot be compressed: it fills the queue however fast the spool is.
	const noise = () => Array.from({ length: 8000 }, () => random(16).toString(16)).join('');
	const driver = startDriver(t, { endpoint: receiver.url, queue_bytes: limit, no_compression: '', deadline_ms: 0 });
	driver.submit(logResource(1));
	await driver.until(({ last_error: error }) => error.includes('503'));
	for (let i = 0; i < 40; i++) {
		driver.submit(...Array.from({ length: 4 }, () => logResource(1, { filling: noise() })));
		const { queue_bytes: bytes } = await driver.stats();
		assert.ok(bytes <= limit, `${bytes} bytes`);
	}
	const large = logResource(100);
	for (const { attributes } of large.logs)
		attributes.filling = noise();
	driver.submit(large);
	const stats = await driver.stop();
	assert.equal(stats.logs.dropped_oversize, 100);
	assert.ok(stats.logs.dropped_full > 0);
	assert.ok(stats.logs.dropped_stop > 0);
	assert.ok(accountsBalance(stats.logs));
	assert.equal(stats.logs.submitted, 1 + 40 * 4 + 100);
	assert.equal(stats.logs.waiting, 0);
	assert.match(driver.messages, /submit: No buffer space/);
});

test('stop: a receiver that does not answer costs no more than the deadline, and what is lost is counted', async (t) => {
	const receiver = await startReceiver(t, { answers: ['hang'] });
	const driver = startDriver(t, { endpoint: receiver.url, deadline_ms: 200 });
	driver.submit(logResource(3));
	await driver.until(() => receiver.requests.length === 1);
	driver.submit(logResource(2));
	const stats = await driver.stop();
	assert.equal(stats.stopped, -110);	// -ETIMEDOUT
	assert.equal(stats.logs.dropped_stop, 5);
	assert.ok(accountsBalance(stats.logs));
	assert.equal(receiver.requests.length, 1);
});

test('stop: a wait of our own is cut short for a last attempt', async (t) => {
	const receiver = await startReceiver(t, { answers: ['503'] });
	const driver = startDriver(t, { endpoint: receiver.url, backoff_first_ms: 3600000, backoff_max_ms: 3600000 });
	driver.submit(logResource(3));
	await driver.until(({ last_error: error }) => error.includes('503'));
	const stats = await driver.stop();
	assert.equal(stats.stopped, 0);
	assert.equal(receiver.records.length, 3);
});

test('stop: a receiver that asked to be left alone is, beyond the deadline', async (t) => {
	const receiver = await startReceiver(t, { answers: ['503:3600'] });
	const driver = startDriver(t, { endpoint: receiver.url, retry_after_max_ms: 3600000, deadline_ms: 60000 });
	driver.submit(logResource(3));
	await driver.until(({ last_error: error }) => error.includes('503'));
	const stats = await driver.stop();
	assert.equal(stats.logs.dropped_stop, 3);
	assert.equal(receiver.requests.length, 1);
});
