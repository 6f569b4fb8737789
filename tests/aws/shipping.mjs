// SPDX-License-Identifier: MIT
//
// What hadald ships is signed, by credentials that are good, at AWS's time; and what
// is refused for any of these is not lost.
import assert from 'node:assert/strict';
import { test } from '../e2e/suite.mjs';
import { assertAllTaken, signatures, startCloud, startCollector } from './context.mjs';

test('sign: metrics and logs, each for its service, as botocore and aws4 do', async (t) => {
	const cloud = await startCloud(t);
	const collector = startCollector(t, cloud, { sections: { otlp: {
		logs_headers: 'x-aws-log-group=/hadal/events%20%20a,x-aws-log-stream=default' } } });
	await cloud.until(() => cloud.taken('/v1/metrics').length >= 3);
	await assertAllTaken(cloud, collector);
	for (const { path, service, region, signed, headers, version, raw } of cloud.requests) {
		assert.equal(service, path === '/v1/metrics' ? 'monitoring' : 'logs');
		assert.equal(region, 'eu-west-1');
		assert.equal(version, '1.1');
		for (const name of ['content-encoding', 'content-type', 'hadal-batch-id', 'x-amz-security-token'])
			assert.ok(signed.includes(name), `${name} is not signed`);
		assert.equal(signed.includes('x-aws-log-group'), path === '/v1/logs');
		assert.equal(headers['x-aws-log-stream'], path === '/v1/logs' ? 'default' : undefined);
		assert.equal(raw.filter((name) => /^x-amz-date$/i.test(name)).length, 1);
	}
});

test('sign: what is signed cannot be changed', async (t) => {
	const cloud = await startCloud(t);
	const collector = startCollector(t, cloud);
	await cloud.until(() => cloud.taken().length);
	await collector.stop();
	const [request] = cloud.taken();
	const credentials = cloud.issued.get(request.key);
	const changed = (change) => signatures.verify({ ...request, ...change }, credentials);
	assert.equal(await changed({}), '');
	assert.match(await changed({ body: Buffer.concat([request.body, Buffer.from('x')]) }), /another signature/);
	assert.match(await changed({ path: '/v1/logs' }), /another signature/);
	assert.match(await changed({ headers: { ...request.headers, 'hadal-batch-id': 'other' } }), /another signature/);
	assert.match(await changed({ headers: { ...request.headers, 'x-amz-other': '1' } }), /x-amz-other is not signed/);
	assert.match(await signatures.verify(request, { ...credentials, secret: 'other' }), /another signature/);
});

test('sign: a path with characters that are encoded', async (t) => {
	const cloud = await startCloud(t);
	// What is refused is tried until the end.
	const collector = startCollector(t, cloud, { sections: { collector: { stop_timeout: 1 }, otlp: { metrics_endpoint: `${cloud.url}/a%20b/~c/(d)/v1/metrics`,
		endpoint: '' } } });
	await cloud.until(() => cloud.asked.some((path) => path.includes('/a%20b/')));
	await collector.stop();
	assert.ok(cloud.others.length);
	for (const request of cloud.others)
		assert.equal(await signatures.verify(request, cloud.issued.get(request.key)), '');
});

