// SPDX-License-Identifier: MIT
//
// Tokens that are changed while hadald runs: the new one is sent, and what the old one
// was refused for is not lost.
import assert from 'node:assert/strict';
import { test } from '../e2e/suite.mjs';
import { assertAllTaken, startCloud, startCollector, wantToken } from './context.mjs';

const places = [
	['a file', { sections: { otlp: { auth: 'bearer', token_file: '{}/token' } }, files: { token: 'first\n' } }, 'token'],
	['a credential of systemd', { sections: { otlp: { auth: 'bearer' } }, files: { 'hadal-token': 'first' },
		environment: { CREDENTIALS_DIRECTORY: '{}' } }, 'hadal-token'],
];

for (const [what, options, name] of places)
	test(`token: ${what} is read anew when it changes, and for a 401`, async (t) => {
		const cloud = await startCloud(t);
		let token = 'first';
		wantToken(cloud, () => token);
		const collector = startCollector(t, cloud, options);
		await cloud.until(() => cloud.taken().length >= 2);
		/* the receiver first, then the host: what is refused in between waits */
		token = 'second';
		collector.write(name, 'second');
		await cloud.until(() => cloud.requests.at(-1).headers.authorization === 'Bearer second');
		token = 'third';
		cloud.refuse = ({ headers }) => {
			if (headers.authorization === 'Bearer second')
				collector.write(name, 'third');
			return null;
		};
		await cloud.until(() => cloud.requests.at(-1).headers.authorization === 'Bearer third');
		const before = cloud.taken().length;
		await cloud.until(() => cloud.taken().length >= before + 2);
		await assertAllTaken(cloud, collector);
		assert.ok(cloud.requests.some(({ status }) => status === 401));
		assert.doesNotMatch(collector.log, /first|second|third/);
	});

test('token: none is sent where it is switched off', async (t) => {
	const cloud = await startCloud(t);
	cloud.judge = async () => null;
	const collector = startCollector(t, cloud, { sections: { otlp: { auth: 'none', token_file: '{}/token' } },
		files: { token: 'first' } });
	await cloud.until(() => cloud.taken().length >= 1);
	await assertAllTaken(cloud, collector);
	assert.ok(cloud.requests.every(({ headers }) => !('authorization' in headers)));
});

const kept = [
	['a parameter', { token_parameter: '/hadal/token', sigv4_region: 'eu-west-1' }, 0],
	['a parameter, in the region that the instance tells', { token_parameter: '/hadal/token', sigv4_region: '' }, 0],
	['a field of a secret', { token_secret: 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:hadal-AbCdEf',
		token_field: 'token', sigv4_region: '' }, 0],
	['a parameter, whoever has the wrong time', { token_parameter: '/hadal/token', sigv4_region: 'eu-west-1' }, 3 * 3600000],
];

for (const [what, keys, clock] of kept)
	test(`token: ${what}, and another for a 401`, async (t) => {
		const cloud = await startCloud(t, { clock });
		cloud.kept = 'first';
		wantToken(cloud, () => cloud.kept);
		const collector = startCollector(t, cloud, { sections: { otlp: { auth: 'bearer', token_endpoint: `${cloud.url}/`, ...keys } } });
		await cloud.until(() => cloud.taken().length >= 2);
		cloud.kept = 'second';
		const before = cloud.taken().length;
		await cloud.until(() => cloud.taken().length >= before + 2);
		await assertAllTaken(cloud, collector);
		assert.equal(cloud.others.length, clock ? 4 : 2, 'asked more often than needed');
		assert.ok(cloud.others.every(({ region }) => region === 'eu-west-1'));
		assert.doesNotMatch(collector.log, /first|second/);
	});

test('token: one that nobody may have is said to be missing, and nothing is lost', async (t) => {
	const cloud = await startCloud(t);
	cloud.kept = 'first';
	wantToken(cloud, () => cloud.kept);
	cloud.withoutCredentials = true;
	const collector = startCollector(t, cloud, { sections: { otlp: { auth: 'bearer', token_parameter: '/hadal/token',
		token_endpoint: `${cloud.url}/` } } });
	await cloud.until(() => /no token: the instance has no role/.test(collector.log));
	cloud.withoutCredentials = false;
	await cloud.until(() => cloud.taken().length >= 3);
	await assertAllTaken(cloud, collector);
});
