// SPDX-License-Identifier: MIT
//
// SIGKILL, over and over, of hadald itself in its real loop, which counts this host's traffic
// without the module. Two receivers, one of totals and one of increments, that at times refuse, and
// at times take a request and say nothing. tests/e2e/ship/kill.mjs does it 500 times to the shipper
// alone; here is the program: its intervals, its restart, its spool.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from '../e2e/suite.mjs';
import { randomNumbers } from '../e2e/ship/context.mjs';
import { startCloud, startCollector } from './context.mjs';
import { addSpooled, assertWhole, counters, inEffect } from './spooled.mjs';

const KILLS = 12, LAST = 3;
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

function makeUnreliable(cloud, random) {
	cloud.judge = async () => null;
	cloud.refuse = () => (random(8) ? null : [503, '', '']);
	cloud.lose = () => !random(6);
}

/** It lives until something has come of it and some time more, or not even until then. */
async function liveAndDie(cloud, collector, random) {
	const before = cloud.requests.length, early = random(4) === 0;
	if (!early)
		await cloud.until(() => cloud.requests.length > before);
	await sleep(random(early ? 300 : 2500));
	await collector.kill();
}

/** What adds up: totals never fall and are one at a time, with the start that they had; increments add up to the last. */
function assertCounted(totals, increments) {
	let compared = 0;
	for (const [key, points] of totals) {
		points.slice(1).forEach((point, i) => assert.ok(point.ended || points[i].ended || point.start !== points[i].start ||
			(point.time === points[i].time ? point.value === points[i].value : point.value >= points[i].value),
		`${key}: ${points[i].value}, then ${point.value}`));
		if (points.some(({ ended }) => ended))
			continue;
		assert.ok(points.every(({ start }) => start === points[0].start), `${key}: it begins anew`);
		assert.equal((increments.get(key) ?? []).reduce((sum, { value }) => sum + value, 0n), points.at(-1).value, key);
		compared++;
	}
	assert.ok(compared > 5, `${compared} series`);
}

test(`kill: hadald itself, ${KILLS} times while it ships: nothing that was spooled is lost, nothing doubled`, async (t) => {
	const random = randomNumbers(5);
	const cloud = await startCloud(t), other = await startCloud(t);
	makeUnreliable(cloud, random);
	makeUnreliable(other, random);
	const collector = startCollector(t, cloud, { sections: { spool: { directory: '{}/spool' }, otlp: { auth: 'none' },
		'sink other': { endpoint: other.url, auth: 'none', temporality: 'delta' } } });
	const directory = join(collector.directory, 'spool'), spooled = new Map();
	for (let i = 0; i < KILLS; i++) {
		await liveAndDie(cloud, collector, random);
		addSpooled(directory, spooled);
		collector.start();
	}
	const killed = spooled.size;
	for (const one of [cloud, other])
		one.refuse = one.lose = null;
	for (const one of [cloud, other]) {
		const before = one.taken('/v1/metrics').length;
		await one.until(() => one.taken('/v1/metrics').length >= before + LAST);
	}
	assert.equal(await collector.stop(), 0, collector.log);
	addSpooled(directory, spooled);
	assert.ok(killed >= KILLS / 2, `${killed} records`);
	const kept = inEffect(cloud.taken()), keptByOther = inEffect(other.taken());
	assertWhole(kept, spooled);
	assertWhole(keptByOther, spooled);
	assertCounted(counters(kept), counters(keptByOther));
	console.log(`        ${spooled.size} records; ${cloud.taken().length - kept.length} and ${
		other.taken().length - keptByOther.length} requests came again`);
}, 300000);