test('credentials: of the environment, a user without a token', async (t) => {
	const cloud = await startCloud(t);
	cloud.issued.set('AKIDEXAMPLE', { key: 'AKIDEXAMPLE', secret: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY', expires: Infinity });
	const collector = startCollector(t, cloud, { environment: { AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE',
		AWS_SECRET_ACCESS_KEY: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY' } });
	await cloud.until(() => cloud.taken().length >= 2);
	assert.equal(await collector.stop(), 0);
	assert.ok(cloud.requests.every(({ status, signed }) => status === 200 && !signed.includes('x-amz-security-token')));
	assert.ok(!cloud.asked.some((path) => path.includes('security-credentials')));
});

test('credentials: of a container', async (t) => {
	const cloud = await startCloud(t);
	const collector = startCollector(t, cloud, { environment: { AWS_CONTAINER_CREDENTIALS_FULL_URI: `${cloud.url}/container` } });
	await cloud.until(() => cloud.taken().length >= 2);
	await assertAllTaken(cloud, collector);
	assert.equal(cloud.asked.filter((path) => path === 'GET /container').length, 1);
	assert.ok(!cloud.asked.some((path) => path.includes('security-credentials')));
});

test('credentials: renewed before they end, so that none that have ended are used', async (t) => {
	const cloud = await startCloud(t, { lifetime: 6 });
	const collector = startCollector(t, cloud);
	await cloud.until(() => new Set(cloud.taken().map(({ key }) => key)).size >= 4);
	await assertAllTaken(cloud, collector);
	assert.deepEqual(cloud.requests.filter(({ status }) => status !== 200), []);
});

test('credentials: those that AWS takes back are replaced at once', async (t) => {
	const cloud = await startCloud(t);
	const collector = startCollector(t, cloud);
	await cloud.until(() => cloud.taken().length >= 2);
	cloud.revoke();
	await cloud.until(() => cloud.requests.at(-1).error === 'ExpiredTokenException');
	const before = cloud.taken().length;
	await cloud.until(() => cloud.taken().length >= before + 2);
	await assertAllTaken(cloud, collector);
	assert.ok(cloud.requests.filter(({ status }) => status !== 200).length <= 3, 'refused again and again');
	assert.match(collector.log, /AWS refuses who asks: status 403, ExpiredToken; will be repeated/);
});

test('credentials: without any nothing is sent, and with some all is', async (t) => {
	const cloud = await startCloud(t);
	cloud.withoutCredentials = true;
	const collector = startCollector(t, cloud);
	await cloud.until(() => /no credentials to sign with/.test(collector.log));
	assert.equal(cloud.requests.length, 0);
	cloud.withoutCredentials = false;
	await cloud.until(() => cloud.taken().length >= 5);
	await assertAllTaken(cloud, collector);
	assert.match(collector.log, /AWS's credentials: there are some again/);
});

test('permission: what is denied waits until it is given', async (t) => {
	const cloud = await startCloud(t);
	cloud.refuse = () => [403, 'AccessDeniedException', 'not authorized to perform: cloudwatch:PutMetricData'];
	const collector = startCollector(t, cloud);
	await cloud.until(() => cloud.requests.length >= 2);
	cloud.refuse = null;
	await cloud.until(() => cloud.taken().length >= 3);
	await assertAllTaken(cloud, collector);
	assert.match(collector.log, /AWS refuses who asks: status 403, AccessDenied; will be repeated/);
});

for (const [name, hours] of [['behind', 5], ['ahead', -5]])
	test(`clock: a host that is ${name} signs by AWS's`, async (t) => {
		const cloud = await startCloud(t, { clock: hours * 3600000 });
		const collector = startCollector(t, cloud);
		await cloud.until(() => cloud.taken().length >= 3);
		await assertAllTaken(cloud, collector);
		assert.ok(cloud.requests.filter(({ status }) => status !== 200).length <= 2, 'refused again and again');
		assert.match(collector.log, new RegExp(`this host's clock is 1(799|800|801)\\d s ${name}.*: requests are signed by AWS's`));
	});

test('clock: one that is set while hadald runs', async (t) => {
	const cloud = await startCloud(t);
	const collector = startCollector(t, cloud);
	for (const hours of [0, 2, -1, 0]) {
		cloud.clock = hours * 3600000;
		const before = cloud.taken().length;
		await cloud.until(() => cloud.taken().length >= before + 2);
	}
	await assertAllTaken(cloud, collector);
	assert.match(collector.log, /this host's clock is right again/);
});

test('other refusals hold', async (t) => {
	const cloud = await startCloud(t);
	let refused = 0;
	cloud.refuse = () => (refused++ ? null : [400, 'ValidationException', 'too many labels']);
	const collector = startCollector(t, cloud);
	await cloud.until(() => cloud.taken().length >= 2);
	assert.equal(await collector.stop(), 0);
	assert.match(collector.log, /rejected \d+ points or records: status 400/);
	assert.equal(cloud.requests.filter(({ id }) => id === cloud.requests[0].id).length, 1);
});
