// SPDX-License-Identifier: MIT
//
// What the tests have in common.
import assert from 'node:assert/strict';
import { Cloud } from './cloud.mjs';
import { Collector } from './collector.mjs';
import { Signatures } from './signatures.mjs';

const { AWS_VERIFIERS, AWS_PYTHON, HADALD } = process.env;

export const signatures = new Signatures(AWS_VERIFIERS, AWS_PYTHON);

export function closeSignatures() {
	signatures.close();
}

export async function startCloud(t, options) {
	const cloud = await new Cloud(signatures, options).listen();
	t.after(() => cloud.close());
	return cloud;
}

/** Ships to @cloud, signed, with the credentials of its metadata service. */
export function startCollector(t, cloud, { sections = {}, environment = {}, files = {} } = {}) {
	const { otlp = {}, ...others } = sections;
	const collector = new Collector(HADALD, { otlp: { endpoint: cloud.url, auth: 'sigv4', sigv4_region: 'eu-west-1', timeout: 600,
		...otlp },
		ec2: { metadata: cloud.url }, ...others }, environment, files);
	t.after(() => collector.remove());
	return collector;
}

/** Has @cloud want a bearer token instead of a signature: what @token() gives. */
export function wantToken(cloud, token) {
	cloud.judge = async ({ headers }) => (headers.authorization === `Bearer ${token()}` ? null :
		[401, 'UnauthorizedException', 'who is that?']);
}

/** Ends it; all that it ever sent has been taken, once each. */
export async function assertAllTaken(cloud, collector) {
	assert.equal(await collector.stop(), 0, collector.log);
	const ids = cloud.taken().map(({ id }) => id);
	assert.equal(new Set(ids).size, ids.length, collector.log);
	/* RUN-RECORD-m0+POINTS: each record of the spool has some points, and they fit a request. */
	const records = ids.map((id) => id.match(/-(\d+)-m0\+\d+$/)).filter((match) => match).map((match) => Number(match[1]))
		.sort((one, other) => one - other);
	assert.ok(records.length);
	assert.deepEqual(records, records.map((_, i) => records[0] + i), collector.log);
	for (const secret of [...cloud.issued.values()].flatMap((one) => [one.secret, one.token]))
		assert.ok(!collector.log.includes(secret), 'a secret is in the log');
}
