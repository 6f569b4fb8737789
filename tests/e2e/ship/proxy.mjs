// SPDX-License-Identifier: MIT
//
// A proxy on loopback between hadald and its receivers with one fault, which it has a number of
// times and then no more.
//
//	client --> port --fault of the line--> HTTP --fault of the answer--> a receiver, by the path
import { createServer as createHttpServer, request as sendRequest } from 'node:http';
import { connect, createServer } from 'node:net';
import { readFileSync } from 'node:fs';
import { createServer as createSecureServer } from 'node:tls';

const SECOND = 1000;

/** Bytes of @from go to @to one in a second; no more once either is gone. */
function drip(from, to) {
	from.on('data', async (data) => {
		from.pause();
		for (const byte of data) {
			if (to.destroyed)
				return;
			to.write(Buffer.of(byte));
			await new Promise((done) => setTimeout(done, SECOND));
		}
		from.resume();
	});
}

/** Faults of the line: what becomes of a connection @client, which is @pass()ed on to the HTTP server behind. */
export const LINE = {
	'reset in a request': (client) => client.once('data', () => client.resetAndDestroy()),
	'reset in an answer': (client, pass) => {
		const behind = pass();
		client.pipe(behind);
		behind.once('data', (data) => client.write(data.subarray(0, data.length / 2), () => client.resetAndDestroy()));
	},
	'black hole': (client) => client.resume(),
	'a byte a second there': (client, pass) => {
		const behind = pass();
		drip(client, behind);
		behind.pipe(client);
	},
	'a byte a second back': (client, pass) => {
		const behind = pass();
		client.pipe(behind);
		drip(behind, client);
	},
	'plain HTTP on the port of TLS': (client) => client.end('HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n'),
};

function pour(response) {
	const piece = Buffer.alloc(65536);
	const go = () => {
		while (!response.destroyed && response.write(piece));
	};
	response.writeHead(200, { 'Content-Type': 'application/x-protobuf' });
	response.on('drain', go);
	go();
}

export class FaultProxy {
	/**
	 * @receivers: { path: URL }. @certificates: path() of makeCertificates(), for TLS. @fault has one of
	 *   line           a key of LINE
	 *   certificate    the name of one to be shown
	 *   status         answered, with headers() and text; above: to requests of more bytes alone
	 *   type           of the answer, whose body is text; the request is passed on
	 *   endless        the answer
	 * and times, how often; 2 if it has none.
	 */
	constructor(receivers, fault, certificates) {
		Object.assign(this, { receivers, fault, certificates });
		this.met = 0;	/* how often the fault was met */
		this.sockets = new Set();
		this.http = createHttpServer((request, response) => this.#take(request, response));
		this.http.keepAliveTimeout = 0;
		this.server = createServer((client) => this.#connected(client));
	}

	async listen(port = 0) {
		for (const [server, at] of [[this.http, 0], [this.server, port]])
			await new Promise((done, failed) => server.once('error', failed).listen(at, '127.0.0.1', done));
		this.port = this.server.address().port;
		this.url = `${this.certificates ? 'https' : 'http'}://127.0.0.1:${this.port}`;
		return this;
	}

	async close() {
		for (const socket of this.sockets)
			socket.destroy();
		for (const server of [this.server, this.http])
			await new Promise((done) => server.close(done));
	}

	#keep(socket) {
		this.sockets.add(socket);
		return socket.on('error', () => {}).on('close', () => this.sockets.delete(socket));
	}

	#isMet() {
		const met = this.met < (this.fault.times ?? 2);
		this.met += met;
		return met;
	}

	#pass(client) {
		const behind = this.#keep(connect(this.http.address().port, '127.0.0.1'));
		client.on('close', () => behind.destroy());
		return behind.on('close', () => client.destroy());
	}

	#connected(client) {
		this.#keep(client);
		const { line, certificate } = this.fault, met = (line || certificate) && this.#isMet();
		if (met && line) {
			LINE[line](client, () => this.#pass(client));
			return;
		}
		const clear = (socket) => {
			const behind = this.#pass(socket);
			socket.pipe(behind).pipe(socket);
		};
		if (this.certificates)
			this.#secure(met ? certificate : 'server', clear).emit('connection', client);
		else
			clear(client);
	}

	#secure(name, take) {
		const file = (end) => readFileSync(this.certificates(`${name}.${end}`));
		return createSecureServer({ key: file('key'), cert: file('pem') }, (socket) => take(this.#keep(socket)))
			.on('tlsClientError', () => {});
	}

	async #take(request, response) {
		const pieces = [];
		try {
			for await (const piece of request)
				pieces.push(piece);
		} catch {
			return;		/* gone amid its request */
		}
		const body = Buffer.concat(pieces), { fault } = this;
		const own = (fault.status || fault.endless) && body.length > (fault.above ?? 0);
		if (!own || !this.#isMet())
			this.#forward(request, body, response);
		else if (fault.endless)
			pour(response);
		else
			response.writeHead(fault.status, fault.headers?.()).end(fault.text ?? 'as told');
	}

	#forward({ method, url, headers }, body, response) {
		const there = sendRequest(this.receivers[url], { method, headers }, (given) => {
			const foreign = this.fault.type && this.#isMet();
			response.writeHead(given.statusCode, foreign ? { 'Content-Type': this.fault.type } : given.headers);
			if (foreign)
				given.resume().on('end', () => response.end(this.fault.text));
			else
				given.pipe(response);
		});
		there.on('error', () => response.destroy()).end(body);
	}
}
