// SPDX-License-Identifier: MIT
//
// A kill at just the moment that matters, and what goes on beside the shipping itself.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from '../suite.mjs';
import { accountsBalance, counterResource, logResource, recordNumbers, startDriver, startReceiver } from './context.mjs';
import { parseId, readPlace, spoolDirectory } from './place.mjs';

const id = ({ headers }) => headers['hadal-batch-id'];
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

async function until(holds) {
	while (!holds())
		await sleep(5);
}

async function kill(driver) {
	driver.process.kill('SIGKILL');
	assert.equal(await driver.ended, 'SIGKILL');
}

test('restart: where a sink is gets written down while its receiver wants to be left alone', async (t) => {
	const directory = spoolDirectory(t);
	const receiver = await startReceiver(t, { answers: ['200', '503:3600'] });
	const options = { endpoint: receiver.url, spool_directory: directory };
	const first = startDriver(t, options);
	first.submit(counterResource('left.alone', {}, 5), logResource(3));
	await until(() => readPlace(directory, 'first')?.settled.m === 1n);
	await kill(first);
	const second = startDriver(t, options);
	const stats = await second.settle();
	assert.deepEqual(receiver.requests.map(({ path }) => path), ['/v1/metrics', '/v1/logs', '/v1/logs']);
	assert.equal(receiver.requests[2].digest, receiver.requests[1].digest);
	assert.deepEqual([stats.metrics.recovered, stats.logs.recovered, stats.logs.accepted], [0, 3, 3]);
	assert.ok(accountsBalance(stats.logs));
});

test('restart: what a receiver found too large is in the same requests after a kill', async (t) => {
	const directory = spoolDirectory(t);
	// All, a half and a quarter of it are too large; an eighth is taken, and so is the next, without an answer.
	const receiver = await startReceiver(t, { answers: ['413', '413', '413', '200', 'reset', '503:3600'] });
	const options = { endpoint: receiver.url, spool_directory: directory, no_compression: '' };
	const resource = logResource(80, { filling: 'x'.repeat(4000) });
	const first = startDriver(t, options);
	first.submit(resource);
	await until(() => readPlace(directory, 'first')?.settled.l === 10n && receiver.requests.length === 6);
	await kill(first);
	receiver.answers.length = 0;
	const second = startDriver(t, options);
	const stats = await second.settle();
	const taken = new Map(receiver.requests.filter(({ answer }) => /200|reset/.test(answer)).map((one) => [id(one), one.digest]));
	assert.deepEqual([...taken.keys()].map(parseId).map(({ first: from, end }) => [Number(from), Number(end)]),
		[[0, 10], [10, 20], [20, 40], [40, 80]]);
	for (const request of receiver.requests)
		assert.equal(taken.get(id(request)) ?? request.digest, request.digest);
	// The one that was taken without an answer came again, and nothing else did.
	const numbers = resource.logs.map(({ attributes }) => attributes.number);
	assert.deepEqual(recordNumbers(receiver.records), [...numbers.slice(0, 20), ...numbers.slice(10)]);
	assert.deepEqual([stats.logs.recovered, stats.logs.accepted], [70, 70]);
	assert.ok(accountsBalance(stats.logs));
});

/** Of a process: user and system time, in ticks of 10 ms. */
function cpuTicks(pid) {
	const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
	return Number(fields[11]) + Number(fields[12]);
}

test('restart: without a directory nothing is written down, and nothing waits for it by working', async (t) => {
	const receiver = await startReceiver(t);
	const driver = startDriver(t, { endpoint: receiver.url });
	driver.submit(logResource(3));
	await driver.settle();
	const before = cpuTicks(driver.process.pid);
	await sleep(2000);
	const used = cpuTicks(driver.process.pid) - before;
	assert.ok(used <= 20, `${used * 10} ms of 2 s`);
});
