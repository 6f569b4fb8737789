// SPDX-License-Identifier: MIT
//
// Metrics: what a real database holds after shipping, and what an independent
// decoder reads, to the last value and label.
import assert from 'node:assert/strict';
import { createServer, request as httpRequest } from 'node:http';
import { test } from '../suite.mjs';
import { plainAttributes } from '../otlp-log-receiver.mjs';
import { VictoriaMetrics } from '../victoriametrics.mjs';
import { VICTORIAMETRICS, accountsBalance, counterResource, now, ns, randomNumbers, startDriver, startReceiver }
	from './context.mjs';

const start = ns(now - 1000n), time = ns(now);

let shared;

/** One database for all tests here; each test uses metric names of its own. */
export async function database() {
	shared ??= await VictoriaMetrics.start(VICTORIAMETRICS);
	return shared;
}

export async function closeDatabase() {
	await shared?.stop();
}

// How VictoriaMetrics stores things, as docs/receivers.md has it

const scope = { 'scope.name': 'hadald' };

function label(value) {
	if (Array.isArray(value))
		return JSON.stringify(value);
	return String(value);
}

function labels(...sets) {
	return Object.fromEntries(sets.flatMap((set) => Object.entries(set ?? {})).map(([key, value]) => [key, label(value)])
		.filter(([, value]) => value !== ''));
}

// As C's %.3e, which rounds a tie to the even digit, where JavaScript rounds it up.
function exponent(value) {
	const [, kept, rest, power] = value.toExponential(20).match(/^(\d\.\d{3})(\d+)e(.*)$/);
	const tie = /^50*$/.test(rest), even = Number(kept.at(-1)) % 2 === 0;
	const text = tie && even ? `${kept}e${power}` : value.toExponential(3);
	return text.replace(/e([+-])(\d)$/, 'e$10$2');
}

function vmrange(low, high) {
	return `${exponent(low)}...${exponent(high)}`;
}

function* storedHistogram(name, { bounds, counts, sum }, where) {
	let total = 0;
	for (const [i, count] of counts.entries()) {
		total += count;
		yield [`${name}_bucket`, { ...where, le: i < bounds.length ? String(bounds[i]) : '+Inf' }, total];
	}
	yield [`${name}_count`, where, total];
	yield [`${name}_sum`, where, sum];
}

function* storedExponential(name, { scale, offset, counts, zero_count: zero, zero_threshold: threshold = 0, sum }, where) {
	const bound = (index) => 2 ** (index * 2 ** -scale);
	let total = Number(zero);
	if (total)
		yield [`${name}_bucket`, { ...where, vmrange: `-${vmrange(threshold, threshold)}` }, total];
	for (const [i, count] of counts.entries()) {
		total += count;
		if (count)
			yield [`${name}_bucket`, { ...where, vmrange: vmrange(bound(offset + i), bound(offset + i + 1)) }, count];
	}
	yield [`${name}_count`, where, total];
	yield [`${name}_sum`, where, sum];
}

function* storedPoint({ name, kind }, point, where) {
	if (kind === 'histogram')
		yield* storedHistogram(name, point, where);
	else if (kind === 'exponential_histogram')
		yield* storedExponential(name, point, where);
	else
		yield [name, where, point.double ?? Number(point.int)];
}

/** The samples that the resources must become, as a sorted list of text. */
function expected(resources) {
	const list = [];
	for (const { resource, metrics } of resources)
		for (const metric of metrics)
			for (const point of metric.points)
				for (const [name, where, value] of storedPoint(metric, point, labels(scope, resource, point.attributes)))
					list.push(sample({ ...where, __name__: name }, value, Number(BigInt(point.time) / 1000000n)));
	return list.sort();
}

function sample(metric, value, milliseconds) {
	const sorted = Object.entries(metric).filter(([key]) => key !== 'scope.version').sort();
	return `${JSON.stringify(sorted)} ${value} @${milliseconds}`;
}

