// SPDX-License-Identifier: MIT
//
// Where data goes, whom it trusts, and that a credential goes nowhere else.
// Addresses of other hosts are only ever refused here, never connected to; they
// are of the range that RFC 5737 sets aside.
import assert from 'node:assert/strict';
import { createServer as createSecureServer } from 'node:https';
import { connect } from 'node:tls';
import { readFileSync } from 'node:fs';
import { test } from '../suite.mjs';
import { makeCertificates } from './certificates.mjs';
import { counterResource, logResource, startDriver, startReceiver } from './context.mjs';

const secret = 'tell-no-one';

async function refused(t, options) {
	const { code, message } = await startDriver(t, options).refusal();
	assert.equal(code, 2);
	assert.ok(!message.includes(secret), 'a credential shows in a message');
	return message;
}

test('token: sent to loopback over plain http, and shown nowhere', async (t) => {
	const receiver = await startReceiver(t, { answers: ['503', '401', '200'] });
	const driver = startDriver(t, { endpoint: receiver.url, token: secret });
	driver.submit(logResource(1));
	driver.submit(logResource(1));
	const stats = await driver.stop();
	assert.ok(receiver.requests.every(({ headers }) => headers.authorization === `Bearer ${secret}`));
	assert.ok(receiver.requests.length === 3);
	assert.ok(!driver.messages.includes(secret));
	assert.ok(!JSON.stringify(stats).includes(secret));
});

for (const endpoint of ['http://192.0.2.1:4318', 'http://127.0.0.1@192.0.2.1:4318/', 'http://localhost.invalid/',
	'http://[2001:db8::1]:4318', 'http://127.0.0.1.invalid/', 'HTTP://192.0.2.1/'])
	test(`token: not sent over plain http to ${endpoint}`, async (t) => {
		assert.match(await refused(t, { endpoint, token: secret }), /the token is not sent over plain http to another host.*use https/);
	});

for (const endpoint of ['http://localhost:1/', 'http://[::1]:1', 'http://127.9.9.9:1', 'https://192.0.2.1/'])
	test(`token: allowed to ${endpoint}`, async (t) => {
		const driver = startDriver(t, { endpoint, token: secret, deadline_ms: 0 });
		assert.equal((await driver.stop()).stopped, 0);
	});

test('token: other credentials are held to the same', async (t) => {
	const endpoint = 'http://192.0.2.1:4318';
	assert.match(await refused(t, { endpoint, header: `X-Api-Key:${secret}` }), /X-Api-Key is not sent/);
	assert.match(await refused(t, { endpoint, header: `authorization:Basic ${secret}` }), /authorization is not sent/);
	assert.match(await refused(t, { endpoint: `http://user:${secret}@192.0.2.1/` }), /the user and password in the address/);
	const harmless = startDriver(t, { endpoint, header: 'X-Scope-OrgID:tenant' });
	assert.equal((await harmless.stop()).stopped, 0);
});

