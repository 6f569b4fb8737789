// SPDX-License-Identifier: MIT
//
// A directory for the spool that cannot be written, while the receiver is away: what comes then is
// kept in memory, written once it can be, and delivered, once. It takes root, for disks of its own.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { test } from '../suite.mjs';
import { freePort } from '../victoriametrics.mjs';
import { accountsBalance, counterResource, logResource, now, randomNumbers, recordNumbers, startDriver, startReceiver }
	from './context.mjs';
import { spoolDirectory } from './place.mjs';

const mount = (directory, options) => execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', directory]);

const DISKS = [
	{ name: 'full', disk: 'size=256k', says: /No space left on device/, mended: 'remount,size=64m' },
	{ name: 'read-only', disk: 'ro,size=64m', says: /Read-only file system/, mended: 'remount,rw' },
	{ name: 'removed', breaks: (directory) => rmSync(directory, { recursive: true }), says: /No such file or directory/ },
];

const random = randomNumbers(1);
const noise = () => Array.from({ length: 8000 }, () => random(16).toString(16)).join('');

for (const { name, disk, breaks, says, mended } of DISKS)
	test(`disk: ${name}, and no receiver; when both are well all arrives`, async (t) => {
		const directory = spoolDirectory(t), port = await freePort(), numbers = [];
		if (disk) {
			mount(directory, disk);
			t.after(() => execFileSync('umount', [directory]));
		}
		const driver = startDriver(t, { endpoint: `http://127.0.0.1:${port}`, delta: '', spool_directory: directory,
			spool_sync_ms: 10, spool_retry_ms: 50 });
		t.after(() => driver.process.kill('SIGKILL') && driver.ended);
		let batches = 0;
		const submit = (count) => {
			for (let i = 0; i < count; i++) {
				const logs = Array.from({ length: 3 }, () => logResource(1, { noise: noise() }));
				numbers.push(...logs.flatMap((resource) => resource.logs.map(({ attributes }) => attributes.number)));
				batches++;
				driver.submit(counterResource('disk', {}, batches, now - 1000n + BigInt(batches)), ...logs);
			}
		};
		submit(40);
		breaks?.(directory);
		await driver.until(({ spool_failures: failures, spool_trouble: trouble }) => failures || trouble);
		submit(10);
		if (mended)
			mount(directory, mended);
		const written = await driver.until((stats) => stats.on_disk && !stats.queue_batches && stats.logs.submitted === 150);
		assert.match(driver.messages, says);
		assert.deepEqual([written.metrics.waiting, written.logs.waiting], [50, 150]);

		const receiver = await startReceiver(t, { port });
		const stats = await driver.settle();
		assert.deepEqual([stats.metrics.accepted, stats.logs.accepted], [50, 150]);
		assert.ok(accountsBalance(stats.metrics) && accountsBalance(stats.logs));
		assert.deepEqual(recordNumbers(receiver.records), numbers);
		const points = receiver.metrics.flatMap(({ resourceMetrics: [{ scopeMetrics: [{ metrics: [{ sum }] }] }] }) => sum.dataPoints);
		assert.equal(points.reduce((sum, { asInt }) => sum + Number(asInt), 0), 50);
		assert.equal((await driver.stop()).stopped, 0);
	});