/** Compares what the database has of the series that @match selects with @resources. */
async function assertStored(match, resources) {
	const series = await (await database()).export(match);
	const found = series.flatMap(({ metric, values, timestamps }) =>
		values.map((value, i) => sample(metric, value, timestamps[i]))).sort();
	const wanted = expected(resources);
	const without = (list, other, set = new Set(other)) => list.filter((one) => !set.has(one)).slice(0, 5);
	assert.deepEqual({ extra: without(found, wanted), missing: without(wanted, found), count: found.length },
		{ extra: [], missing: [], count: wanted.length });
}

// Telemetry of every kind

function edge(random, number) {
	return { 'hadal.edge.role': random(2) ? 'client' : 'server', 'hadal.peer.name': `peer-${number}`,
		'server.port': 1 + random(65535), 'network.transport': 'tcp' };
}

function everyKind(prefix, random, number) {
	const counts = (length) => Array.from({ length }, () => random(3) * random(1000));
	const at = (more) => ({ attributes: edge(random, number), start, time, ...more });
	return [
		{ name: `${prefix}.opened`, unit: '{connection}', kind: 'counter',
			points: [at({ int: String(random(2 ** 31) * 2 ** 20) }), { start, time, int: '0' }] },
		{ name: `${prefix}.active`, unit: '{connection}', kind: 'up_down_counter',
			points: [at({ int: String(random(2000) - 1000) })] },
		{ name: `${prefix}.info`, unit: '', kind: 'gauge', points: [at({ int: '1' })] },
		{ name: `${prefix}.usage`, unit: 'By', kind: 'gauge', points: [at({ double: random(100000) / 64 })] },
		{ name: `${prefix}.connect`, unit: 's', kind: 'histogram',
			points: [at({ bounds: [0.001, 0.01, 0.1, 1, 10], counts: counts(6), sum: random(9999) / 8, min: 0.0005, max: 12 })] },
		{ name: `${prefix}.rtt`, unit: 's', kind: 'exponential_histogram',
			points: [at({ scale: 2, offset: -67, counts: counts(94), zero_count: random(50), zero_threshold: 0.00001,
				sum: random(9999) / 8, min: 0.00002, max: 90 })] },
	];
}

function everyKindResources(prefix, seed, count) {
	const random = randomNumbers(seed);
	return Array.from({ length: count }, (_, i) => ({
		resource: { 'service.name': `service-${i}`, 'service.namespace': 'cluster/ä', 'host.id': 'i-0123',
			'a.number': i, 'a.fraction': i + 0.5, 'a.bool': i % 2 === 0, 'a.list': ['x', `y ${i}`], 'an.empty': '' },
		metrics: everyKind(prefix, random, i),
	}));
}

test('metrics: every kind is in VictoriaMetrics as sent, with every label', async (t) => {
	const resources = everyKindResources('kind', 1, 20);
	const driver = startDriver(t, { endpoint: (await database()).endpoint });
	driver.submit(...resources);
	const stats = await driver.stop();
	assert.equal(stats.metrics.accepted, stats.metrics.submitted);
	assert.equal(stats.metrics.submitted, 20 * 7);
	assert.equal(stats.refused, 0);
	await assertStored('{__name__=~"kind.*"}', resources);
});

test('metrics: quantiles of an exponential histogram come out of VictoriaMetrics', async (t) => {
	const base = 2 ** 0.25;
	const driver = startDriver(t, { endpoint: (await database()).endpoint });
	driver.submit({ resource: {}, metrics: [{ name: 'quantile.rtt', unit: 's', kind: 'exponential_histogram',
		points: [{ start, time, scale: 2, offset: -20, counts: [0, 0, 100, 0, 0, 100], zero_count: 0, sum: 5 }] }] });
	await driver.stop();
	const [{ value: [, median] }] = await (await database()).query(
		'histogram_quantile(0.5, sum by (vmrange) ({"quantile.rtt_bucket"}))', now);
	const [{ value: [, highest] }] = await (await database()).query(
		'histogram_quantile(1, sum by (vmrange) ({"quantile.rtt_bucket"}))', now);
	const close = (value, bound) => Math.abs(value / bound - 1) < 0.001;	// of the rounding in vmrange
	assert.ok(close(median, base ** -17), `median ${median}`);
	assert.ok(close(highest, base ** -14), `highest ${highest}`);
});

