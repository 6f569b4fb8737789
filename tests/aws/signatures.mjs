// SPDX-License-Identifier: MIT
//
// Two verifiers of AWS's signature that know nothing of Hadal, nor of each other:
// botocore, of AWS's SDK for Python, and aws4.
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';

/** What a request's header Authorization says; null where it is no signature. */
export function readAuthorization(text) {
	const match = /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/([^/]+)\/aws4_request, SignedHeaders=([^,]+), Signature=([0-9a-f]{64})$/
		.exec(text ?? '');
	if (!match)
		return null;
	const [, key, day, region, service, names, signature] = match;
	return { key, day, region, service, signed: names.split(';'), signature };
}

export class Signatures {
	/** @modules: node_modules with aws4; @python: one that has botocore. */
	constructor(modules, python) {
		this.aws4 = createRequire(pathToFileURL(`${modules}/`))('aws4');
		this.botocore = spawn(python, [new URL('verify.py', import.meta.url).pathname],
			{ stdio: ['pipe', 'pipe', 'inherit'] });
		this.lines = createInterface({ input: this.botocore.stdout })[Symbol.asyncIterator]();
		this.last = Promise.resolve();
	}

	close() {
		this.botocore.stdin.end();
	}

	#byAws4({ method, path, headers, body }, { region, service }, credentials) {
		const made = this.aws4.sign({ method, path, headers: { ...headers }, body, host: headers.host, region, service,
			extraHeadersToIgnore: { 'content-length': true } },
		{ accessKeyId: credentials.key, secretAccessKey: credentials.secret, sessionToken: credentials.token });
		return readAuthorization(made.headers.Authorization).signature;
	}

	// One after the other, as the answers have no names.
	#byBotocore({ method, path, headers, body }, { region, service }, credentials) {
		const line = { method, url: `http://${headers.host}${path}`, headers, body: body.toString('base64'), region, service,
			date: headers['x-amz-date'], ...credentials };
		this.last = this.last.then(() => {
			this.botocore.stdin.write(`${JSON.stringify(line)}\n`);
			return this.lines.next();
		}).then(({ value, done }) => {
			if (done)
				throw new Error('botocore is gone');
			return value;
		});
		return this.last;
	}

	/**
	 * What is wrong with the signature of @request { method, path, headers, body }, its
	 * headers with names in lower case, by @credentials { key, secret, token }; '' if nothing is.
	 */
	async verify(request, credentials) {
		const given = readAuthorization(request.headers.authorization);
		if (!given)
			return 'no signature';
		const missing = ['host', 'x-amz-date', ...Object.keys(request.headers).filter((name) => name.startsWith('x-amz-'))]
			.find((name) => !given.signed.includes(name));
		if (missing)
			return `${missing} is not signed`;
		const headers = Object.fromEntries(given.signed.map((name) => [name, request.headers[name]]));
		const absent = given.signed.find((name) => headers[name] === undefined);
		if (absent)
			return `${absent} is signed and not sent`;
		if (!headers['x-amz-date'].startsWith(given.day))
			return 'signed for another day';
		for (const [name, signature] of [['aws4', this.#byAws4({ ...request, headers }, given, credentials)],
			['botocore', await this.#byBotocore({ ...request, headers }, given, credentials)]])
			if (signature !== given.signature)
				return `another signature than that of ${name}`;
		return '';
	}
}