test('configuration: what cannot be is refused by name', async (t) => {
	const endpoint = 'http://127.0.0.1:1';
	assert.match(await refused(t, {}), /no endpoint for metrics/);
	assert.match(await refused(t, { endpoint: '' }), /endpoint of metrics: not an http/);
	assert.match(await refused(t, { endpoint: `ftp://${secret}/` }), /endpoint of metrics: not an http/);
	assert.match(await refused(t, { endpoint: `127.0.0.1:${secret}` }), /endpoint of metrics: not an http/);
	assert.match(await refused(t, { endpoint, logs_endpoint: 'file:///etc/passwd' }), /endpoint of logs: not an http/);
	assert.match(await refused(t, { endpoint, token: `${secret}\n` }), /the token holds a/);
	assert.match(await refused(t, { endpoint, token: '' }), /the token is empty/);
	assert.match(await refused(t, { endpoint, header: `X-Y:a\r\nX-Key: ${secret}` }), /X-Y: its value holds a control character/);
	assert.match(await refused(t, { endpoint, header: 'X Y:a' }), /a header's name/);
	assert.match(await refused(t, { endpoint, header: 'Content-length:5' }), /Content-length cannot be configured/);
	assert.match(await refused(t, { endpoint, token: 'a', header: 'Authorization:b' }), /both a token and a header/);
	assert.match(await refused(t, { endpoint, ca_certificate: '/nonexistent/ca' }), /CA certificate \/nonexistent\/ca: No such file/);
	assert.match(await refused(t, { endpoint, client_key: '/dev/null' }), /without a client certificate/);
	assert.match(await refused(t, { endpoint, request_bytes: 100 }), /a request's bound is 100 bytes/);
	assert.match(await refused(t, { endpoint, request_bytes: 100000000 }), /a request's bound/);
	assert.match(await refused(t, { endpoint, backoff_first_ms: 5000, backoff_max_ms: 10 }), /back-off/);
});

test('endpoint: paths are appended to a base, and a signal\'s own is used as it is', async (t) => {
	const receiver = await startReceiver(t);
	const paths = async (options) => {
		const before = receiver.requests.length;
		const driver = startDriver(t, options);
		driver.submit(logResource(1));
		driver.submit(counterResource('path', {}, 1));
		await driver.stop();
		return receiver.requests.slice(before).map(({ path }) => path);
	};
	assert.deepEqual(await paths({ endpoint: receiver.url }), ['/v1/logs', '/v1/metrics']);
	assert.deepEqual(await paths({ endpoint: `${receiver.url}/` }), ['/v1/logs', '/v1/metrics']);
	assert.deepEqual(await paths({ endpoint: `${receiver.url}/a/b` }), ['/a/b/v1/logs', '/a/b/v1/metrics']);
	assert.deepEqual(await paths({ endpoint: `${receiver.url}/a%20b/?q=1` }), ['/a%20b/v1/logs?q=1', '/a%20b/v1/metrics?q=1']);
	assert.deepEqual(await paths({ endpoint: `${receiver.url}/base`, logs_endpoint: `${receiver.url}/own/v1/logs` }),
		['/own/v1/logs', '/base/v1/metrics']);
	assert.deepEqual(await paths({ logs_endpoint: receiver.url, metrics_endpoint: `${receiver.url}/x` }), ['/', '/x']);
});

test('headers: configured ones go out with every request, and who sends is told', async (t) => {
	const receiver = await startReceiver(t);
	const driver = startDriver(t, { endpoint: receiver.url, header: ['X-Scope-OrgID:tenant 1', 'X-Empty:'] });
	driver.submit(logResource(1));
	driver.submit(counterResource('header', {}, 1));
	await driver.stop();
	assert.equal(receiver.requests.length, 2);
	for (const { headers } of receiver.requests) {
		assert.equal(headers['x-scope-orgid'], 'tenant 1');
		assert.equal(headers['x-empty'], '');
		assert.match(headers['user-agent'], /^hadald\/\d+\.\d+\.\d+$/);
		assert.match(headers['hadal-batch-id'], /^[0-9a-f]{32}-\d+-[ml]0\+1$/);
	}
});

// TLS

async function secureServer(t, path, name, options = {}) {
	const seen = [];
	const server = createSecureServer({ key: readFileSync(path(`${name}.key`)), cert: readFileSync(path(`${name}.pem`)),
		ca: readFileSync(path('ca.pem')), ...options }, (request, response) => {
		request.resume();
		request.on('end', () => {
			seen.push({ token: request.headers.authorization, client: request.socket.getPeerCertificate()?.subject?.CN });
			response.end();
		});
	});
	server.on('tlsClientError', () => {});
	await new Promise((done) => server.listen(0, '127.0.0.1', done));
	t.after(() => server.closeAllConnections() ?? new Promise((done) => server.close(done)));
	return { url: `https://127.0.0.1:${server.address().port}`, seen };
}

test('TLS: a CA of one\'s own is trusted when it is configured, and only then', async (t) => {
	const path = makeCertificates(t);
	const server = await secureServer(t, path, 'server');
	const trusting = startDriver(t, { endpoint: server.url, ca_certificate: path('ca.pem'), token: secret });
	trusting.submit(logResource(3));
	assert.equal((await trusting.stop()).logs.accepted, 3);
	assert.deepEqual(server.seen, [{ token: `Bearer ${secret}`, client: undefined }]);

	const wary = startDriver(t, { endpoint: server.url, token: secret, deadline_ms: 0 });
	wary.submit(logResource(3));
	const { last_error: error } = await wary.until(({ retries }) => retries >= 1);
	assert.match(error, /certificate/);
	const stats = await wary.stop();
	assert.equal(stats.logs.dropped_stop, 3);
	assert.equal(server.seen.length, 1);
});

test('TLS: a certificate of another name is not accepted', async (t) => {
	const path = makeCertificates(t);
	const server = await secureServer(t, path, 'other');
	const driver = startDriver(t, { endpoint: server.url, ca_certificate: path('ca.pem'), token: secret, deadline_ms: 0 });
	driver.submit(logResource(3));
	await driver.until(({ retries }) => retries >= 1);
	await driver.stop();
	assert.equal(server.seen.length, 0);
});

test('TLS: a client certificate is shown to a server that wants one', async (t) => {
	const path = makeCertificates(t);
	const server = await secureServer(t, path, 'server', { requestCert: true, rejectUnauthorized: true });
	const driver = startDriver(t, { endpoint: server.url, ca_certificate: path('ca.pem'),
		client_certificate: path('client.pem'), client_key: path('client.key') });
	driver.submit(logResource(3));
	assert.equal((await driver.stop()).logs.accepted, 3);
	assert.deepEqual(server.seen, [{ token: undefined, client: 'hadald' }]);
});

test('TLS: old protocol versions are refused', async (t) => {
	const path = makeCertificates(t), ciphers = 'ALL:@SECLEVEL=0';
	const server = await secureServer(t, path, 'server',
		{ minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers });
	await new Promise((done, failed) => {	// the server does speak it
		const port = Number(new URL(server.url).port);
		const socket = connect({ host: '127.0.0.1', port, ca: readFileSync(path('ca.pem')), minVersion: 'TLSv1', ciphers }, done);
		t.after(() => socket.destroy());
		socket.on('error', failed);
	});
	const driver = startDriver(t, { endpoint: server.url, ca_certificate: path('ca.pem'), deadline_ms: 0 });
	driver.submit(logResource(3));
	await driver.until(({ retries }) => retries >= 1);
	await driver.stop();
	assert.equal(server.seen.length, 0);
});
