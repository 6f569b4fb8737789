// SPDX-License-Identifier: MIT
//
// Log records: what an independent decoder reads is what was sent.
import assert from 'node:assert/strict';
import { test } from '../suite.mjs';
import { logResource, now, ns, onceEach, randomNumbers, recordNumbers, startDriver, startReceiver } from './context.mjs';

const words = ['plain', 'ünïcödé', '日本語', '🌊 deep', 'quote " \\ \t', '', 'x'.repeat(3000)];

function randomValue(random) {
	switch (random(6)) {
	case 0: return random(2 ** 31) - 2 ** 30;
	case 1: return random(1000) + 0.5;
	case 2: return random(2) === 1;
	case 3: return Array.from({ length: random(5) }, () => words[random(words.length)]);
	default: return words[random(words.length)];
	}
}

function randomRecord(random, number) {
	const attributes = { number };
	for (let i = random(12); i > 0; i--)
		attributes[`attribute.${i}`] = randomValue(random);
	return { event: `hadal.event.${random(9)}`, time: String(now * 1000000000n + BigInt(random(1000000000))),
		observed: ns(now), severity: 1 + random(24), attributes, ...(random(2) && { body: words[random(words.length)] }) };
}

const sent = (value) => (typeof value === 'number' && Number.isInteger(value) ? { int: String(value) } : value);
const sentAttributes = (attributes) => Object.fromEntries(Object.entries(attributes).map(([key, value]) => [key, sent(value)]));

function expected(resources) {
	return resources.flatMap(({ resource, logs }) => logs.map((record) => ({
		...record, resource: sentAttributes(resource), attributes: sentAttributes(record.attributes),
	})));
}

const received = (records) => records.map(({ scope, body, ...record }) => (body === undefined ? record : { ...record, body }));

function randomResources(seed, count) {
	const random = randomNumbers(seed);
	return Array.from({ length: count }, (_, r) => ({ resource: { 'service.name': `service-${r}`, 'host.id': 'i-1' },
		logs: Array.from({ length: 100 }, (_, i) => randomRecord(random, r * 100 + i)) }));
}

for (const [name, options] of [['gzip', {}], ['no compression', { no_compression: '' }]])
	test(`logs: 700 random records arrive as sent, in order, with ${name}`, async (t) => {
		const receiver = await startReceiver(t);
		const resources = randomResources(11, 7);
		const driver = startDriver(t, { endpoint: receiver.url, ...options });
		driver.submit(...resources);
		const stats = await driver.stop();
		assert.equal(stats.logs.accepted, 700);
		assert.deepEqual(received(receiver.records), expected(resources));
		assert.ok(receiver.records.every(({ scope }) => scope.name === 'hadald' && /^\d+\.\d+/.test(scope.version)));
		assert.equal(receiver.requests[0].headers['content-encoding'], name === 'gzip' ? 'gzip' : undefined);
	});

test('logs: split requests keep their bound and their order, each with an id of its own', async (t) => {
	const receiver = await startReceiver(t);
	const resources = randomResources(12, 9);
	const driver = startDriver(t, { endpoint: receiver.url, request_bytes: 30000 });
	driver.submit(...resources);
	const stats = await driver.stop();
	assert.equal(stats.logs.accepted, 900);
	assert.ok(receiver.requests.length > 10);
	assert.ok(receiver.requests.every(({ rawSize }) => rawSize <= 30000));
	assert.equal(receiver.requests.reduce((sum, { rawSize }) => sum + rawSize, 0), stats.bytes_raw);
	assert.equal(new Set(receiver.requests.map(({ headers }) => headers['hadal-batch-id'])).size, receiver.requests.length);
	assert.deepEqual(received(receiver.records), expected(resources));
});

test('logs: a record larger than a request is dropped and counted, and none else', async (t) => {
	const receiver = await startReceiver(t);
	const driver = startDriver(t, { endpoint: receiver.url, request_bytes: 2000 });
	driver.submit(logResource(3), logResource(1, { large: 'x'.repeat(2000) }), logResource(3));
	const stats = await driver.stop();
	assert.equal(stats.logs.dropped_oversize, 1);
	assert.equal(stats.logs.accepted, 6);
	assert.equal(receiver.records.length, 6);
	assert.ok(driver.messages.includes('exceed'));
});

test('logs: bytes that are not UTF-8 become U+FFFD as everywhere else', async (t) => {
	const receiver = await startReceiver(t);
	const random = randomNumbers(13);
	const edges = ['ff', '61ff62', 'c0af', 'e08080', 'eda080', 'f4908080', 'f09f8c', 'e282', 'c3', 'f8888080', 'efbfbd', '80'];
	const noise = Array.from({ length: 300 }, () => Buffer.from(Array.from({ length: 1 + random(20) }, () =>
		(random(3) ? 0x80 + random(128) : 1 + random(127)))).toString('hex'));
	const strings = [...edges, ...noise];
	const driver = startDriver(t, { endpoint: receiver.url });
	driver.submit({ resource: {}, logs: strings.map((hex) => ({ event: 'e', time: ns(now), observed: ns(now), severity: 9,
		attributes: { bytes: { hex } } })) });
	await driver.stop();
	const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
	assert.deepEqual(receiver.records.map(({ attributes }) => attributes.bytes),
		strings.map((hex) => decoder.decode(Buffer.from(hex, 'hex'))));
});

test('logs: a long string is cut between characters and counted', async (t) => {
	const receiver = await startReceiver(t);
	const driver = startDriver(t, { endpoint: receiver.url });
	driver.submit(logResource(1, { long: `x${'ä'.repeat(5000)}` }));
	const stats = await driver.stop();
	assert.equal(stats.truncated, 1);
	assert.equal(receiver.records[0].attributes.long, `x${'ä'.repeat(4095)}`);
});

test('logs: one connection carries many requests', async (t) => {
	const receiver = await startReceiver(t);
	const driver = startDriver(t, { endpoint: receiver.url });
	for (let i = 0; i < 30; i++)
		driver.submit(logResource(2));
	const stats = await driver.stop();
	assert.equal(stats.requests, 30);
	assert.equal(receiver.connections, 1);
	assert.equal(receiver.records.length, 60);
	assert.ok(onceEach(receiver.requests));
});

test('logs: what is waiting when the shipper stops is delivered', async (t) => {
	const receiver = await startReceiver(t);
	const driver = startDriver(t, { endpoint: receiver.url });
	const resources = Array.from({ length: 200 }, () => logResource(5));
	for (const resource of resources)
		driver.submit(resource);
	const stats = await driver.stop();
	assert.equal(stats.stopped, 0);
	assert.deepEqual(recordNumbers(receiver.records), resources.flatMap(({ logs }) => logs.map(({ attributes }) => attributes.number)));
});

test('logs: nothing is sent of an empty batch, or of a signal that is off', async (t) => {
	const receiver = await startReceiver(t);
	const driver = startDriver(t, { endpoint: receiver.url, metrics_off: '' });
	driver.submit();
	driver.submit({ resource: { 'host.id': 'empty' }, metrics: [{ name: 'off', unit: '', kind: 'gauge',
		points: [{ time: ns(now), int: '1' }] }] });
	const stats = await driver.stop();
	assert.equal(receiver.requests.length, 0);
	assert.equal(stats.metrics.dropped_off, 1);
	assert.equal(stats.stopped, 0);
});
