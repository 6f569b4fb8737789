// SPDX-License-Identifier: MIT
//
// A small AWS on loopback: credentials as the metadata service and the container
// endpoint give them, which really end; endpoints of OTLP and of remote write that take
// nothing but what is signed rightly, by credentials that are good, at a time that is right by their own clock.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { randomBytes } from 'node:crypto';
import { readAuthorization } from './signatures.mjs';

const ROLES = '/latest/meta-data/iam/security-credentials/';
const ROLE = 'hadalRole';
const INSTANCE = { accountId: '123456789012', availabilityZone: 'eu-west-1b', instanceId: 'i-0123456789abcdef0',
	instanceType: 'c7g.large', region: 'eu-west-1' };
const SKEW_MS = 300000;
const SHIPPED = /^\/(v1\/(metrics|logs)|workspaces\/ws-[0-9a-f-]+\/api\/v1\/remote_write)$/;

export const REMOTE_WRITE = '/workspaces/ws-0123abcd-1234/api/v1/remote_write';

function readDate(text) {
	const match = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(text ?? '');
	return match ? Date.UTC(match[1], match[2] - 1, match[3], match[4], match[5], match[6]) : NaN;
}

export class Cloud {
	/** @signatures: a Signatures; @lifetime: of credentials, seconds; @clock: ms that this AWS is ahead. */
	constructor(signatures, { lifetime = 3600, clock = 0 } = {}) {
		Object.assign(this, { signatures, lifetime, clock });
		this.issued = new Map();	// by key
		this.requests = [];		// at the endpoints for what is shipped: { path, id, key, status, error, headers, ... }
		this.asked = [];		// elsewhere: paths
		this.others = [];		// of these, those that are signed
		this.withoutCredentials = false;
		this.spot = null;		// what the spot market says of the instance
		this.state = null;		// in which Auto Scaling wants it to be
		this.kept = null;		// the token that Systems Manager and Secrets Manager keep
		this.refuse = null;		// (request) => [status, name] instead of what is right
		this.pace = null;		// (request) => a promise of when to answer what was taken
		this.lose = null;		// (request) => whether to take it and say nothing
	}

	now() {
		return Date.now() + this.clock;
	}

