// SPDX-License-Identifier: MIT
//
// Amazon Managed Service for Prometheus: remote write with AWS's signature, of the service aps.
import assert from 'node:assert/strict';
import { test } from '../e2e/suite.mjs';
import { REMOTE_WRITE } from './cloud.mjs';
import { assertAllTaken, signatures, startCloud, startCollector } from './context.mjs';

/** Ships there alone. */
function startWriter(t, cloud, options = {}) {
	return startCollector(t, cloud, { ...options, sections: { otlp: { endpoint: '' }, 'sink amp': { type: 'remote_write',
		endpoint: `${cloud.url}${REMOTE_WRITE}`, auth: 'sigv4', sigv4_region: 'eu-west-1', sigv4_service: 'aps' } } });
}

const isMetadata = ({ id }) => id.endsWith('+0');

test('prometheus: remote write is signed for aps, as botocore and aws4 do', async (t) => {
	const cloud = await startCloud(t);
	const collector = startWriter(t, cloud);
	await cloud.until(() => cloud.taken(REMOTE_WRITE).length >= 4);
	await assertAllTaken(cloud, collector);
	assert.equal(cloud.requests.filter(isMetadata).length, 1);
	assert.ok(isMetadata(cloud.requests[1]), 'behind the first batch');
	for (const { path, service, region, signed, headers, version } of cloud.requests) {
		assert.equal(path, REMOTE_WRITE);
		assert.equal(service, 'aps');
		assert.equal(region, 'eu-west-1');
		assert.equal(version, '1.1');
		assert.equal(headers['content-encoding'], 'snappy');
		assert.equal(headers['content-type'], 'application/x-protobuf');
		for (const name of ['content-encoding', 'content-type', 'hadal-batch-id', 'x-amz-security-token',
			'x-prometheus-remote-write-version'])
			assert.ok(signed.includes(name), `${name} is not signed`);
	}
});

test('prometheus: what is signed cannot be changed', async (t) => {
	const cloud = await startCloud(t);
	const collector = startWriter(t, cloud);
	await cloud.until(() => cloud.taken().length >= 2);
	await collector.stop();
	const request = cloud.taken().find((one) => !isMetadata(one));
	const credentials = cloud.issued.get(request.key);
	const changed = (change) => signatures.verify({ ...request, ...change }, credentials);
	assert.equal(await changed({}), '');
	assert.match(await changed({ body: Buffer.concat([request.body, Buffer.from('x')]) }), /another signature/);
	assert.match(await changed({ path: REMOTE_WRITE.replace('1234', '1235') }), /another signature/);
});

test('prometheus: a host whose clock is wrong signs by AWS\'s', async (t) => {
	const cloud = await startCloud(t, { clock: -3 * 3600000 });
	const collector = startWriter(t, cloud);
	await cloud.until(() => cloud.taken().length >= 3);
	cloud.clock = 2 * 3600000;
	const before = cloud.taken().length;
	await cloud.until(() => cloud.taken().length >= before + 2);
	await assertAllTaken(cloud, collector);
	assert.ok(cloud.requests.filter(({ status }) => status !== 200).length <= 4, 'refused again and again');
	assert.match(collector.log, /this host's clock is 10(799|800|801)\d? s ahead.*: requests are signed by AWS's/);
});

test('prometheus: credentials are renewed before they end, and those taken back replaced', async (t) => {
	const cloud = await startCloud(t, { lifetime: 6 });
	const collector = startWriter(t, cloud);
	await cloud.until(() => new Set(cloud.taken().map(({ key }) => key)).size >= 3);
	assert.deepEqual(cloud.requests.filter(({ status }) => status !== 200), []);
	cloud.lifetime = 3600;
	cloud.revoke();
	await cloud.until(() => cloud.requests.at(-1).error === 'ExpiredTokenException');
	const before = cloud.taken().length;
	await cloud.until(() => cloud.taken().length >= before + 2);
	await assertAllTaken(cloud, collector);
	assert.match(collector.log, /amp: .*: AWS refuses who asks: status 403, ExpiredToken; will be repeated/);
});

test('prometheus: CloudWatch and Managed Prometheus at once, each signed for itself', async (t) => {
	const cloud = await startCloud(t);
	const collector = startCollector(t, cloud, { sections: { 'sink amp': { type: 'remote_write',
		endpoint: `${cloud.url}${REMOTE_WRITE}`, auth: 'sigv4', sigv4_region: 'us-east-2', sigv4_service: 'aps' } } });
	await cloud.until(() => cloud.taken(REMOTE_WRITE).length >= 3 && cloud.taken('/v1/metrics').length >= 3);
	assert.equal(await collector.stop(), 0);
	assert.deepEqual(cloud.requests.filter(({ status }) => status !== 200), []);
	for (const { path, service, region } of cloud.requests)
		assert.equal(`${service} ${region}`, { [REMOTE_WRITE]: 'aps us-east-2', '/v1/metrics': 'monitoring eu-west-1',
			'/v1/logs': 'logs eu-west-1' }[path]);
});
