// SPDX-License-Identifier: MIT
//
// The end of hadald, of itself or because its instance ends, with a receiver that is slow, and
// then so slow that no deadline is long enough. What was within the deadline arrives; the rest is
// in the spool, and arrives after the next start. Once: what the receiver had taken without an
// answer comes again under its name, and is what it was.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from '../e2e/suite.mjs';
import { startCloud, startCollector } from './context.mjs';
import { addSpooled, assertWhole, inEffect } from './spooled.mjs';

const WAITING = 8, WITHIN = 3, DEADLINE_S = 10, SLOW_MS = 200;
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

async function noticed(cloud, collector, text) {
	await cloud.until(() => collector.log.includes(`${text}; what is known is shipped now`));
}

const ways = {
	SIGTERM: async () => {},
	'a spot notice': async (cloud, collector) => {
		cloud.spot = { action: 'terminate', time: '2026-11-29T12:00:00Z' };
		await noticed(cloud, collector, "the spot market says 'terminate' at 2026-11-29T12:00:00Z");
	},
	'a notice of Auto Scaling': async (cloud, collector) => {
		cloud.state = 'Terminated';
		await noticed(cloud, collector, "Auto Scaling says 'terminate'");
	},
};

for (const [name, notice] of Object.entries(ways))
	test(`ending: ${name}, and a receiver that is slow`, async (t) => {
		const cloud = await startCloud(t);
		const down = () => [503, '', ''];
		cloud.refuse = down;
		const collector = startCollector(t, cloud, { sections: { spool: { directory: '{}/spool' },
			collector: { interval: 1, stop_timeout: DEADLINE_S } } });
		const directory = join(collector.directory, 'spool'), spooled = new Map();
		await cloud.until(() => {
			if (cloud.requests.length)
				addSpooled(directory, spooled);
			return spooled.size >= WAITING;
		});
		await notice(cloud, collector);

		let answered = 0;
		cloud.pace = () => (answered < WITHIN ? sleep(SLOW_MS).then(() => { answered++; }) : new Promise(() => {}));
		cloud.refuse = null;
		assert.equal(await collector.stop(), 0, collector.log);
		addSpooled(directory, spooled);
		assert.equal(answered, WITHIN, 'what the receiver answers within the deadline is delivered');
		assert.ok(cloud.taken().length <= WITHIN + 1, 'no other is begun while one waits');
		assert.doesNotMatch(collector.log, /not everything could be delivered/, 'what is on disk is not lost');

		cloud.pace = null;
		const before = inEffect(cloud.taken()).length;
		collector.start();
		await cloud.until(() => new Set(cloud.taken('/v1/metrics').map(({ id }) => id)).size >= before + spooled.size);
		assert.equal(await collector.stop(), 0, collector.log);
		const kept = inEffect(cloud.taken());
		assertWhole(kept, spooled);
		assert.ok(cloud.taken().length - kept.length <= 1, 'but for the one without an answer, none comes again');
	});