	async listen() {
		this.server = createServer((request, response) => this.#take(request, response).catch((error) => {
			this.failure ??= error;
			response.destroy();
		}));
		await new Promise((done) => this.server.listen(0, '127.0.0.1', done));
		this.url = `http://127.0.0.1:${this.server.address().port}`;
		return this;
	}

	close() {
		this.server.closeAllConnections();
		this.server.close();
		if (this.failure)
			throw this.failure;
	}

	#issue() {
		const made = { key: `ASIA${randomBytes(8).toString('hex').toUpperCase()}`, secret: randomBytes(30).toString('base64'),
			token: randomBytes(300).toString('base64'), expires: this.now() + this.lifetime * 1000 };
		this.issued.set(made.key, made);
		return { Code: 'Success', Type: 'AWS-HMAC', AccessKeyId: made.key, SecretAccessKey: made.secret, Token: made.token,
			Expiration: new Date(Math.floor(made.expires / 1000) * 1000).toISOString().replace('.000', '') };
	}

	/** All credentials are as if they had ended. */
	revoke() {
		for (const one of this.issued.values())
			one.expires = 0;
	}

	/** What is wrong with who sends it: [status, name of the error, message]; null if nothing is. */
	judge(request) {
		return this.signed(request);
	}

	async signed(request) {
		const given = readAuthorization(request.headers.authorization);
		if (!given)
			return [403, 'MissingAuthenticationTokenException', 'Missing Authentication Token'];
		const credentials = this.issued.get(given.key);
		if (!credentials || credentials.token !== request.headers['x-amz-security-token'])
			return [403, 'UnrecognizedClientException', 'The security token included in the request is invalid.'];
		const wrong = await this.signatures.verify(request, credentials);
		if (wrong)
			return [403, 'InvalidSignatureException', wrong];
		const off = readDate(request.headers['x-amz-date']) - this.now();
		if (!(Math.abs(off) <= SKEW_MS))
			return [403, 'InvalidSignatureException', off < 0 ? 'Signature expired: it is now earlier' : 'Signature not yet current'];
		/* When it was sent, which on a busy machine is some time before it is looked at. */
		if (credentials.expires <= readDate(request.headers['x-amz-date']))
			return [403, 'ExpiredTokenException', 'The security token included in the request is expired'];
		return null;
	}

	#answer(response, status, body, headers = {}) {
		response.sendDate = false;
		response.writeHead(status, { Date: new Date(this.now()).toUTCString(), ...headers });
		response.end(typeof body === 'string' ? body : JSON.stringify(body));
	}

	async #take(incoming, response) {
		const pieces = [];
		for await (const piece of incoming)
			pieces.push(piece);
		const request = { method: incoming.method, path: incoming.url, headers: incoming.headers, body: Buffer.concat(pieces),
			version: incoming.httpVersion, raw: incoming.rawHeaders };
		if (SHIPPED.test(request.path))
			return this.#takeShipped(request, response);
		this.asked.push(`${request.method} ${request.path}`);
		if (readAuthorization(request.headers.authorization))
			this.others.push({ ...request, ...readAuthorization(request.headers.authorization) });
		return this.takeOther(request, response);
	}

	async #takeShipped(request, response) {
		const wrong = this.refuse?.(request) ?? await this.judge(request);
		const [status, error, message] = wrong ?? [200, '', ''];
		const lost = !wrong && this.lose?.(request);
		this.requests.push({ ...request, id: request.headers['hadal-batch-id'], status, error, message,
			...readAuthorization(request.headers.authorization) });
		if (lost)
			return response.destroy();
		if (this.pace)
			await Promise.race([this.pace(request), once(response, 'close')]);
		if (!wrong)
			return this.#answer(response, 200, '', { 'Content-Type': 'application/x-protobuf' });
		return this.#answer(response, status, { message }, { 'X-Amzn-ErrorType': error, 'Content-Type': 'application/json' });
	}

	/** What it keeps, for who may have it: signed, for the right service. */
	async #tell(request, response) {
		const target = request.headers['x-amz-target'], asked = JSON.parse(request.body);
		const parameter = target === 'AmazonSSM.GetParameter';
		const wrong = await this.signed(request);
		if (wrong)
			return this.#answer(response, 400, { __type: wrong[1], message: wrong[2] });
		const { service } = readAuthorization(request.headers.authorization);
		if (service !== (parameter ? 'ssm' : 'secretsmanager'))
			return this.#answer(response, 400, { __type: 'InvalidSignatureException', message: 'Credential should be scoped to another service' });
		if (parameter)
			return this.#answer(response, 200, { Parameter: { Name: asked.Name, Type: 'SecureString',
				Value: asked.WithDecryption && asked.Name === '/hadal/token' ? this.kept : 'AQICAH' } });
		return this.#answer(response, 200, { Name: asked.SecretId, SecretString: JSON.stringify({ token: this.kept }) });
	}

	/** Everything that is not shipped. */
	takeOther(request, response) {
		const { method, path, headers } = request;
		if (headers['x-amz-target'])
			return this.#tell(request, response);
		if (this.withoutCredentials && (path.startsWith(ROLES) || path === '/container'))
			return this.#answer(response, 503, '');
		if (path === '/container')
			return this.#answer(response, 200, this.#issue());
		if (method === 'PUT' && path === '/latest/api/token' && headers['x-aws-ec2-metadata-token-ttl-seconds'])
			return this.#answer(response, 200, 'AQAEAL-token==');
		if (headers['x-aws-ec2-metadata-token'] !== 'AQAEAL-token==')
			return this.#answer(response, 401, '');
		if (path === '/latest/dynamic/instance-identity/document')
			return this.#answer(response, 200, INSTANCE);
		if (path === '/latest/meta-data/placement/region')
			return this.#answer(response, 200, INSTANCE.region);
		if (path === '/latest/meta-data/spot/instance-action' && this.spot)
			return this.#answer(response, 200, this.spot);
		if (path === '/latest/meta-data/autoscaling/target-lifecycle-state' && this.state)
			return this.#answer(response, 200, this.state);
		if (path === ROLES)
			return this.#answer(response, 200, ROLE);
		if (path === ROLES + ROLE)
			return this.#answer(response, 200, this.#issue());
		return this.#answer(response, 404, '');
	}

	/** Those of an endpoint that were taken, as numbers of their batches. */
	taken(path) {
		return this.requests.filter((one) => one.status === 200 && (!path || one.path === path));
	}

	/** Waits until @holds; a test's own limit ends a vain wait. */
	async until(holds) {
		while (!holds(this)) {
			if (this.failure)
				throw this.failure;
			await new Promise((done) => setTimeout(done, 20));
		}
	}
}