test('metrics: the names that -opentelemetry.usePrometheusNaming gives', async (t) => {
	const renamed = await VictoriaMetrics.start(VICTORIAMETRICS, '-opentelemetry.usePrometheusNaming');
	t.after(() => renamed.stop());
	const metrics = [
		{ name: 'hadal.tcp.io', unit: 'By', kind: 'counter', points: [{ start, time, int: '5' }] },
		{ name: 'hadal.tcp.connection.opened', unit: '{connection}', kind: 'counter', points: [{ start, time, int: '6' }] },
		{ name: 'hadal.tcp.connection.active', unit: '{connection}', kind: 'up_down_counter',
			points: [{ start, time, int: '7' }] },
		{ name: 'hadal.tcp.rtt', unit: 's', kind: 'exponential_histogram',
			points: [{ start, time, scale: 2, offset: 0, counts: [8], zero_count: 0, sum: 9 }] },
	];
	const driver = startDriver(t, { endpoint: renamed.endpoint });
	driver.submit({ resource: { 'service.name': 'web' }, metrics });
	await driver.stop();
	const found = (await renamed.export('{__name__!=""}')).map(({ metric, values }) =>
		`${metric.__name__}{${metric.service_name}} ${values}`);
	assert.deepEqual(found.sort(), ['hadal_tcp_connection_active{web} 7', 'hadal_tcp_connection_opened_total{web} 6',
		'hadal_tcp_io_bytes_total{web} 5', 'hadal_tcp_rtt_seconds_bucket{web} 8', 'hadal_tcp_rtt_seconds_count{web} 8',
		'hadal_tcp_rtt_seconds_sum{web} 9']);
});

test('metrics: a counter over time, sample by sample', async (t) => {
	const driver = startDriver(t, { endpoint: (await database()).endpoint });
	const at = (i) => now - 60n + BigInt(i);
	for (let i = 0; i < 60; i++)
		driver.submit(counterResource('over.time', {}, i * i, at(i)));
	await driver.stop();
	const [series, ...more] = await (await database()).export('{"over.time"}');
	assert.equal(more.length, 0);
	assert.deepEqual(series.values, Array.from({ length: 60 }, (_, i) => i * i));
	assert.deepEqual(series.timestamps, Array.from({ length: 60 }, (_, i) => Number(at(i)) * 1000));
});

test('metrics: 20,000 points in many small requests are 20,000 exact series', async (t) => {
	const resources = Array.from({ length: 40 }, (_, r) => ({ resource: { 'service.name': `many-${r}` },
		metrics: ['many.a', 'many.b'].map((name) => ({ name, unit: 'By', kind: 'counter',
			points: Array.from({ length: 250 }, (_, p) => ({ attributes: { 'hadal.peer.name': `peer-${p}` }, start, time,
				int: String(r * 1000 + p) })) })) }));
	const driver = startDriver(t, { endpoint: (await database()).endpoint, request_bytes: 20000 });
	driver.submit(...resources);
	const stats = await driver.stop();
	assert.equal(stats.metrics.accepted, 20000);
	assert.ok(stats.requests > stats.bytes_raw / 20000, `${stats.requests} requests`);
	await assertStored('{__name__=~"many.*"}', resources);
});

test('metrics: a series that ends is gone from queries, and starts anew', async (t) => {
	const point = (seconds, more) => ({ resource: { 'service.name': 'ends' }, metrics: [{ name: 'series.end', unit: '',
		kind: 'gauge', points: [{ time: ns(now - seconds), ...more }] }] });
	const driver = startDriver(t, { endpoint: (await database()).endpoint });
	driver.submit(point(30n, { int: '5' }));
	driver.submit(point(20n, { end: true }));
	driver.submit(point(10n, { int: '7' }));
	await driver.stop();
	const at = async (seconds) => (await (await database()).query('{"series.end"}', now - seconds)).map(({ value }) => value[1]);
	assert.deepEqual(await at(25n), ['5']);
	assert.deepEqual(await at(15n), []);
	assert.deepEqual(await at(5n), ['7']);
});

