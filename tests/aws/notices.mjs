// SPDX-License-Identifier: MIT
//
// The end of an instance is told, and what was measured by then is shipped, at once and
// not at the interval's end, which a test does not wait for.
import assert from 'node:assert/strict';
import { gunzipSync } from 'node:zlib';
import { test } from '../e2e/suite.mjs';
import { assertAllTaken, startCloud, startCollector } from './context.mjs';

const slowly = { sections: { collector: { interval: 3600 } } };
const texts = (cloud, path) => cloud.taken(path).map(({ body }) => gunzipSync(body).toString('latin1'));
const hasEvent = (cloud) => texts(cloud, '/v1/logs').some((text) => text.includes('hadal.host.interruption'));

test('notice: of the spot market', async (t) => {
	const cloud = await startCloud(t);
	const collector = startCollector(t, cloud, slowly);
	await cloud.until(() => cloud.asked.includes('GET /latest/meta-data/spot/instance-action'));
	assert.equal(cloud.requests.length, 0);
	cloud.spot = { action: 'terminate', time: '2026-11-29T12:00:00Z' };
	await cloud.until(() => cloud.taken('/v1/metrics').length && hasEvent(cloud));
	assert.match(collector.log, /the spot market says 'terminate' at 2026-11-29T12:00:00Z/);
	const event = texts(cloud, '/v1/logs').find((text) => text.includes('hadal.host.interruption'));
	for (const part of ['hadal.host.interruption.source', 'spot', 'terminate', '2026-11-29T12:00:00Z'])
		assert.ok(event.includes(part), part);
	/* it goes on, and tells it no second time */
	const looks = () => cloud.asked.filter((path) => path.endsWith('spot/instance-action')).length;
	const before = looks();
	await cloud.until(() => looks() >= before + 2);
	await assertAllTaken(cloud, collector);
	assert.equal(texts(cloud, '/v1/logs').filter((text) => text.includes('hadal.host.interruption')).length, 1);
});

test('notice: of Auto Scaling, while the receiver is away, whose wait is cut short', async (t) => {
	const cloud = await startCloud(t);
	cloud.refuse = () => [503, '', ''];
	const collector = startCollector(t, cloud, { sections: { collector: { interval: 3 } } });
	/* long enough for a wait of 8 s or more to be under way */
	await cloud.until(() => cloud.requests.length >= 5);
	cloud.refuse = null;
	cloud.state = 'Terminated';
	await cloud.until(() => hasEvent(cloud));
	await assertAllTaken(cloud, collector);
	assert.match(collector.log, /Auto Scaling says 'terminate'; what is known is shipped now/);
});

test('notice: not looked for where it is switched off', async (t) => {
	const cloud = await startCloud(t);
	cloud.spot = { action: 'terminate', time: '2026-11-29T12:00:00Z' };
	const collector = startCollector(t, cloud, { sections: { ec2: { metadata: cloud.url, notices: 'off' } } });
	await cloud.until(() => cloud.taken().length >= 2);
	await assertAllTaken(cloud, collector);
	assert.ok(!cloud.asked.some((path) => path.includes('instance-action')));
	assert.doesNotMatch(collector.log, /is to end/);
});