// A place between shipper and database that takes requests whole, passes them on, and loses the answer.
async function losingProxy(t, target, losses) {
	let left = losses;
	const passOn = (request, body) => new Promise((done, failed) => {
		const onward = httpRequest(target + request.url, { method: 'POST', headers: request.headers }, (answer) => {
			answer.resume();
			answer.on('end', () => done(answer.statusCode));
		});
		onward.on('error', failed);
		onward.end(body);
	});
	const server = createServer(async (request, response) => {
		const chunks = [];
		for await (const chunk of request)
			chunks.push(chunk);
		const status = await passOn(request, Buffer.concat(chunks));
		if (left-- > 0)
			request.socket.destroy();
		else
			response.writeHead(status).end();
	});
	await new Promise((done) => server.listen(0, '127.0.0.1', done));
	t.after(() => server.closeAllConnections() ?? new Promise((done) => server.close(done)));
	return `http://127.0.0.1:${server.address().port}`;
}

test('metrics: answers lost on the way make repeats, and do not change what is counted', async (t) => {
	const proxy = await losingProxy(t, (await database()).url, 5);
	const driver = startDriver(t, { endpoint: `${proxy}/opentelemetry` });
	for (let i = 0; i <= 10; i++)
		driver.submit(counterResource('lost.answers', { 'hadal.peer.name': 'api' }, i * 100, now - 10n + BigInt(i)));
	const stats = await driver.stop();
	assert.equal(stats.metrics.accepted, 11);
	assert.ok(stats.retries > 0);
	const [value] = await (await database()).query('{"lost.answers"}', now);
	const [rise] = await (await database()).query('increase({"lost.answers"}[1m])', now);
	assert.equal(value.value[1], '1000');
	assert.equal(rise.value[1], '1000');
});

// The independent decoder

const CUMULATIVE = 2, NO_RECORDED_VALUE = 1;

/** What the decoder must read for a point, of the fields that are set. */
function decodedPoint({ kind }, point) {
	const common = { ...(point.start && { startTimeUnixNano: point.start }), timeUnixNano: point.time,
		attributes: point.attributes, ...(point.end && { flags: NO_RECORDED_VALUE }) };
	const sum = (list) => String(list.reduce((total, one) => total + one, 0));
	const extremes = point.min === undefined ? {} : { min: point.min, max: point.max };
	if (kind === 'histogram')
		return point.end ? { ...common, count: '0' } : { ...common, count: sum(point.counts), sum: point.sum, ...extremes,
			bucketCounts: point.counts.map(String),
			...(point.bounds.length && { explicitBounds: point.bounds }) };
	if (kind === 'exponential_histogram')
		return point.end ? { ...common, count: '0' } : { ...common, count: sum([...point.counts, point.zero_count]),
			sum: point.sum, ...extremes, scale: point.scale, zeroCount: String(point.zero_count),
			...(point.zero_threshold && { zeroThreshold: point.zero_threshold }),
			positive: trimmed(point.offset, point.counts) };
	if (point.end)
		return common;
	return { ...common, ...(point.double === undefined ? { asInt: point.int } : { asDouble: point.double }) };
}

function trimmed(offset, counts) {
	const first = counts.findIndex((count) => count);
	if (first < 0)
		return { offset: 0 };
	const last = counts.findLastIndex((count) => count);
	return { offset: offset + first, bucketCounts: counts.slice(first, last + 1).map(String) };
}

const dataNames = { counter: 'sum', up_down_counter: 'sum', gauge: 'gauge', histogram: 'histogram',
	exponential_histogram: 'exponentialHistogram' };

function decodedMetric(metric) {
	const data = { dataPoints: metric.points.map((point) => decodedPoint(metric, point)),
		...(metric.kind !== 'gauge' && { aggregationTemporality: CUMULATIVE }),
		...(dataNames[metric.kind] === 'sum' && { isMonotonic: metric.kind === 'counter' }) };
	return { name: metric.name, unit: metric.unit, [dataNames[metric.kind]]: data };
}

const plainPoint = ({ attributes, ...point }) => ({ ...point, attributes: attributes && readAttributes(attributes) });

function readAttributes(list) {
	const plain = plainAttributes(list);
	return Object.fromEntries(Object.entries(plain).map(([key, value]) => [key, value?.int ? Number(value.int) : value]));
}

function readMetric(metric) {
	const kind = Object.values(dataNames).find((name) => metric[name]);
	return { ...metric, [kind]: { ...metric[kind], dataPoints: metric[kind].dataPoints.map(plainPoint) } };
}

const withoutUndefined = (value) => JSON.parse(JSON.stringify(value));

test('metrics: an independent decoder reads every field as given', async (t) => {
	const receiver = await startReceiver(t);
	const [resource] = everyKindResources('decode', 7, 1);
	// Each a series of its own: of one, a lower total would be a new beginning.
	resource.metrics[5].points.push(
		{ attributes: { number: 1 }, start, time, scale: -3, offset: -2147483648, counts: [0, 7, 0], zero_count: 0, sum: 0.1 + 0.2 },
		{ attributes: { number: 2 }, start, time, scale: 20, offset: 2147483000, counts: [1], zero_count: 3, sum: 1e-300 },
		{ attributes: { number: 3 }, start, time, scale: 0, offset: 5, counts: [0, 0], zero_count: 4, sum: 0 },
		{ attributes: { number: 4 }, start, time, scale: 0, offset: 5, counts: [], zero_count: 0, sum: 0 },
		{ attributes: { number: 5 }, start, time, end: true, scale: 0, offset: 0, counts: [], zero_count: 0, sum: 0 });
	resource.metrics[4].points.push({ attributes: { number: 6 }, start, time, bounds: [], counts: [3], sum: 3 },
		{ attributes: { number: 7 }, start, time, end: true, bounds: [], counts: [0], sum: 0 });
	resource.metrics[0].points.push({ attributes: { number: 8 }, start, time, int: '9223372036854775807' }, { attributes: { number: 9 }, start, time, end: true });
	resource.metrics[1].points.push({ attributes: { number: 10 }, start, time, int: '-9223372036854775808' });
	resource.metrics[3].points.push({ attributes: { number: 11 }, time, double: 5e-324 }, { attributes: { number: 12 }, time, double: -1.7976931348623157e308 });
	const driver = startDriver(t, { endpoint: receiver.url });
	driver.submit(resource);
	const stats = await driver.stop();
	assert.equal(stats.refused, 0, driver.messages);
	assert.equal(receiver.metrics.length, 1);
	const [{ resource: readResource, scopeMetrics: [{ scope: readScope, metrics }] }] = receiver.metrics[0].resourceMetrics;
	assert.deepEqual(readAttributes(readResource.attributes), resource.resource);
	assert.equal(readScope.name, 'hadald');
	assert.deepEqual(withoutUndefined(metrics.map(readMetric)), withoutUndefined(resource.metrics.map(decodedMetric)));
});

test('metrics: what cannot be meant is refused, counted, and leaves the rest unharmed', async (t) => {
	const receiver = await startReceiver(t);
	const good = { start, time, int: '1' };
	const points = [good, { ...good, time: '0' }, { ...good, start: '0' }, { ...good, start: ns(now + 1n) }, { ...good, int: '-1' }];
	const histogram = { start, time, sum: 1 };
	const driver = startDriver(t, { endpoint: receiver.url });
	driver.submit({ resource: {}, metrics: [
		{ name: 'refuse', unit: '', kind: 'counter', points },
		{ name: 'refuse.bounds', unit: '', kind: 'histogram', points: [{ ...histogram, bounds: [2, 1], counts: [0, 0, 0] }] },
		{ name: 'refuse.scale', unit: '', kind: 'exponential_histogram', points: [{ ...histogram, scale: 21, offset: 0, counts: [1] }] },
		{ name: 'refuse.offset', unit: '', kind: 'exponential_histogram',
			points: [{ ...histogram, scale: 2, offset: 2147483647, counts: [1] }] },
	] });
	const stats = await driver.stop();
	assert.equal(stats.refused, 7);
	assert.equal(stats.metrics.accepted, 1);
	assert.ok(accountsBalance(stats.metrics));
	assert.equal(receiver.metrics[0].resourceMetrics[0].scopeMetrics[0].metrics[0].sum.dataPoints.length, 1);
});
